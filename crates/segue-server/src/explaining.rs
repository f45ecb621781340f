//! `/api/profiles/{namespace}/{id}/explain/{audience}`: why somebody is in an audience, or why not.
//!
//! ```text
//! GET     {"profileId", "audience", "name", "at", "changesAt",
//!          "membership": {"status", "lastQualificationTime", "exitedAt"},
//!          "definition": {"clause", "kind", "value", "holdsUntil", "events", "notes", "parts"},
//!          "paragraph": "Sports fan: the profile is a member since …"}
//! POST    {"before": as above, "after": as above}     what the events in the body would change
//! ```

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use segue_core::{Explanation, Kind};
use segue_xdm::Identity;
use serde_json::{Value, json};

use crate::app::{App, blocking};
use crate::ingest;
use crate::problem::{self, Problem};
use crate::profiles::nobody;

type Asked = Result<Path<(String, String, String)>, PathRejection>;

/// Explains a membership as it is.
pub(crate) async fn now(State(app): State<App>, asked: Asked) -> Result<Json<Value>, Problem> {
    let (identity, audience) = parts(asked)?;
    Ok(Json(explain(&app, identity, audience).await?.to_value()))
}

/// Explains a membership as it is, and as it would be after some events.
pub(crate) async fn after_events(
    State(app): State<App>,
    asked: Asked,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let (identity, audience) = parts(asked)?;
    let inputs = ingest::inputs(&app, &headers, body, ingest::event).await?;
    let before = explain(&app, identity.clone(), audience.clone()).await?;
    let explained = blocking(move || {
        let dry_run = app.runtime.dry_run(inputs)?;
        Ok(dry_run.explain(&identity, &audience))
    });
    // Events of other people leave everything as it is.
    let after = explained.await?.unwrap_or_else(|| before.clone());
    Ok(Json(json!({"before": before.to_value(), "after": after.to_value()})))
}

fn parts(asked: Asked) -> Result<(Identity, String), Problem> {
    let Path((namespace, id, audience)) = asked?;
    Ok((Identity::new(&namespace, id), audience))
}

async fn explain(app: &App, identity: Identity, audience: String) -> Result<Explanation, Problem> {
    let runtime = app.runtime.clone();
    let missing = format!("there is no audience `{audience}`");
    let nobody = nobody(&identity);
    let explained = blocking(move || {
        let explained = runtime.explain(&identity, &audience)?;
        let is_known =
            explained.is_some() || runtime.definition(Kind::Audience, &audience)?.is_some();
        Ok(explained.ok_or(if is_known { nobody } else { missing }))
    });
    explained.await?.map_err(|detail| Problem::new(&problem::NOT_FOUND, detail))
}
