//! What a start makes of what the last run left behind; and an engine that was thrown away, of what
//! it left behind itself.
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
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use segue_core::{ActivationId, Archive, Engine, Settings};
use segue_xdm::Timestamp;

use crate::activation_log::{ActivationLog, LogEnds};
use crate::archive::LogArchive;
use crate::checkpoint::{Checkpoint, Mark};
use crate::data_dir;
use crate::error::RecoveryError;
use crate::input_log::InputLog;
use crate::{RuntimeError, RuntimeOptions};

/// What a start needs, and whoever has to make the state again.
#[derive(Clone)]
pub(crate) struct Recovery {
    state: PathBuf,
    ids: PathBuf,
    settings: Settings,
    checkpoint: Checkpoint,
    pub(crate) archive: Arc<LogArchive>,
}

/// What everything goes on from.
pub(crate) struct Recovered {
    /// The state after the inputs before `applied`.
    pub(crate) engine: Engine,
    pub(crate) applied: u64,
    /// Where the activation logs ended then.
    pub(crate) ends: LogEnds,
    /// Activations of later inputs that are in their logs already.
    pub(crate) found: HashSet<ActivationId>,
}

impl Recovery {
    pub(crate) fn new(
        options: &RuntimeOptions,
        input: &InputLog,
        checkpoint: &Checkpoint,
    ) -> Recovery {
        Recovery {
            state: data_dir::state(&options.data_dir),
            ids: data_dir::ids(&options.data_dir),
            settings: options.settings.clone(),
            checkpoint: checkpoint.clone(),
            archive: Arc::new(LogArchive::new(input.partition().clone(), checkpoint)),
        }
    }

    /// Goes back to the checkpoint, which nobody writes meanwhile; checks that it fits the logs.
    ///
    /// # Errors
    /// [`RuntimeError::Store`], [`RuntimeError::ActivationLog`] and [`RuntimeError::Log`] may pass;
    /// [`RuntimeError::Recovery`] does not.
    pub(crate) fn recover(
        &self,
        input: &InputLog,
        activation_log: &dyn ActivationLog,
    ) -> Result<Recovered, RuntimeError> {
        let Mark { applied, ends, ids } = self.checkpoint.mark()?;
        self.check_position(applied, input)?;
        // Until it is known how far back events may be read.
        input.hold_from(0);
        let archive: Arc<dyn Archive> = self.archive.clone();
        let restored = self.archive.watch(|| Engine::restore(self.settings.clone(), archive));
        let engine = restored?.map_err(|error| self.unreadable(&error))?;
        let held = engine.applied().map_or(0, |last| last + 1);
        if held != applied {
            let problem = format!("it holds the inputs before {held}, but its mark says {applied}");
            return Err(self.unreadable(&problem).into());
        }
        self.check_ids(ids.filter(|(_, until)| *until > engine.now()))?;
        input.hold_from(applied.min(engine.horizon()));
        activation_log.hold_from(&ends);
        let found = activation_log.ids_since(&ends)?;
        let head = input.head();
        tracing::info!(applied, head, replay = head - applied, found = found.len(), "recovered");
        Ok(Recovered { engine, applied, ends, found })
    }

    /// The checkpoint does not hold what it should.
    pub(crate) fn unreadable(&self, problem: &dyn fmt::Display) -> RecoveryError {
        RecoveryError::Unreadable { state: self.state.clone(), problem: problem.to_string() }
    }

    /// The newest `_id` that the checkpoint knows to have been put away must be there.
    fn check_ids(&self, known: Option<(u64, Timestamp)>) -> Result<(), RecoveryError> {
        let Some((position, _)) = known else { return Ok(()) };
        let found = self.checkpoint.ids().newest();
        if found.is_some_and(|(found, _)| found >= position) {
            return Ok(());
        }
        let problem = format!("those up to position {position} of the input log are missing");
        Err(RecoveryError::UnreadableIds { directory: self.ids.clone(), problem })
    }

    /// The checkpoint's position must lie within the log.
    fn check_position(&self, applied: u64, input: &InputLog) -> Result<(), RecoveryError> {
        let state = self.state.clone();
        let (start, head) = (input.start(), input.head());
        if applied > head {
            return Err(RecoveryError::Ahead { state, applied, head });
        }
        if applied < start {
            return Err(RecoveryError::Gap { state, applied, start });
        }
        Ok(())
    }
}
