//! Request bodies: never more than a megabyte, neither on the wire nor unpacked.
//!
//! ```text
//! wire ──[receive: ≤ 1 MiB]── packed ──[RequestDecompressionLayer]── [read: ≤ 1 MiB] ── bytes
//! ```
//!
//! Both limits are needed: the second stops a small body that unpacks to gigabytes, the first one
//! that never ends and unpacks to nothing.

use std::error::Error;
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use crate::problem::{self, Problem};

/// Bytes of a request's body, packed and unpacked (1 MiB, as AEP's ingestion has it): large enough
/// for hundreds of events, small enough that a thousand senders at once fit into memory.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Bytes of a refused body that are still taken and thrown away. A sender that is not read to the
/// end sees a broken connection instead of the answer.
const DRAINED_BYTES_MAX: usize = 16 << 20;
/// How long that may take.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(2);

/// The encodings that a body may be packed with.
const ENCODINGS: [&str; 4] = ["gzip", "deflate", "zstd", "identity"];

/// Middleware: takes the body off the wire, or answers 413.
pub(crate) async fn receive(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let mut stream = body.into_data_stream();
    match collect(&mut stream).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(problem) => {
            // Whether the drain ends or runs out of time, the answer is the same.
            let _ = tokio::time::timeout(DRAIN_TIME_MAX, drain(&mut stream)).await;
            problem.into_response()
        }
    }
}

/// Reads a body that was unpacked on the way.
pub(crate) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    refuse_unknown_encoding(headers)?;
    collect(&mut body.into_data_stream()).await
}

async fn collect(stream: &mut BodyDataStream) -> Result<Bytes, Problem> {
    let announced = HttpBody::size_hint(stream).lower();
    let announced = usize::try_from(announced).unwrap_or(BODY_BYTES_MAX).min(BODY_BYTES_MAX);
    let mut whole = BytesMut::with_capacity(announced);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| unreadable(&error))?;
        if whole.len() + chunk.len() > BODY_BYTES_MAX {
            return Err(too_large());
        }
        match chunk.try_into_mut() {
            // Nobody else has it: the first chunk, often the only one, is taken as it is.
            Ok(chunk) => whole.unsplit(chunk),
            Err(chunk) => whole.extend_from_slice(&chunk),
        }
    }
    Ok(whole.freeze())
}

async fn drain(stream: &mut BodyDataStream) {
    let mut drained = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        drained += chunk.len();
        if drained > DRAINED_BYTES_MAX {
            return;
        }
    }
}

fn too_large() -> Problem {
    let detail = format!(
        "a body may hold {BODY_BYTES_MAX} bytes, packed and unpacked; \
         send the items in several requests"
    );
    Problem::new(&problem::BODY_TOO_LARGE, detail).with("limit", BODY_BYTES_MAX.into())
}

fn unreadable(error: &axum::Error) -> Problem {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let detail = format!(
        "the body cannot be read: {cause}; send it whole, packed as its content-encoding says"
    );
    Problem::new(&problem::UNREADABLE_BODY, detail)
}

/// The decompression layer takes an encoding that it knows off the headers and leaves others.
fn refuse_unknown_encoding(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(encoding) = headers.get(CONTENT_ENCODING) else {
        return Ok(());
    };
    let encoding = String::from_utf8_lossy(encoding.as_bytes()).to_lowercase();
    if encoding == "identity" {
        return Ok(());
    }
    let known = ENCODINGS.join(", ");
    let detail = format!("content-encoding `{encoding}` is not known; send one of {known}");
    Err(Problem::new(&problem::UNKNOWN_ENCODING, detail))
}
