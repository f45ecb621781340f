//! The thread that writes checkpoints, so that the engine does not wait for the disk.
//!
//! One checkpoint is on its way at a time; meanwhile the engine gathers the changes of the next.
//! A write that fails is repeated until it succeeds or the runtime ends: the input log has
//! everything, so all that suffers is the time that a restart takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::store::Batch;
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
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    writing: Arc<AtomicBool>,
}

struct Job {
    mark: Mark,
    writes: Batch,
}

impl CheckpointWriter {
    /// Starts the thread.
    pub(crate) fn start(
        shared: Arc<Shared>,
        checkpoint: Checkpoint,
    ) -> Result<CheckpointWriter, RuntimeError> {
        let (jobs, received) = channel();
        let writing = Arc::new(AtomicBool::new(false));
        let busy = Arc::clone(&writing);
        let thread = spawn("checkpoint", move || write_all(&shared, checkpoint, &received, &busy))?;
        Ok(CheckpointWriter { jobs: Some(jobs), thread: Some(thread), writing })
    }

    /// Whether the last checkpoint is written and the next one may be handed over.
    pub(crate) fn is_idle(&self) -> bool {
        !self.writing.load(Ordering::Acquire)
    }

    /// Hands over the changes since the last checkpoint.
    pub(crate) fn write(&self, mark: Mark, writes: Batch) {
        self.writing.store(true, Ordering::Release);
        let taken = self.jobs.as_ref().is_some_and(|jobs| jobs.send(Job { mark, writes }).is_ok());
        if !taken {
            tracing::error!("the checkpoint thread has ended early");
        }
    }
}

impl Drop for CheckpointWriter {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the checkpoint thread panicked");
        }
    }
}

fn write_all(
    shared: &Shared,
    mut checkpoint: Checkpoint,
    jobs: &Receiver<Job>,
    writing: &AtomicBool,
) {
    for job in jobs {
        while let Err(error) = checkpoint.write(&job.mark, &job.writes) {
            shared.counters.checkpoint_failures.add(1);
            shared.health.report(Part::Checkpoint, &error);
            if shared.progress.wait_stopped(WRITE_RETRY) {
                return;
            }
        }
        shared.health.clear(Part::Checkpoint);
        shared.counters.checkpoints.add(1);
        shared.input.hold_from(job.mark.applied);
        shared.activation_log.hold_from(&job.mark.ends);
        shared.progress.set_checkpointed(job.mark.applied);
        writing.store(false, Ordering::Release);
    }
}
