//! The reference interpreter: what a definition means, said as plainly as possible.
//!
//! It goes over all events of a profile, each time. It is the oracle that faster evaluation is
//! held against, so it has no shortcut and keeps nothing from one evaluation to the next.
//!
//! ```text
//! Expr ──condition──▶ bool     condition.rs, chain.rs
//!   └────value──────▶ Value    value.rs, list.rs, call.rs, arithmetic.rs, moment.rs
//!            └─ Scope: the facts, the variables' values, and the Clock, which alone knows "now"
//! ```
//!
//! **Time.** Every answer that depends on "now" comes from the [`Clock`], which keeps the first
//! later moment at which one of the answers that it gave may be another. As long as all answers are
//! the same, so is the value: that moment is until when an [`Evaluation`] holds.

mod arithmetic;
mod call;
mod chain;
mod condition;
mod list;
mod moment;
mod scope;
mod value;

use jiff::tz::TimeZone;
use segue_xdm::Timestamp;
use serde_json::Value as Json;

pub(crate) use chain::holds as chain_holds;
pub(crate) use condition::condition;
pub(crate) use scope::{Clock, Scope};
pub(crate) use value::{Value, value};

use crate::definition::Expression;
use crate::expression::{Expr, Variable};
use crate::limits::FLIP_STEPS_MAX;

/// What a definition is evaluated over: a profile at a moment.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The profile's attributes, an object.
    pub attributes: &'a Json,
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
    pub body: Json,
}

/// A value, and until when it is certain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Evaluation {
    /// Whether the condition is true.
    pub value: bool,
    /// The value is the same at every moment from now to just before this one, if nothing but time
    /// passes; `None`: for ever.
    pub holds_until: Option<Timestamp>,
}

/// Whether the profile satisfies the definition at `facts.now`, and until when that is certain.
/// Memberships that `is_member` reports are taken to stay as they are.
#[must_use]
pub fn evaluate(expression: &Expression, facts: &Facts<'_>) -> Evaluation {
    evaluate_part(&expression.condition, facts)
}

/// The first moment after `facts.now` at which the value differs from the value now, if nothing
/// but time passes; `None` when there is none.
///
/// It is looked for from the end of one certain stretch to the next, at most [`FLIP_STEPS_MAX`]
/// times. After so many without a difference the moment that was reached is returned instead:
/// before it nothing changes, and one has to ask again then.
#[must_use]
pub fn next_flip(expression: &Expression, facts: &Facts<'_>) -> Option<Timestamp> {
    let now = evaluate(expression, facts);
    let mut reached = now.holds_until?;
    for _ in 0..FLIP_STEPS_MAX {
        let then = evaluate(expression, &Facts { now: reached, ..*facts });
        if then.value != now.value {
            break;
        }
        reached = then.holds_until?;
    }
    Some(reached)
}

/// The same as [`evaluate`], of a part that reads no variable from outside of it.
pub(crate) fn evaluate_part(part: &Expr, facts: &Facts<'_>) -> Evaluation {
    let clock = Clock::at(facts.now);
    let value = condition(part, &Scope::new(facts, &clock));
    clock.dated(value)
}

impl Expression {
    /// Whether the event satisfies what the definition asks of its events (a `WHAT`, a `where`),
    /// whatever its windows, counts, order and negations. Only such an event can change the value.
    #[must_use]
    pub fn matches_event(&self, event: &EventFact, time_zone: &TimeZone) -> bool {
        let accepts = |(variable, condition): &(Variable, Expr)| {
            accepts_event(condition, *variable, event, time_zone)
        };
        self.event_conditions().iter().any(accepts)
    }
}

/// Whether an event satisfies a condition that reads nothing but the event, which a variable stands
/// for, and not "now" either.
pub(crate) fn accepts_event(
    part: &Expr,
    variable: Variable,
    event: &EventFact,
    time_zone: &TimeZone,
) -> bool {
    let facts = Facts {
        attributes: &Json::Null,
        events: &[],
        is_member: &|_| false,
        now: event.timestamp,
        time_zone,
    };
    let clock = Clock::at(facts.now);
    condition(part, &Scope::new(&facts, &clock).with(variable, Value::Event(event)))
}
