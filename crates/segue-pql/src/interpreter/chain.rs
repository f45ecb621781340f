//! Chains: whether events occurred in an order.
//!
//! A step is *positive* when it wants at least one event; it takes as many as it wants at least, in
//! order, after the last one that the positive step before it took. The events between what two
//! positive steps take are the *gap*, in which the number of matching events can be bounded:
//!
//! ```text
//!                 C0 takes 2          C2 takes 1         C3 takes 2
//! events   ·  ·   ●  ·  ●   ·  ·  ·   ●     ·   ·    ●  ·   ●   ·  ·
//!          └ gap of C0 ────────────┘
//!                          └ of C1 ┘  (none is wanted)
//!                          └ gap of C2 ─────────────┘
//!                                        └ gap of C3 ──────────────┘
//! ```
//!
//! Whether there is a choice of events is found step by step. What comes after a step depends on
//! little of what came before: on the last event that it took; and, since its own gap goes on until
//! the next step begins, on the last event of the step before, of which a later one is always as
//! good, for the gap is then smaller. So of all choices that end with the same event, one is kept.
//! For the same reason a step that takes more than one event begins with the first that matches.
//!
//! Cost: each condition is evaluated once for each event, and at most steps × events² pairs of
//! events are looked at, each in the logarithm of the events. A step whose label later conditions
//! refer to is tried with each event that it can take, so each such label multiplies that by the
//! number of events; there is at most
//! [`CHAIN_REFERENCES_MAX`](crate::CHAIN_REFERENCES_MAX).

use segue_xdm::Timestamp;

use super::condition::condition;
use super::value::Value;
use super::{EventFact, Scope};
use crate::expression::ChainStep;
use crate::occurrence::{Period, Stretch};

/// Whether some choice of events satisfies all of the chain.
pub(crate) fn holds<'a>(steps: &'a [ChainStep], scope: &Scope<'a>) -> bool {
    let start = Choice { gap_before: 0, gap: 0 };
    goes_on(steps, None, vec![start], scope)
}

/// Events that the steps so far can take, of which only this matters any more. Places between
/// events are counted by the events before them.
#[derive(Clone, Copy)]
struct Choice {
    /// Where the gap of the last positive step begins: after the last event of the one before.
    gap_before: usize,
    /// Where the gap behind it begins: after its own last event.
    gap: usize,
}

/// A step and the events that match it.
struct Matched<'a> {
    step: &'a ChainStep,
    /// In order.
    places: Vec<usize>,
}

impl<'a> Matched<'a> {
    fn of(step: &'a ChainStep, scope: &Scope<'a>) -> Matched<'a> {
        let matches = |event: &'a EventFact| {
            condition(&step.condition, &scope.with(step.event, Value::Event(event)))
                && step.window.as_ref().is_none_or(|window| {
                    scope.clock.is_in(window.stretch(event.timestamp, scope.time_zone()))
                })
        };
        let events = scope.facts.events.iter().enumerate();
        let places = events.filter(|(_, event)| matches(event)).map(|(place, _)| place).collect();
        Matched { step, places }
    }

    /// How many of the events before a place match.
    fn before(&self, end: usize) -> usize {
        self.places.partition_point(|place| *place < end)
    }

    /// How many of the events from the first place to just before the second one match.
    fn between(&self, from: usize, to: usize) -> usize {
        self.before(to).saturating_sub(self.before(from))
    }

    fn is_at_most_max_between(&self, from: usize, to: usize) -> bool {
        self.step.count.max.is_none_or(|max| self.between(from, to) <= max as usize)
    }

    fn first_from(&self, from: usize) -> Option<usize> {
        self.places.get(self.before(from)).copied()
    }
}

/// Whether the steps can be taken, after the positive one before them.
fn goes_on<'a>(
    steps: &'a [ChainStep],
    before: Option<&Matched<'a>>,
    choices: Vec<Choice>,
    scope: &Scope<'a>,
) -> bool {
    let positive = steps.iter().position(|step| step.count.min > 0).unwrap_or(steps.len());
    let (absent, rest) = steps.split_at(positive);
    let absent = absent.iter().map(|step| Matched::of(step, scope)).collect();
    let gap = Gap { before, absent, scope };
    let Some((step, rest)) = rest.split_first() else {
        return choices.iter().any(|choice| gap.can_last(*choice));
    };
    let matched = Matched::of(step, scope);
    let choices = gap.choices_after(&choices, &matched);
    if !rest.iter().any(|later| later.condition.mentions(step.event)) {
        return goes_on(rest, Some(&matched), choices, scope);
    }
    choices.into_iter().any(|choice| {
        let Some(event) = gap.last_event(choice) else { return false };
        let scope = scope.with(step.event, Value::Event(event));
        goes_on(rest, Some(&matched), vec![choice], &scope)
    })
}

/// What may happen between what two positive steps take, or from the last one on.
struct Gap<'m, 'a> {
    /// The positive step before, whose own gap ends here too.
    before: Option<&'m Matched<'a>>,
    absent: Vec<Matched<'a>>,
    scope: &'m Scope<'a>,
}

impl<'a> Gap<'_, 'a> {
    /// The choices that the next positive step has after these; both in order of their last event.
    fn choices_after(&self, choices: &[Choice], next: &Matched<'a>) -> Vec<Choice> {
        let after = |last: usize| {
            let latest = choices.iter().rev().find(|choice| self.can_lead(**choice, next, last))?;
            Some(Choice { gap_before: latest.gap, gap: last + 1 })
        };
        next.places.iter().filter_map(|last| after(*last)).collect()
    }

    /// Whether the next positive step can follow a choice, with this event as the last it takes.
    fn can_lead(&self, choice: Choice, next: &Matched<'a>, last: usize) -> bool {
        let min = next.step.count.min as usize;
        let first = if min == 1 { Some(last) } else { next.first_from(choice.gap) };
        let in_time = || match next.step.within.and_then(|within| self.end_of(within, choice)) {
            Some(end) => self.event(last).is_some_and(|event| event.timestamp <= end),
            None => true,
        };
        choice.gap <= last
            && next.between(choice.gap, last + 1) >= min
            && in_time()
            && first.is_some_and(|first| self.can_end(choice, first))
    }

    /// Whether no more events than allowed match up to this place.
    fn can_end(&self, choice: Choice, end: usize) -> bool {
        let own = |before: &Matched<'_>| before.is_at_most_max_between(choice.gap_before, end);
        self.before.is_none_or(own)
            && self.absent.iter().all(|absent| {
                let over = absent.step.within.and_then(|within| self.end_of(within, choice));
                let end = over.map_or(end, |over| end.min(self.place_after(over)));
                absent.is_at_most_max_between(choice.gap, end)
            })
    }

    /// Whether no more events than allowed match from here on, and the time for it is over.
    fn can_last(&self, choice: Choice) -> bool {
        self.can_end(choice, self.scope.facts.events.len())
            && self.absent.iter().all(|absent| {
                match absent.step.within.and_then(|within| self.end_of(within, choice)) {
                    Some(end) => self.scope.clock.is_in(Stretch::after(end)),
                    None => true,
                }
            })
    }

    /// When a period that begins with the last event that was taken ends, if one was taken.
    fn end_of(&self, period: Period, choice: Choice) -> Option<Timestamp> {
        let event = self.last_event(choice)?;
        Some(period.after(event.timestamp, self.scope.time_zone()))
    }

    fn last_event(&self, choice: Choice) -> Option<&'a EventFact> {
        self.event(choice.gap.checked_sub(1)?)
    }

    fn event(&self, place: usize) -> Option<&'a EventFact> {
        self.scope.facts.events.get(place).copied()
    }

    /// The place after all events up to this moment, included.
    fn place_after(&self, moment: Timestamp) -> usize {
        self.scope.facts.events.partition_point(|event| event.timestamp <= moment)
    }
}
