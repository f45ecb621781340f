//! The reference interpreter: what a definition means, said as plainly as possible.
//!
//! It goes over all events of a profile, each time. It is the oracle that faster evaluation is
//! held against, so it has no shortcut, no state and no cache.
//!
//! Two steps: first every leaf is resolved to what does not depend on "now" (a truth value, or
//! which events match each step and when they count), then that is looked at from a moment:
//!
//! ```text
//! Formula<Leaf> ──resolve(facts)──▶ Formula<Resolved> ──at(now)──▶ bool
//!                                         └─ ends of stretches ──▶ moments to look at again
//! ```
//!
//! **Chains.** Step by step, a chain takes the earliest events that suffice: as many events as the
//! step's count that match, count now, and come after every event that the step before took.
//! Events come in the order of their timestamps, and of arrival where those are equal; no event is
//! taken twice. Taking the earliest is no restriction: what follows has only more events to choose
//! from. A count with an upper end is possible only where a chain has one step.

use jiff::tz::TimeZone;
use segue_xdm::Timestamp;
use serde_json::Value;

use crate::expression::{ChainStep, Count, Expression, Formula, Leaf};
use crate::window::Stretch;

/// What a definition is evaluated over: a profile at a moment.
pub struct Facts<'a> {
    /// The profile's attributes, an object.
    pub attributes: &'a Value,
    /// The profile's events, ordered by timestamp, and by arrival where timestamps are equal.
    pub events: &'a [&'a EventFact],
    /// Whether the profile is in the audience with this id.
    pub is_member: &'a dyn Fn(&str) -> bool,
    /// The moment.
    pub now: Timestamp,
    /// Whose midnight ends `today`, and whose calendar measures months and years.
    pub time_zone: &'a TimeZone,
}

/// An event of a profile's history.
#[derive(Clone, PartialEq, Debug)]
pub struct EventFact {
    /// When it happened.
    pub timestamp: Timestamp,
    /// The whole event as it was sent.
    pub body: Value,
}

/// Whether the profile satisfies the definition at `facts.now`.
#[must_use]
pub fn evaluate(expression: &Expression, facts: &Facts<'_>) -> bool {
    holds_at(&resolve(expression, facts), facts.now)
}

/// The first moment after `facts.now` at which the value differs from the value now, if nothing
/// but time passes; `None` when there is none. Memberships that `is_member` reports are taken to
/// stay as they are.
#[must_use]
pub fn next_flip(expression: &Expression, facts: &Facts<'_>) -> Option<Timestamp> {
    let resolved = resolve(expression, facts);
    let value_now = holds_at(&resolved, facts.now);
    let mut moments = Vec::new();
    resolved.visit(&mut |leaf| {
        if let Resolved::Chain(steps) = leaf {
            let stretches = steps.iter().flat_map(|step| &step.matches).map(|found| found.counts);
            moments.extend(stretches.flat_map(|counts| [counts.from, counts.until]).flatten());
        }
    });
    moments.retain(|moment| *moment > facts.now);
    moments.sort_unstable();
    moments.dedup();
    moments.into_iter().find(|moment| holds_at(&resolved, *moment) != value_now)
}

/// A leaf of which only "now" is open.
enum Resolved {
    Known(bool),
    Chain(Vec<ResolvedStep>),
}

struct ResolvedStep {
    count: Count,
    /// In the order of the events.
    matches: Vec<Match>,
}

struct Match {
    /// The event's place in the order of all the profile's events.
    position: usize,
    counts: Stretch,
}

fn resolve(expression: &Expression, facts: &Facts<'_>) -> Formula<Resolved> {
    expression.formula.map(&|leaf| match leaf {
        Leaf::Attribute(test) => Resolved::Known(test.accepts(facts.attributes)),
        Leaf::Member(audience) => Resolved::Known((facts.is_member)(audience)),
        Leaf::Chain(steps) => {
            Resolved::Chain(steps.iter().map(|step| resolve_step(step, facts)).collect())
        }
    })
}

fn resolve_step(step: &ChainStep, facts: &Facts<'_>) -> ResolvedStep {
    let matches = facts
        .events
        .iter()
        .enumerate()
        .filter(|(_, event)| step.predicate.accepts(&event.body))
        .map(|(position, event)| Match {
            position,
            counts: step.window.stretch(event.timestamp, facts.time_zone),
        })
        .collect();
    ResolvedStep { count: step.count, matches }
}

fn holds_at(formula: &Formula<Resolved>, now: Timestamp) -> bool {
    formula.holds(&|leaf| match leaf {
        Resolved::Known(value) => *value,
        Resolved::Chain(steps) => match steps.as_slice() {
            [only] => only.count.includes(only.counting_at(now).count()),
            steps => sequence_holds_at(steps, now),
        },
    })
}

fn sequence_holds_at(steps: &[ResolvedStep], now: Timestamp) -> bool {
    let mut next_position = 0;
    steps.iter().all(|step| {
        let free = step.counting_at(now).filter(|position| *position >= next_position);
        let taken: Vec<usize> = free.take(step.count.min as usize).collect();
        next_position = taken.last().map_or(next_position, |last| last + 1);
        taken.len() == step.count.min as usize
    })
}

impl ResolvedStep {
    /// The positions of the events that match and count at `now`.
    fn counting_at(&self, now: Timestamp) -> impl Iterator<Item = usize> {
        let counting = self.matches.iter().filter(move |found| found.counts.contains(now));
        counting.map(|found| found.position)
    }
}
