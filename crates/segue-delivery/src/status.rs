//! How delivery to a destination goes, in numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use segue_telemetry::{Histogram, HistogramView};

use crate::breaker::BreakerState;
use crate::gate::Gate;
use crate::sender::Sender;

/// How delivery to one destination goes. Numbers that only grow count from the start of the
/// process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStatus {
    /// Messages that it took.
    pub delivered: u64,
    /// How long they took, from their cause on.
    pub latency: HistogramView,
    /// Messages that were sent again, once for each time.
    pub retried: u64,
    /// Messages that it refused for good.
    pub refused: u64,
    /// Messages that were given up because the destination was removed.
    pub discarded: u64,
    /// Messages that wait for it.
    pub backlog: u64,
    /// Dead letters that nobody has replayed or dropped.
    pub dead_letters: u64,
    /// What its breaker lets through.
    pub breaker: BreakerState,
    /// What is wrong at the moment, if anything.
    pub trouble: Option<String>,
}

/// What a destination's workers tell, kept also while they are replaced by others.
#[derive(Default)]
pub(crate) struct Report {
    delivered: AtomicU64,
    latency: Histogram,
    retried: AtomicU64,
    refused: AtomicU64,
    discarded: AtomicU64,
    trouble: Mutex<Option<String>>,
    open: Mutex<Option<Open>>,
}

/// What a destination's workers send through.
#[derive(Clone)]
pub(crate) struct Open {
    pub(crate) gate: Arc<Gate>,
    pub(crate) sender: Arc<dyn Sender>,
}

impl Report {
    pub(crate) fn count_delivered(&self, latency: Duration) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
        self.latency.record(latency);
    }

    pub(crate) fn count_retried(&self, messages: usize) {
        self.retried.fetch_add(messages as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_discarded(&self, messages: u64) {
        self.discarded.fetch_add(messages, Ordering::Relaxed);
    }

    /// Something keeps messages waiting.
    pub(crate) fn trouble(&self, destination: &str, error: &str) {
        let mut trouble = self.trouble.lock();
        // Said once, not with every attempt.
        if trouble.as_deref() != Some(error) {
            tracing::warn!(destination, error, "messages wait");
            *trouble = Some(error.to_owned());
        }
    }

    /// It works.
    pub(crate) fn well(&self, destination: &str) {
        if self.trouble.lock().take().is_some() {
            tracing::info!(destination, "messages are taken again");
        }
    }

    pub(crate) fn set_open(&self, open: Option<Open>) {
        *self.open.lock() = open;
    }

    pub(crate) fn open(&self) -> Option<Open> {
        self.open.lock().clone()
    }

    pub(crate) fn status(&self, backlog: u64, dead_letters: u64) -> DeliveryStatus {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let open = self.open();
        DeliveryStatus {
            delivered: read(&self.delivered),
            latency: self.latency.view(),
            retried: read(&self.retried),
            refused: read(&self.refused),
            discarded: read(&self.discarded),
            backlog,
            dead_letters,
            breaker: open.map_or(BreakerState::Closed, |open| open.gate.state()),
            trouble: self.trouble.lock().clone(),
        }
    }
}
