//! What the threads of one runtime share.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use segue_core::Engine;
use segue_log::{Append, LogError};
use segue_telemetry::Tracer;

use crate::activation_log::ActivationLog;
use crate::checkpoint::SnapshotDesk;
use crate::clock::Clock;
use crate::erasure::Ledger;
use crate::input_log::{Accepted, InputLog};
use crate::observer::Observer;
use crate::options::WRITE_RETRY;
use crate::progress::{Progress, Reservation};
use crate::stages::Stages;
use crate::status::{Health, LiveCounters, Part, ProfilesHeld};
use crate::{RuntimeError, Submission};

/// One value for all threads; each part says by itself who may change it.
pub(crate) struct Shared {
    /// The state. Only the engine thread writes it.
    pub(crate) engine: RwLock<Engine>,
    /// Anybody appends; the engine thread reads.
    pub(crate) input: InputLog,
    /// Only the engine thread appends.
    pub(crate) activation_log: Arc<dyn ActivationLog>,
    pub(crate) observer: Arc<dyn Observer>,
    /// The engine thread begins erasures; the erasure thread ends them.
    pub(crate) erasures: Ledger,
    /// Anybody asks; the checkpoint thread gives.
    pub(crate) snapshots: SnapshotDesk,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) progress: Progress,
    pub(crate) counters: LiveCounters,
    pub(crate) health: Health,
    /// The profiles, as of the last batch of inputs.
    pub(crate) profiles: Mutex<ProfilesHeld>,
    /// How long the last slice of jobs took.
    pub(crate) slice_time: SliceTime,
    pub(crate) stages: Stages,
    pub(crate) tracer: Tracer,
}

impl Shared {
    /// Appends inputs and waits until they are durable.
    pub(crate) fn append_blocking(
        &self,
        inputs: &Submission,
        backlog_limit: u64,
    ) -> Result<Accepted, RuntimeError> {
        let begun = Instant::now();
        let (append, _room) = self.begin_append(inputs, backlog_limit)?;
        let accepted = Accepted::of(&append);
        self.end_append(accepted, inputs.len(), append.wait(), begun)
    }

    /// The same without blocking the thread. Once polled, the inputs are on their way, whether
    /// the future is polled to its end or not.
    pub(crate) async fn append(
        &self,
        inputs: &Submission,
        backlog_limit: u64,
    ) -> Result<Accepted, RuntimeError> {
        let begun = Instant::now();
        let (append, _room) = self.begin_append(inputs, backlog_limit)?;
        let accepted = Accepted::of(&append);
        self.end_append(accepted, inputs.len(), append.await, begun)
    }

    /// Waits, however long it takes, until everything before a position is applied.
    pub(crate) fn wait_applied(&self, position: u64) -> Result<(), RuntimeError> {
        while let Err(error) = self.progress.wait_applied(position, WRITE_RETRY) {
            if matches!(error, RuntimeError::Stopped { .. }) {
                return Err(error);
            }
        }
        Ok(())
    }

    fn begin_append(
        &self,
        inputs: &Submission,
        backlog_limit: u64,
    ) -> Result<(Append, Reservation<'_>), RuntimeError> {
        self.progress.check_running()?;
        let room = self.progress.reserve(inputs.len() as u64, self.input.head(), backlog_limit);
        let room = room.inspect_err(|_| self.counters.busy.add(1))?;
        Ok((self.input.append(inputs)?, room))
    }

    fn end_append(
        &self,
        accepted: Accepted,
        count: usize,
        durable: Result<(), LogError>,
        begun: Instant,
    ) -> Result<Accepted, RuntimeError> {
        if let Err(error) = durable {
            self.health.report(Part::InputLog, &error);
            self.progress.set_blocked(true);
            return Err(error.into());
        }
        if self.progress.set_blocked(false) {
            self.health.clear(Part::InputLog);
        }
        let end = accepted.first_position + count as u64;
        self.stages.durable(end, count, begun);
        self.progress.acknowledge(end);
        self.counters.accepted.add(count);
        Ok(accepted)
    }
}

/// A span of time that the engine thread measures and another one reads.
#[derive(Default)]
pub(crate) struct SliceTime(AtomicU64);

impl SliceTime {
    pub(crate) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Acquire))
    }

    pub(crate) fn set(&self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.0.store(nanos, Ordering::Release);
    }
}

/// Starts a thread of the runtime.
pub(crate) fn spawn(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, RuntimeError> {
    let started: io::Result<JoinHandle<()>> =
        thread::Builder::new().name(format!("segue-{name}")).spawn(body);
    started.map_err(RuntimeError::Thread)
}
