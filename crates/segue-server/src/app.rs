//! All routes, the layers around them, and what the handlers share.
//!
//! ```text
//! request ─▶ count ─▶ guard (Host, Origin) ─▶ receive (1 MiB) ─▶ decompress ─▶ route
//! ```

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{Method, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use segue_delivery::Delivery;
use segue_runtime::{Runtime, RuntimeError};
use segue_telemetry::Tracer;
use tower_http::decompression::RequestDecompressionLayer;

use crate::alarms::{self, Alarms};
use crate::live::{self, LiveFeed};
use crate::metrics::{self, Counts};
use crate::problem::{self, Problem};
use crate::server::TelemetryOptions;
use crate::{
    assets, body, dead_letters, definitions, destinations, dry_run, erasures, explaining, export,
    health, ingest, jobs, origin, profiles,
};

/// What handlers work with; clones share it.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) runtime: Runtime,
    pub(crate) delivery: Delivery,
    pub(crate) counts: Arc<Counts>,
    pub(crate) tracer: Tracer,
    pub(crate) alarms: Alarms,
    /// Audiences that have metrics of their own.
    pub(crate) audiences_max: usize,
}

impl App {
    pub(crate) fn new(runtime: Runtime, delivery: Delivery, options: TelemetryOptions) -> App {
        let TelemetryOptions { tracer, audiences_max, .. } = options;
        let (counts, alarms) = (Arc::default(), Alarms::default());
        App { runtime, delivery, counts, tracer, alarms, audiences_max }
    }
}

/// The whole interface.
pub(crate) fn router(app: App, feed: LiveFeed, shop: bool) -> Router {
    let profile = get(profiles::read).delete(erasures::begin);
    let explain = get(explaining::now).post(explaining::after_events);
    let letter = get(dead_letters::read).delete(dead_letters::drop_letter);
    let api = Router::new()
        .route("/api/events", post(ingest::events))
        .route("/api/records", post(ingest::records))
        .route("/api/dry-run", post(dry_run::answer))
        .route("/api/profiles/{namespace}/{id}", profile)
        .route("/api/profiles/{namespace}/{id}/explain/{audience}", explain)
        .route("/api/identities/{namespace}/{id}/graph", get(profiles::graph))
        .route("/api/destinations/{id}/test", post(destinations::test))
        .route("/api/dead-letters", get(dead_letters::list))
        .route("/api/dead-letters/{id}", letter)
        .route("/api/dead-letters/{id}/replay", post(dead_letters::replay))
        .route("/api/erasures", get(erasures::list))
        .route("/api/erasures/{id}", get(erasures::read))
        .route("/api/export", get(export::write))
        .route("/api/jobs", get(jobs::list))
        .route("/api/jobs/{id}", get(jobs::read))
        .route("/api/alarms", get(alarms::list))
        .route("/api/live", get(live::follow).with_state(feed))
        .route("/health", get(health::alive))
        .route("/ready", get(health::ready))
        .route("/metrics", get(metrics::render))
        .route("/errors/{code}", get(assets::error_page))
        .with_state(app.clone())
        .merge(definitions::routes(&app));
    let site = if shop { assets::shop() } else { Router::new() };
    api.merge(site)
        .fallback(unknown_path)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(RequestDecompressionLayer::new().pass_through_unaccepted(true))
        .layer(from_fn(body::receive))
        .layer(from_fn(origin::guard))
        .layer(from_fn_with_state(app.counts, metrics::count_answer))
}

async fn unknown_path(uri: Uri) -> Problem {
    let detail = format!("nothing is served at {}; docs/http.md has the paths", uri.path());
    Problem::new(&problem::UNKNOWN_PATH, detail)
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let path = uri.path();
    let detail = format!("{path} does not take {method}; the allow header has what it takes");
    Problem::new(&problem::METHOD_NOT_ALLOWED, detail)
}

/// Runs a call that may wait, such as a read of what was just written, away from the threads that
/// serve connections.
pub(crate) async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, RuntimeError> + Send + 'static,
) -> Result<T, RuntimeError> {
    let joined = tokio::task::spawn_blocking(call).await;
    joined.unwrap_or_else(|error| Err(RuntimeError::Stopped { reason: error.to_string() }))
}

impl From<RuntimeError> for Problem {
    fn from(error: RuntimeError) -> Problem {
        let detail = error.to_string();
        let kind = match error {
            RuntimeError::Busy { .. } => &problem::BUSY,
            RuntimeError::NotCaughtUp { .. } | RuntimeError::Stopped { .. } => &problem::NOT_READY,
            RuntimeError::Conflict { .. } => &problem::CHANGED_MEANWHILE,
            RuntimeError::NotFound { .. } => &problem::NOT_FOUND,
            RuntimeError::TooLarge { .. } => &problem::BODY_TOO_LARGE,
            RuntimeError::Refused { violations } => {
                return crate::refusal::Refusal::of_indexed(&[], violations).into();
            }
            RuntimeError::Log(_) | RuntimeError::Store(_) | RuntimeError::ActivationLog(_) => {
                &problem::STORAGE_FAILED
            }
            _ => &problem::INTERNAL,
        };
        // That it is busy is in the metrics; a line for each request would make it busier.
        if kind.status.is_server_error() && kind.code != problem::BUSY.code {
            tracing::warn!(code = kind.code, error = detail, "request failed");
        }
        Problem::new(kind, detail)
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Problem {
        Problem::new(&problem::BAD_PARAMETER, rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Problem {
        Problem::new(&problem::BAD_PARAMETER, rejection.body_text())
    }
}
