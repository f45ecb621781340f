//! The threads of a running runtime: each takes one kind of [`Steps`] whenever there is cause.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::checkpoint::CheckpointWriter;
use crate::data_dir::DataDir;
use crate::engine_thread::EngineThread;
use crate::ids::IdIndex;
use crate::options::WRITE_RETRY;
use crate::shared::{Shared, spawn};
use crate::status::Part;
use crate::steps::Steps;
use crate::{RuntimeError, backfill, erasure};

/// The running threads. They end when the runtime has stopped and the input log is closed.
pub(crate) struct Threads {
    timer: JoinHandle<()>,
    backfill: JoinHandle<()>,
    erasure: JoinHandle<()>,
    ids: JoinHandle<()>,
    engine: JoinHandle<()>,
    /// Given back when all threads have ended.
    _data_dir: DataDir,
}

impl Threads {
    pub(crate) fn start(
        steps: Steps,
        checkpoint_interval: Duration,
        data_dir: DataDir,
    ) -> Result<Threads, RuntimeError> {
        let Steps { shared, applier, checkpoint, mut timer, .. } = steps;
        let ids = spawn("ids", {
            let (shared, ids) = (Arc::clone(&shared), Arc::clone(checkpoint.ids()));
            move || tidy_ids(&shared, &ids)
        })?;
        let engine = EngineThread {
            applier,
            checkpoints: CheckpointWriter::start(Arc::clone(&shared), checkpoint)?,
            checkpoint_interval,
            shared: Arc::clone(&shared),
        };
        let timer = spawn("timer", {
            let shared = Arc::clone(&shared);
            move || timer.run(&shared)
        })?;
        let backfill = spawn("backfill", {
            let shared = Arc::clone(&shared);
            move || backfill::run(&shared)
        })?;
        let erasure = spawn("erasure", {
            let shared = Arc::clone(&shared);
            move || erasure::run(&shared)
        })?;
        let engine = spawn("engine", {
            let guard = StopGuard(shared);
            move || guard.run(engine)
        })?;
        Ok(Threads { timer, backfill, erasure, ids, engine, _data_dir: data_dir })
    }

    /// Waits until all have ended.
    pub(crate) fn join(self) {
        for thread in [self.timer, self.backfill, self.erasure, self.ids, self.engine] {
            if thread.join().is_err() {
                tracing::error!("a thread panicked");
            }
        }
    }
}

/// Merges runs of ids until the runtime stops. What fails is tried again: until then, there are
/// more of them to ask.
fn tidy_ids(shared: &Shared, ids: &IdIndex) {
    while !shared.progress.wait_stopped(WRITE_RETRY) {
        let mut tidied = ids.tidy();
        while matches!(tidied, Ok(true)) {
            tidied = ids.tidy();
        }
        if let Err(error) = tidied
            && error.kind() != io::ErrorKind::Interrupted
        {
            tracing::warn!(%error, "could not merge the files in which ids are kept");
        }
    }
}

/// Tells everybody who waits for the engine when it ends, however it ends.
struct StopGuard(Arc<Shared>);

impl StopGuard {
    fn run(self, engine: EngineThread) {
        if let Err(error) = engine.run() {
            self.0.health.report(Part::Engine, &error);
            self.0.progress.stop(&error.to_string());
        }
    }
}

impl Drop for StopGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.health.report(Part::Engine, &"it panicked; restart Segue, and report its log");
        }
        self.0.progress.stop("the engine ended");
    }
}
