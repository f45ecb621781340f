//! `/api/erasures`: who was erased, as receipts that say so only to those who know.
//!
//! ```text
//! DELETE /api/profiles/{namespace}/{id}?exit=true      202 with the receipt, and where it is to be
//!                                            found; with `exit`, destinations are told before
//! GET    /api/erasures?before=4711&limit=100
//!   {"erasures": [{"id": 4700, "state": "complete", …}], "next": null}   the newest first
//! GET    /api/erasures/4700
//! ```
//! `next` is the `before` of the next page. `docs/erasure.md` explains a receipt.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use segue_core::Input;
use segue_runtime::{Receipt, RuntimeError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::app::{App, blocking};
use crate::problem::{self, Problem};
use crate::profiles::{IdentityPath, identity};

/// Receipts in one answer, if the request asks for more or does not say.
const LIMIT_MAX: usize = 1000;

/// Which receipts are wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    before: Option<u64>,
    limit: Option<usize>,
}

/// How a profile is to be erased.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manner {
    /// Whether it exits its audiences first, so that destinations are told.
    #[serde(default)]
    exit: bool,
}

/// Erases the profile that holds an identity, or whatever names one that nobody holds.
pub(crate) async fn begin(
    State(app): State<App>,
    path: IdentityPath,
    manner: Result<Query<Manner>, QueryRejection>,
) -> Result<Response, Problem> {
    let (identity, Query(manner)) = (identity(path)?, manner?);
    let input = if manner.exit { Input::Exit(identity) } else { Input::Forget(identity) };
    let accepted = app.runtime.submit(&[input]).await?;
    let id = accepted.first_position;
    let receipt = blocking(move || app.runtime.erasure(id)).await?;
    let receipt = receipt.ok_or_else(|| {
        let reason = format!("erasure {id} was accepted, but is not to be found");
        RuntimeError::Stopped { reason }
    })?;
    let location = [(header::LOCATION, format!("/api/erasures/{id}"))];
    Ok((StatusCode::ACCEPTED, location, Json(receipt.to_value())).into_response())
}

/// All receipts, the newest first.
pub(crate) async fn list(
    State(app): State<App>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(Wanted { before, limit }) = wanted?;
    let limit = limit.unwrap_or(LIMIT_MAX).min(LIMIT_MAX);
    // One more than wanted tells whether there is a next page.
    let mut receipts = blocking(move || app.runtime.erasures(before, limit + 1)).await?;
    let is_more = receipts.len() > limit;
    receipts.truncate(limit);
    let next = receipts.last().filter(|_| is_more).map(|last| last.id);
    let receipts: Vec<Value> = receipts.iter().map(Receipt::to_value).collect();
    Ok(Json(json!({"erasures": receipts, "next": next})))
}

/// One receipt.
pub(crate) async fn read(
    State(app): State<App>,
    id: Result<Path<u64>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let Path(id) = id?;
    let receipt = blocking(move || app.runtime.erasure(id)).await?;
    let nothing = || Problem::new(&problem::NOT_FOUND, format!("there is no erasure {id}"));
    receipt.map(|receipt| Json(receipt.to_value())).ok_or_else(nothing)
}
