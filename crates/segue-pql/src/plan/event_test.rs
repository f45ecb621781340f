//! A condition on one event alone.
//!
//! Two of them that say the same have the same text, and are asked once for an event.

use std::sync::Arc;

use super::field_test::FieldTest;
use super::formula::Formula;

/// A condition on one event alone.
#[derive(Clone, Debug)]
pub struct EventTest {
    condition: Arc<Formula<FieldTest>>,
    text: Arc<str>,
}

impl EventTest {
    /// `text` is the canonical text of what the condition means.
    pub(crate) fn new(condition: Formula<FieldTest>, text: &str) -> EventTest {
        EventTest { condition: Arc::new(condition), text: text.into() }
    }

    /// Tests of fields, joined.
    #[must_use]
    pub fn condition(&self) -> &Formula<FieldTest> {
        &self.condition
    }

    /// What it asks, in `pql/text`: equal for equal tests. The event is `_1`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}
