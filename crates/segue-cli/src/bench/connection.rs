//! A connection that requests go out on, one after the other: HTTP/1.1 and nothing around it, as
//! what a sender spends is taken from the server that it measures.

use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long a request waits before it is sent again, where the server does not say.
const WAIT: Duration = Duration::from_secs(1);

/// An open connection.
pub(super) struct Connection {
    host: HeaderValue,
    requests: SendRequest<Full<Bytes>>,
}

/// What a server says to a request.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    /// How long it wants to be left alone.
    pub(super) wait: Duration,
    pub(super) text: Bytes,
}

impl Connection {
    /// Connects to a server, given as `http://HOST:PORT`.
    pub(super) async fn open(url: &str) -> anyhow::Result<Connection> {
        let uri: Uri = url.parse()?;
        let authority = uri.authority().context("a server has an address")?.as_str();
        let stream = TcpStream::connect(authority).await.context("cannot reach the server")?;
        stream.set_nodelay(true)?;
        let (requests, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with this value; why it broke, the request under way is told.
        tokio::spawn(connection);
        Ok(Connection { host: HeaderValue::from_str(authority)?, requests })
    }

    /// Posts JSON lines, and reads the answer to its end.
    pub(super) async fn post(&mut self, path: &'static str, body: Bytes) -> hyper::Result<Answer> {
        const JSON_LINES: HeaderValue = HeaderValue::from_static("application/x-ndjson");
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = Uri::from_static(path);
        request.headers_mut().insert(HOST, self.host.clone());
        request.headers_mut().insert(CONTENT_TYPE, JSON_LINES);
        self.requests.ready().await?;
        let (head, body) = self.requests.send_request(request).await?.into_parts();
        let text = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status, wait: wait_asked_for(&head.headers), text })
    }
}

fn wait_asked_for(headers: &HeaderMap) -> Duration {
    let seconds = headers.get(RETRY_AFTER);
    let seconds = seconds.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    seconds.map_or(WAIT, Duration::from_secs)
}
