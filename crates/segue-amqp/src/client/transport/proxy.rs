//! HTTP proxies: a tunnel to the namespace for networks that let no connection out directly.
//!
//! The environment says which, as it does to other programs: `HTTPS_PROXY` (or `ALL_PROXY`), and
//! in `NO_PROXY` the hosts that are reached without. User and password in the address are sent as
//! basic authentication.

use std::io::{Error, ErrorKind};

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::tcp;
use crate::client::error::ClientError;

/// The longest answer that a proxy may give before the tunnel begins.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// Connects to `host` and `port`, through the proxy that `matcher` names for it, if any.
pub(super) async fn connect(
    matcher: &Matcher,
    host: &str,
    port: u16,
) -> Result<TcpStream, ClientError> {
    let target: Result<Uri, _> = format!("https://{host}:{port}/").parse();
    let Some(proxy) = target.ok().and_then(|target| matcher.intercept(&target)) else {
        return tcp(host, port).await;
    };
    let proxy_port = proxy.uri().port_u16().unwrap_or(80);
    let mut stream = tcp(proxy.uri().host().unwrap_or_default(), proxy_port).await?;
    ask(&mut stream, &proxy, host, port).await.map_err(|error| ClientError::Proxy {
        // Without user and password, which the rest of the address may hold.
        proxy: format!("{}:{proxy_port}", proxy.uri().host().unwrap_or_default()),
        problem: error.to_string(),
    })?;
    Ok(stream)
}

/// Asks the proxy for a tunnel.
async fn ask(
    stream: &mut TcpStream,
    proxy: &Intercept,
    host: &str,
    port: u16,
) -> Result<(), Error> {
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(authorization) = proxy.basic_auth().and_then(|value| value.to_str().ok()) {
        request += &format!("Proxy-Authorization: {authorization}\r\n");
    }
    request += "\r\n";
    stream.write_all(request.as_bytes()).await?;
    let answer = answer(stream).await?;
    let status_line = answer.lines().next().unwrap_or_default();
    match status_line.split(' ').nth(1) {
        Some(status) if status.starts_with('2') => Ok(()),
        _ => Err(Error::new(ErrorKind::ConnectionRefused, format!("it says {status_line:?}"))),
    }
}

/// The head of the answer, and not a byte more: what follows it comes from the namespace.
async fn answer(stream: &mut TcpStream) -> Result<String, Error> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == ANSWER_BYTES_MAX {
            return Err(Error::new(ErrorKind::InvalidData, "its answer does not end"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
