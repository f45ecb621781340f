//! `/api/jobs`: how far profiles have followed definitions that changed.
//!
//! ```text
//! {"id": 4711, "kind": "edit", "definition": {"kind": "Audience", "id": "sports-fan"},
//!  "state": "running", "createdAt": "2026-01-01T10:00:00Z", "endedAt": null,
//!  "visited": 120000, "total": 1000000, "changed": 812}
//! ```

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use segue_core::Job;
use serde_json::{Value, json};

use crate::app::{App, blocking};
use crate::problem::{self, Problem};

/// All jobs that run, and those that ended last, the newest first.
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let jobs = blocking(move || app.runtime.jobs()).await?;
    Ok(Json(jobs.iter().rev().map(to_value).collect()))
}

/// One job.
pub(crate) async fn read(
    State(app): State<App>,
    id: Result<Path<u64>, PathRejection>,
) -> Result<Json<Value>, Problem> {
    let Path(id) = id?;
    let job = blocking(move || app.runtime.job(id)).await?;
    let nothing = || {
        let detail = format!("there is no job {id}, or it ended long ago");
        Problem::new(&problem::NOT_FOUND, detail)
    };
    job.map(|job| Json(to_value(&job))).ok_or_else(nothing)
}

/// A job as JSON.
pub(crate) fn to_value(job: &Job) -> Value {
    json!({
        "id": job.id,
        "kind": job.kind.as_str(),
        "definition": {"kind": job.definition_kind.as_str(), "id": job.definition},
        "state": job.state.as_str(),
        "createdAt": job.created_at.to_string(),
        "endedAt": job.ended_at.map(|at| at.to_string()),
        "visited": job.visited,
        "total": job.total,
        "changed": job.changed,
    })
}
