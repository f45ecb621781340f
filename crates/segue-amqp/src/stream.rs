//! The streams of bytes that AMQP runs over: TCP, TLS or WebSocket, alike for both sides.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

/// A connected stream, whatever carries it.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for S {}

/// Writes some of `bytes` and says how many; or, when there are none, has the stream send what it
/// keeps back, as TLS and WebSockets do. May be cancelled.
///
/// # Errors
/// When the stream is broken.
pub async fn write_or_flush(
    writer: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
) -> std::io::Result<usize> {
    if bytes.is_empty() {
        writer.flush().await?;
        return Ok(0);
    }
    writer.write(bytes).await
}
