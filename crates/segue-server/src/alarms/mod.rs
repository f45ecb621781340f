//! Alarms: what needs somebody's attention, found by looking every few seconds.
//!
//! ```text
//! runtime, delivery ─▶ Reading ─▶ Watch ─▶ raised, cleared ─▶ GET /api/alarms, /metrics, the log
//! ```
//! An alarm is raised when its condition has held as long as its threshold says, and cleared at the
//! first look at which it does not hold. Each is logged once, both times.

mod reading;
mod thresholds;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use parking_lot::Mutex;
use segue_xdm::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;

use crate::app::{App, blocking};
use reading::Reading;
pub use thresholds::AlarmThresholds;
use watch::Watch;

/// Something that needs attention.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Alarm {
    /// What kind of thing.
    pub(crate) name: &'static str,
    /// The destination, definition or part that it is about.
    pub(crate) subject: Option<String>,
    /// Since when.
    pub(crate) since: Timestamp,
    /// What is wrong, and what to do.
    pub(crate) detail: String,
}

/// The alarms that are raised; clones share them.
#[derive(Clone, Default, Debug)]
pub(crate) struct Alarms(Arc<Mutex<Vec<Alarm>>>);

impl Alarms {
    /// Those that are raised now.
    pub(crate) fn raised(&self) -> Vec<Alarm> {
        self.0.lock().clone()
    }

    /// These are raised now; tells of those that were not, and of those that no longer are.
    fn replace(&self, now: Vec<Alarm>) {
        let before = std::mem::replace(&mut *self.0.lock(), now.clone());
        let is_in = |alarms: &[Alarm], wanted: &Alarm| {
            alarms.iter().any(|one| one.name == wanted.name && one.subject == wanted.subject)
        };
        for Alarm { name, subject, detail, .. } in now.iter().filter(|one| !is_in(&before, one)) {
            let subject = subject.as_deref();
            tracing::warn!(alarm = name, subject, detail, "alarm raised");
        }
        for Alarm { name, subject, .. } in before.iter().filter(|one| !is_in(&now, one)) {
            tracing::warn!(alarm = name, subject = subject.as_deref(), "alarm cleared");
        }
    }
}

/// Looks every few seconds, until the server stops.
pub(crate) async fn watch(app: App, thresholds: AlarmThresholds, mut stop: Receiver<bool>) {
    let interval = Duration::from_secs(thresholds.interval_seconds.max(1));
    let mut watch = Watch::new(thresholds);
    loop {
        let reading = {
            let (runtime, delivery) = (app.runtime.clone(), app.delivery.clone());
            blocking(move || Ok(Reading::take(&runtime, &delivery))).await
        };
        if let Ok(reading) = reading {
            app.alarms.replace(watch.look(&reading));
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(interval) => {}
        }
    }
}

/// `GET /api/alarms`: those that are raised, the oldest first.
pub(crate) async fn list(State(app): State<App>) -> Json<Value> {
    let mut alarms = app.alarms.raised();
    alarms.sort_by_key(|alarm| alarm.since);
    let shown = alarms.into_iter().map(|Alarm { name, subject, since, detail }| {
        json!({"alarm": name, "subject": subject, "since": since.to_string(), "detail": detail})
    });
    Json(shown.collect())
}
