//! `/metrics`: the numbers of runtime, delivery and server in Prometheus' text format.
//! `docs/telemetry.md` explains each.
//!
//! The parts count for themselves and give snapshots; writing those down takes a few lines, where
//! a metrics facade would want a global recorder and every number kept twice.

mod audiences;
mod delivery;
mod page;
mod runtime;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::app::{App, blocking};
use crate::problem::Problem;
use page::{Kind, Page};

const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the server itself counts since its start.
#[derive(Default, Debug)]
pub(crate) struct Counts {
    items_accepted: AtomicU64,
    items_refused: AtomicU64,
    answers: AtomicU64,
    answers_client_error: AtomicU64,
    answers_server_error: AtomicU64,
}

impl Counts {
    /// Items of one request to ingest.
    pub(crate) fn count_items(&self, accepted: usize, refused: usize) {
        self.items_accepted.fetch_add(accepted as u64, Ordering::Relaxed);
        self.items_refused.fetch_add(refused as u64, Ordering::Relaxed);
    }
}

/// Middleware: counts answers.
pub(crate) async fn count_answer(
    State(counts): State<Arc<Counts>>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    counts.answers.fetch_add(1, Ordering::Relaxed);
    if response.status().is_client_error() {
        counts.answers_client_error.fetch_add(1, Ordering::Relaxed);
    }
    if response.status().is_server_error() {
        counts.answers_server_error.fetch_add(1, Ordering::Relaxed);
    }
    response
}

/// The handler. How long something waits for a destination is read from the disk.
pub(crate) async fn render(State(app): State<App>) -> Result<Response, Problem> {
    let page = blocking(move || Ok(write(&app))).await?;
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], page).into_response())
}

fn write(app: &App) -> String {
    let mut page = Page::default();
    server(&mut page, &app.counts);
    runtime::write(&mut page, &app.runtime);
    audiences::write(&mut page, &app.runtime, app.audiences_max);
    delivery::write(&mut page, &app.delivery, app.runtime.now());
    let mut family = page.family("segue_alarm", Kind::Gauge, "1 for each alarm that is raised.");
    for alarm in app.alarms.raised() {
        let subject = alarm.subject.unwrap_or_default();
        family.sample(&[("alarm", alarm.name), ("subject", &subject)], 1);
    }
    page.finish()
}

fn server(page: &mut Page, counts: &Counts) {
    let all: [(&str, &str, &AtomicU64); 5] = [
        ("ingest_items_accepted", "Items accepted over HTTP.", &counts.items_accepted),
        ("ingest_items_refused", "Items refused over HTTP.", &counts.items_refused),
        ("http_answers", "Answers to HTTP requests.", &counts.answers),
        ("http_answers_4xx", "Answers that blame the client.", &counts.answers_client_error),
        ("http_answers_5xx", "Answers that blame the server.", &counts.answers_server_error),
    ];
    for (name, help, count) in all {
        page.counter(name, help, count.load(Ordering::Relaxed));
    }
}
