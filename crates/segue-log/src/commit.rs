//! Group commit: one thread per log that writes, syncs and keeps promises.
//!
//! ```text
//! appenders ──▶ queue of partition 0 ──┐              write 0, write 1, …
//!           ──▶ queue of partition 1 ──┼─▶ committer: sync 0, sync 1, …
//!           ──▶ …                      ┘              tell appenders and readers
//! ```
//! While a round is being synced the next one gathers, so the more appenders wait, the more share
//! one sync; nobody waits for a timer. A log without a thread ([`Committer::Caller`]) goes the same
//! way, on the threads of those who wait.
//!
//! [`Committer::Caller`]: crate::Committer::Caller

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use event_listener::{Event, EventListener, Listener};
use parking_lot::{Condvar, Mutex};

use crate::error::LogError;
use crate::host::Committer;
use crate::partition::Shared;
use crate::queue::Round;
use crate::writer::Writer;

/// The promise that an append becomes durable; also a future.
///
/// Dropping it does not take the append back.
#[derive(Debug)]
#[must_use = "an append is durable only once it was waited for"]
pub struct Append {
    /// Offset of the first payload; the others follow it.
    pub first_offset: u64,
    /// The time that the records got: the one given, or the partition's last if that is later.
    pub time_ms: i64,
    outcome: Arc<Outcome>,
    listener: Option<EventListener>,
    /// The work of a log without a committer.
    work: Option<Arc<Work>>,
}

impl Append {
    pub(crate) fn new(first_offset: u64, time_ms: i64, outcome: Arc<Outcome>) -> Append {
        Append { first_offset, time_ms, outcome, listener: None, work: None }
    }

    /// Whoever waits for it writes it.
    pub(crate) fn written_by_waiting(self, work: Arc<Work>) -> Append {
        Append { work: Some(work), ..self }
    }

    /// How it ended, if it has.
    pub fn outcome(&self) -> Option<Result<(), LogError>> {
        self.outcome.result.get().cloned()
    }

    /// Blocks until the records are durable. After an error they are not in the log and never
    /// will be, unless the error is [`Unknown`](LogError::Unknown): then they are not while this
    /// process lives, but may be after a crash.
    pub fn wait(self) -> Result<(), LogError> {
        if let Some(work) = &self.work {
            work.commit();
        }
        loop {
            // Listening before looking, so that no notification falls in between.
            let listener = self.outcome.done.listen();
            if let Some(result) = self.outcome.result.get() {
                return result.clone();
            }
            listener.wait();
        }
    }
}

impl Clone for Append {
    /// One more promise of the same append.
    fn clone(&self) -> Append {
        let Append { first_offset, time_ms, outcome, work, .. } = self;
        let (outcome, work) = (outcome.clone(), work.clone());
        Append { first_offset: *first_offset, time_ms: *time_ms, outcome, listener: None, work }
    }
}

impl Future for Append {
    type Output = Result<(), LogError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Append { outcome, listener, .. } = self.get_mut();
        loop {
            if let Some(result) = outcome.result.get() {
                return Poll::Ready(result.clone());
            }
            match listener {
                None => *listener = Some(outcome.done.listen()),
                Some(listening) => {
                    std::task::ready!(Pin::new(listening).poll(context));
                    *listener = None;
                }
            }
        }
    }
}

/// How a round ended, for all who appended to it.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    result: OnceLock<Result<(), LogError>>,
    done: Event,
}

impl Outcome {
    pub(crate) fn complete(&self, result: Result<(), LogError>) {
        self.result.get_or_init(|| result);
        self.done.notify(usize::MAX);
    }
}

/// Tells the committer which partitions have something to write.
pub(crate) struct Work {
    committer: Committer,
    pending: Mutex<Pending>,
    arrived: Condvar,
}

#[derive(Default)]
struct Pending {
    partitions: Vec<Arc<Shared>>,
    is_stopping: bool,
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work").field("committer", &self.committer).finish_non_exhaustive()
    }
}

impl Work {
    pub(crate) fn new(committer: Committer) -> Work {
        Work { committer, pending: Mutex::default(), arrived: Condvar::new() }
    }

    /// Who does it.
    pub(crate) fn committer(&self) -> Committer {
        self.committer
    }

    /// Does what there is, on this thread.
    pub(crate) fn commit(&self) {
        let partitions = std::mem::take(&mut self.pending.lock().partitions);
        commit(&partitions);
    }

    /// A partition has a round to write. Called under its queue's lock, so that closing the queue
    /// and then stopping misses nothing.
    pub(crate) fn announce(&self, partition: Arc<Shared>) {
        self.pending.lock().partitions.push(partition);
        self.arrived.notify_one();
    }

    /// Lets the committer end once it has written what was announced.
    pub(crate) fn stop(&self) {
        self.pending.lock().is_stopping = true;
        self.arrived.notify_one();
    }

    /// Waits for work; `None` when stopped and nothing is left.
    fn next(&self) -> Option<Vec<Arc<Shared>>> {
        let mut pending = self.pending.lock();
        while pending.partitions.is_empty() && !pending.is_stopping {
            self.arrived.wait(&mut pending);
        }
        let partitions = std::mem::take(&mut pending.partitions);
        (!partitions.is_empty()).then_some(partitions)
    }
}

/// The committer thread's whole life.
pub(crate) fn run(work: &Work) {
    while let Some(partitions) = work.next() {
        commit(&partitions);
    }
}

/// One round per partition. All are written before the first is synced, so that the disk can work
/// on them together.
fn commit(partitions: &[Arc<Shared>]) {
    let mut written = Vec::with_capacity(partitions.len());
    for partition in partitions {
        let mut writer = partition.writer.lock();
        let round = partition.queue.lock().take();
        if round.bytes.is_empty() {
            continue; // It failed together with the round before it.
        }
        match writer.write(&round) {
            Ok(()) => written.push((partition, writer, round)),
            Err(error) => fail(partition, &writer, round, &error),
        }
    }
    for (partition, mut writer, round) in written {
        match writer.sync(&round) {
            Ok(()) => round.outcome.complete(Ok(())),
            Err(error) => fail(partition, &writer, round, &error),
        }
    }
}

/// Tells everybody in the failed round, and those who have already built on its offsets.
fn fail(partition: &Shared, writer: &Writer, round: Round, error: &LogError) {
    tracing::error!(partition = partition.number, %error, "appends failed");
    let gathered = partition.queue.lock().take_back_to(writer.place());
    for round in [round, gathered] {
        round.outcome.complete(Err(error.clone()));
    }
}
