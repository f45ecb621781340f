//! `/api/dead-letters`: messages that a destination refused for good.
//!
//! ```text
//! GET    /api/dead-letters?destination=crm&from=17&limit=100   without properties and body
//!   {"deadLetters": [{"id": 17, "destination": "crm", "activation": "…", "profile": "…",
//!                     "error": "HTTP 422 …", "at": "2026-01-01T10:00:00Z"}], "next": null}
//! GET    /api/dead-letters/17           with them
//! POST   /api/dead-letters/17/replay    204: it is the last in its destination's outbox now
//! DELETE /api/dead-letters/17           204
//! ```
//! `next` is the `from` of the next page.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use segue_delivery::{DeadLetter, DeliveryError};
use segue_runtime::RuntimeError;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::problem::Problem;

/// Letters in one answer, if the request asks for more or does not say.
const LIMIT_MAX: usize = 1000;

/// Which letters are wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    destination: Option<String>,
    #[serde(default)]
    from: u64,
    limit: Option<usize>,
}

type LetterId = Result<Path<u64>, PathRejection>;

pub(crate) async fn list(
    State(app): State<App>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(Wanted { destination, from, limit }) = wanted?;
    let limit = limit.unwrap_or(LIMIT_MAX).min(LIMIT_MAX);
    let mut letters = reading(move || {
        // One more than wanted tells whether there is a next page.
        app.delivery.dead_letters().list(destination.as_deref(), from, limit + 1)
    })
    .await?;
    let next = letters.get(limit).map(|letter| letter.id);
    letters.truncate(limit);
    let letters: Vec<Map<String, Value>> = letters.iter().map(to_line).collect();
    Ok(Json(json!({"deadLetters": letters, "next": next})))
}

pub(crate) async fn read(State(app): State<App>, id: LetterId) -> Result<Json<Value>, Problem> {
    let Path(id) = id?;
    let letter = reading(move || app.delivery.dead_letters().read(id)).await?;
    let mut shown = to_line(&letter);
    shown.insert("properties".to_owned(), Value::Object(letter.properties));
    shown.insert("body".to_owned(), letter.body);
    Ok(Json(Value::Object(shown)))
}

pub(crate) async fn replay(State(app): State<App>, id: LetterId) -> Result<StatusCode, Problem> {
    let Path(id) = id?;
    app.delivery.replay(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn drop_letter(
    State(app): State<App>,
    id: LetterId,
) -> Result<StatusCode, Problem> {
    let Path(id) = id?;
    app.delivery.drop_letter(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn to_line(letter: &DeadLetter) -> Map<String, Value> {
    Map::from_iter([
        ("id".to_owned(), json!(letter.id)),
        ("destination".to_owned(), json!(letter.destination)),
        ("activation".to_owned(), json!(letter.activation)),
        ("profile".to_owned(), json!(letter.properties.get("segue-profile-id"))),
        ("error".to_owned(), json!(letter.error)),
        ("at".to_owned(), json!(letter.at.to_string())),
    ])
}

/// Reads from the disk away from the threads that serve connections.
async fn reading<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, DeliveryError> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => Ok(read?),
        Err(error) => Err(RuntimeError::Stopped { reason: error.to_string() }.into()),
    }
}
