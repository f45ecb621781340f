//! `/health` and `/ready`: for whoever restarts the process, and for whoever sends it traffic.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::app::App;
use crate::problem::{self, Problem};

/// 200 as long as the process answers.
pub(crate) async fn alive() -> Json<Value> {
    Json(json!({"status": "alive"}))
}

/// 200 once everything that was in the log at the start is applied and nothing is in trouble.
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Value>, Problem> {
    let status = app.runtime.status();
    if let Some(trouble) = status.problem {
        return Err(Problem::new(&problem::NOT_READY, trouble));
    }
    if !status.caught_up {
        let detail = format!(
            "{} of {} inputs are applied; ask again in a moment",
            status.applied, status.head
        );
        return Err(Problem::new(&problem::NOT_READY, detail));
    }
    Ok(Json(json!({
        "status": "ready",
        "applied": status.applied,
        "head": status.head,
        "backlog": status.backlog,
    })))
}
