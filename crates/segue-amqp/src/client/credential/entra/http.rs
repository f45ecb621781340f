//! One HTTP request for a token, over the transports of the client.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::timeout;

use super::error::CredentialError;
use crate::client::namespace::Namespace;
use crate::client::transport;

/// How long an identity service may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// The largest answer that is read.
const ANSWER_BYTES_MAX: usize = 256 << 10;

/// What a service answered.
pub(super) struct Answer {
    pub(super) host: String,
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
}

/// Posts a form.
pub(super) async fn post(
    namespace: &Namespace,
    url: &str,
    form: &[(&str, &str)],
) -> Result<Answer, CredentialError> {
    let request = Request::post(url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Full::from(encoded(form)));
    send(namespace, url, request, PATIENCE).await
}

/// Asks with a query, behind one header.
pub(super) async fn get(
    namespace: &Namespace,
    url: &str,
    query: &[(&str, &str)],
    (header, value): (&str, &str),
    patience: Duration,
) -> Result<Answer, CredentialError> {
    let url = format!("{url}?{}", encoded(query));
    let request = Request::get(&url).header(header, value).body(Full::default());
    send(namespace, &url, request, patience).await
}

async fn send(
    namespace: &Namespace,
    url: &str,
    request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    patience: Duration,
) -> Result<Answer, CredentialError> {
    let host = url.parse().ok().and_then(|url: Uri| url.host().map(str::to_owned));
    let host = host.unwrap_or_else(|| url.to_owned());
    let failed = |problem: String| CredentialError::Unreachable { host: host.clone(), problem };
    let request = request.map_err(|error| failed(error.to_string()))?;
    let answered = exchange(namespace, request);
    let late = |_| failed(format!("nothing came within {} ms", patience.as_millis()));
    let (status, body) = timeout(patience, answered).await.map_err(late)?.map_err(failed)?;
    Ok(Answer { host, status, body })
}

async fn exchange(
    namespace: &Namespace,
    mut request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), String> {
    let uri = request.uri().clone();
    let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
    let host = authority.parse().map_err(|_| format!("{authority:?} is no host"))?;
    request.headers_mut().insert(HOST, host);
    if let Some(path) = uri.path_and_query() {
        *request.uri_mut() = path.clone().into();
    }
    let stream = transport::http(namespace, &uri).await.map_err(|error| error.to_string())?;
    let text = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(text)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(text)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
    };
    let connection = tokio::spawn(connection);
    let answered = exchange.await;
    connection.abort();
    answered
}

/// Fields as a form or query writes them.
fn encoded(fields: &[(&str, &str)]) -> String {
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    let fields = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    fields.collect::<Vec<_>>().join("&")
}
