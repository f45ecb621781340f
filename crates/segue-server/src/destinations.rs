//! How delivery to a destination goes, and a test of it.
//!
//! ```text
//! GET  /api/destinations/{id}        the definition, and beside it:
//!   "delivery": {"delivered": 812, "retried": 3, "refused": 1, "discarded": 0, "backlog": 0,
//!                "deadLetters": 1, "breaker": "closed", "trouble": null}
//! POST /api/destinations/{id}/test   sends a sample; a definition in the body is tried instead
//!                                    → {"taken": true, "request": "POST …", "answer": "HTTP 200"}
//! ```

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use segue_core::{Definition, Kind};
use segue_delivery::{DeliveryError, DeliveryStatus, Exchange};
use segue_xdm::Violation;
use serde_json::{Value, json};

use crate::app::{App, blocking};
use crate::problem::{self, Problem};
use crate::refusal::Refusal;
use crate::{body, items};

/// How delivery goes, as answers show it.
pub(crate) fn to_value(status: &DeliveryStatus) -> Value {
    // Taken apart without `..`, so that a new number cannot be forgotten here.
    let DeliveryStatus {
        delivered,
        // Only in /metrics.
        latency: _,
        retried,
        refused,
        discarded,
        backlog,
        dead_letters,
        breaker,
        trouble,
    } = status;
    json!({
        "delivered": delivered,
        "retried": retried,
        "refused": refused,
        "discarded": discarded,
        "backlog": backlog,
        "deadLetters": dead_letters,
        "breaker": breaker.as_str(),
        "trouble": trouble,
    })
}

/// Sends one sample message, to the destination of the body or else to the one that is defined.
pub(crate) async fn test(
    State(app): State<App>,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let Path(id) = id?;
    let bytes = body::read(&headers, body).await?;
    let value = if bytes.is_empty() {
        let (runtime, named) = (app.runtime.clone(), id.clone());
        let view = blocking(move || runtime.definition(Kind::Destination, &named)).await?;
        let nothing = || {
            let detail = format!("there is no destination `{id}`");
            Problem::new(&problem::NOT_FOUND, detail)
        };
        view.ok_or_else(nothing)?.definition
    } else {
        items::parse(&bytes)?
    };
    let mut refusal = Refusal::default();
    let destination = match refusal.definition("", &value) {
        Some(Definition::Destination(destination)) => destination,
        Some(other) => {
            let message = format!("found {}; only a destination is sent to", other.kind());
            refusal.add(Violation::new("/kind", "mismatch", message));
            return Err(refusal.into());
        }
        None => return Err(refusal.into()),
    };
    let Exchange { request, answer, is_taken } = app.delivery.test(&destination).await?;
    Ok(Json(json!({"taken": is_taken, "request": request, "answer": answer})))
}

impl From<DeliveryError> for Problem {
    fn from(error: DeliveryError) -> Problem {
        let kind = match &error {
            DeliveryError::NoDeadLetter { .. } | DeliveryError::NoDestination { .. } => {
                &problem::NOT_FOUND
            }
            DeliveryError::NotTestable(_) => &problem::NOT_TESTABLE,
            _ => &problem::STORAGE_FAILED,
        };
        Problem::new(kind, error.to_string())
    }
}
