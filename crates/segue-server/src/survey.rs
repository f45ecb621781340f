//! Answers that take a while, because they go over all profiles.
//!
//! Who sends `accept: application/x-ndjson` is told how far it has come, a line at a time:
//!
//! ```text
//! {"progress": {"lookedAt": 12000, "of": 1000000}}
//! {"result": {…}}                    the last line; or {"problem": {…}}
//! ```
//!
//! Anybody else gets the result alone, when it is there. A problem that is found before the first
//! line is an ordinary one, with its status. Whoever goes away is no longer worked for.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use segue_runtime::{RuntimeError, Survey, SurveyObserver};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::problem::Problem;

const NDJSON: &str = "application/x-ndjson";

/// Time between two lines of progress: as often as an eye wants to see it.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Lines that may wait for a client that reads slowly; progress beyond is left out.
const LINES_WAITING_MAX: usize = 4;

enum Line {
    Progress(Survey),
    Done(Result<Value, Problem>),
}

/// Works away from the threads that serve connections, and answers as the client wants it.
pub(crate) async fn answer(
    headers: &HeaderMap,
    work: impl FnOnce(SurveyObserver<'_>) -> Result<Value, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    let (lines, mut told) = mpsc::channel(LINES_WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let mut last = Instant::now();
        let result = work(&mut |survey| {
            if lines.is_closed() {
                return ControlFlow::Break(());
            }
            if last.elapsed() >= PROGRESS_INTERVAL {
                last = Instant::now();
                // One that finds no room is followed by others.
                let _ = lines.try_send(Line::Progress(survey));
            }
            ControlFlow::Continue(())
        });
        // Nobody waits for it any more when this fails.
        let _ = lines.blocking_send(Line::Done(result));
    });
    if !wants_lines(headers) {
        loop {
            match told.recv().await {
                Some(Line::Progress(_)) => {}
                Some(Line::Done(result)) => return Ok(Json(result?).into_response()),
                None => return Err(died()),
            }
        }
    }
    let first = match told.recv().await {
        Some(Line::Done(Err(problem))) => return Err(problem),
        Some(line) => line,
        None => return Err(died()),
    };
    let stream = futures_util::stream::unfold((Some(first), told), |(first, mut told)| async {
        let line = match first {
            Some(line) => line,
            None => told.recv().await?,
        };
        Some((Ok::<String, Infallible>(line.into_text()), (None, told)))
    });
    let content_type = [(header::CONTENT_TYPE, NDJSON)];
    Ok((content_type, Body::from_stream(stream)).into_response())
}

impl Line {
    fn into_text(self) -> String {
        let value = match self {
            Line::Progress(Survey { looked_at, of }) => {
                json!({"progress": {"lookedAt": looked_at, "of": of}})
            }
            Line::Done(Ok(result)) => json!({"result": result}),
            Line::Done(Err(problem)) => json!({"problem": problem.into_value()}),
        };
        format!("{value}\n")
    }
}

fn wants_lines(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains(NDJSON))
}

fn died() -> Problem {
    RuntimeError::Stopped { reason: "it broke off before it had an answer".to_owned() }.into()
}
