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
//! It goes on in steps and waits for nothing: a batch whose activations could not be appended is
//! kept, and the next step tries them again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use segue_core::{Activation, ActivationId, Delta, Engine, Input, Outcome};
use segue_log::{LogError, LogRecord, Reader};
use segue_xdm::Timestamp;

use crate::RuntimeError;
use crate::activation_log::{ActivationLogError, LogEnds, Routed, log_of};
use crate::checkpoint::{Advance, Mark};
use crate::input_log::decode;
use crate::observer::LiveEvent;
use crate::options::{APPLY_BYTES, LET_GO_LOOKS, PROGRESS_INTERVAL};
use crate::progress::Ahead;
use crate::recovery::{Recovered, Recovery};
use crate::shared::Shared;
use crate::spans::{ApplySpans, InputTrace, publish_spans};
use crate::status::{Part, ProfilesHeld};

/// What a step came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applying {
    /// Inputs were applied, and their activations are durable.
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
    /// Applied, but its activations are not all known to be durable.
    blocked: Option<Batch>,
    /// The state cannot be trusted.
    is_lost: bool,
    /// Checkpoints that were taken.
    taken: u64,
    /// The last of them that the engine knows to be written.
    archived: u64,
    /// About how many bytes of memory profiles may take.
    profile_memory_bytes: usize,
    /// The job whose progress was told of last, and when.
    told: Option<(u64, Instant)>,
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

/// Where the activations of every destination go.
#[derive(Default)]
struct Routes(HashMap<String, String>);

/// Inputs that were applied together.
struct Batch {
    inputs: Vec<Applied>,
    routed: Vec<Routed>,
    /// When they had been applied.
    begun: Instant,
    ahead: Ahead,
    profiles_visited: u64,
    /// Whether definitions changed.
    redefined: bool,
    slice: Slice,
    /// Where the logs ended before the attempt to append that failed.
    failed_after: Option<LogEnds>,
}

/// What one input came to; its activations are taken out.
struct Applied {
    record: LogRecord,
    outcome: Outcome,
    activations: usize,
}

/// What slices cost in one batch of inputs.
#[derive(Default)]
struct Slice {
    applied: Duration,
    activations: usize,
}

impl Slice {
    /// The time of it all, when appending so many activations took so long.
    fn time(&self, append: Duration, activations: usize) -> Duration {
        self.applied + append.mul_f64(self.activations as f64 / activations.max(1) as f64)
    }
}

impl Applier {
    /// Goes on from `applied`, the position of the checkpoint.
    pub(crate) fn new(
        shared: Arc<Shared>,
        recovery: Recovery,
        profile_memory_bytes: usize,
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
            blocked: None,
            is_lost: false,
            taken: 0,
            archived: 0,
            profile_memory_bytes,
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
        self.blocked = None;
        self.is_lost = false;
        Ok(Applying::Done)
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
        let mut batch = match self.blocked.take() {
            Some(batch) => batch,
            None => {
                let records = match self.reader.read(APPLY_BYTES) {
                    // Unlike damage, it may pass.
                    Err(error @ LogError::Io { .. }) => {
                        self.shared.health.report(Part::Engine, &error);
                        return Ok(Some(Applying::Blocked));
                    }
                    read => read?,
                };
                self.shared.health.clear(Part::Engine);
                if records.is_empty() {
                    return Ok(Some(Applying::Idle));
                }
                match self.apply(records)? {
                    Some(batch) => batch,
                    None => return Ok(None),
                }
            }
        };
        if let Err(error) = self.begin_erasures(&batch) {
            self.shared.health.report(Part::Erasure, &error);
            self.blocked = Some(batch);
            return Ok(Some(Applying::Blocked));
        }
        let begun = Instant::now();
        let tracer = &self.shared.tracer;
        let spans = publish_spans(tracer, batch.routed.iter().map(|one| &one.activation));
        if let Err(error) = self.append(&mut batch) {
            self.shared.counters.activation_failures.add(1);
            self.shared.health.report(Part::ActivationLog, &error);
            self.blocked = Some(batch);
            return Ok(Some(Applying::Blocked));
        }
        spans.into_iter().for_each(|span| tracer.end(span));
        self.shared.stages.activate.record_many(batch.begun.elapsed(), batch.routed.len() as u64);
        self.shared.health.clear(Part::ActivationLog);
        if !batch.slice.applied.is_zero() {
            self.shared.slice_time.set(batch.slice.time(begun.elapsed(), batch.routed.len()));
        }
        self.settle(&batch)?;
        Ok(Some(Applying::Done))
    }

    /// The changes since the last checkpoint, for its writer. All activations of what was applied
    /// are durable then, and none of what was not; `None` while some are not.
    pub(crate) fn checkpoint(&mut self) -> Option<Advance> {
        if self.blocked.is_some() || self.is_lost {
            return None;
        }
        let mut engine = self.shared.engine.write();
        let (now, horizon) = (engine.now(), engine.horizon());
        let Delta { writes, ids } = engine.take_dirty();
        drop(engine);
        self.taken += 1;
        let applied = self.shared.progress.applied();
        let is_replaying = applied < self.replay.end;
        let ends = match is_replaying {
            true => self.replay.ends.clone(),
            false => self.shared.activation_log.ends(),
        };
        let mark = Mark { applied, ends };
        Some(Advance { number: self.taken, mark, writes, ids, now, horizon })
    }

    /// Changes the state; gives nothing when that cannot be trusted any more.
    fn apply(&mut self, records: Vec<LogRecord>) -> Result<Option<Batch>, RuntimeError> {
        let inputs = records.iter().map(decode).collect::<Result<Vec<Input>, _>>()?;
        let archive = Arc::clone(&self.recovery.archive);
        let applied = archive.watch(|| self.apply_all(records, inputs));
        if let Some(damage) = self.shared.engine.read().damage() {
            return Err(self.recovery.unreadable(damage).into());
        }
        match applied {
            Ok(batch) => batch.map(Some),
            Err(error) => {
                self.shared.health.report(Part::Engine, &error);
                self.is_lost = true;
                Ok(None)
            }
        }
    }

    fn apply_all(
        &mut self,
        records: Vec<LogRecord>,
        inputs: Vec<Input>,
    ) -> Result<Batch, RuntimeError> {
        let mut applied = Vec::with_capacity(records.len());
        let mut routed = Vec::new();
        let mut slice = Slice::default();
        let mut redefined = false;
        let mut spans = ApplySpans::default();
        let shared = Arc::clone(&self.shared);
        let mut engine = shared.engine.write();
        if self.archived < self.taken && shared.progress.written() == self.taken {
            engine.archived();
            self.archived = self.taken;
        }
        engine.let_go(self.profile_memory_bytes, LET_GO_LOOKS);
        *shared.profiles.lock() = ProfilesHeld::of(&engine);
        let visited_before = engine.profiles_visited();
        for (record, input) in records.into_iter().zip(inputs) {
            let defines = matches!(input, Input::Define(_));
            redefined |= defines || matches!(input, Input::Remove(..));
            let is_slice = matches!(input, Input::Advance(_));
            let trace = InputTrace::of(&record.payload, &input);
            if let Some(trace) = trace.as_ref().filter(|_| record.offset >= self.replay.end) {
                spans.begin(&shared.tracer, trace);
            }
            let begun = Instant::now();
            let mut outcome = engine.apply(record.offset, time_of(&record), input);
            if trace.is_some() {
                spans.end();
            }
            if defines {
                self.routes.learn(&engine);
            }
            if is_slice {
                slice.applied += begun.elapsed();
                slice.activations += outcome.activations.len();
            }
            let before = routed.len();
            for mut activation in std::mem::take(&mut outcome.activations) {
                trace.iter().for_each(|trace| trace.mark(&mut activation));
                if self.replay.found.remove(&activation.id) {
                    shared.counters.activations_found.add(1);
                } else {
                    routed.push(self.routes.route(activation)?);
                }
            }
            applied.push(Applied { record, outcome, activations: routed.len() - before });
        }
        let profiles_visited = engine.profiles_visited() - visited_before;
        let ahead = Ahead::of(&engine);
        drop(engine);
        spans.record(&shared.tracer);
        if let Some(last) = applied.last() {
            shared.stages.applied(last.record.offset + 1);
        }
        Ok(Batch {
            inputs: applied,
            routed,
            begun: Instant::now(),
            ahead,
            profiles_visited,
            redefined,
            slice,
            failed_after: None,
        })
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

    /// Appends the batch's activations. What a failed attempt left in the logs is looked up
    /// before the next one.
    fn append(&self, batch: &mut Batch) -> Result<(), ActivationLogError> {
        let log = &self.shared.activation_log;
        let routed = &batch.routed;
        match &batch.failed_after {
            _ if routed.is_empty() => return Ok(()),
            None => {
                let before = log.ends();
                let appended = log.append(routed);
                appended.inspect_err(|_| batch.failed_after = Some(before))?;
            }
            Some(before) => {
                let there = log.ids_since(before)?;
                let missing = routed.iter().filter(|one| !there.contains(&one.activation.id));
                log.append(&missing.cloned().collect::<Vec<Routed>>())?;
            }
        }
        self.shared.counters.activations.add(batch.routed.len());
        Ok(())
    }

    /// Tells everybody of a batch whose activations are durable.
    fn settle(&mut self, batch: &Batch) -> Result<(), RuntimeError> {
        self.shared.erasures.bound(|| self.shared.activation_log.ends());
        self.count(&batch.inputs);
        self.shared.counters.backfilled.add(batch.profiles_visited as usize);
        if self.shared.observer.is_watching() {
            self.observe(&batch.inputs, &batch.routed)?;
            self.observe_jobs(batch.ahead.jobs);
        }
        let end = batch.inputs.last().map_or(0, |last| last.record.offset + 1);
        self.end_of_replay(end);
        self.tell_destinations(end, batch.redefined);
        self.shared.progress.advance(end, batch.ahead);
        Ok(())
    }

    fn count(&self, applied: &[Applied]) {
        let counters = &self.shared.counters;
        counters.applied.add(applied.len());
        for Applied { record, outcome, .. } in applied {
            counters.duplicates.add(usize::from(outcome.duplicate));
            counters.changes.add(outcome.changes.len());
            counters.merges.add(outcome.merged.len());
            counters.evictions.add(outcome.evicted.len());
            counters.cuts.add(outcome.cut.len());
            counters.unidentified.add(usize::from(outcome.names_nobody()));
            if !outcome.evicted.is_empty() {
                let identities = outcome.evicted.len();
                tracing::info!(position = record.offset, identities, "evicted: too many");
            }
            for violation in &outcome.refused {
                // Definitions are checked before they are appended, under a lock.
                tracing::error!(position = record.offset, %violation, "accepted, then refused");
            }
        }
    }

    fn observe(&self, applied: &[Applied], routed: &[Routed]) -> Result<(), RuntimeError> {
        let observer = &self.shared.observer;
        let mut sent = routed.iter();
        for Applied { record, outcome, activations } in applied {
            observer.observe(&LiveEvent::Input {
                position: record.offset,
                at: time_of(record),
                input: &decode(record)?,
                duplicate: outcome.duplicate,
                profile: outcome.profile,
            });
            for change in &outcome.changes {
                observer.observe(&LiveEvent::Change(change));
            }
            for routed in sent.by_ref().take(*activations) {
                observer.observe(&LiveEvent::Activation(&routed.activation));
            }
        }
        Ok(())
    }

    /// Tells how far the jobs are, now and then and when they have ended.
    fn observe_jobs(&mut self, running: usize) {
        let is_due = |(_, at): (u64, Instant)| running == 0 || at.elapsed() >= PROGRESS_INTERVAL;
        if running == 0 && self.told.is_none() || !self.told.is_none_or(is_due) {
            return;
        }
        let engine = self.shared.engine.read();
        let last = match self.told {
            Some((id, _)) if running == 0 => engine.job(id),
            _ => engine.last_job(),
        };
        drop(engine);
        if let Some(last) = &last {
            self.shared.observer.observe(&LiveEvent::Progress { running, last });
        }
        self.told = last.filter(|_| running > 0).map(|last| (last.id, Instant::now()));
    }

    /// Once the replay is over, nothing that is new can be among what was found.
    fn end_of_replay(&mut self, applied: u64) {
        if applied >= self.replay.end && !self.replay.found.is_empty() {
            let unknown = std::mem::take(&mut self.replay.found).len();
            // A checkpoint in the middle of a replay covers some of their inputs.
            tracing::info!(unknown, "activations that the replay did not make again");
        }
    }

    /// Tells who delivers of all destinations, at the end of the replay and whenever they may be
    /// others. During the replay they are those of the past.
    fn tell_destinations(&mut self, applied: u64, redefined: bool) {
        if applied >= self.replay.end && (redefined || !self.replay.is_told) {
            self.replay.is_told = true;
            let engine = self.shared.engine.read();
            let destinations: Vec<_> = engine.program().destinations().cloned().collect();
            drop(engine);
            self.shared.activation_log.follow(&destinations);
        }
    }
}

impl Routes {
    /// Takes over what the definitions say now. Destinations that are gone stay, for the
    /// activations that their removal causes.
    fn learn(&mut self, engine: &Engine) {
        for destination in engine.program().destinations() {
            self.0.insert(destination.id.clone(), log_of(destination));
        }
    }

    fn route(&self, activation: Activation) -> Result<Routed, RuntimeError> {
        match self.0.get(&activation.destination) {
            Some(log) => Ok(Routed { log: log.clone(), activation }),
            None => Err(RuntimeError::Stopped {
                reason: format!("activation for unknown destination {}", activation.destination),
            }),
        }
    }
}

fn time_of(record: &LogRecord) -> Timestamp {
    Timestamp::from_millis(record.time_ms)
}
