//! Questions that go over all profiles: how many are in an audience, who would move.
//!
//! They may take seconds, and events come in meanwhile. So they look in slices: each holds the
//! engine for about [`SLICE_TIME`], then lets whoever waits go first.
//!
//! ```text
//! question   ███  ███  ███      ███  ███
//! inputs        █    █    ██████    █
//! ```
//!
//! Each slice sees the state as it is at that time, with every window closed that is due.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use segue_core::{Audience, Comparison, Definition, Engine, Estimate};
use segue_xdm::{Timestamp, Violation};

use crate::RuntimeError;
use crate::error::IndexedViolation;
use crate::shared::Shared;

/// How long a slice keeps inputs from being applied: not noticed among the milliseconds that an
/// acknowledgement takes. A single profile with very many events may take longer.
const SLICE_TIME: Duration = Duration::from_millis(2);

/// Profiles between two looks at the clock.
const SLICE_PROFILES: usize = 16;

/// How far a question has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Survey {
    /// The profiles that were looked at.
    pub looked_at: u64,
    /// The profiles that there are.
    pub of: u64,
}

/// What hears of the progress of a question after each slice, and may break it off.
pub type SurveyObserver<'a> = &'a mut dyn FnMut(Survey) -> ControlFlow<()>;

/// Counts who would be in an audience.
pub(crate) fn estimate(
    shared: &Shared,
    audience: &Audience,
    timeout: Duration,
    observer: SurveyObserver<'_>,
) -> Result<Estimate, RuntimeError> {
    let mut estimation = shared.engine.read().estimate(audience).map_err(refused)?;
    in_slices(shared, timeout, observer, &mut |engine, now| {
        let is_more = estimation.advance(engine, now, SLICE_PROFILES);
        (estimation.estimate().of, is_more)
    })?;
    Ok(estimation.estimate().clone())
}

/// Finds who would move if definitions were published.
pub(crate) fn compare(
    shared: &Shared,
    definitions: Vec<Definition>,
    timeout: Duration,
    observer: SurveyObserver<'_>,
) -> Result<Comparison, RuntimeError> {
    let mut comparison = shared.engine.read().compare(definitions).map_err(refused)?;
    in_slices(shared, timeout, observer, &mut |engine, now| {
        let is_more = comparison.advance(engine, now, SLICE_PROFILES);
        (comparison.looked_at(), is_more)
    })?;
    Ok(comparison)
}

/// Looks on, until there is no more to see or the observer has seen enough. `look` tells how many
/// profiles it has looked at by now, and whether there are more.
fn in_slices(
    shared: &Shared,
    timeout: Duration,
    observer: SurveyObserver<'_>,
    look: &mut dyn FnMut(&Engine, Timestamp) -> (u64, bool),
) -> Result<(), RuntimeError> {
    loop {
        let now = shared.clock.now();
        shared.progress.wait_fired(now, timeout)?;
        let engine = shared.engine.read();
        let start = Instant::now();
        let (looked_at, is_more) = loop {
            let (looked_at, is_more) = look(&engine, now);
            if !is_more || start.elapsed() >= SLICE_TIME {
                break (looked_at, is_more);
            }
        };
        let of = engine.profile_count() as u64;
        drop(engine);
        let goes_on = observer(Survey { looked_at, of }).is_continue();
        if !is_more || !goes_on {
            return Ok(());
        }
    }
}

fn refused(violations: Vec<Violation>) -> RuntimeError {
    let indexed = |violation| IndexedViolation { index: 0, violation };
    RuntimeError::Refused { violations: violations.into_iter().map(indexed).collect() }
}
