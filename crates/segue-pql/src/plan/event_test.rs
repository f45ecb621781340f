//! A condition on one event alone.
//!
//! Two of them that say the same have the same text, and are asked once for an event.

use std::fmt;
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
    pub(crate) fn new(condition: Formula<FieldTest>) -> EventTest {
        let text = Text(&condition).to_string();
        EventTest { condition: Arc::new(condition), text: text.into() }
    }

    /// Tests of fields, joined.
    #[must_use]
    pub fn condition(&self) -> &Formula<FieldTest> {
        &self.condition
    }

    /// What it asks, in words: equal for equal tests.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

struct Text<'a>(&'a Formula<FieldTest>);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, parts: &[Formula<FieldTest>], word: &str| {
            for (position, part) in parts.iter().enumerate() {
                if position > 0 {
                    write!(f, " {word} ")?;
                }
                let is_list = matches!(part, Formula::All(_) | Formula::Any(_));
                if is_list { write!(f, "({})", Text(part))? } else { write!(f, "{}", Text(part))? }
            }
            Ok(())
        };
        match self.0 {
            Formula::All(parts) if parts.is_empty() => f.write_str("any event"),
            Formula::Any(parts) if parts.is_empty() => f.write_str("no event"),
            Formula::All(parts) => list(f, parts, "and"),
            Formula::Any(parts) => list(f, parts, "or"),
            Formula::Not(part) => write!(f, "not ({})", Text(part)),
            Formula::Is(test) => test.fmt(f),
        }
    }
}
