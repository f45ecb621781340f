//! `PutRecords` by HTTP: a request in JSON, signed as AWS wants it (Signature Version 4), and what
//! the answer means.
//!
//! | Answer | Means |
//! |---|---|
//! | 200 | each record for itself: taken, or later |
//! | too much at a time | later, after a second |
//! | a call that is malformed, a record that is too large | refused |
//! | no such stream, no leave, a wrong key, anything else | later: it must be mended elsewhere |

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use segue_core::connection::Kinesis;
use segue_core::variables::Lookup;
use serde::{Deserialize, Serialize};

use super::keys::{Keyring, Keys};
use crate::sender::{OutboundMessage, SendError, Sent, Verdict};
use crate::senders::OpenError;
use crate::senders::http::{client_builder, in_words};

const SERVICE: &str = "kinesis";
const TARGET: &str = "Kinesis_20131202.PutRecords";
const JSON: &str = "application/x-amz-json-1.1";

/// Longest time that a call may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of an answer: 500 records have less than a fifth of it.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A shard's limits are by the second.
const TOO_MUCH_PAUSE: Duration = Duration::from_secs(1);

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

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    records: Vec<RecordAnswer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordAnswer {
    error_code: Option<String>,
    error_message: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(alias = "Message")]
    message: String,
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
        let body = serde_json::to_vec(&call);
        let body = body.map_err(|error| SendError::unavailable(error.to_string()))?;
        let keys = self.keyring.keys().await?;
        let headers = self.headers(&keys, &body).map_err(|error| {
            SendError::unavailable(format!("the call cannot be signed: {error}"))
        })?;
        let sent = self.client.post(self.url.clone()).headers(headers).body(body).send().await;
        let response = sent.map_err(|error| SendError::unavailable(in_words(&error)))?;
        let status = response.status();
        let answer = read(response).await?;
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

/// Where AWS is in this part of the world.
fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

async fn read(mut response: Response) -> Result<Vec<u8>, SendError> {
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| SendError::unavailable(in_words(&error)))?
    {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            let error = format!("the answer has more than {ANSWER_BYTES_MAX} bytes");
            return Err(SendError::unavailable(error));
        }
    }
    Ok(body)
}

/// What became of each record of a call that was answered.
fn verdicts(answer: &[u8], sent: usize) -> Sent {
    let unreadable =
        |problem: String| SendError::unavailable(format!("what answers is not Kinesis: {problem}"));
    let answer: Answer =
        serde_json::from_slice(answer).map_err(|error| unreadable(error.to_string()))?;
    if answer.records.len() != sent {
        let count = answer.records.len();
        return Err(unreadable(format!("{sent} records were sent, it answered for {count}")));
    }
    let failed = answer.records.iter().find_map(RecordAnswer::failure);
    if let Some(error) = failed
        && answer.records.iter().all(|record| record.error_code.is_some())
    {
        return Err(SendError::Unavailable { error, retry_after: Some(TOO_MUCH_PAUSE) });
    }
    let verdict = |record: &RecordAnswer| record.failure().map_or(Verdict::Taken, Verdict::Later);
    Ok(answer.records.iter().map(verdict).collect())
}

impl RecordAnswer {
    /// Only what may pass is said of single records: too much at a time, or a fault of Kinesis.
    fn failure(&self) -> Option<String> {
        let code = self.error_code.as_ref()?;
        Some(format!("{code}: {}", self.error_message.as_deref().unwrap_or("it does not say why")))
    }
}

impl Failure {
    fn read(status: StatusCode, answer: &[u8]) -> Failure {
        let read: Failure = serde_json::from_slice(answer).unwrap_or_default();
        // `com.amazonaws.kinesis.v20131202#Name`, from some.
        let kind = read.kind.rsplit('#').next().unwrap_or_default();
        match kind {
            "" => Failure {
                kind: format!("HTTP {status}"),
                message: String::from_utf8_lossy(answer).trim().to_owned(),
            },
            kind => Failure { kind: kind.to_owned(), message: read.message },
        }
    }

    fn is_about_keys(&self) -> bool {
        matches!(
            &*self.kind,
            "ExpiredTokenException"
                | "IncompleteSignatureException"
                | "InvalidClientTokenId"
                | "InvalidSignatureException"
                | "MissingAuthenticationTokenException"
                | "UnrecognizedClientException"
        )
    }

    fn meaning(&self, status: StatusCode) -> SendError {
        let advice = match &*self.kind {
            "ResourceNotFoundException" => "; create the stream, or correct `stream` and `region`",
            "AccessDeniedException" => {
                "; give the one who sends leave to kinesis:PutRecords on the stream"
            }
            _ if self.is_about_keys() => "; check `credentials` and the secrets that it names",
            _ => "",
        };
        let error = format!("{}: {}{advice}", self.kind, self.message);
        let is_too_much = matches!(
            &*self.kind,
            "KMSThrottlingException"
                | "LimitExceededException"
                | "ProvisionedThroughputExceededException"
                | "ThrottlingException"
        );
        match &*self.kind {
            "InvalidArgumentException" | "SerializationException" | "ValidationException" => {
                SendError::Refused { error }
            }
            _ if status == StatusCode::PAYLOAD_TOO_LARGE => SendError::Refused { error },
            _ => {
                SendError::Unavailable { error, retry_after: is_too_much.then_some(TOO_MUCH_PAUSE) }
            }
        }
    }
}
