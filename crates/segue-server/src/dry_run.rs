//! `POST /api/dry-run`: what events or records would do, without doing it.
//!
//! ```text
//! {"inputs":       [{"index", "profileId", "duplicate", "merged"}],
//!  "changes":      [{"profile", "audience", "from", "to", "at", "cause"}],
//!  "messages":     [{"destination", "applicationProperties", "body"}],
//!  "explanations": [{"profileId", "audience", …, "paragraph"}]}    of what changes
//! ```

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use segue_core::{Activation, DryRun, Explanation, Outcome};
use segue_delivery::application_properties;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::{App, blocking};
use crate::ingest::{self, Validate};
use crate::live::observer::change_to_value;
use crate::problem::{self, Problem};

/// What the items are; an unknown parameter is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameters {
    /// `events`, unless something else is said, or `records`.
    of: Option<String>,
}

impl Parameters {
    fn validate(&self) -> Result<Validate, Problem> {
        match self.of.as_deref() {
            None | Some("events") => Ok(ingest::event),
            Some("records") => Ok(ingest::record),
            Some(other) => {
                let detail = format!("of is `{other}`; send events or records");
                Err(Problem::new(&problem::BAD_PARAMETER, detail))
            }
        }
    }
}

/// Tries the inputs of a body, one after the other.
pub(crate) async fn answer(
    State(app): State<App>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let validate = parameters?.validate()?;
    let inputs = ingest::inputs(&app, &headers, body, validate).await?;
    let answer = blocking(move || Ok(to_value(&app.runtime.dry_run(inputs)?)));
    Ok(Json(answer.await?))
}

fn to_value(dry_run: &DryRun) -> Value {
    let outcomes = dry_run.outcomes();
    let inputs = (0..).zip(outcomes).map(|(index, outcome)| input_to_value(index, outcome));
    let changes = outcomes.iter().flat_map(|outcome| &outcome.changes).map(change_to_value);
    let messages = outcomes.iter().flat_map(|outcome| &outcome.activations).map(message_to_value);
    let explanations = dry_run.explanations();
    json!({
        "inputs": inputs.collect::<Value>(),
        "changes": changes.collect::<Value>(),
        "messages": messages.collect::<Value>(),
        "explanations": explanations.iter().map(Explanation::to_value).collect::<Value>(),
    })
}

fn input_to_value(index: u64, outcome: &Outcome) -> Value {
    let merged: Vec<String> = outcome.merged.iter().map(ToString::to_string).collect();
    json!({
        "index": index,
        "profileId": outcome.profile.map(|profile| profile.to_string()),
        "duplicate": outcome.duplicate,
        "merged": merged,
    })
}

fn message_to_value(activation: &Activation) -> Value {
    let properties = application_properties(activation);
    let properties = properties.map(|(name, value)| (name.to_owned(), Value::String(value)));
    json!({
        "destination": activation.destination,
        "applicationProperties": Map::from_iter(properties),
        "body": serde_json::from_slice::<Value>(&activation.body).ok(),
    })
}
