//! Applying inputs to the engine.

use std::sync::Arc;
use std::time::Instant;

use segue_core::{Activation, Engine, Input, Workers};
use segue_log::LogRecord;
use segue_xdm::Timestamp;

use super::Applier;
use super::batch::{Applied, Batch, Slice};
use super::time_of;
use crate::RuntimeError;
use crate::activation_log::Routed;
use crate::input_log::decode;
use crate::options::{LET_GO_LOOKS, LET_GO_PER_INPUT};
use crate::progress::Ahead;
use crate::spans::{ApplySpans, InputTrace};
use crate::status::{Part, ProfilesHeld};

/// An input at its log position, and when it came.
type Arrived = (u64, Timestamp, Input);

impl Applier {
    /// Changes the state; gives nothing when that cannot be trusted any more.
    pub(super) fn apply(&mut self, records: Vec<LogRecord>) -> Result<Option<Batch>, RuntimeError> {
        let inputs = self.decode_all(&records)?;
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

    fn decode_all(&self, records: &[LogRecord]) -> Result<Vec<Input>, RuntimeError> {
        let chunks = records.chunks(self.shards.shard_size(records.len()));
        let mut chunks: Vec<_> = chunks.map(|records| (records, Ok(Vec::new()))).collect();
        self.shards.each(&mut chunks, |(records, inputs)| {
            *inputs = records.iter().map(decode).collect::<Result<Vec<Input>, _>>();
        });
        let mut all = Vec::with_capacity(records.len());
        for (_, inputs) in chunks {
            all.extend(inputs?);
        }
        Ok(all)
    }

    fn apply_all(
        &mut self,
        records: Vec<LogRecord>,
        inputs: Vec<Input>,
    ) -> Result<Batch, RuntimeError> {
        let shared = Arc::clone(&self.shared);
        let traces = records.iter().zip(&inputs);
        let traces: Vec<Option<InputTrace>> =
            traces.map(|(record, input)| InputTrace::of(&record.payload, input)).collect();
        let mut engine = shared.engine.write();
        self.make_room(&mut engine, records.len());
        let visited_before = engine.profiles_visited();
        let spans = self.begin_spans(&records, &traces);
        let mut applied = Vec::with_capacity(records.len());
        let mut routed = Vec::new();
        let mut slice = Slice::default();
        let mut redefined = false;
        let arrived = records.iter().map(|record| (record.offset, time_of(record)));
        let arrived: Vec<Arrived> =
            arrived.zip(inputs).map(|((position, at), input)| (position, at, input)).collect();
        let mut arrived = arrived.into_iter().peekable();
        let mut told = records.into_iter().zip(traces);
        while let Some(first) = arrived.next() {
            let is_slice = matches!(first.2, Input::Advance(_));
            let is_shared = is_of_profiles(&first);
            let mut together = vec![first];
            if is_shared {
                together.extend(std::iter::from_fn(|| arrived.next_if(is_of_profiles)));
            }
            let begun = Instant::now();
            let outcomes = engine.apply_all(together, &self.shards);
            if !is_shared && !is_slice {
                self.routes.learn(&engine);
                redefined = true;
            }
            if is_slice {
                let activations = outcomes.iter().map(|outcome| outcome.activations.len());
                slice.applied += begun.elapsed();
                slice.activations += activations.sum::<usize>();
            }
            for (mut outcome, (record, trace)) in outcomes.into_iter().zip(told.by_ref()) {
                let activations = std::mem::take(&mut outcome.activations);
                let count = self.route(activations, trace.as_ref(), &mut routed)?;
                applied.push(Applied { record, outcome, activations: count });
            }
        }
        let profiles_visited = engine.profiles_visited() - visited_before;
        let ahead = Ahead::of(&engine);
        drop(engine);
        spans.end(&shared.tracer);
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

    /// Lets go of profiles that were not used lately, if those in memory take too much, before so
    /// many inputs are applied.
    fn make_room(&mut self, engine: &mut Engine, inputs: usize) {
        if self.archived < self.taken && self.shared.progress.written() == self.taken {
            engine.archived();
            self.archived = self.taken;
        }
        let looks = LET_GO_LOOKS.max(LET_GO_PER_INPUT * inputs);
        engine.let_go(self.limits.profile_memory_bytes, looks);
        *self.shared.profiles.lock() = ProfilesHeld::of(engine);
    }

    /// Begins the spans of the inputs that are traced; those of a replay were recorded before.
    fn begin_spans(&self, records: &[LogRecord], traces: &[Option<InputTrace>]) -> ApplySpans {
        let mut spans = ApplySpans::default();
        for (record, trace) in records.iter().zip(traces) {
            if let Some(trace) = trace.as_ref().filter(|_| record.offset >= self.replay.end) {
                spans.begin(&self.shared.tracer, trace);
            }
        }
        spans
    }

    /// Routes the activations of an input that are not in the logs already; tells how many.
    fn route(
        &mut self,
        activations: Vec<Activation>,
        trace: Option<&InputTrace>,
        routed: &mut Vec<Routed>,
    ) -> Result<usize, RuntimeError> {
        let before = routed.len();
        for mut activation in activations {
            trace.into_iter().for_each(|trace| trace.mark(&mut activation));
            if self.replay.found.remove(&activation.id) {
                self.shared.counters.activations_found.add(1);
            } else {
                routed.push(self.routes.route(activation)?);
            }
        }
        Ok(routed.len() - before)
    }
}

/// Whether an input is of some profiles alone. Others are applied for themselves: they say where
/// activations go, and slices are timed.
fn is_of_profiles((.., input): &Arrived) -> bool {
    !matches!(input, Input::Advance(_) | Input::Define(_) | Input::Remove(..))
}
