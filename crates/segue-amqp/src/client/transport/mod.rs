//! From a namespace to a stream of bytes: TCP, then perhaps a proxy, TLS and a WebSocket.
//!
//! ```text
//!             ┌───────────── 5672, an emulator ─────────────────────────▶
//!  TCP ───────┼─ 5671 ────────────────────────▶ TLS ────────────────────▶ AMQP
//!             └─ 443, or the proxy ─ CONNECT ─▶ TLS ─▶ WebSocket ───────▶
//! ```

use std::sync::Arc;

use tokio::net::TcpStream;

use super::error::ClientError;
use super::namespace::Namespace;
use crate::stream::ByteStream;

mod tls;

/// Connects to the namespace.
pub(super) async fn connect(namespace: &Namespace) -> Result<Box<dyn ByteStream>, ClientError> {
    let stream = tcp(namespace.host(), namespace.port()).await?;
    if namespace.is_plain() {
        return Ok(Box::new(stream));
    }
    Ok(Box::new(tls::connect(namespace, stream).await?))
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, ClientError> {
    let connected = TcpStream::connect((host.trim_matches(['[', ']']), port)).await;
    let stream = connected.map_err(|source| ClientError::Connect {
        address: format!("{host}:{port}"),
        source: Arc::new(source),
    })?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
