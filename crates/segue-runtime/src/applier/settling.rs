//! Telling everybody of inputs whose activations are durable.

use std::time::Instant;

use super::batch::{Applied, Batch};
use super::{Applier, time_of};
use crate::RuntimeError;
use crate::activation_log::Routed;
use crate::input_log::decode;
use crate::observer::LiveEvent;
use crate::options::PROGRESS_INTERVAL;

impl Applier {
    /// Tells everybody of a batch whose activations are durable.
    pub(super) fn settle(&mut self, batch: &Batch) -> Result<(), RuntimeError> {
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
    pub(super) fn tell_destinations(&mut self, applied: u64, redefined: bool) {
        if applied >= self.replay.end && (redefined || !self.replay.is_told) {
            self.replay.is_told = true;
            let engine = self.shared.engine.read();
            let destinations: Vec<_> = engine.program().destinations().cloned().collect();
            drop(engine);
            self.shared.activation_log.follow(&destinations);
        }
    }
}
