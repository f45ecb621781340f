//! Definitions over HTTP: one at a time by kind and id, or several at once.
//!
//! ```text
//! GET    /api/audiences             [definition, …]
//! GET    /api/audiences/{id}        definition, ETag: "version"; 304 if If-None-Match has it
//! PUT    /api/audiences/{id}        definition (kind and id may be left out) → 201 or 200
//! DELETE /api/audiences/{id}        204; 409 while another audience is made of it
//! POST   /api/definitions?dry-run   definition or [definition, …], all or nothing
//! POST   /api/definitions?diff      the same, and who would move
//! ```
//!
//! `If-Match` and `If-None-Match: *` make a change depend on what is there. The runtime decides
//! that together with the change, so that two writers never overwrite each other unseen.

use std::borrow::Cow;

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use segue_core::{AudienceMoves, Definition, DefinitionView, Kind};
use segue_delivery::Delivery;
use segue_runtime::{
    ChangeMode, ChangeOutcome, Changed, DefinitionChange, Expected, Runtime, RuntimeError,
    SurveyObserver,
};
use segue_xdm::{Violation, child_pointer};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::app::{App, blocking};
use crate::problem::{self, Problem};
use crate::refusal::Refusal;
use crate::{body, destinations, items, survey};

/// What an audience is called that is estimated without a name.
const UNNAMED: &str = "unnamed";

/// The collections of the interface, by the name in their path.
const COLLECTIONS: [(&str, Kind); 5] = [
    ("audiences", Kind::Audience),
    ("destinations", Kind::Destination),
    ("namespaces", Kind::Namespace),
    ("merge-policies", Kind::MergePolicy),
    ("functions", Kind::Function),
];

/// The routes of each kind, and the one for several definitions at once.
pub(crate) fn routes(app: &App) -> Router {
    let several = Router::new().route("/api/definitions", post(apply)).with_state(app.clone());
    COLLECTIONS.into_iter().fold(several, |routes, (name, kind)| {
        let collection = Router::new()
            .route(&format!("/api/{name}"), get(list))
            .route(&format!("/api/{name}/{{id}}"), get(read).put(write).delete(remove));
        let collection = match kind {
            Kind::Audience => collection
                .route("/api/audiences/{id}/estimate", get(estimate))
                .route("/api/audiences/estimate", given_or_named()),
            _ => collection,
        };
        let App { runtime, delivery, .. } = app.clone();
        routes.merge(collection.with_state(Collection { runtime, delivery, kind }))
    })
}

/// Where a definition is posted to be estimated, an audience may be that is called so.
fn given_or_named() -> MethodRouter<Collection> {
    type Of = State<Collection>;
    let named = || Ok(Path("estimate".to_owned()));
    post(estimate_given)
        .get(move |of: Of, headers: HeaderMap| read(of, named(), headers))
        .put(move |of: Of, headers: HeaderMap, body: Body| write(of, named(), headers, body))
        .delete(move |of: Of, headers: HeaderMap| remove(of, named(), headers))
}

/// The definitions of one kind.
#[derive(Clone)]
struct Collection {
    runtime: Runtime,
    delivery: Delivery,
    kind: Kind,
}

type DefinitionId = Result<Path<String>, PathRejection>;

async fn list(State(of): State<Collection>) -> Result<Json<Value>, Problem> {
    let views = blocking(move || of.runtime.definitions(of.kind)).await?;
    Ok(Json(views.into_iter().map(|view| view.definition).collect()))
}

async fn read(
    State(of): State<Collection>,
    id: DefinitionId,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let mut view = of.view(&id).await?.ok_or_else(|| of.not_found(&id))?;
    let etag = etag(view.version);
    let known = text(&headers, header::IF_NONE_MATCH)
        .is_some_and(|tags| tags.split(',').any(|tag| ["*", &etag.1].contains(&tag.trim())));
    if known {
        return Ok((StatusCode::NOT_MODIFIED, AppendHeaders([etag])).into_response());
    }
    if of.kind == Kind::Destination
        && let Some(status) = of.delivery.status(&id)
        && let Some(shown) = view.definition.as_object_mut()
    {
        shown.insert("delivery".to_owned(), destinations::to_value(&status));
    }
    Ok((AppendHeaders([etag]), Json(view.definition)).into_response())
}

async fn write(
    State(of): State<Collection>,
    id: DefinitionId,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let value = items::parse(&body::read(&headers, body).await?)?;
    let mut refusal = Refusal::default();
    let value = of.named(value, &id, &mut refusal);
    let definition = refusal.definition("", &value).ok_or(refusal)?;
    let shown = definition.to_value();
    let expected = of.expected(&id, &headers).await?;
    let change = DefinitionChange::Define { definition, expected };
    let changed = blocking(move || of.change(change)).await?;
    let status = match changed.outcome {
        ChangeOutcome::Created => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    Ok((status, AppendHeaders(changed.version.map(etag)), Json(shown)).into_response())
}

async fn remove(
    State(of): State<Collection>,
    id: DefinitionId,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let Path(id) = id?;
    let expected = of.expected(&id, &headers).await?;
    let change = DefinitionChange::Remove { kind: of.kind, id, expected };
    match blocking(move || of.change(change)).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT),
        // The only thing that can be wrong with a removal is that others need it.
        Err(RuntimeError::Refused { violations }) => {
            let violations: Vec<Violation> =
                violations.into_iter().map(|indexed| indexed.violation).collect();
            let detail = "other definitions are made of it; change or delete those first";
            let problem = Problem::new(&problem::DEFINITION_IN_USE, detail);
            Err(problem.with_violations(&violations))
        }
        Err(other) => Err(other.into()),
    }
}

/// Counts the members of a published audience.
async fn estimate(
    State(of): State<Collection>,
    id: DefinitionId,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let view = of.view(&id).await?.ok_or_else(|| of.not_found(&id))?;
    of.estimate(&headers, view.definition).await
}

/// Counts who would be in the audience of the body.
async fn estimate_given(
    State(of): State<Collection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let value = items::parse(&body::read(&headers, body).await?)?;
    of.estimate(&headers, value).await
}

/// How several definitions are to be applied; an unknown parameter is refused, lest a misspelt
/// `dry-run` be a real run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    /// `?dry-run` or `?dry-run=true`.
    #[serde(rename = "dry-run")]
    dry_run: Option<String>,
    /// The same: a dry run that tells who would move.
    diff: Option<String>,
}

impl Parameters {
    fn mode(&self) -> Result<ChangeMode, Problem> {
        let is_dry = flag("dry-run", self.dry_run.as_deref())? || self.is_diff()?;
        Ok(if is_dry { ChangeMode::DryRun } else { ChangeMode::Apply })
    }

    fn is_diff(&self) -> Result<bool, Problem> {
        flag("diff", self.diff.as_deref())
    }
}

fn flag(name: &str, value: Option<&str>) -> Result<bool, Problem> {
    match value {
        None | Some("false") => Ok(false),
        Some("" | "true") => Ok(true),
        Some(other) => {
            let detail = format!("{name} is `{other}`; send true or false");
            Err(Problem::new(&problem::BAD_PARAMETER, detail))
        }
    }
}

async fn apply(
    State(app): State<App>,
    parameters: Result<Query<Parameters>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Query(parameters) = parameters?;
    let (mode, is_diff) = (parameters.mode()?, parameters.is_diff()?);
    let values = match items::parse(&body::read(&headers, body).await?)? {
        Value::Array(values) => {
            (0..).zip(values).map(|(index, value)| (child_pointer("", index), value)).collect()
        }
        value => vec![(String::new(), value)],
    };
    let mut refusal = Refusal::default();
    let mut changes = Vec::with_capacity(values.len());
    for (place, value) in &values {
        if let Some(definition) = refusal.definition(place, value) {
            changes.push(DefinitionChange::Define { definition, expected: Expected::Any });
        }
    }
    refusal.or_nothing()?;
    let runtime = app.runtime.clone();
    let planned = changes.clone();
    let changed = match blocking(move || runtime.change_definitions(planned, mode)).await {
        Err(RuntimeError::Refused { violations }) => {
            let places: Vec<String> = values.into_iter().map(|(place, _)| place).collect();
            return Err(Refusal::of_indexed(&places, violations).into());
        }
        other => other?,
    };
    if is_diff {
        let work = move |observer: SurveyObserver<'_>| {
            Ok(diff(&app.runtime, changes, &changed, observer)?)
        };
        return survey::answer(&headers, work).await;
    }
    let results: Value = changed.iter().map(result_to_fields).collect();
    let answer = json!({"dryRun": mode == ChangeMode::DryRun, "definitions": results});
    Ok(Json(answer).into_response())
}

/// What would be another definition, before and after, and who would move.
fn diff(
    runtime: &Runtime,
    changes: Vec<DefinitionChange>,
    changed: &[Changed],
    observer: SurveyObserver<'_>,
) -> Result<Value, RuntimeError> {
    let mut definitions = Vec::with_capacity(changes.len());
    let mut results = Vec::with_capacity(changes.len());
    for (change, changed) in changes.into_iter().zip(changed) {
        let DefinitionChange::Define { definition, .. } = change else { continue };
        let before = runtime.definition(changed.kind, &changed.id)?.map(|view| view.definition);
        let mut result = result_to_fields(changed);
        result.insert("before".to_owned(), before.into());
        result.insert("after".to_owned(), definition.to_value());
        results.push(Value::Object(result));
        definitions.push(definition);
    }
    let comparison = runtime.compare(definitions, observer)?;
    let audiences: Value = comparison.audiences().iter().map(AudienceMoves::to_value).collect();
    let looked_at = comparison.looked_at();
    Ok(json!({
        "dryRun": true, "definitions": results, "audiences": audiences, "lookedAt": looked_at,
    }))
}

fn result_to_fields(changed: &Changed) -> Map<String, Value> {
    let result = match changed.outcome {
        ChangeOutcome::Created => "created",
        ChangeOutcome::Changed => "changed",
        ChangeOutcome::Unchanged => "unchanged",
        ChangeOutcome::Removed => "removed",
    };
    Map::from_iter([
        ("kind".to_owned(), json!(changed.kind.as_str())),
        ("id".to_owned(), json!(changed.id)),
        ("result".to_owned(), json!(result)),
        ("version".to_owned(), json!(changed.version)),
        ("job".to_owned(), json!(changed.job)),
    ])
}

fn etag(version: u64) -> (HeaderName, String) {
    (header::ETAG, format!("\"{version}\""))
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<Cow<'_, str>> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()))
}

impl Collection {
    async fn view(&self, id: &str) -> Result<Option<DefinitionView>, RuntimeError> {
        let (of, id) = (self.clone(), id.to_owned());
        blocking(move || of.runtime.definition(of.kind, &id)).await
    }

    fn change(&self, change: DefinitionChange) -> Result<Changed, RuntimeError> {
        let changed = self.runtime.change_definitions(vec![change], ChangeMode::Apply)?;
        changed.into_iter().next().ok_or_else(|| RuntimeError::Stopped {
            reason: "it did not say what became of the change".to_owned(),
        })
    }

    /// The estimate of a definition, which may leave kind and id out.
    async fn estimate(&self, headers: &HeaderMap, mut value: Value) -> Result<Response, Problem> {
        if let Some(fields) = value.as_object_mut() {
            fields.entry("kind").or_insert_with(|| json!(self.kind.as_str()));
            if !fields.contains_key("id") && !fields.contains_key("name") {
                fields.insert("id".to_owned(), json!(UNNAMED));
            }
        }
        let mut refusal = Refusal::default();
        let audience = match refusal.definition("", &value) {
            Some(Definition::Audience(audience)) => audience,
            Some(other) => {
                let message = format!("found {}; only an audience has members", other.kind());
                refusal.add(Violation::new("/kind", "mismatch", message));
                return Err(refusal.into());
            }
            None => return Err(refusal.into()),
        };
        let runtime = self.runtime.clone();
        let work = move |observer: SurveyObserver<'_>| {
            Ok(runtime.estimate(&audience, observer)?.to_value(&audience))
        };
        survey::answer(headers, work).await
    }

    fn not_found(&self, id: &str) -> Problem {
        let detail = format!("there is no {} `{id}`", self.kind);
        Problem::new(&problem::NOT_FOUND, detail)
    }

    /// `value` with kind and id as the path says; where it has its own, they must be the same.
    fn named(&self, mut value: Value, id: &str, refusal: &mut Refusal) -> Value {
        let id_key = if self.kind == Kind::Namespace { "code" } else { "id" };
        let Some(fields) = value.as_object_mut() else {
            return value;
        };
        for (key, expected) in [("kind", self.kind.as_str()), (id_key, id)] {
            let found = fields.entry(key).or_insert_with(|| json!(expected));
            // A namespace's code is the same in any letter case.
            let same = found.as_str().is_some_and(|found| match key {
                "code" => found.to_lowercase() == expected.to_lowercase(),
                _ => found == expected,
            });
            if !same {
                let message = format!(
                    "found {found}, but the path says `{expected}`; leave the key out or correct it"
                );
                refusal.add(Violation::new(child_pointer("", key), "mismatch", message));
            }
        }
        value
    }

    /// What the request's conditional headers expect to be there.
    async fn expected(&self, id: &str, headers: &HeaderMap) -> Result<Expected, Problem> {
        if text(headers, header::IF_NONE_MATCH).is_some_and(|tag| tag == "*") {
            return Ok(Expected::Absent);
        }
        let Some(tag) = text(headers, header::IF_MATCH) else {
            return Ok(Expected::Any);
        };
        if tag == "*" {
            let view = self.view(id).await?.ok_or_else(|| self.not_found(id))?;
            return Ok(Expected::Version(view.version));
        }
        let version = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        version.and_then(|version| version.parse().ok()).map(Expected::Version).ok_or_else(|| {
            let detail = format!("if-match is `{tag}`; send the ETag of a GET, such as \"7\"");
            Problem::new(&problem::BAD_PARAMETER, detail)
        })
    }
}
