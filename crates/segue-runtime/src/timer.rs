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

use std::sync::Arc;
use std::time::Duration;

use segue_core::Input;
use segue_xdm::Timestamp;

use crate::RuntimeError;
use crate::options::{CLOCK_RECHECK, WRITE_RETRY};
use crate::progress::Wake;
use crate::shared::Shared;
use crate::status::Part;

/// Waits and ticks until the runtime stops.
pub(crate) fn run(shared: &Arc<Shared>) {
    let mut pending = None;
    // No wake-up up to here is left: the engine fires all that are due at a tick. Should one
    // claim to be, ticking again at once would do nothing but fill the log.
    let mut ticked = None;
    loop {
        let timeout = pending.filter(|moment| Some(*moment) > ticked).map(|moment| {
            let now = shared.clock.now();
            if moment > now { time_between(now, moment).min(CLOCK_RECHECK) } else { Duration::ZERO }
        });
        match shared.progress.wait_wake(pending, timeout) {
            Wake::Stopped => return,
            Wake::At(moment) => pending = moment,
        }
        let due = pending.is_some_and(|moment| moment <= shared.clock.now());
        if !due || pending <= ticked {
            continue;
        }
        match tick(shared) {
            Ok(at) => ticked = Some(at),
            Err(RuntimeError::Stopped { .. }) => return,
            Err(error) => {
                shared.health.report(Part::InputLog, &error);
                if shared.progress.wait_stopped(WRITE_RETRY) {
                    return;
                }
            }
        }
    }
}

/// Appends a tick and waits until it is applied, so that the next wake-up is known.
fn tick(shared: &Shared) -> Result<Timestamp, RuntimeError> {
    let accepted = shared.append_blocking(&[Input::Tick], u64::MAX)?;
    shared.health.clear(Part::InputLog);
    shared.counters.ticks.add(1);
    shared.wait_applied(accepted.first_position + 1)?;
    Ok(accepted.time)
}

fn time_between(earlier: Timestamp, later: Timestamp) -> Duration {
    let millis = later.as_millis().saturating_sub(earlier.as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}
