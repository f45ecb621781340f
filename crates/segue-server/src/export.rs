//! `GET /api/export`: everything as one file, while everything goes on.
//!
//! The body is the file of `docs/backup.md`. What is wrong before it begins is an ordinary problem
//! document; an answer that breaks off is no file.

use std::io::{self, Write};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::Stream;
use segue_runtime::RuntimeError;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;

use crate::app::App;
use crate::problem::Problem;

/// Bytes of a chunk.
const CHUNK_BYTES: usize = 64 << 10;

/// Chunks that wait for a client that reads slowly; then the export waits too.
const CHUNKS_WAITING_MAX: usize = 16;

/// A client that takes nothing for so long is given up: an export keeps old records on the disk.
const STALLED_MAX: Duration = Duration::from_secs(60);

/// The next bytes; nothing behind the last of a file that is whole.
type Chunk = Result<Option<Bytes>, RuntimeError>;

/// Writes the export to the client.
pub(crate) async fn write(State(app): State<App>) -> Result<Response, Problem> {
    let (chunks, mut received) = mpsc::channel::<Chunk>(CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let begin = || {
            let mut body = ChunkedBody::new(chunks.clone(), STALLED_MAX);
            // Says that it begins, before there is anything to say.
            let _ = body.send();
            body
        };
        let end = match app.runtime.export(begin) {
            Ok(()) => Ok(None),
            Err(error) => {
                tracing::warn!(%error, "an export broke off");
                Err(error)
            }
        };
        // Who does not hear it will miss the end.
        let _ = Handle::current().block_on(chunks.send_timeout(end, STALLED_MAX));
    });
    if let Err(error) = received.recv().await.unwrap_or_else(broken_off) {
        return Err(error.into());
    }
    let headers = [
        (header::CONTENT_TYPE, "application/zstd"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"segue-export.zst\""),
    ];
    Ok((headers, Body::from_stream(stream(received))).into_response())
}

/// The chunks up to the end; an error, if they end without one.
fn stream(received: mpsc::Receiver<Chunk>) -> impl Stream<Item = Result<Bytes, RuntimeError>> {
    futures_util::stream::unfold(Some(received), |received| async {
        let mut received = received?;
        match received.recv().await.unwrap_or_else(broken_off) {
            Ok(chunk) => Some((Ok(chunk?), Some(received))),
            Err(error) => Some((Err(error), None)),
        }
    })
}

fn broken_off() -> Chunk {
    Err(RuntimeError::Stopped { reason: "the export broke off; export again".to_owned() })
}

/// What is written becomes the body of an answer.
struct ChunkedBody {
    chunks: mpsc::Sender<Chunk>,
    gathered: Vec<u8>,
    patience: Duration,
}

impl ChunkedBody {
    fn new(chunks: mpsc::Sender<Chunk>, patience: Duration) -> ChunkedBody {
        ChunkedBody { chunks, gathered: Vec::new(), patience }
    }

    /// Waits for room on a thread of tokio's that may block.
    fn send(&mut self) -> io::Result<()> {
        let chunk = Bytes::from(std::mem::take(&mut self.gathered));
        let sent = self.chunks.send_timeout(Ok(Some(chunk)), self.patience);
        Handle::current().block_on(sent).map_err(|error| match error {
            SendTimeoutError::Closed(_) => {
                io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone away")
            }
            SendTimeoutError::Timeout(_) => {
                let seconds = self.patience.as_secs();
                let stalled = format!("the client took nothing for {seconds} s");
                io::Error::new(io::ErrorKind::TimedOut, stalled)
            }
        })
    }
}

impl Write for ChunkedBody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= CHUNK_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() { Ok(()) } else { self.send() }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    #[test]
    fn a_client_that_takes_nothing_is_given_up_and_gets_no_whole_file() {
        let tokio = tokio::runtime::Runtime::new().unwrap();
        let _entered = tokio.enter();
        let (chunks, received) = mpsc::channel(1);
        let mut body = ChunkedBody::new(chunks, Duration::from_millis(10));
        body.write_all(&[7; CHUNK_BYTES]).unwrap();
        let stalled = body.write_all(&[7; CHUNK_BYTES]).unwrap_err();
        assert_eq!(stalled.kind(), io::ErrorKind::TimedOut);
        drop(body);
        let taken: Vec<_> = tokio.block_on(stream(received).collect());
        assert!(matches!(&taken[..], [Ok(_), Err(RuntimeError::Stopped { .. })]), "{taken:?}");
    }
}
