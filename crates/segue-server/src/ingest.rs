//! `POST /api/events` and `POST /api/records`: inputs in the native dialect, XDM as it is.
//!
//! Items are judged one by one: those that pass are appended together and answered once they are
//! durable, those that do not are answered with every rule that they break.
//!
//! ```text
//! {"accepted": 1, "refused": 1, "items": [
//!   {"index": 0, "status": "accepted", "position": 4711},
//!   {"index": 1, "status": "refused", "violations": [{"pointer", "rule", "message"}]}]}
//!
//! 200 all accepted    207 some    400 none: the same members in a problem document
//! ```

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use segue_core::{Input, TraceContext};
use segue_runtime::{Accepted, RuntimeError, Submission};
use segue_telemetry::SpanKind;
use segue_xdm::{Document, Event, Record, Timestamp, Violation};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::app::App;
use crate::problem::{self, Problem, violation_to_value};
use crate::{body, items};

/// The header that brings the sender's trace.
const TRACEPARENT: &str = "traceparent";
/// Longest time that a request waits for room before it is refused as busy.
const ROOM_PATIENCE: Duration = Duration::from_secs(1);

/// How a document becomes an input of one kind.
pub(crate) type Validate = fn(Document, Timestamp) -> Result<Input, Vec<Violation>>;

/// Takes experience events.
pub(crate) async fn events(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    traced(&app, "POST /api/events", &headers, body, event).await
}

/// Takes records of profile attributes.
pub(crate) async fn records(State(app): State<App>, headers: HeaderMap, body: Body) -> Response {
    traced(&app, "POST /api/records", &headers, body, record).await
}

/// An experience event, or what is wrong with it.
pub(crate) fn event(body: Document, now: Timestamp) -> Result<Input, Vec<Violation>> {
    Event::new(body, now).map(Input::Event)
}

/// A record of profile attributes, or what is wrong with it.
pub(crate) fn record(body: Document, now: Timestamp) -> Result<Input, Vec<Violation>> {
    Record::new(&body, now).map(Input::Record)
}

/// The items of a body as inputs: all of them, or the problem that names every refused one.
pub(crate) async fn inputs(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    validate: Validate,
) -> Result<Vec<Input>, Problem> {
    let body = body::read(headers, body).await?;
    let mut inputs = Vec::new();
    let verdicts = judge(headers, &body, app.runtime.now(), validate, |input| inputs.push(input))?;
    let refused = verdicts.len() - inputs.len();
    let Some(first) = verdicts.iter().flatten().next() else {
        return Ok(inputs);
    };
    let detail = format!("{refused} refused, so nothing was tried; the first one: {first}");
    let refusals = (0..).zip(&verdicts).filter(|(_, violations)| !violations.is_empty());
    let items = refusals.map(|(index, violations)| json!(Verdict::refused(index, violations)));
    let problem = Problem::new(&problem::NOTHING_ACCEPTED, detail);
    Err(problem.with("items", items.collect()))
}

/// Ingests in the sender's trace, or in a new one, and records that where it is to be recorded.
async fn traced(
    app: &App,
    name: &'static str,
    headers: &HeaderMap,
    body: Body,
    validate: Validate,
) -> Response {
    let sender = headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    let sender = sender.and_then(TraceContext::parse);
    let span = app.tracer.begin_request(sender, name);
    let trace = span.as_ref().map(|span| span.context).or(sender);
    let answer = ingest(app, headers, body, validate, trace).await.into_response();
    if let Some(mut span) = span {
        let status = answer.status();
        if status.is_server_error() {
            span.error = Some(status.to_string());
        }
        app.tracer.end(span.with("http.response.status_code", u64::from(status.as_u16())));
    }
    answer
}

async fn ingest(
    app: &App,
    headers: &HeaderMap,
    body: Body,
    validate: Validate,
    trace: Option<TraceContext>,
) -> Result<Response, Problem> {
    let body = body::read(headers, body).await?;
    let mut inputs = Submission::new(trace);
    let verdicts = judge(headers, &body, app.runtime.now(), validate, |input| inputs.push(&input))?;
    let accepted = inputs.len();
    let first_position = match accepted {
        0 => 0,
        _ => append(app, &inputs, trace).await?.first_position,
    };
    app.counts.count_items(accepted, verdicts.len() - accepted);
    Ok(answer(first_position, accepted, verdicts))
}

async fn append(
    app: &App,
    inputs: &Submission,
    trace: Option<TraceContext>,
) -> Result<Accepted, RuntimeError> {
    let span = app.tracer.begin_in(trace, "append", SpanKind::Internal);
    let accepted = submit(app, inputs).await;
    if let Some(mut span) = span {
        span.error = accepted.as_ref().err().map(ToString::to_string);
        app.tracer.end(span.with("segue.inputs", inputs.len()));
    }
    accepted
}

/// Appends inputs. Where too many wait to be applied, it waits too, for a moment: a sender that is
/// answered late sends no faster than it can be followed, and has nothing to send again.
async fn submit(app: &App, inputs: &Submission) -> Result<Accepted, RuntimeError> {
    let patience = sleep(ROOM_PATIENCE);
    tokio::pin!(patience);
    loop {
        let submitted = app.runtime.submit_gathered(inputs).await;
        if !matches!(submitted, Err(RuntimeError::Busy { .. })) {
            return submitted;
        }
        tokio::select! {
            () = app.runtime.room() => {}
            () = &mut patience => return submitted,
        }
    }
}

/// Has the items of a body taken as inputs, one by one. Gives what is wrong with each, in order;
/// nothing for those that were taken.
fn judge(
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    validate: Validate,
    mut take: impl FnMut(Input),
) -> Result<Vec<Vec<Violation>>, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let verdicts = items::split(content_type, body)?.map(|item| {
        let input = item.map_err(|violation| vec![violation]).and_then(|item| validate(item, now));
        input.map(&mut take).err().unwrap_or_default()
    });
    Ok(verdicts.collect())
}

/// What became of all items.
#[derive(Serialize)]
struct Answer {
    accepted: usize,
    refused: usize,
    items: Vec<Verdict>,
}

/// What became of one item.
#[derive(Serialize)]
struct Verdict {
    index: usize,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    position: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Value>,
}

impl Verdict {
    fn accepted(index: usize, position: Option<u64>) -> Verdict {
        Verdict { index, status: "accepted", position, violations: Vec::new() }
    }

    fn refused(index: usize, violations: &[Violation]) -> Verdict {
        let violations = violations.iter().map(violation_to_value).collect();
        Verdict { index, status: "refused", position: None, violations }
    }
}

fn answer(first_position: u64, accepted: usize, verdicts: Vec<Vec<Violation>>) -> Response {
    let refused = verdicts.len() - accepted;
    let first_refusal = verdicts.iter().flatten().next().map(ToString::to_string);
    let mut positions = first_position..;
    let items = (0..).zip(verdicts).map(|(index, violations): (usize, Vec<Violation>)| {
        if violations.is_empty() {
            Verdict::accepted(index, positions.next())
        } else {
            Verdict::refused(index, &violations)
        }
    });
    let items: Vec<Verdict> = items.collect();
    match first_refusal {
        Some(first) if accepted == 0 => {
            let detail = format!("{refused} refused, none accepted; the first one: {first}");
            Problem::new(&problem::NOTHING_ACCEPTED, detail)
                .with("accepted", json!(accepted))
                .with("refused", json!(refused))
                .with("items", json!(items))
                .into_response()
        }
        _ => {
            let status = if refused == 0 { StatusCode::OK } else { StatusCode::MULTI_STATUS };
            (status, Json(Answer { accepted, refused, items })).into_response()
        }
    }
}
