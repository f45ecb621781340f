//! `/api/profiles/{namespace}/{id}`: one person, by any of their identities.
//!
//! ```text
//! {"profileId": "…", "identityMap": {"ecid": [{"id": "1"}]}, "attributes": {…},
//!  "memberships": {"sports-fan": {"name": "Sports fan", "status": "realized",
//!                                 "lastQualificationTime": "2026-01-01T10:00:00Z"}}}
//! ```
//!
//! `/api/identities/{namespace}/{id}/graph`: the links that hold these identities together.
//!
//! A read waits until everything that was acknowledged before it is applied, so that a sender
//! sees its own events.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use segue_core::{Kind, ProfileView};
use segue_runtime::{Runtime, RuntimeError};
use segue_xdm::Identity;
use serde_json::{Map, Value, json};

use crate::app::{App, blocking};
use crate::problem::{self, Problem};

/// A path with a namespace and an id.
pub(crate) type IdentityPath = Result<Path<(String, String)>, PathRejection>;

/// Shows the profile that holds an identity.
pub(crate) async fn read(
    State(app): State<App>,
    path: IdentityPath,
) -> Result<Json<Value>, Problem> {
    let identity = identity(path)?;
    let nobody = nobody(&identity);
    blocking(move || {
        let profile = app.runtime.profile(&identity)?;
        profile.map(|profile| to_value(&app.runtime, &profile)).transpose()
    })
    .await?
    .map(Json)
    .ok_or_else(|| Problem::new(&problem::NOT_FOUND, nobody))
}

/// Shows the part of the identity graph that holds an identity.
pub(crate) async fn graph(
    State(app): State<App>,
    path: IdentityPath,
) -> Result<Json<Value>, Problem> {
    let identity = identity(path)?;
    let nobody = nobody(&identity);
    let graph = blocking(move || app.runtime.graph(&identity)).await?;
    let graph = graph.ok_or_else(|| Problem::new(&problem::NOT_FOUND, nobody))?;
    Ok(Json(graph.to_value()))
}

/// The identity that a path names.
pub(crate) fn identity(path: IdentityPath) -> Result<Identity, Problem> {
    let Path((namespace, id)) = path?;
    Ok(Identity::new(&namespace, id))
}

/// Says that nobody has an identity.
pub(crate) fn nobody(identity: &Identity) -> String {
    format!("no profile holds the identity {identity}")
}

fn to_value(runtime: &Runtime, profile: &ProfileView) -> Result<Value, RuntimeError> {
    let mut identity_map = Map::new();
    for identity in &profile.identities {
        let ids = identity_map.entry(identity.namespace()).or_insert_with(|| json!([]));
        if let Some(ids) = ids.as_array_mut() {
            ids.push(json!({"id": identity.id()}));
        }
    }
    let mut memberships = Map::new();
    for (audience, membership) in &profile.memberships {
        let mut shown = Map::from_iter([
            ("status".to_owned(), json!(membership.status.as_str())),
            (
                "lastQualificationTime".to_owned(),
                json!(membership.last_qualification.to_seconds_string()),
            ),
        ]);
        let definition = runtime.definition(Kind::Audience, audience)?;
        if let Some(name) = definition.and_then(|view| view.definition.get("name").cloned()) {
            shown.insert("name".to_owned(), name);
        }
        memberships.insert(audience.clone(), Value::Object(shown));
    }
    Ok(json!({
        "profileId": profile.id.to_string(),
        "identityMap": identity_map,
        "memberships": memberships,
        "attributes": profile.attributes,
    }))
}
