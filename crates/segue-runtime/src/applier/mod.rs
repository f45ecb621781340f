//! Turns inputs into state and activations. Nothing else changes either.
//!
//! ```text
//!   read ─▶ apply ─▶ append activations ─▶ observe ─▶ advance ─▶ (now and then) checkpoint
//!   durable  under the   durable before       then       then       applied position and the
//!   inputs   write lock  anything after it    tell      wake reads  logs' ends, taken here
//! ```
//!
//! The order is what makes a crash harmless. A checkpoint never covers an input whose activations
//! are not durable, so none is lost; and whatever lies in the activation logs behind the
//! checkpoint's ends is made again with the same ids by the replay, and left out, so none is
//! doubled. Before the replay is over, the logs hold activations of inputs that are yet to be
//! applied again; so a checkpoint written by then keeps the ends of the one before.
//!
//! It goes on in steps and waits for nothing but the disk: while the activations of one batch are
//! synced, the next one is applied, if there is one. A batch whose activations could not be
//! appended is kept, and the next step tries them again.

mod applying;
mod batch;
mod routes;
mod settling;

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use segue_core::{ActivationId, Delta};
use segue_log::{LogError, LogRecord, Reader};
use segue_telemetry::Span;
use segue_xdm::Timestamp;

use self::batch::{Applied, Batch, Underway};
use self::routes::Routes;
use crate::RuntimeError;
use crate::activation_log::{Appending, LogEnds, Routed};
use crate::checkpoint::{Advance, Mark};
use crate::progress::Ahead;
use crate::recovery::{Recovered, Recovery};
use crate::shards::Shards;
use crate::shared::Shared;
use crate::spans::publish_spans;
use crate::status::Part;

/// Where the logs ended before, what is recorded, and what is waited for.
type Begun = (LogEnds, Vec<Span>, Appending);

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applying {
    /// Inputs were applied, or the activations of earlier ones are durable.
    Done,
    /// There was nothing to apply.
    Idle,
    /// Inputs could not be read or activations not appended; the next step tries again.
    Blocked,
}

/// Applies the input log to the engine.
pub(crate) struct Applier {
    shared: Arc<Shared>,
    recovery: Recovery,
    reader: Reader,
    replay: Replay,
    routes: Routes,
    /// Applied, and its activations are being synced.
    underway: Option<Underway>,
    /// Applied, in this order, but their activations are to be appended, the first ones perhaps
    /// again: nothing else is applied before.
    blocked: VecDeque<Batch>,
    /// The state cannot be trusted.
    is_lost: bool,
    /// A checkpoint that was begun, and of which not all is encoded.
    checkpoint: Option<Advance>,
    shards: Shards,
    /// Checkpoints that were begun.
    taken: u64,
    /// The last of them that the engine knows to be written.
    archived: u64,
    limits: Limits,
    /// The job whose progress was told of last, and when.
    told: Option<(u64, Instant)>,
}

/// How much is done, and held, at once.
pub(crate) struct Limits {
    /// About how many bytes of memory profiles may take.
    pub(crate) profile_memory_bytes: usize,
    /// Bytes of inputs that are applied together, about.
    pub(crate) apply_bytes: usize,
    /// Threads that apply inputs to profiles, that of the engine with them.
    pub(crate) threads: usize,
}

/// The part of the log that was there at the start and that the checkpoint lacks.
pub(crate) struct Replay {
    /// Where the log ended at the start.
    pub(crate) end: u64,
    /// Where the activation logs ended at the checkpoint.
    pub(crate) ends: LogEnds,
    /// Activations behind the checkpoint that are in their logs. Only inputs before `end` can
    /// have caused them.
    pub(crate) found: HashSet<ActivationId>,
    /// Whether the destinations after it were told.
    pub(crate) is_told: bool,
}

impl Applier {
    /// Goes on from `applied`, the position of the checkpoint.
    pub(crate) fn new(
        shared: Arc<Shared>,
        recovery: Recovery,
        limits: Limits,
        applied: u64,
        replay: Replay,
    ) -> Applier {
        let mut routes = Routes::default();
        routes.learn(&shared.engine.read());
        let reader = shared.input.reader(applied);
        let mut applier = Applier {
            shared,
            recovery,
            reader,
            replay,
            routes,
            underway: None,
            blocked: VecDeque::new(),
            is_lost: false,
            checkpoint: None,
            shards: Shards::alone(),
            taken: 0,
            archived: 0,
            limits,
            told: None,
        };
        applier.tell_destinations(applied, false);
        applier
    }

    /// Makes the state again that could not be trusted: from the checkpoint, which must not be
    /// written meanwhile, and from the inputs behind it. As after a crash.
    ///
    /// # Errors
    /// The checkpoint can be read and makes no sense.
    pub(crate) fn recover(&mut self) -> Result<Applying, RuntimeError> {
        let shared = Arc::clone(&self.shared);
        // What is on its way to the logs must be there when they are looked through.
        drop(self.underway.take().map(|underway| underway.appending.wait()));
        let recovered = self.recovery.recover(&shared.input, &*shared.activation_log);
        let Recovered { engine, applied, ends, found } = match recovered {
            Err(error @ RuntimeError::Recovery(_)) => return Err(error),
            Err(error) => {
                self.shared.health.report(Part::Engine, &error);
                return Ok(Applying::Blocked);
            }
            Ok(recovered) => recovered,
        };
        let end = self.reader.offset().max(self.replay.end);
        shared.progress.replay_to(end);
        self.replay = Replay { end, ends, found, is_told: self.replay.is_told };
        self.reader.seek(applied);
        self.routes.learn(&engine);
        let ahead = Ahead::of(&engine);
        *shared.engine.write() = engine;
        shared.progress.advance(applied, ahead);
        self.blocked.clear();
        self.checkpoint = None;
        self.is_lost = false;
        Ok(Applying::Done)
    }

    /// Starts the threads that help this one, which must outlive them. Until then it does all by
    /// itself.
    pub(crate) fn start_threads(&mut self) {
        self.shards = Shards::start(self.limits.threads);
    }

    /// What is behind the log.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Takes the next inputs through every stage up to the new applied position, or goes on with
    /// those that were blocked. Gives nothing when something could not be read meanwhile: the state
    /// is not to be trusted then, and has to be made [again](Applier::recover).
    pub(crate) fn step(&mut self) -> Result<Option<Applying>, RuntimeError> {
        if self.is_lost {
            return Ok(None);
        }
        if let Some(batch) = self.blocked.pop_front() {
            return match self.begin(batch) {
                true => self.finish().map(Some),
                false => Ok(Some(Applying::Blocked)),
            };
        }
        let records = match self.reader.read(self.limits.apply_bytes) {
            // Unlike damage, it may pass.
            Err(error @ LogError::Io { .. }) => {
                self.shared.health.report(Part::Engine, &error);
                return Ok(Some(Applying::Blocked));
            }
            Err(damage) => {
                // What is before it counts.
                self.finish()?;
                return Err(damage.into());
            }
            Ok(records) => records,
        };
        self.shared.health.clear(Part::Engine);
        if records.is_empty() {
            return match self.underway {
                None => Ok(Some(Applying::Idle)),
                Some(_) => self.finish().map(Some),
            };
        }
        let Some(batch) = self.apply(records)? else { return Ok(None) };
        // While it was applied, those before it were synced.
        if self.finish()? == Applying::Blocked {
            self.blocked.push_back(batch);
            return Ok(Some(Applying::Blocked));
        }
        let is_last = self.reader.offset() >= self.shared.input.head();
        match self.begin(batch) {
            true if is_last => self.finish().map(Some),
            true => Ok(Some(Applying::Done)),
            false => Ok(Some(Applying::Blocked)),
        }
    }

    /// Begins to append the activations of a batch. What a failed attempt left in the logs is
    /// looked up before the next one. False if the batch has to wait.
    fn begin(&mut self, batch: Batch) -> bool {
        let begun = Instant::now();
        match self.try_begin(&batch) {
            Ok((before, spans, appending)) => {
                let time = begun.elapsed();
                self.underway = Some(Underway { batch, appending, before, spans, time });
                true
            }
            Err((part, error)) => {
                self.shared.health.report(part, &error);
                self.blocked.push_front(batch);
                false
            }
        }
    }

    fn try_begin(&self, batch: &Batch) -> Result<Begun, (Part, RuntimeError)> {
        self.begin_erasures(batch).map_err(|error| (Part::Erasure, error))?;
        let log = &self.shared.activation_log;
        let activations = batch.routed.iter().map(|one| &one.activation);
        let spans = publish_spans(&self.shared.tracer, activations);
        Ok(match &batch.failed_after {
            _ if batch.routed.is_empty() => (LogEnds::new(), spans, Appending::ended(Ok(()))),
            None => (log.ends(), spans, log.append(&batch.routed)),
            Some(before) => {
                let there = log.ids_since(before);
                let there = there.map_err(|error| (Part::ActivationLog, error.into()))?;
                let is_missing = |one: &&Routed| !there.contains(&one.activation.id);
                let missing: Vec<Routed> =
                    batch.routed.iter().filter(is_missing).cloned().collect();
                (before.clone(), spans, log.append(&missing))
            }
        })
    }

    /// Waits for the activations that are underway, if any are, and tells of their inputs.
    fn finish(&mut self) -> Result<Applying, RuntimeError> {
        let Some(Underway { mut batch, appending, before, spans, time }) = self.underway.take()
        else {
            return Ok(Applying::Done);
        };
        let waiting = Instant::now();
        if let Err(error) = appending.wait() {
            self.shared.counters.activation_failures.add(1);
            self.shared.health.report(Part::ActivationLog, &error);
            batch.failed_after = Some(before);
            self.blocked.push_front(batch);
            return Ok(Applying::Blocked);
        }
        let activations = batch.routed.len();
        spans.into_iter().for_each(|span| self.shared.tracer.end(span));
        self.shared.counters.activations.add(activations);
        self.shared.stages.activate.record_many(batch.begun.elapsed(), activations as u64);
        self.shared.health.clear(Part::ActivationLog);
        if !batch.slice.applied.is_zero() {
            let append = time + waiting.elapsed();
            self.shared.slice_time.set(batch.slice.time(append, activations));
        }
        self.settle(&batch)?;
        Ok(Applying::Done)
    }

    /// Begins a checkpoint of what was applied by now, unless one is being encoded. All activations
    /// of that are durable then, and none of what was not; while some are not, none is begun. Tells
    /// whether one was.
    pub(crate) fn begin_checkpoint(&mut self) -> Result<bool, RuntimeError> {
        if self.is_encoding() || self.is_lost {
            return Ok(false);
        }
        self.finish()?;
        if !self.blocked.is_empty() {
            return Ok(false);
        }
        let mut engine = self.shared.engine.write();
        let (now, horizon) = (engine.now(), engine.horizon());
        engine.begin_delta();
        drop(engine);
        self.taken += 1;
        let applied = self.shared.progress.applied();
        let is_replaying = applied < self.replay.end;
        let ends = match is_replaying {
            true => self.replay.ends.clone(),
            false => self.shared.activation_log.ends(),
        };
        let mark = Mark { applied, ends, ids: None };
        let delta = Delta::default();
        self.checkpoint = Some(Advance { number: self.taken, mark, delta, now, horizon });
        Ok(true)
    }

    /// Encodes so many profiles of the checkpoint that was begun; gives it when it is whole. Inputs
    /// may be applied meanwhile.
    pub(crate) fn encode_checkpoint(&mut self, profiles_max: usize) -> Option<Advance> {
        if self.is_lost || !self.is_encoding() {
            return None;
        }
        let delta = self.shared.engine.write().continue_delta(profiles_max)?;
        self.checkpoint.take().map(|advance| Advance { delta, ..advance })
    }

    /// Whether a checkpoint was begun and is not whole.
    pub(crate) fn is_encoding(&self) -> bool {
        self.checkpoint.is_some()
    }

    /// Notes who was erased, before a checkpoint can be written that does not know them any more.
    fn begin_erasures(&self, batch: &Batch) -> Result<(), RuntimeError> {
        for Applied { record, outcome, .. } in &batch.inputs {
            if let Some(erased) = &outcome.erased {
                let begun = self.shared.erasures.begin(record.offset, time_of(record), erased);
                begun.map_err(|source| RuntimeError::Erasure { id: record.offset, source })?;
                self.shared.health.clear(Part::Erasure);
            }
        }
        Ok(())
    }
}

fn time_of(record: &LogRecord) -> Timestamp {
    Timestamp::from_millis(record.time_ms)
}
