//! `GET /api/export`: everything as one file, while everything goes on.
//!
//! The body is the file of `docs/backup.md`. What is wrong before it begins is an ordinary problem
//! document; an answer that breaks off is no file.

use std::io::{self, Write};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use segue_runtime::RuntimeError;
use tokio::sync::mpsc;

use crate::app::App;
use crate::problem::Problem;

/// Bytes of a chunk.
const CHUNK_BYTES: usize = 64 << 10;

/// Chunks that wait for a client that reads slowly; then the export waits too.
const CHUNKS_WAITING_MAX: usize = 16;

type Chunk = Result<Bytes, RuntimeError>;

/// Writes the export to the client.
pub(crate) async fn write(State(app): State<App>) -> Result<Response, Problem> {
    let (chunks, mut received) = mpsc::channel::<Chunk>(CHUNKS_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let begin = || {
            let mut body = ChunkedBody { chunks: chunks.clone(), gathered: Vec::new() };
            // Says that it begins, before there is anything to say.
            let _ = body.send();
            body
        };
        if let Err(error) = app.runtime.export(begin) {
            tracing::warn!(%error, "an export broke off");
            // Who has gone away does not hear it.
            let _ = chunks.blocking_send(Err(error));
        }
    });
    match received.recv().await {
        Some(Ok(_)) => {}
        Some(Err(error)) => return Err(error.into()),
        None => {
            let reason = "the export ended before it began".to_owned();
            return Err(RuntimeError::Stopped { reason }.into());
        }
    }
    let stream = futures_util::stream::unfold(received, |mut received| async {
        Some((received.recv().await?, received))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/zstd"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"segue-export.zst\""),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

/// What is written becomes the body of an answer.
struct ChunkedBody {
    chunks: mpsc::Sender<Chunk>,
    gathered: Vec<u8>,
}

impl ChunkedBody {
    fn send(&mut self) -> io::Result<()> {
        let chunk = Bytes::from(std::mem::take(&mut self.gathered));
        let sent = self.chunks.blocking_send(Ok(chunk));
        sent.map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the client has gone away"))
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
