//! What a start makes of what the last run left behind.
//!
//! ```text
//!   input log    start ───────── applied ═════════════ head
//!                 kept         │  replayed by the engine thread
//!   checkpoint    state of all before `applied`, and where the activation logs ended then
//!   hub logs      ───────────── ends ─────────────── end
//!                              │  found: not appended again
//! ```
//!
//! The input log is the truth. A checkpoint behind its head is caught up with, however far; one
//! ahead of it, or behind its start, would make a state that no log explains, and is refused.

use std::collections::HashSet;
use std::path::Path;

use segue_core::{ActivationId, Engine};

use crate::activation_log::{ActivationLog, LogEnds};
use crate::checkpoint::{Checkpoint, Mark};
use crate::data_dir;
use crate::error::RecoveryError;
use crate::input_log::InputLog;
use crate::{RuntimeError, RuntimeOptions};

/// Everything that the threads go on from.
pub(crate) struct Recovered {
    pub(crate) input: InputLog,
    pub(crate) checkpoint: Checkpoint,
    /// The state after the inputs before `applied`.
    pub(crate) engine: Engine,
    pub(crate) applied: u64,
    /// Where the activation logs ended then.
    pub(crate) ends: LogEnds,
    /// Activations of later inputs that are in their logs already.
    pub(crate) found: HashSet<ActivationId>,
}

/// Opens log and checkpoint and checks that they fit.
pub(crate) fn recover(
    checkpoint: Checkpoint,
    options: &RuntimeOptions,
    activation_log: &dyn ActivationLog,
) -> Result<Recovered, RuntimeError> {
    let directory = data_dir::input(&options.data_dir);
    let input = InputLog::open(&directory, options)?;
    let state = data_dir::state(&options.data_dir);
    let unreadable = |problem: String| RecoveryError::Unreadable { state: state.clone(), problem };
    let Mark { applied, ends } =
        checkpoint.mark().map_err(|error| unreadable(error.to_string()))?;
    check_position(&state, applied, &input)?;
    input.hold_from(applied);

    let mut failure = None;
    let entries = checkpoint.state().map_while(|entry| entry.map_err(|e| failure = Some(e)).ok());
    let restored = Engine::restore(options.settings.clone(), entries);
    if let Some(error) = failure {
        return Err(unreadable(error.to_string()).into());
    }
    let engine = restored.map_err(|error| unreadable(error.to_string()))?;
    let held = engine.applied().map_or(0, |last| last + 1);
    if held != applied {
        let problem = format!("it holds the inputs before {held}, but its mark says {applied}");
        return Err(unreadable(problem).into());
    }
    activation_log.hold_from(&ends);
    let found = activation_log.ids_since(&ends)?;
    let head = input.head();
    tracing::info!(applied, head, replay = head - applied, found = found.len(), "recovered");
    Ok(Recovered { input, checkpoint, engine, applied, ends, found })
}

/// The checkpoint's position must lie within the log.
fn check_position(state: &Path, applied: u64, input: &InputLog) -> Result<(), RecoveryError> {
    let state = state.to_owned();
    let (start, head) = (input.start(), input.head());
    if applied > head {
        return Err(RecoveryError::Ahead { state, applied, head });
    }
    if applied < start {
        return Err(RecoveryError::Gap { state, applied, start });
    }
    Ok(())
}
