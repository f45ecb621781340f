//! `PutRecords` by HTTP: a request in JSON, signed as AWS wants it (Signature Version 4).

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Url};
use segue_core::connection::Kinesis;
use segue_core::variables::Lookup;
use serde::Serialize;

use super::answer::{Failure, verdicts};
use super::domain;
use super::keys::{Keyring, Keys};
use crate::sender::{OutboundMessage, SendError, Sent};
use crate::senders::OpenError;
use crate::senders::http::{body, client_builder, in_words};

const SERVICE: &str = "kinesis";
const TARGET: &str = "Kinesis_20131202.PutRecords";
const JSON: &str = "application/x-amz-json-1.1";

/// Longest time that a call may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of an answer: 500 records have less than a fifth of it.
const ANSWER_BYTES_MAX: usize = 1 << 20;

pub(super) struct Api {
    client: Client,
    url: Url,
    region: String,
    stream: String,
    keyring: Keyring,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecords<'a> {
    stream_name: &'a str,
    records: Vec<PutRecord<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecord<'a> {
    data: String,
    partition_key: &'a str,
}

impl Api {
    /// Looks up the secrets.
    pub(super) fn open(kinesis: &Kinesis, lookup: Lookup<'_>) -> Result<Api, OpenError> {
        let region = kinesis.region.clone();
        let url = match &kinesis.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("https://{SERVICE}.{region}.{}/", domain(&region)),
        };
        let url = Url::parse(&url).map_err(|error| {
            OpenError::Connection(format!("the address of the endpoint: {error}"))
        })?;
        let client = client_builder().timeout(TIMEOUT).build();
        let client = client.map_err(|error| OpenError::Connection(in_words(&error)))?;
        let keyring = Keyring::open(kinesis, client.clone(), lookup)?;
        Ok(Api { client, url, region, stream: kinesis.stream.clone(), keyring })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn stream(&self) -> &str {
        &self.stream
    }

    /// Puts records into the stream: a verdict each.
    pub(super) async fn put_records(&self, records: &[&OutboundMessage]) -> Sent {
        let call = PutRecords {
            stream_name: &self.stream,
            records: records
                .iter()
                .map(|record| PutRecord {
                    data: BASE64_STANDARD.encode(&record.payload),
                    partition_key: &record.profile,
                })
                .collect(),
        };
        let call = serde_json::to_vec(&call);
        let call = call.map_err(|error| SendError::unavailable(error.to_string()))?;
        let keys = self.keyring.keys().await?;
        let headers = self.headers(&keys, &call).map_err(|error| {
            SendError::unavailable(format!("the call cannot be signed: {error}"))
        })?;
        let sent = self.client.post(self.url.clone()).headers(headers).body(call).send().await;
        let response = sent.map_err(|error| SendError::unavailable(in_words(&error)))?;
        let status = response.status();
        let answer = body(response, ANSWER_BYTES_MAX).await.map_err(SendError::unavailable)?;
        if !status.is_success() {
            let failure = Failure::read(status, &answer);
            if failure.is_about_keys() {
                self.keyring.forget().await;
            }
            return Err(failure.meaning(status));
        }
        verdicts(&answer, records.len())
    }

    /// The headers of a call, which is signed now.
    fn headers(&self, keys: &Keys, body: &[u8]) -> Result<HeaderMap, Box<dyn std::error::Error>> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        headers.insert("x-amz-target", HeaderValue::from_static(TARGET));
        let (id, secret, token) = (&keys.id, &keys.secret, keys.token.clone());
        let identity = Credentials::new(id, secret, token, None, "segue").into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(SERVICE)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let signed = [(CONTENT_TYPE.as_str(), JSON), ("x-amz-target", TARGET)];
        let body = SignableBody::Bytes(body);
        let request = SignableRequest::new("POST", self.url.as_str(), signed.into_iter(), body)?;
        let (instructions, _) = sign(request, &params)?.into_parts();
        for (name, value) in instructions.headers() {
            let mut value = HeaderValue::from_str(value)?;
            // Nobody who logs headers shows it.
            value.set_sensitive(true);
            headers.insert(name.parse::<HeaderName>()?, value);
        }
        Ok(headers)
    }
}
