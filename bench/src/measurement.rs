//! Measuring: a stream against so many audiences, in CPU time of this thread.
//!
//! ```text
//! publish ─▶ warm up: half of the events, or of the time ─▶ measured: read, then process, in turn
//! ```
//! The clock is read twice a batch, not twice an event: reading it costs as much as a fast event.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use segue_core::{InTurn, Input, Outcome};
use segue_xdm::{Timestamp, Violation};

use crate::subject::{Alone, StateSize, Subject};
use segue_load::audience::Audience;
use segue_load::stream::{Arrival, START};

/// Inputs between two looks at the clock.
const BATCH: usize = 20;

/// How much CPU time this thread has used.
#[must_use]
pub fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// What was measured with so many audiences.
#[derive(Clone, Copy, Debug, Default)]
pub struct Measurement {
    /// Audiences published.
    pub audiences: usize,
    /// Audiences that the language refused: they are not among the published ones.
    pub refused: usize,
    /// CPU time to publish them.
    pub publishing: Duration,
    /// Inputs before the clock counted.
    pub warm_up: usize,
    /// Inputs on which the figures rest.
    pub measured: usize,
    /// CPU time to read them: JSON, validation.
    pub reading: Duration,
    /// CPU time to process them, each by its profile alone.
    pub processing: Duration,
    /// CPU time to take them through the whole engine: repeats, identities, timers, and what a
    /// checkpoint has to write.
    pub whole: Duration,
    /// Bytes of state of a profile, without its events and records.
    pub bytes_per_profile: f64,
    /// Changes of status that they, and the timers between them, brought.
    pub changes: usize,
    /// What the engine holds in the end.
    pub state: StateSize,
}

impl Measurement {
    /// CPU time to process one input, in nanoseconds.
    #[must_use]
    pub fn process_ns(&self) -> f64 {
        self.processing.as_nanos() as f64 / self.measured.max(1) as f64
    }

    /// CPU time to read one input, in nanoseconds.
    #[must_use]
    pub fn read_ns(&self) -> f64 {
        self.reading.as_nanos() as f64 / self.measured.max(1) as f64
    }

    /// Inputs that are processed in a second of CPU time.
    #[must_use]
    pub fn events_per_cpu_second(&self) -> f64 {
        1e9 / self.process_ns().max(1.0)
    }

    /// CPU time to take one input through the whole engine, in nanoseconds.
    #[must_use]
    pub fn whole_ns(&self) -> f64 {
        self.whole.as_nanos() as f64 / self.measured.max(1) as f64
    }

    /// Bytes of the events and records of a profile.
    #[must_use]
    pub fn history_bytes_per_profile(&self) -> f64 {
        self.state.history_bytes as f64 / self.state.profiles.max(1) as f64
    }
}

/// Publishes the audiences and sends the arrivals, for at most so much CPU time once to warm up
/// and once to measure.
///
/// # Errors
/// An arrival is not valid.
pub fn measure(
    arrivals: &[Arrival],
    audiences: &[Audience],
    limit: Duration,
) -> Result<Measurement, Vec<Violation>> {
    let mut subject = Subject::default();
    let start = thread_cpu_time();
    let now = arrivals.first().map_or(START, |arrival| arrival.at);
    let published = audiences.iter().map(|audience| subject.publish(audience, now));
    let refused = published.filter(Result::is_err).count();
    let publishing = thread_cpu_time() - start;
    let mut alone = subject.alone();
    let (early, late) = arrivals.split_at(arrivals.len() / 2);
    let before = run(&mut subject, &mut alone, early, limit)?;
    let after = run(&mut subject, &mut alone, late, limit)?;
    Ok(Measurement {
        audiences: audiences.len() - refused,
        refused,
        publishing,
        warm_up: before.measured,
        state: subject.into_state_size(),
        bytes_per_profile: alone.bytes_per_profile(),
        ..after
    })
}

/// Sends arrivals until there are no more, or the time is used up.
fn run(
    subject: &mut Subject,
    alone: &mut Alone,
    arrivals: &[Arrival],
    limit: Duration,
) -> Result<Measurement, Vec<Violation>> {
    let mut found = Measurement::default();
    for batch in arrivals.chunks(BATCH) {
        let start = thread_cpu_time();
        let inputs = read(batch)?;
        let read = thread_cpu_time();
        for (at, input) in &inputs {
            alone.process(*at, input);
        }
        let processed = thread_cpu_time();
        found.changes += changes(&subject.process_all(inputs, &InTurn));
        found.processing += processed - read;
        found.whole += thread_cpu_time() - processed;
        found.reading += read - start;
        found.measured += batch.len();
        if found.processing + found.whole + found.reading >= limit {
            break;
        }
    }
    Ok(found)
}

/// How many statuses changed.
pub(crate) fn changes(outcomes: &[Outcome]) -> usize {
    outcomes.iter().map(|outcome| outcome.changes.len()).sum()
}

pub(crate) fn read(batch: &[Arrival]) -> Result<Vec<(Timestamp, Input)>, Vec<Violation>> {
    let read = |arrival: &Arrival| {
        let input = Subject::read(arrival.kind, arrival.body.as_bytes(), arrival.at)?;
        Ok((arrival.at, input))
    };
    batch.iter().map(read).collect()
}
