//! Bringing the memberships of one profile up to date: only those that an input can have changed.
//!
//! Invariant: a membership that is not looked at would have been found as it is. What changes the
//! value of a definition is an event that passes one of its tests, an attribute that it reads, a
//! membership that it names, or a moment that was noted when it was last evaluated.

use std::cell::OnceCell;
use std::collections::BTreeSet;

use segue_pql::{Evaluation, EventFact, Facts, Form, Kept};
use segue_xdm::{Path, Timestamp};

use super::compiled::{Compiled, CompiledAudience, CompiledLeaf, Rank};
use super::event::EventView;
use super::event_index::Seen;
use super::trace::{Clock, Traces};
use crate::membership::{Change, Finding};
use crate::profile::{History, ProfileState};

/// Evaluates the audiences of one profile.
pub(crate) struct Evaluator<'a> {
    compiled: &'a Compiled,
    clock: Clock<'a>,
    /// Audiences that may have changed.
    concerned: BTreeSet<Rank>,
    /// Audiences that the input is relevant to.
    relevant: BTreeSet<Rank>,
    /// The profile's events, once an audience needs them.
    stored: OnceCell<Vec<EventFact>>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(compiled: &'a Compiled, clock: Clock<'a>) -> Evaluator<'a> {
        Evaluator {
            compiled,
            clock,
            concerned: BTreeSet::new(),
            relevant: BTreeSet::new(),
            stored: OnceCell::new(),
        }
    }

    /// The profile came into being.
    pub(crate) fn on_birth(&mut self) {
        self.concerned.extend(&self.compiled.at_birth);
    }

    /// An event came in.
    pub(crate) fn on_event(&mut self, state: &mut ProfileState, event: &EventView<'_>) {
        let seen = self.compiled.index.see(event, self.clock.time_zone);
        for test in &seen.passed {
            let Some(passed) = self.compiled.passed.get(*test as usize) else { continue };
            self.concerned.extend(&passed.concerned);
            self.relevant.extend(&passed.relevant);
        }
        keep(self.compiled, &mut state.traces, event, &seen, self.clock);
    }

    /// Attributes were written.
    pub(crate) fn on_attributes(&mut self, written: &[Path]) {
        for rank in self.compiled.readers_of(written) {
            self.concerned.insert(rank);
            self.relevant.insert(rank);
        }
    }

    /// Moments came that were noted; those of audiences that wait for something else are dropped.
    pub(crate) fn on_time(&mut self, state: &mut ProfileState, waits: impl Fn(&str) -> bool) {
        // One that belongs to no audience any more is gone with that.
        let due = state.moments.take_due(self.clock.now).into_iter();
        let ranks = due.filter_map(|audience| self.compiled.rank_of_number(audience));
        let counts = |rank: &Rank| self.compiled.audience(*rank).is_some_and(|it| !waits(&it.id));
        self.concerned.extend(ranks.filter(counts));
    }

    /// Whether the moments that came change a membership of an audience that waits for nothing.
    pub(crate) fn changes_by_time(
        &self,
        state: &ProfileState,
        waits: impl Fn(&str) -> bool,
    ) -> bool {
        let due = state.moments.due(self.clock.now);
        let ranks = due.filter_map(|audience| self.compiled.rank_of_number(audience));
        let audiences = ranks.filter_map(|rank| self.compiled.audience(rank));
        audiences.filter(|audience| !waits(&audience.id)).any(|audience| {
            self.evaluate(audience, state).value != state.memberships.is_member(&audience.id)
        })
    }

    /// Audiences were published or edited.
    pub(crate) fn on_definitions(&mut self, audiences: &BTreeSet<String>) {
        self.concerned.extend(audiences.iter().filter_map(|id| self.compiled.rank(id)));
    }

    /// Anything may have changed.
    pub(crate) fn on_anything(&mut self) {
        self.concerned.extend(0..self.compiled.count());
    }

    /// Brings the memberships up to date, each after those that it is made of.
    pub(crate) fn settle(mut self, state: &mut ProfileState) -> Vec<Change> {
        let mut changes = Vec::new();
        while let Some(rank) = self.concerned.pop_first() {
            let Some(audience) = self.compiled.audience(rank) else { continue };
            let Evaluation { value, holds_until } = self.evaluate(audience, state);
            state.moments.set(audience.number, holds_until);
            let finding = Finding {
                is_true: value,
                is_relevant: value && self.relevant.contains(&rank),
                version: audience.version,
            };
            let change = state.memberships.settle(&audience.id, self.clock.now, &finding);
            let Some(change) = change else { continue };
            if change.enters_or_leaves() {
                self.concerned.extend(&audience.dependents);
            }
            changes.push(change);
        }
        changes
    }

    fn evaluate(&self, audience: &CompiledAudience, state: &ProfileState) -> Evaluation {
        let mut holds_until: Option<Timestamp> = None;
        let value = audience.formula.holds(&mut |leaf| {
            let evaluation = self.leaf(leaf, state);
            holds_until = holds_until.into_iter().chain(evaluation.holds_until).min();
            evaluation.value
        });
        Evaluation { value, holds_until }
    }

    fn leaf(&self, compiled: &CompiledLeaf, state: &ProfileState) -> Evaluation {
        match &compiled.leaf.form {
            Form::Member(audience) => {
                Evaluation { value: state.memberships.is_member(audience), holds_until: None }
            }
            Form::Attribute => self.condition(compiled, state, &[]),
            Form::Interpreted(_) => self.interpret(compiled, state),
            Form::Count { .. } | Form::Sequence(_) | Form::Total(_) => {
                self.over_traces(compiled, state)
            }
        }
    }

    fn over_traces(&self, compiled: &CompiledLeaf, state: &ProfileState) -> Evaluation {
        let traces = &compiled.traces;
        let is_incomplete = traces
            .iter()
            .any(|(number, window)| state.traces.is_incomplete(*number, window, self.clock));
        if is_incomplete {
            return self.interpret(compiled, state);
        }
        let kept: Vec<Kept<'_>> =
            traces.iter().map(|(number, _)| state.traces.kept(*number)).collect();
        let evaluation = compiled.leaf.over(&kept, self.clock);
        evaluation.unwrap_or_else(|| self.interpret(compiled, state))
    }

    fn interpret(&self, compiled: &CompiledLeaf, state: &ProfileState) -> Evaluation {
        let events = self.stored.get_or_init(|| state.history.facts());
        let events: Vec<&EventFact> = events.iter().collect();
        self.condition(compiled, state, &events)
    }

    fn condition(
        &self,
        compiled: &CompiledLeaf,
        state: &ProfileState,
        events: &[&EventFact],
    ) -> Evaluation {
        compiled.leaf.condition.evaluate(&Facts {
            attributes: state.attributes.as_value(),
            events,
            is_member: &|audience| state.memberships.is_member(audience),
            now: self.clock.now,
            time_zone: self.clock.time_zone,
        })
    }
}

/// Keeps of an event what the traces want of it.
fn keep(
    compiled: &Compiled,
    traces: &mut Traces,
    event: &EventView<'_>,
    seen: &Seen<'_>,
    clock: Clock<'_>,
) {
    for (number, value) in compiled.traces_of(&seen.passed) {
        let mut occurred = event.occurred();
        if let Some(value) = value {
            occurred.value = compiled.index.value(seen, value);
            if occurred.value.is_none() {
                continue;
            }
        }
        if let Some(demands) = compiled.demands(number) {
            traces.add(number, occurred, demands, clock);
        }
    }
}

/// Builds the traces of a profile anew from all of its events.
pub(crate) fn rebuild_traces(compiled: &Compiled, history: &History, clock: Clock<'_>) -> Traces {
    let mut traces = Traces::default();
    for event in history.views() {
        let seen = compiled.index.see(&event, clock.time_zone);
        keep(compiled, &mut traces, &event, &seen, clock);
    }
    traces
}
