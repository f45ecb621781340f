//! Keys that the surroundings lend for some hours.
//!
//! | Lender | When |
//! |---|---|
//! | AWS's token service, for another's token (EKS) | `AWS_WEB_IDENTITY_TOKEN_FILE` is set |
//! | the container (ECS; Pod Identity of EKS) | `AWS_CONTAINER_CREDENTIALS_…_URI` is set |
//! | the instance, for its role (EC2, IMDSv2) | otherwise |

use std::time::Duration;

use jiff::Timestamp;
use reqwest::{Client, RequestBuilder};
use segue_core::variables::Lookup;
use serde::Deserialize;

use super::domain;
use super::keys::Keys;
use crate::senders::OpenError;
use crate::senders::http::{body, in_words};

/// Where the container's relative addresses belong.
const CONTAINER_HOST: &str = "http://169.254.170.2";

/// Where an instance finds what it may know of itself.
const INSTANCE_HOST: &str = "http://169.254.169.254";

/// How long the token is to be good that asks an instance.
const INSTANCE_TOKEN_SECONDS: &str = "300";

/// Longest time to wait for what is next door.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of what it says.
const ANSWER_BYTES_MAX: usize = 64 << 10;

const NO_KEY: &str = "what was lent is no key";

/// A key is replaced so long before its end.
const RENEWAL: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// Who lends keys.
pub(super) enum Lender {
    WebIdentity { url: String, role: String, token_file: String },
    Container { url: String, token: Option<String>, token_file: Option<String> },
    Instance { host: String },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lent {
    access_key_id: String,
    secret_access_key: String,
    token: String,
    /// A moment (RFC 3339).
    expiration: String,
}

impl Lent {
    fn read(json: &str) -> Result<Lent, String> {
        // It holds a key, so it is not quoted.
        serde_json::from_str(json).map_err(|_| NO_KEY.to_owned())
    }

    /// The keys, and until when they are to be used.
    fn keys(self) -> Result<(Keys, Timestamp), String> {
        let end: Timestamp =
            self.expiration.parse().map_err(|error: jiff::Error| error.to_string())?;
        let (id, secret, token) = (self.access_key_id, self.secret_access_key, Some(self.token));
        Ok((Keys { id, secret, token }, end - RENEWAL))
    }
}

impl Lender {
    /// Who lends here, as the environment says.
    pub(super) fn find(region: &str, lookup: Lookup<'_>) -> Result<Lender, OpenError> {
        if let Some(token_file) = lookup("AWS_WEB_IDENTITY_TOKEN_FILE") {
            let role = lookup("AWS_ROLE_ARN").ok_or_else(|| {
                let problem = "AWS_WEB_IDENTITY_TOKEN_FILE is set, but not AWS_ROLE_ARN";
                OpenError::Connection(problem.to_owned())
            })?;
            let url = lookup("AWS_ENDPOINT_URL_STS");
            let url = url.unwrap_or_else(|| format!("https://sts.{region}.{}/", domain(region)));
            return Ok(Lender::WebIdentity { url, role, token_file });
        }
        let relative = lookup("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let url = relative.map(|path| format!("{CONTAINER_HOST}{path}"));
        let url = url.or_else(|| lookup("AWS_CONTAINER_CREDENTIALS_FULL_URI"));
        if let Some(url) = url {
            let token = lookup("AWS_CONTAINER_AUTHORIZATION_TOKEN");
            let token_file = lookup("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
            return Ok(Lender::Container { url, token, token_file });
        }
        let host = lookup("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let host = host.unwrap_or_else(|| INSTANCE_HOST.to_owned());
        Ok(Lender::Instance { host: host.trim_end_matches('/').to_owned() })
    }

    /// Keys, and until when they are to be used.
    pub(super) async fn lend(&self, client: &Client) -> Result<(Keys, Timestamp), String> {
        let lent = match self {
            Lender::WebIdentity { url, role, token_file } => {
                let lent = web_identity(client, url, role, token_file).await;
                lent.map_err(|problem| format!("{url} lends none to {role}: {problem}"))
            }
            Lender::Container { url, token, token_file } => {
                let lent = container(client, url, token.as_deref(), token_file.as_deref()).await;
                lent.map_err(|problem| format!("the container lends none: {problem}"))
            }
            Lender::Instance { host } => instance(client, host).await.map_err(|problem| {
                format!(
                    "neither `credentials` nor AWS_ACCESS_KEY_ID is there, and no role of an \
                     instance: {problem}"
                )
            }),
        };
        lent?.keys()
    }
}

/// A token is read each time: it is replaced by the hour.
async fn token_in(file: &str) -> Result<String, String> {
    let read = tokio::fs::read_to_string(file).await;
    read.map_err(|error| format!("cannot read {file}: {error}"))
}

/// What AWS's token service lends to a role, for a token that somebody else has signed.
async fn web_identity(
    client: &Client,
    url: &str,
    role: &str,
    token_file: &str,
) -> Result<Lent, String> {
    let token = token_in(token_file).await?;
    let answer = text(client.post(url).form(&[
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", role),
        ("RoleSessionName", "segue"),
        ("WebIdentityToken", token.trim()),
    ]))
    .await?;
    // It answers in XML. What is wanted of it has no attributes, and nothing that is escaped.
    let element = |name: &str| {
        let (_, rest) = answer.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0.to_owned())
    };
    let lent = || {
        Some(Lent {
            access_key_id: element("AccessKeyId")?,
            secret_access_key: element("SecretAccessKey")?,
            token: element("SessionToken")?,
            expiration: element("Expiration")?,
        })
    };
    lent().ok_or_else(|| NO_KEY.to_owned())
}

/// What the container lends.
async fn container(
    client: &Client,
    url: &str,
    token: Option<&str>,
    token_file: Option<&str>,
) -> Result<Lent, String> {
    let token = match token_file {
        Some(file) => Some(token_in(file).await?),
        None => token.map(str::to_owned),
    };
    let mut request = client.get(url);
    if let Some(token) = token {
        request = request.header("authorization", token.trim());
    }
    Lent::read(&text(request).await?)
}

/// What the instance lends to its role, by the second version of its service.
async fn instance(client: &Client, host: &str) -> Result<Lent, String> {
    let request = client.put(format!("{host}/latest/api/token"));
    let token =
        text(request.header("x-aws-ec2-metadata-token-ttl-seconds", INSTANCE_TOKEN_SECONDS))
            .await?;
    let get = async |path: &str| {
        let url = format!("{host}/latest/meta-data/iam/security-credentials/{path}");
        text(client.get(url).header("x-aws-ec2-metadata-token", &token)).await
    };
    let roles = get("").await?;
    Lent::read(&get(roles.lines().next().unwrap_or_default().trim()).await?)
}

async fn text(request: RequestBuilder) -> Result<String, String> {
    let response = request.timeout(TIMEOUT).send().await.map_err(|error| in_words(&error))?;
    if !response.status().is_success() {
        return Err(format!("HTTP {}", response.status()));
    }
    let body = body(response, ANSWER_BYTES_MAX).await?;
    String::from_utf8(body).map_err(|error| error.to_string())
}
