//! How long inputs take from stage to stage, and how long the oldest one has waited.
//!
//! ```text
//!   submit ──▶ durable ──▶ applied ──▶ activations durable
//!        append       wait        activate
//! ```
//!
//! One entry a request, not one an input. Requests are told of by the threads that submit them, in
//! whatever order these wake; what is applied before its own thread has woken has not waited.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use segue_telemetry::Histogram;

/// How long inputs take from stage to stage.
#[derive(Debug)]
pub struct Stages {
    /// From the submission of an input until it is durable.
    pub append: Histogram,
    /// From then on until it is applied.
    pub wait: Histogram,
    /// From when an input is applied until its activations are durable, for each of them.
    pub activate: Histogram,
    waiting: Mutex<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    applied: u64,
    /// Where the inputs of a request end, when they became durable, and how many there are.
    requests: BTreeMap<u64, (Instant, u64)>,
    /// What was in the log at the start counts as if it had come then.
    replay: Option<(u64, Instant)>,
}

impl Stages {
    /// Before everything from `applied` to `head` is replayed.
    pub(crate) fn new(applied: u64, head: u64) -> Stages {
        let replay = (applied < head).then(|| (head, Instant::now()));
        Stages {
            append: Histogram::default(),
            wait: Histogram::default(),
            activate: Histogram::default(),
            waiting: Mutex::new(Waiting { applied, requests: BTreeMap::new(), replay }),
        }
    }

    /// For how long the oldest input that is not applied has waited; zero when there is none.
    #[must_use]
    pub fn lag(&self) -> Duration {
        let waiting = self.waiting.lock();
        let replay = waiting.replay.map(|(_, since)| since);
        let first = waiting.requests.first_key_value().map(|(_, (since, _))| *since);
        replay.or(first).map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// So many inputs that end at `end` are durable, after they were submitted at `begun`.
    pub(crate) fn durable(&self, end: u64, count: usize, begun: Instant) {
        self.append.record_many(begun.elapsed(), count as u64);
        let mut waiting = self.waiting.lock();
        if end > waiting.applied {
            waiting.requests.insert(end, (Instant::now(), count as u64));
        } else {
            self.wait.record_many(Duration::ZERO, count as u64);
        }
    }

    /// Everything before `end` is applied.
    pub(crate) fn applied(&self, end: u64) {
        let mut waiting = self.waiting.lock();
        waiting.applied = end;
        waiting.replay = waiting.replay.filter(|(head, _)| *head > end);
        while let Some(request) = waiting.requests.first_entry().filter(|one| *one.key() <= end) {
            let (since, count) = request.remove();
            self.wait.record_many(since.elapsed(), count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_waits_until_it_is_applied_whoever_is_told_first() {
        let stages = Stages::new(10, 10);
        let now = Instant::now();
        assert_eq!(stages.lag(), Duration::ZERO);
        stages.durable(15, 5, now);
        stages.durable(20, 5, now);
        assert!(stages.lag() > Duration::ZERO);
        stages.applied(15);
        assert_eq!((stages.append.view().count, stages.wait.view().count), (10, 5));
        stages.applied(30);
        assert_eq!((stages.lag(), stages.wait.view().count), (Duration::ZERO, 10));
        stages.durable(30, 10, now);
        assert_eq!((stages.lag(), stages.wait.view().count), (Duration::ZERO, 20));
    }

    #[test]
    fn a_replay_waits_since_the_start() {
        let stages = Stages::new(10, 20);
        assert!(stages.lag() > Duration::ZERO);
        stages.applied(20);
        assert_eq!(stages.lag(), Duration::ZERO);
    }
}
