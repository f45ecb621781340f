//! The plan of a definition: the same condition, cut into parts that can be kept up to date event
//! by event.
//!
//! ```text
//! person.age >= 18 and CHAIN(xEvent, timestamp, [C0: WHAT(page = "Sports") WHEN(today) COUNT(3)])
//! └─ Attribute ──┘     └─ Count: events = EventTest(page = "Sports"), window, 3.. ──────────────┘
//! └─ Formula::All ─────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! - An [`EventTest`] asks something of one event alone, so that equal ones of all audiences are
//!   asked once for an event.
//! - A [`Leaf`] is true or false of a profile, and says what of the profile's past decides it.
//! - What has no form of its own becomes a [`Leaf::Interpreted`]: the reference interpreter
//!   evaluates it over the stored events. It is never refused, only slower, and says why.
//!
//! Invariant: the formula over its leaves has the value of the definition, for all facts.

mod condition;
mod demand;
mod describe;
mod evaluate;
mod event_test;
mod field_test;
mod formula;
mod leaf;
mod recognize;
mod sequence;
mod sets;

pub use condition::Condition;
pub use demand::{Demand, Keep};
pub use describe::{Outline, Part};
pub use evaluate::{Clock, Kept, Occurred, Place};
pub use event_test::EventTest;
pub use field_test::{Access, Extracted, FieldTest, Key, ValueTest};
pub use formula::Formula;
pub use leaf::{Counting, Form, Leaf, Step, Total, Window};

use crate::Expression;

impl Expression {
    /// What its events are asked, windows and order aside: an event that passes one of these is
    /// relevant, and no other event can change the value.
    #[must_use]
    pub fn event_tests(&self) -> Vec<EventTest> {
        let conditions = self.event_conditions().iter();
        conditions.map(|(event, condition)| sets::own_test(condition, *event)).collect()
    }

    /// The definition, cut into parts that can be kept up to date event by event.
    #[must_use]
    pub fn plan(&self) -> Formula<Leaf> {
        recognize::plan(self)
    }
}
