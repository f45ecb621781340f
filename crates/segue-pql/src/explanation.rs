//! Why a definition is true or false of a profile, clause by clause.
//!
//! An explanation has the shape of the definition: a tree whose leaves are tests, chains and
//! memberships, each with its value, until when that holds, the events that decide it, and notes on
//! what it found and what would change it. It costs a few evaluations of each clause, so it is for
//! those who ask, not for the way of an event.
//!
//! ```text
//! explain ──▶ Explanation ──Display──▶ a paragraph
//!                  └───────to_value──▶ JSON
//! ```

mod chains;
mod clauses;
mod words;

use segue_xdm::Timestamp;

use crate::definition::Expression;
use crate::interpreter::{EventFact, Facts};

/// Events that one clause lists: those that decide it first, and nobody reads thousands.
pub const EVENTS_LISTED_MAX: usize = 20;

/// A clause of a definition, its value for a profile, and why it has it.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation {
    /// The clause as it is written.
    pub clause: String,
    /// How its parts make up its value.
    pub kind: ClauseKind,
    /// Whether it is true.
    pub value: bool,
    /// The value is the same until just before this moment, if nothing but time passes; `None`: for
    /// ever.
    pub holds_until: Option<Timestamp>,
    /// The events that decide it, at most [`EVENTS_LISTED_MAX`] of them, in their order.
    pub events: Vec<DecidingEvent>,
    /// What was found, and what would change the value, each in a few words.
    pub notes: Vec<String>,
    /// The clauses that it is made of, in their order.
    pub parts: Vec<Explanation>,
}

/// How the value of a clause comes from those of its parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ClauseKind {
    /// True when all of its parts are.
    All,
    /// True when one of its parts is.
    Any,
    /// True when its only part is not.
    Not,
    /// The value of its last part, which the first one has chosen.
    Choice,
    /// Has no parts.
    Leaf,
}

/// An event that decides a clause.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DecidingEvent {
    /// Its place among all the profile's events, counted from 0.
    pub index: usize,
    /// When it happened.
    pub timestamp: Timestamp,
    /// Its `_id`, if it has one.
    pub id: Option<String>,
}

impl DecidingEvent {
    fn new(index: usize, event: &EventFact) -> DecidingEvent {
        let id = event.body.get("_id").and_then(|id| id.as_str()).map(str::to_owned);
        DecidingEvent { index, timestamp: event.timestamp, id }
    }
}

/// Explains the value that a definition has for a profile at `facts.now`.
#[must_use]
pub fn explain(expression: &Expression, facts: &Facts<'_>) -> Explanation {
    clauses::Explainer { source: expression.source(), facts }.explain(&expression.condition)
}
