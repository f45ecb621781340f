//! The thread that lets time pass for the engine.
//!
//! ```text
//!   engine: next wake-up at T ──▶ timer waits for the clock to reach T ──▶ Tick into the log
//!      ▲                                                                        │
//!      └──────────── fires what is due at T, says when the next one is ◀────────┘
//! ```
//!
//! A tick only gives the log a "now" that is at or after T. Any other input does that as well, so
//! a tick that comes early, late, twice or not at all changes nothing about the outcome but its
//! delay. When nothing is due, none is written.
//!
//! While the input log cannot be written, ticks are also what finds out when it can again: senders
//! may have been turned away by whoever asks whether Segue is ready.

use std::time::Duration;

use segue_core::Input;
use segue_xdm::Timestamp;

use crate::options::{CLOCK_RECHECK, WRITE_RETRY};
use crate::shared::Shared;
use crate::{RuntimeError, Submission};

/// Ticks when it is time.
#[derive(Default)]
pub(crate) struct Timer {
    /// No wake-up up to here is left: the engine fires all that are due at a tick. Should one
    /// claim to be, ticking again at once would do nothing but fill the log.
    ticked: Option<Timestamp>,
}

impl Timer {
    /// Ticks and waits until the runtime stops.
    pub(crate) fn run(&mut self, shared: &Shared) {
        loop {
            let pending = shared.progress.next_wake();
            let goes_on = match self.step(shared) {
                Ok(()) => shared.progress.wait_wake(pending, self.time_to(shared, pending)),
                Err(RuntimeError::Stopped { .. }) => false,
                Err(_) => !shared.progress.wait_stopped(WRITE_RETRY),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Appends a tick if a wake-up is due, or to see whether the log can be written again.
    pub(crate) fn step(&mut self, shared: &Shared) -> Result<(), RuntimeError> {
        let now = shared.clock.now();
        let is_due = |moment| moment <= now && Some(moment) > self.ticked;
        if shared.progress.next_wake().is_some_and(is_due) || shared.progress.is_blocked() {
            let accepted = shared.append_blocking(&Submission::of(&[Input::Tick]), u64::MAX)?;
            shared.counters.ticks.add(1);
            self.ticked = Some(accepted.time);
        }
        Ok(())
    }

    /// How long to wait for a moment, and look at the clock again; `None` if it has been.
    fn time_to(&self, shared: &Shared, moment: Option<Timestamp>) -> Option<Duration> {
        let moment = moment.filter(|moment| Some(*moment) > self.ticked)?;
        Some(time_between(shared.clock.now(), moment).min(CLOCK_RECHECK))
    }
}

fn time_between(earlier: Timestamp, later: Timestamp) -> Duration {
    let millis = later.as_millis().saturating_sub(earlier.as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}
