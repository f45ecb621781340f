//! The thread that has profiles follow definitions that changed, a slice at a time.
//!
//! ```text
//!   engine: jobs run ──▶ Advance into the log ──▶ applied; how long did it take?
//!      ▲                                                 │
//!      └── at once while nobody else sends anything ◀────┤
//!      └── after a pause of many times that ◀────────────┘  while live inputs come in
//! ```
//!
//! A slice is an input like any other, so the log says which profiles followed when: a replay does
//! the same, and a restart goes on where the log ends. How many profiles are in one is decided
//! here, by the time that the last one took. A live input waits for one slice at most, and slices
//! have a share of the engine's time that is smaller than what live inputs may be delayed by.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::options::WRITE_RETRY;
use crate::shared::Shared;
use crate::{RuntimeError, Submission};

/// Time of a slice while live inputs come in: what one of them may have to wait.
const LIVE_SLICE: Duration = Duration::from_millis(1);

/// Pause after a slice while live inputs come in, as a multiple of the slice's time: slices have a
/// twentieth of the time, which leaves as much again of the 10 % for their writes.
const LIVE_PAUSE: u32 = 19;

/// Shortest such pause: each slice is also a write to the log, which others wait behind.
const LIVE_PAUSE_MIN: Duration = Duration::from_millis(20);

/// How long after a live input more of them are expected.
const LIVE_MEMORY: Duration = Duration::from_secs(1);

/// Time of a slice while nothing else comes in: longer than it takes to write one down, and short
/// enough not to be noticed by the first live input that comes.
const IDLE_SLICE: Duration = Duration::from_millis(5);

/// Profiles in the first slice by some definitions, of which nobody knows yet how long it takes.
const FIRST_SLICE: u64 = 16;

/// Most profiles in a slice: what they send is held in memory.
const SLICE_MAX: u64 = 4096;

/// How large slices are and how often they come.
struct Pace {
    profiles: u64,
    /// How many definitions had taken effect, when last looked at.
    definitions: u64,
    /// Inputs that others had appended, when last looked at, and when they had become more.
    others: u64,
    live: Option<Instant>,
}

/// Appends slices until the runtime stops.
pub(crate) fn run(shared: &Arc<Shared>) {
    let others_before = others(shared);
    let mut pace =
        Pace { profiles: FIRST_SLICE, definitions: 0, others: others_before, live: None };
    while shared.progress.wait_jobs() {
        let mut pause = match slice(shared, &mut pace) {
            Ok(()) => pace.learn(shared.slice_time.get(), others(shared), Instant::now()),
            Err(RuntimeError::Stopped { .. }) => return,
            Err(_) => WRITE_RETRY,
        };
        while !pause.is_zero() {
            let part = pause.min(LIVE_MEMORY);
            if shared.progress.wait_stopped(part) {
                return;
            }
            // Nobody is left whom a slice could delay.
            let is_live = pace.is_live(others(shared), Instant::now());
            pause = if is_live { pause - part } else { Duration::ZERO };
        }
    }
}

/// Appends a slice behind everything that waits, and waits until it is applied.
fn slice(shared: &Shared, pace: &mut Pace) -> Result<(), RuntimeError> {
    shared.wait_applied(shared.progress.acknowledged())?;
    pace.begin(shared.engine.read().program().version());
    step(shared, pace.profiles)?;
    shared.wait_applied(shared.progress.acknowledged())
}

/// Appends a slice if a job runs and nothing is before it that waits to be applied.
pub(crate) fn step(shared: &Shared, profiles: u64) -> Result<(), RuntimeError> {
    if shared.progress.jobs() > 0 && shared.progress.applied() >= shared.progress.acknowledged() {
        let slice = shared.engine.read().next_slice(profiles);
        if let Some(slice) = slice {
            shared.append_blocking(&Submission::of(&[slice]), u64::MAX)?;
            shared.counters.slices.add(1);
        }
    }
    Ok(())
}

/// Inputs that were appended and are no slices.
fn others(shared: &Shared) -> u64 {
    let counters = shared.counters.snapshot();
    counters.accepted.saturating_sub(counters.slices)
}

impl Pace {
    /// A slice is about to begin, when so many definitions have taken effect. By other ones a
    /// profile may take a hundred times as long.
    fn begin(&mut self, definitions: u64) {
        if definitions != self.definitions {
            self.definitions = definitions;
            self.profiles = self.profiles.min(FIRST_SLICE);
        }
    }

    /// Whether live inputs are to be expected, when others have appended so many inputs.
    fn is_live(&mut self, others: u64, now: Instant) -> bool {
        if others != self.others {
            self.others = others;
            self.live = Some(now);
        }
        self.live.is_some_and(|live| now.duration_since(live) < LIVE_MEMORY)
    }

    /// Takes the time of a slice in; gives the pause before the next one.
    fn learn(&mut self, took: Duration, others: u64, now: Instant) -> Duration {
        let is_live = self.is_live(others, now);
        let wanted = if is_live { LIVE_SLICE } else { IDLE_SLICE };
        let fitting = self.profiles as f64 * wanted.as_secs_f64() / took.as_secs_f64().max(1e-6);
        // Doubles at most: a slice of profiles that had nothing to do says little of the next.
        let fitting = (fitting as u64).min(self.profiles.saturating_mul(2));
        self.profiles = fitting.clamp(1, SLICE_MAX);
        if is_live { (took * LIVE_PAUSE).max(LIVE_PAUSE_MIN) } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn pace(profiles: u64, others: u64) -> Pace {
        Pace { profiles, definitions: 0, others, live: None }
    }

    #[test]
    fn slices_grow_while_nobody_else_sends_and_shrink_at_once_when_somebody_does() {
        let now = Instant::now();
        let mut pace = pace(100, 7);
        assert_eq!(pace.learn(MILLI, 7, now), Duration::ZERO);
        assert_eq!(pace.profiles, 200, "no more than doubled");
        assert_eq!(pace.learn(5 * MILLI, 7, now), Duration::ZERO);
        assert_eq!(pace.profiles, 200);
        assert_eq!(pace.learn(5 * MILLI, 8, now), 95 * MILLI);
        assert_eq!(pace.profiles, 40);
        assert_eq!(pace.learn(MILLI / 10, 8, now + 900 * MILLI), LIVE_PAUSE_MIN, "still live");
        assert_eq!(pace.profiles, 80);
        assert_eq!(pace.learn(MILLI, 8, now + 1000 * MILLI), Duration::ZERO);
    }

    #[test]
    fn a_slice_has_one_profile_at_least_and_never_too_many() {
        let now = Instant::now();
        let mut pace = pace(1, 0);
        pace.learn(Duration::from_secs(9), 1, now);
        assert_eq!(pace.profiles, 1);
        let mut pace = Pace { profiles: SLICE_MAX, ..pace };
        pace.learn(Duration::ZERO, 0, now);
        assert_eq!(pace.profiles, SLICE_MAX);
    }
    #[test]
    fn slices_begin_small_by_other_definitions() {
        let mut pace = pace(SLICE_MAX, 0);
        pace.begin(0);
        assert_eq!(pace.profiles, SLICE_MAX);
        pace.begin(1);
        assert_eq!(pace.profiles, FIRST_SLICE);
        pace.learn(20 * MILLI, 0, Instant::now());
        pace.begin(2);
        assert_eq!(pace.profiles, FIRST_SLICE / 4, "no larger than they were");
    }
}
