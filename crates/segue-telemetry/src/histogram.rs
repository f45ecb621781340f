//! How long something took, over everything since the start.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, in seconds: from what memory takes to what a destination does that
/// was down for half an hour.
pub const BOUNDS_SECONDS: [f64; 20] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0, 30.0, 60.0, 300.0, 1800.0,
];

/// Times, counted by how long they were. Many threads record, without waiting for each other.
#[derive(Default, Debug)]
pub struct Histogram {
    /// Times up to each bound and over the one before.
    buckets: [AtomicU64; BOUNDS_SECONDS.len()],
    /// Times over the last bound.
    longer: AtomicU64,
    nanos: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HistogramView {
    /// How many times were at most as long as each of [`BOUNDS_SECONDS`].
    pub at_most: [u64; BOUNDS_SECONDS.len()],
    /// How many there were.
    pub count: u64,
    /// All of them together.
    pub sum: Duration,
}

impl Histogram {
    /// Counts a time.
    pub fn record(&self, time: Duration) {
        self.record_many(time, 1);
    }

    /// Counts a time that so many things took each.
    pub fn record_many(&self, time: Duration, count: u64) {
        let seconds = time.as_secs_f64();
        let place = BOUNDS_SECONDS.partition_point(|bound| *bound < seconds);
        self.buckets.get(place).unwrap_or(&self.longer).fetch_add(count, Ordering::Relaxed);
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos.saturating_mul(count), Ordering::Relaxed);
    }

    /// What was counted by now.
    pub fn view(&self) -> HistogramView {
        let mut count = 0;
        let at_most = self.buckets.each_ref().map(|bucket| {
            count += bucket.load(Ordering::Relaxed);
            count
        });
        HistogramView {
            at_most,
            count: count + self.longer.load(Ordering::Relaxed),
            sum: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_count_up_to_every_bound_that_they_keep() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_micros(100));
        histogram.record_many(Duration::from_millis(2), 3);
        histogram.record(Duration::from_secs(7200));
        let view = histogram.view();
        assert_eq!(view.at_most[..6], [1, 1, 1, 1, 4, 4]);
        assert_eq!(view.at_most.last(), Some(&4));
        assert_eq!(view.count, 5);
        assert_eq!(view.sum, Duration::from_micros(7_200_006_100));
    }
}
