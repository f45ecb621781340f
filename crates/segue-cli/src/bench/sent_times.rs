//! When each event was sent, by its number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Events that are remembered: more than are ever under way at once.
const KEPT: usize = 1 << 22;

/// The times of the newest events.
pub(crate) struct SentTimes {
    start: Instant,
    nanos: Vec<AtomicU64>,
}

impl SentTimes {
    pub(crate) fn new() -> SentTimes {
        let nanos = (0..KEPT).map(|_| AtomicU64::new(0)).collect();
        SentTimes { start: Instant::now(), nanos }
    }

    pub(crate) fn note(&self, event: u64, at: Instant) {
        let nanos = at.saturating_duration_since(self.start).as_nanos() as u64;
        if let Some(kept) = self.nanos.get(event as usize % KEPT) {
            kept.store(nanos, Ordering::Relaxed);
        }
    }

    /// When an event was sent.
    pub(crate) fn of(&self, event: u64) -> Option<Instant> {
        let nanos = self.nanos.get(event as usize % KEPT)?.load(Ordering::Relaxed);
        (nanos > 0).then(|| self.start + Duration::from_nanos(nanos))
    }
}
