//! Latencies that are recorded while somebody else looks at them.

use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use super::new_histogram;

/// The latencies since the last look.
pub(super) struct Latencies(Mutex<Histogram<u64>>);

impl Latencies {
    pub(super) fn new() -> Latencies {
        Latencies(Mutex::new(new_histogram()))
    }

    pub(super) fn record(&self, latency: Duration) {
        self.0.lock().saturating_record(latency.as_nanos() as u64);
    }

    /// Takes out what was recorded since the last call.
    pub(super) fn take(&self) -> Histogram<u64> {
        std::mem::replace(&mut *self.0.lock(), new_histogram())
    }
}
