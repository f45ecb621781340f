//! `/metrics`: the numbers of runtime and server in Prometheus' text format.
//!
//! The runtime counts for itself and gives a snapshot; writing that down takes a few lines, where
//! a metrics facade would want a global recorder and every number kept twice.
//!
//! ```text
//! # HELP segue_events_duplicate_total Events dropped because their _id was seen before.
//! # TYPE segue_events_duplicate_total counter
//! segue_events_duplicate_total 3
//! ```

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use segue_delivery::{BreakerState, DeliveryStatus};
use segue_runtime::{Counters, Status};

use crate::app::App;

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

/// The handler.
pub(crate) async fn render(State(app): State<App>) -> Response {
    let mut page = Page::default();
    page.server(&app.counts);
    page.runtime(&app.runtime.status());
    page.delivery(&app.delivery.statuses());
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], page.0).into_response()
}

#[derive(Default)]
struct Page(String);

impl Page {
    fn server(&mut self, counts: &Counts) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let all: [(&str, &str, &AtomicU64); 5] = [
            ("ingest_items_accepted", "Items accepted over HTTP.", &counts.items_accepted),
            ("ingest_items_refused", "Items refused over HTTP.", &counts.items_refused),
            ("http_answers", "Answers to HTTP requests.", &counts.answers),
            ("http_answers_4xx", "Answers that blame the client.", &counts.answers_client_error),
            ("http_answers_5xx", "Answers that blame the server.", &counts.answers_server_error),
        ];
        for (name, help, count) in all {
            self.counter(name, help, read(count));
        }
    }

    fn runtime(&mut self, status: &Status) {
        self.gauge("input_log_head", "Position after the last durable input.", status.head);
        self.gauge("inputs_applied_position", "Position that the state is at.", status.applied);
        self.gauge("inputs_backlog", "Inputs that wait to be applied.", status.backlog);
        self.gauge("checkpoint_position", "Position of the checkpoint.", status.checkpointed);
        self.gauge("jobs_running", "Changes that profiles have yet to follow.", status.jobs);
        self.gauge("ready", "1 once caught up and without trouble.", {
            u64::from(status.caught_up && status.problem.is_none())
        });
        // Taken apart without `..`, so that a new counter cannot be forgotten here.
        let Counters {
            accepted,
            busy,
            applied,
            backfilled,
            slices,
            duplicates,
            changes,
            merges,
            evictions,
            cuts,
            unidentified,
            activations,
            activations_found,
            activation_failures,
            ticks,
            checkpoints,
            checkpoint_failures,
        } = status.counters;
        let all = [
            ("inputs_accepted", "Inputs acknowledged to their senders.", accepted),
            ("inputs_busy", "Inputs refused because too many waited.", busy),
            ("inputs_applied", "Inputs applied, replayed ones included.", applied),
            ("backfill_profiles", "Profiles that followed changed definitions.", backfilled),
            ("backfill_slices", "Slices of jobs written to the input log.", slices),
            ("events_duplicate", "Events dropped because their _id was seen.", duplicates),
            ("membership_changes", "Changes of membership status.", changes),
            ("profile_merges", "Profiles merged into another.", merges),
            ("identities_evicted", "Identities that had to leave a full profile.", evictions),
            ("identity_links_cut", "Links that newer ones contradict.", cuts),
            ("inputs_unidentified", "Inputs of which all ids are excluded.", unidentified),
            ("activations", "Activations written.", activations),
            ("activations_found", "Activations that a replay found written.", activations_found),
            ("activation_failures", "Failed attempts to write some.", activation_failures),
            ("timer_ticks", "Timer ticks written to the input log.", ticks),
            ("checkpoints", "Checkpoints written.", checkpoints),
            ("checkpoint_failures", "Failed attempts to write one.", checkpoint_failures),
        ];
        for (name, help, value) in all {
            self.counter(name, help, value);
        }
    }

    fn delivery(&mut self, statuses: &[(String, DeliveryStatus)]) {
        type Number = fn(&DeliveryStatus) -> u64;
        let counters: [(&str, &str, Number); 4] = [
            ("delivered", "Messages that the destination took.", |status| status.delivered),
            ("retried", "Messages sent again, each time.", |status| status.retried),
            ("refused", "Messages refused for good.", |status| status.refused),
            ("discarded", "Messages given up on removal.", |status| status.discarded),
        ];
        let gauges: [(&str, &str, Number); 3] = [
            ("backlog", "Messages that wait for the destination.", |status| status.backlog),
            ("dead_letters", "Dead letters not replayed or dropped.", |status| status.dead_letters),
            ("trouble", "1 while something keeps messages waiting.", |status| {
                u64::from(status.trouble.is_some())
            }),
        ];
        for (name, help, number) in counters {
            let name = format!("segue_delivery_{name}_total");
            self.by_destination(&name, "counter", help, statuses, number);
        }
        for (name, help, number) in gauges {
            self.by_destination(&format!("segue_delivery_{name}"), "gauge", help, statuses, number);
        }
        let name = "segue_delivery_breaker";
        let _ = write!(self.0, "# HELP {name} 1 for the breaker's state.\n# TYPE {name} gauge\n");
        for (id, status) in statuses {
            for state in [BreakerState::Closed, BreakerState::HalfOpen, BreakerState::Open] {
                let (id, is_it) = (escaped(id), u64::from(status.breaker == state));
                let state = state.as_str();
                let labels = format!("destination=\"{id}\",state=\"{state}\"");
                let _ = writeln!(self.0, "{name}{{{labels}}} {is_it}");
            }
        }
    }

    /// One line a destination.
    fn by_destination(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        statuses: &[(String, DeliveryStatus)],
        number: fn(&DeliveryStatus) -> u64,
    ) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (id, status) in statuses {
            let (id, value) = (escaped(id), number(status));
            let _ = writeln!(self.0, "{name}{{destination=\"{id}\"}} {value}");
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.metric(&format!("segue_{name}_total"), "counter", help, value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.metric(&format!("segue_{name}"), "gauge", help, value);
    }

    fn metric(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
    }
}

/// The value of a label as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
