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
        match self.0 {
            Formula::All(parts) if parts.is_empty() => f.write_str("any event"),
            Formula::Any(parts) if parts.is_empty() => f.write_str("no event"),
            formula => write_formula(f, formula, &|f, test| test.fmt(f)),
        }
    }
}

/// A formula in words.
pub(super) fn write_formula<T>(
    f: &mut fmt::Formatter<'_>,
    formula: &Formula<T>,
    write: &dyn Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    let (parts, word) = match formula {
        Formula::Is(condition) => return write(f, condition),
        Formula::Not(part) => {
            f.write_str("not (")?;
            write_formula(f, part, write)?;
            return f.write_str(")");
        }
        Formula::All(parts) => (parts, " and "),
        Formula::Any(parts) => (parts, " or "),
    };
    f.write_str("(")?;
    for (position, part) in parts.iter().enumerate() {
        f.write_str(if position > 0 { word } else { "" })?;
        write_formula(f, part, write)?;
    }
    f.write_str(")")
}
