//! The audience language: syntax, diagnostics and the reference interpreter.

mod diagnostic;
mod explanation;
mod expression;
mod interpreter;
mod limits;
mod occurrence;
mod parts;
mod text;
mod totals;
mod value;

pub use explanation::{ClauseKind, DecidingEvent, EVENTS_LISTED_MAX, Explanation, explain};
pub use expression::Expression;
pub use interpreter::{Evaluation, EventFact, Facts, evaluate, next_flip};
pub use limits::FLIP_STEPS_MAX;
pub use totals::{Amount, Totals};
