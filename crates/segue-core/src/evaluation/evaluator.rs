//! Bringing the memberships of one profile up to date: only those that an input can have changed.
//!
//! Invariant: a membership that is not looked at would have been found as it is. What changes the
//! value of a definition is an event that passes one of its tests, an attribute that it reads, a
//! membership that it names, or a moment that was noted when it was last evaluated.

use std::cell::OnceCell;

use segue_pql::{Evaluation, EventFact, Facts, Form, Kept};
use segue_xdm::{Path, Timestamp};

use super::compiled::{Compiled, CompiledAudience, CompiledLeaf, LeafNumber};
use super::event::EventView;
use super::rank_set::RankSet;
use super::renewal::Renewal;
use super::trace::{Clock, Traces};
use crate::archive::Events;
use crate::membership::{Change, Finding};
use crate::profile::{History, ProfileState};

/// Evaluates the audiences of one profile.
pub(crate) struct Evaluator<'a> {
    compiled: &'a Compiled,
    events: Events<'a>,
    clock: Clock<'a>,
    /// Audiences that may have changed.
    concerned: RankSet,
    /// Audiences that the input is relevant to.
    relevant: RankSet,
    /// What was found of leaves over traces, which memberships do not change.
    known: Vec<(LeafNumber, Evaluation)>,
    /// The profile's events, once an audience needs them.
    stored: OnceCell<Vec<EventFact>>,
}

impl<'a> Evaluator<'a> {
    pub(crate) fn new(
        compiled: &'a Compiled,
        events: Events<'a>,
        clock: Clock<'a>,
    ) -> Evaluator<'a> {
        Evaluator {
            compiled,
            events,
            clock,
            concerned: RankSet::new(compiled.count()),
            relevant: RankSet::new(compiled.count()),
            known: Vec::new(),
            stored: OnceCell::new(),
        }
    }

    /// The profile came into being.
    pub(crate) fn on_birth(&mut self) {
        self.concerned.insert_all(&self.compiled.at_birth);
    }

    /// An event came in.
    pub(crate) fn on_event(&mut self, state: &mut ProfileState, event: &EventView<'_>) {
        let Compiled { intake, .. } = self.compiled;
        let seen = intake.see(event, self.clock);
        for passed in intake.passed(&seen) {
            self.concerned.insert_all(&passed.concerned);
            self.relevant.insert_all(&passed.relevant);
        }
        let demands = |trace| self.compiled.demands(trace);
        intake.keep(&mut state.traces, event, &seen, demands, self.clock);
    }

    /// Attributes were written.
    pub(crate) fn on_attributes(&mut self, state: &ProfileState, written: &[Path]) {
        let attributes = state.attributes.as_value();
        self.compiled.readers.find(written, attributes, &mut self.relevant);
        self.compiled.readers.find(written, attributes, &mut self.concerned);
        for audience in state.memberships.held() {
            let rank = self.compiled.rank_of_number(audience);
            rank.into_iter().for_each(|rank| self.concerned.insert(rank));
        }
    }

    /// Moments came that were noted; those of audiences that wait for something else are dropped.
    pub(crate) fn on_time(&mut self, state: &mut ProfileState, waits: impl Fn(&str) -> bool) {
        // One that belongs to no audience any more is gone with that.
        for audience in state.moments.take_due(self.clock.now) {
            let Some(rank) = self.compiled.rank_of_number(audience) else { continue };
            let audience = self.compiled.audience(rank);
            if audience.is_some_and(|audience| !waits(&audience.key.id)) {
                self.concerned.insert(rank);
            }
        }
    }

    /// Whether the moments that came change a membership of an audience that waits for nothing.
    pub(crate) fn changes_by_time(
        &mut self,
        state: &ProfileState,
        waits: impl Fn(&str) -> bool,
    ) -> bool {
        let compiled = self.compiled;
        let due = state.moments.due(self.clock.now);
        let ranks = due.filter_map(|audience| compiled.rank_of_number(audience));
        let audiences = ranks.filter_map(|rank| compiled.audience(rank));
        audiences.filter(|audience| !waits(&audience.key.id)).any(|audience| {
            let is_member = state.memberships.is_member_of(audience.key.number);
            self.evaluate(audience, state).value != is_member
        })
    }

    /// Audiences were published or edited, and their traces were built anew.
    pub(crate) fn on_definitions(&mut self, state: &ProfileState, renewal: &Renewal) {
        let known = (&state.traces, &state.memberships);
        renewal.find(self.compiled, known, &mut self.concerned);
    }

    /// Anything may have changed.
    pub(crate) fn on_anything(&mut self) {
        (0..self.compiled.count()).for_each(|rank| self.concerned.insert(rank));
    }

    /// Brings the memberships up to date, each after those that it is made of.
    pub(crate) fn settle(mut self, state: &mut ProfileState) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut next = 0;
        while let Some(rank) = self.concerned.next(next) {
            next = rank + 1;
            let Some(audience) = self.compiled.audience(rank) else { continue };
            let lacks = audience.needs.is_some_and(|trace| state.traces.is_empty(trace));
            if lacks && !state.memberships.is_member_of(audience.key.number) {
                continue;
            }
            let Evaluation { value, holds_until } = self.evaluate(audience, state);
            state.moments.set(audience.key.number, holds_until);
            let finding = Finding {
                is_true: value,
                is_relevant: value && self.relevant.contains(rank),
                version: audience.version,
            };
            let change = state.memberships.settle(&audience.key, self.clock.now, &finding);
            let Some(change) = change else { continue };
            if change.enters_or_leaves() {
                self.concerned.insert_all(&audience.dependents);
            }
            changes.push(change);
        }
        changes
    }

    fn evaluate(&mut self, audience: &CompiledAudience, state: &ProfileState) -> Evaluation {
        let mut holds_until: Option<Timestamp> = None;
        let value = audience.formula.holds(&mut |leaf| {
            let evaluation = self.leaf(*leaf, state);
            holds_until = holds_until.into_iter().chain(evaluation.holds_until).min();
            evaluation.value
        });
        Evaluation { value, holds_until }
    }

    fn leaf(&mut self, number: LeafNumber, state: &ProfileState) -> Evaluation {
        let Some(compiled) = self.compiled.leaf(number) else {
            return Evaluation { value: false, holds_until: None };
        };
        match &compiled.leaf.form {
            Form::Member(_) => {
                let member = compiled.member_of;
                let value = member.is_some_and(|audience| state.memberships.is_member_of(audience));
                Evaluation { value, holds_until: None }
            }
            Form::Attribute => self.condition(compiled, state, &[]),
            Form::Interpreted(_) => self.interpret(compiled, state),
            Form::Count { .. } | Form::Sequence(_) | Form::Total(_) => {
                let known = self.known.iter().find(|(known, _)| *known == number);
                if let Some((_, evaluation)) = known {
                    return *evaluation;
                }
                let evaluation = self.over_traces(compiled, state);
                self.known.push((number, evaluation));
                evaluation
            }
        }
    }

    fn over_traces(&self, compiled: &CompiledLeaf, state: &ProfileState) -> Evaluation {
        let traces = &compiled.traces;
        let kept = |place: usize| match traces.get(place) {
            None => Kept::default(),
            Some((number, window)) => state.traces.kept(*number, window, self.clock),
        };
        let evaluation = compiled.leaf.over(&kept, self.clock);
        evaluation.unwrap_or_else(|| self.interpret(compiled, state))
    }

    fn interpret(&self, compiled: &CompiledLeaf, state: &ProfileState) -> Evaluation {
        let events = self.stored.get_or_init(|| state.history.facts(self.events));
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

/// Builds traces of a profile anew from all of its events: those of a renewal, or all.
pub(crate) fn rebuild_traces(
    compiled: &Compiled,
    renewal: Option<&Renewal>,
    (events, history): (Events<'_>, &History),
    traces: &mut Traces,
    clock: Clock<'_>,
) {
    let intake = renewal.map_or(&compiled.intake, |renewal| &renewal.intake);
    if intake.is_empty() {
        return;
    }
    for ((timestamp, arrival), body) in history.events(events) {
        let event = EventView::new(timestamp, arrival, &body);
        let seen = intake.see(&event, clock);
        intake.keep(traces, &event, &seen, |trace| compiled.demands(trace), clock);
    }
}
