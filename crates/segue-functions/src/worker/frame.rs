//! Frames between host and worker: a big-endian u32 length and that many bytes of JSON.
//!
//! ```text
//!   +----------------+---------------------------+
//!   | u32 big endian | that many bytes of JSON   |
//!   +----------------+---------------------------+
//! ```

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The largest frame: a full batch of the largest events (100 of 1 MB, escaped) fits.
pub(super) const MAX_FRAME_BYTES: usize = 512 << 20;

/// The largest frame of a peer that has not shown its token yet.
pub(super) const MAX_HELLO_BYTES: usize = 64 << 10;

/// The bytes of one frame.
pub(super) fn encode(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let body_bytes = frame.len() - 4;
    if body_bytes > MAX_FRAME_BYTES {
        return Err(io::Error::other(format!(
            "a batch of {body_bytes} bytes is too large for the worker (limit {MAX_FRAME_BYTES}): \
             lower maxEventBatchSize in host.json"
        )));
    }
    let length = u32::try_from(body_bytes).map_err(io::Error::other)?;
    for (to, from) in frame.iter_mut().zip(length.to_be_bytes()) {
        *to = from;
    }
    Ok(frame)
}

/// Reads one frame of at most `max_bytes`; `None` when the peer has closed. Not cancel safe.
pub(super) async fn read<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    max_bytes: usize,
) -> io::Result<Option<T>> {
    let length = match from.read_u32().await {
        Ok(length) => length as usize,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if length > max_bytes {
        return Err(io::Error::other(format!("a frame of {length} bytes, limit {max_bytes}")));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    serde_json::from_slice(&body).map(Some).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn round_trip(message: &str, max_bytes: usize) -> io::Result<Option<String>> {
        let frame = encode(&message).unwrap();
        read(&mut frame.as_slice(), max_bytes).await
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_up_to_the_limit() {
        assert_eq!(round_trip("hello", 7).await.unwrap().as_deref(), Some("hello"));
        let error = round_trip("hello", 6).await.unwrap_err();
        assert!(error.to_string().contains("7 bytes, limit 6"));
    }

    #[tokio::test]
    async fn a_closed_peer_is_no_frame_and_half_a_frame_is_an_error() {
        assert!(read::<String>(&mut [].as_slice(), 9).await.unwrap().is_none());
        assert!(read::<String>(&mut [0, 0, 0, 2, b'1'].as_slice(), 9).await.is_err());
    }
}
