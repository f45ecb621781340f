//! The thread that writes checkpoints, so that the engine does not wait for the disk.
//!
//! One checkpoint is on its way at a time; meanwhile the engine gathers the changes of the next.
//! A write that fails is repeated until it succeeds or the runtime ends: the input log has
//! everything, so all that suffers is the time that a restart takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use segue_core::Delta;
use segue_xdm::Timestamp;

use super::{Checkpoint, Mark};
use crate::RuntimeError;
use crate::options::WRITE_RETRY;
use crate::shared::{Shared, spawn};
use crate::status::Part;

/// The engine's end of the thread.
///
/// Dropping it waits until everything handed over is written, or has failed for the last time.
pub(crate) struct CheckpointWriter {
    /// Both are there until the drop.
    advances: Option<Sender<Advance>>,
    thread: Option<JoinHandle<()>>,
    writing: Arc<AtomicBool>,
}

/// A move of the checkpoint: what changed, and the mark that it moves to.
pub(crate) struct Advance {
    /// They are counted, from 1.
    pub(crate) number: u64,
    /// Logical time at the mark.
    pub(crate) now: Timestamp,
    /// Position of the first input that may be read again.
    pub(crate) horizon: u64,
    pub(crate) mark: Mark,
    pub(crate) delta: Delta,
}

impl Advance {
    /// Writes it, and lets go of what only an older checkpoint needs; false if it could not be
    /// written. May be repeated.
    pub(crate) fn write(&self, shared: &Shared, checkpoint: &Checkpoint) -> bool {
        let Mark { applied, ends, .. } = &self.mark;
        if let Err(error) = checkpoint.write(&self.mark, &self.delta) {
            shared.counters.checkpoint_failures.add(1);
            shared.health.report(Part::Checkpoint, &error);
            return false;
        }
        shared.health.clear(Part::Checkpoint);
        shared.counters.checkpoints.add(1);
        shared.input.hold_from(self.horizon.min(*applied));
        shared.activation_log.hold_from(ends);
        checkpoint.ids().set_now(self.now);
        shared.progress.set_checkpointed(self.number, *applied);
        true
    }
}

impl CheckpointWriter {
    /// Starts the thread.
    pub(crate) fn start(
        shared: Arc<Shared>,
        checkpoint: Checkpoint,
    ) -> Result<CheckpointWriter, RuntimeError> {
        let (advances, received) = channel();
        let writing = Arc::new(AtomicBool::new(false));
        let busy = Arc::clone(&writing);
        let thread = spawn("checkpoint", move || write_all(&shared, checkpoint, &received, &busy))?;
        Ok(CheckpointWriter { advances: Some(advances), thread: Some(thread), writing })
    }

    /// Whether the last checkpoint is written and the next one may be handed over.
    pub(crate) fn is_idle(&self) -> bool {
        !self.writing.load(Ordering::Acquire)
    }

    /// Hands over the changes since the last checkpoint.
    pub(crate) fn write(&self, advance: Advance) {
        self.writing.store(true, Ordering::Release);
        let advances = self.advances.as_ref();
        if advances.is_none_or(|advances| advances.send(advance).is_err()) {
            tracing::error!("the checkpoint thread has ended early");
        }
    }
}

impl Drop for CheckpointWriter {
    fn drop(&mut self) {
        drop(self.advances.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

fn write_all(
    shared: &Shared,
    checkpoint: Checkpoint,
    advances: &Receiver<Advance>,
    writing: &AtomicBool,
) {
    loop {
        // Between two checkpoints, and now and then when there are none.
        checkpoint.forget_erased(shared);
        checkpoint.serve_snapshots(&shared.snapshots);
        match advances.recv_timeout(WRITE_RETRY) {
            Ok(advance) => {
                while !advance.write(shared, &checkpoint) {
                    if shared.progress.wait_stopped(WRITE_RETRY) {
                        return;
                    }
                }
                writing.store(false, Ordering::Release);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
