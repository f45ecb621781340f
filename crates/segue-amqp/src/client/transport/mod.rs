//! From a namespace to a stream of bytes: TCP, then perhaps a proxy, TLS and a WebSocket.
//!
//! ```text
//!        ┌─ an emulator, 5672 ────────────────────────────────────▶
//!  TCP ──┼─ 5671 ─────────────────────────▶ TLS ──────────────────▶ AMQP
//!        └─ 443, perhaps through a proxy ─▶ TLS ─▶ WebSocket ─────▶
//! ```

use std::sync::Arc;

use hyper::Uri;
use hyper::http::uri::Scheme;
use tokio::net::TcpStream;

use super::error::ClientError;
use super::namespace::Namespace;
use crate::stream::ByteStream;
use crate::websocket;

mod proxy;
mod tls;

pub(super) use tls::Trust;
pub use tls::{certificates, tls_config};

/// Connects to the namespace.
pub(super) async fn connect(namespace: &Namespace) -> Result<Box<dyn ByteStream>, ClientError> {
    let (host, port) = (namespace.host(), namespace.port());
    if !namespace.is_over_websocket() {
        return secured(namespace, tcp(host, port).await?).await;
    }
    let tunnel = proxy::connect(&namespace.proxies(), host, port).await?;
    let stream = secured(namespace, tunnel).await?;
    let connected = websocket::connect(stream, host).await;
    Ok(Box::new(connected.map_err(|source| connect_error(host, port, source))?))
}

/// Connects to where `url` is, as it is to be reached from a client of the namespace: through its
/// proxies, trusting what it trusts. What needs no TLS is on this machine, or next to it.
pub(super) async fn http(
    namespace: &Namespace,
    url: &Uri,
) -> Result<Box<dyn ByteStream>, ClientError> {
    let host = url.host().unwrap_or_default();
    if url.scheme() != Some(&Scheme::HTTPS) {
        return Ok(Box::new(tcp(host, url.port_u16().unwrap_or(80)).await?));
    }
    let tunnel = proxy::connect(&namespace.proxies(), host, url.port_u16().unwrap_or(443)).await?;
    Ok(Box::new(tls::connect(namespace.trust(), host, tunnel).await?))
}

async fn secured(
    namespace: &Namespace,
    stream: TcpStream,
) -> Result<Box<dyn ByteStream>, ClientError> {
    if namespace.is_plain() {
        return Ok(Box::new(stream));
    }
    Ok(Box::new(tls::connect(namespace.trust(), namespace.host(), stream).await?))
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, ClientError> {
    let connected = TcpStream::connect((host.trim_matches(['[', ']']), port)).await;
    let stream = connected.map_err(|source| connect_error(host, port, source))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn connect_error(host: &str, port: u16, source: std::io::Error) -> ClientError {
    ClientError::Connect { address: format!("{host}:{port}"), source: Arc::new(source) }
}
