//! When each event was sent, by its number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Requests that are remembered: more than are ever under way at once.
const KEPT: usize = 1 << 20;

/// The times of the newest requests, which all events of a request have.
pub(crate) struct SentTimes {
    start: Instant,
    /// Events in a request.
    batch: u64,
    nanos: Vec<AtomicU64>,
}

impl SentTimes {
    pub(crate) fn new(batch: usize) -> SentTimes {
        let nanos = (0..KEPT).map(|_| AtomicU64::new(0)).collect();
        SentTimes { start: Instant::now(), batch: batch.max(1) as u64, nanos }
    }

    pub(crate) fn note(&self, request: u64, at: Instant) {
        let nanos = at.saturating_duration_since(self.start).as_nanos() as u64;
        if let Some(kept) = self.nanos.get(request as usize % KEPT) {
            kept.store(nanos, Ordering::Relaxed);
        }
    }

    /// When an event was sent.
    pub(crate) fn of(&self, event: u64) -> Option<Instant> {
        let request = event / self.batch;
        let nanos = self.nanos.get(request as usize % KEPT)?.load(Ordering::Relaxed);
        (nanos > 0).then(|| self.start + Duration::from_nanos(nanos))
    }
}
