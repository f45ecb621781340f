//! The thread that turns inputs into state and activations. It is the only one that changes
//! either.
//!
//! ```text
//!   read ─▶ apply ─▶ append activations ─▶ observe ─▶ advance ─▶ (once a second) checkpoint
//!   durable  under the   durable before       then       then       applied position and the
//!   inputs   write lock  anything after it    tell      wake reads  logs' ends, taken here
//! ```
//!
//! The order is what makes a crash harmless. A checkpoint never covers an input whose activations
//! are not durable, so none is lost; and whatever lies in the activation logs behind the
//! checkpoint's ends is made again with the same ids by the replay, and left out, so none is
//! doubled.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use segue_core::{Activation, ActivationId, Engine, Input, Outcome};
use segue_log::{LogRecord, Reader};
use segue_xdm::Timestamp;

use crate::RuntimeError;
use crate::activation_log::{Routed, log_of};
use crate::checkpoint::{CheckpointWriter, Mark};
use crate::input_log::decode;
use crate::observer::LiveEvent;
use crate::options::{APPLY_BYTES, CHECKPOINT_RECHECK, PROGRESS_INTERVAL, WRITE_RETRY};
use crate::progress::Ahead;
use crate::shared::Shared;
use crate::status::Part;

/// What the thread owns.
pub(crate) struct EngineThread {
    pub(crate) shared: Arc<Shared>,
    pub(crate) reader: Reader,
    pub(crate) checkpoints: CheckpointWriter,
    pub(crate) checkpoint_interval: Duration,
    pub(crate) replay: Replay,
    /// The job whose progress was told of last, and when.
    pub(crate) told: Option<(u64, Instant)>,
}

/// The part of the log that was there at the start and that the checkpoint lacks.
pub(crate) struct Replay {
    /// Where the log ended at the start.
    pub(crate) end: u64,
    /// Activations behind the checkpoint that are in their logs. Only inputs before `end` can
    /// have caused them.
    pub(crate) found: HashSet<ActivationId>,
    /// Whether the destinations after it were told.
    pub(crate) is_told: bool,
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

/// Where the activations of every destination go.
#[derive(Default)]
struct Routes(HashMap<String, String>);

/// What one input came to; its activations are taken out.
struct Applied<'a> {
    record: &'a LogRecord,
    outcome: Outcome,
    activations: usize,
}

impl EngineThread {
    /// Applies inputs until the log is closed and read to its end, then writes a last checkpoint.
    pub(crate) fn run(mut self) -> Result<(), RuntimeError> {
        let mut routes = Routes::default();
        routes.learn(&self.shared.engine.read());
        self.tell_destinations(self.shared.progress.applied(), false);
        let mut dirty_since = None;
        loop {
            let closed = self.shared.input.is_closed();
            let records = self.reader.read(APPLY_BYTES)?;
            if !records.is_empty() {
                self.apply(&records, &mut routes)?;
                dirty_since.get_or_insert_with(Instant::now);
            } else if closed {
                break;
            }
            let due = dirty_since.map(|since| self.time_to_checkpoint(since));
            if due == Some(Duration::ZERO) {
                self.checkpoint();
                dirty_since = None;
            } else if records.is_empty() {
                self.reader.wait(due);
            }
        }
        if dirty_since.is_some() {
            self.checkpoint();
        }
        Ok(())
    }

    /// Takes a batch of inputs through every stage up to the new applied position.
    fn apply(&mut self, records: &[LogRecord], routes: &mut Routes) -> Result<(), RuntimeError> {
        let inputs = records.iter().map(decode).collect::<Result<Vec<Input>, _>>()?;
        let mut applied = Vec::with_capacity(records.len());
        let mut routed = Vec::new();
        let mut slice = Slice::default();
        let mut redefined = false;
        let mut engine = self.shared.engine.write();
        let visited_before = engine.profiles_visited();
        for (record, input) in records.iter().zip(inputs) {
            let defines = matches!(input, Input::Define(_));
            redefined |= defines || matches!(input, Input::Remove(..));
            let is_slice = matches!(input, Input::Advance(_));
            let begun = Instant::now();
            let mut outcome = engine.apply(record.offset, time_of(record), input);
            if defines {
                routes.learn(&engine);
            }
            if is_slice {
                slice.applied += begun.elapsed();
                slice.activations += outcome.activations.len();
            }
            let before = routed.len();
            for activation in std::mem::take(&mut outcome.activations) {
                if self.replay.found.remove(&activation.id) {
                    self.shared.counters.activations_found.add(1);
                } else {
                    routed.push(routes.route(activation)?);
                }
            }
            applied.push(Applied { record, outcome, activations: routed.len() - before });
        }
        let ahead = Ahead::of(&engine);
        let visited = engine.profiles_visited() - visited_before;
        drop(engine);

        let begun = Instant::now();
        self.append(&routed)?;
        if !slice.applied.is_zero() {
            self.shared.slice_time.set(slice.time(begun.elapsed(), routed.len()));
        }
        self.count(&applied);
        self.shared.counters.backfilled.add(visited as usize);
        if self.shared.observer.is_watching() {
            self.observe(&applied, &routed)?;
            self.observe_jobs(ahead.jobs);
        }
        let end = records.last().map_or(0, |record| record.offset + 1);
        self.end_of_replay(end);
        self.tell_destinations(end, redefined);
        self.shared.progress.advance(end, ahead);
        Ok(())
    }

    /// Appends activations, however often it takes. What a failed attempt left in the logs is
    /// looked up before the next one.
    fn append(&self, routed: &[Routed]) -> Result<(), RuntimeError> {
        if routed.is_empty() {
            return Ok(());
        }
        let log = &self.shared.activation_log;
        let before = log.ends();
        let mut attempt = log.append(routed);
        while let Err(error) = attempt {
            self.shared.counters.activation_failures.add(1);
            self.shared.health.report(Part::ActivationLog, &error);
            if self.shared.progress.wait_stopped(WRITE_RETRY) {
                return Err(error.into());
            }
            attempt = log.ids_since(&before).and_then(|there| {
                let missing = routed.iter().filter(|one| !there.contains(&one.activation.id));
                log.append(&missing.cloned().collect::<Vec<Routed>>())
            });
        }
        self.shared.health.clear(Part::ActivationLog);
        self.shared.counters.activations.add(routed.len());
        Ok(())
    }

    fn count(&self, applied: &[Applied<'_>]) {
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

    fn observe(&self, applied: &[Applied<'_>], routed: &[Routed]) -> Result<(), RuntimeError> {
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

    /// Once the replay is over, whatever it did not make again was not made by these inputs.
    fn end_of_replay(&mut self, applied: u64) {
        if applied >= self.replay.end && !self.replay.found.is_empty() {
            let unknown = std::mem::take(&mut self.replay.found).len();
            tracing::warn!(unknown, "activation logs hold activations of no known input");
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

    fn time_to_checkpoint(&self, dirty_since: Instant) -> Duration {
        let remaining = self.checkpoint_interval.saturating_sub(dirty_since.elapsed());
        if self.checkpoints.is_idle() { remaining } else { remaining.max(CHECKPOINT_RECHECK) }
    }

    /// Hands the changes since the last checkpoint to its writer. All activations of what was
    /// applied are durable here, and none of what was not.
    fn checkpoint(&self) {
        let writes = self.shared.engine.write().take_dirty().writes;
        let mark = Mark {
            applied: self.shared.progress.applied(),
            ends: self.shared.activation_log.ends(),
        };
        self.checkpoints.write(mark, writes);
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
