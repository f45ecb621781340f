//! The thread that applies inputs and says when a checkpoint is due. All that it does, it does in
//! the steps of [`Applier`]; what it adds is waiting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::RuntimeError;
use crate::applier::{Applier, Applying};
use crate::checkpoint::CheckpointWriter;
use crate::options::{
    CHECKPOINT_ENTRIES, CHECKPOINT_RECHECK, ENCODED_AT_ONCE, ENCODED_PER_INPUT, WRITE_RETRY,
};
use crate::shared::Shared;

/// What the thread owns.
pub(crate) struct EngineThread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) applier: Applier,
    pub(crate) checkpoints: CheckpointWriter,
    pub(crate) checkpoint_interval: Duration,
}

impl EngineThread {
    /// Applies inputs until the log is closed and read to its end, then writes a last checkpoint.
    pub(crate) fn run(mut self) -> Result<(), RuntimeError> {
        self.applier.start_threads();
        let mut dirty_since = None;
        loop {
            let closed = self.shared.input.is_closed();
            let before = self.applier.reader().offset();
            let step = match self.applier.step()? {
                Some(applying) => applying,
                None if self.checkpoints.is_idle() => self.applier.recover()?,
                None => Applying::Blocked,
            };
            match step {
                Applying::Done => drop(dirty_since.get_or_insert_with(Instant::now)),
                Applying::Idle if closed => break,
                Applying::Idle => {}
                Applying::Blocked if self.shared.progress.wait_stopped(WRITE_RETRY) => break,
                Applying::Blocked => continue,
            }
            if self.applier.is_encoding() {
                let inputs = self.applier.reader().offset().saturating_sub(before) as usize;
                self.encode_checkpoint(ENCODED_AT_ONCE.max(ENCODED_PER_INPUT * inputs));
                continue;
            }
            let due = dirty_since.map(|since| self.time_to_checkpoint(since));
            if due == Some(Duration::ZERO) {
                self.applier.begin_checkpoint()?;
                dirty_since = None;
            } else if step == Applying::Idle {
                self.applier.reader().wait(due);
            }
        }
        self.encode_checkpoint(usize::MAX);
        if dirty_since.is_some() {
            self.applier.begin_checkpoint()?;
            self.encode_checkpoint(usize::MAX);
        }
        Ok(())
    }

    fn time_to_checkpoint(&self, dirty_since: Instant) -> Duration {
        let remaining = match self.shared.engine.read().dirty_count() {
            CHECKPOINT_ENTRIES.. => Duration::ZERO,
            _ => self.checkpoint_interval.saturating_sub(dirty_since.elapsed()),
        };
        if self.checkpoints.is_idle() { remaining } else { remaining.max(CHECKPOINT_RECHECK) }
    }

    /// Goes on with the checkpoint that was begun, and hands it over when it is whole.
    fn encode_checkpoint(&mut self, profiles_max: usize) {
        if let Some(advance) = self.applier.encode_checkpoint(profiles_max) {
            self.checkpoints.write(advance);
        }
    }
}
