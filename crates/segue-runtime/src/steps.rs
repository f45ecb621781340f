//! A runtime without threads: whoever holds the [`Steps`] decides what happens next.
//!
//! ```text
//!   commit       what was appended becomes durable, and its senders learn it
//!   apply        durable inputs become state and activations
//!   tick         time passes, if anything is due
//!   follow       some profiles follow a definition that changed
//!   begin_checkpoint, encode_checkpoint, write_checkpoint
//!   tidy_ids     runs of `_id`s are merged, and those that have ended removed
//!   erase        who was erased from the state is erased from what is behind it
//! ```
//!
//! The threads of a running runtime do nothing else, each its own step again and again. Simulations
//! take the steps in an order of their own (`docs/simulation.md`).

use std::io;
use std::sync::Arc;

use segue_log::Log;

use crate::RuntimeError;
use crate::applier::{Applier, Applying};
use crate::backfill;
use crate::checkpoint::{Advance, Checkpoint};
use crate::erasure;
use crate::shared::Shared;
use crate::timer::Timer;

/// The parts of a runtime that move. None of the steps blocks but for the disk.
pub struct Steps {
    pub(crate) shared: Arc<Shared>,
    pub(crate) applier: Applier,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) timer: Timer,
    /// A checkpoint that is to be written.
    pub(crate) advance: Option<Advance>,
}

impl Steps {
    /// Writes and syncs the inputs that have gathered.
    pub fn commit(&self) {
        self.shared.input.commit();
    }

    /// The input log, to look at.
    pub fn input(&self) -> &Log {
        self.shared.input.log()
    }

    /// Applies the next durable inputs, or tries again to append the activations of the last.
    ///
    /// # Errors
    /// What nobody can go on from; the runtime is over.
    pub fn apply(&mut self) -> Result<Applying, RuntimeError> {
        match self.applier.step()? {
            None if self.advance.is_some() && !self.write_checkpoint() => Ok(Applying::Blocked),
            None => self.applier.recover(),
            Some(applying) => Ok(applying),
        }
    }

    /// Appends a tick if a membership is due to change, or if the input log was in trouble.
    ///
    /// # Errors
    /// The input log cannot be written; it is tried again at the next step.
    pub fn tick(&mut self) -> Result<(), RuntimeError> {
        self.timer.step(&self.shared)
    }

    /// Has so many profiles follow, if any must and nothing else waits.
    ///
    /// # Errors
    /// As [`Steps::tick`].
    pub fn follow(&mut self, profiles: u64) -> Result<(), RuntimeError> {
        backfill::step(&self.shared, profiles)
    }

    /// Takes what has changed since the last checkpoint, unless that one is still to be written or
    /// activations are not durable yet. Tells whether it did.
    ///
    /// # Errors
    /// What nobody can go on from; the runtime is over.
    pub fn begin_checkpoint(&mut self) -> Result<bool, RuntimeError> {
        Ok(self.advance.is_none() && self.applier.begin_checkpoint()?)
    }

    /// Encodes so many profiles of the checkpoint that was begun. Tells whether all are.
    pub fn encode_checkpoint(&mut self, profiles_max: usize) -> bool {
        let whole = self.applier.encode_checkpoint(profiles_max);
        let is_whole = whole.is_some();
        self.advance = self.advance.take().or(whole);
        is_whole
    }

    /// Writes the checkpoint that was begun, once it is encoded. Tells whether one is now written
    /// that was not before.
    pub fn write_checkpoint(&mut self) -> bool {
        let Some(advance) = &self.advance else {
            return false;
        };
        let is_written = advance.write(&self.shared, &self.checkpoint);
        if is_written {
            self.advance = None;
        }
        is_written
    }

    /// Merges some of the runs in which `_id`s lie, or removes those that have ended. Tells whether
    /// there may be more to do.
    ///
    /// # Errors
    /// They cannot be read or written; it is tried again at the next step.
    pub fn tidy_ids(&self) -> io::Result<bool> {
        self.checkpoint.ids().tidy()
    }

    /// Erases from the disk those whom the state has forgotten, as far as the last checkpoint has,
    /// too. Tells whether somebody is still to be erased.
    ///
    /// # Errors
    /// A log or the ledger cannot be read or written; it is tried again at the next step.
    pub fn erase(&mut self) -> Result<bool, RuntimeError> {
        self.checkpoint.forget_erased(&self.shared);
        erasure::step(&self.shared)?;
        Ok(self.shared.erasures.running_count() > 0)
    }
}
