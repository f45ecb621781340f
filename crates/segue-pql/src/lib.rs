//! The audience language: syntax, diagnostics and the reference interpreter.

mod diagnostic;
mod expression;
mod interpreter;
mod limits;
mod occurrence;
mod plan;
mod reading;
mod text;
mod totals;
mod value;

pub use expression::Expression;
pub use interpreter::{Evaluation, EventFact, Facts, evaluate, next_flip};
pub use limits::FLIP_STEPS_MAX;
pub use plan::{
    Access, Clock, Condition, Counting, Demand, EventTest, Extracted, FieldTest, Form, Formula, Keep,
    Kept, Key, Leaf, Occurred, Step, Total, ValueTest, Window,
};
pub use text::fold;
pub use totals::{Amount, Totals};
