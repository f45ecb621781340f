//! Tests of one field of a body: an event, a profile's attributes, an item of an array.
//!
//! One rule for what is missing: **a test of a field that is missing or null is false**, also a
//! negative one (`!=`, `notIn`, `notEqualTo`, `doesNotContain` and their like). Where there is a
//! value, a negative test is the exact opposite of its positive one. `not (…)` is the opposite
//! everywhere, and so includes what is missing.

use std::cmp::Ordering;

use segue_xdm::Path;
use serde_json::Value;

use crate::expression::{Comparison, Predicate};
use crate::syntax::Literal;

#[derive(Clone, PartialEq, Debug)]
pub(crate) enum FieldTest {
    /// `path < 5`. Values of two types are not equal, and neither is less than the other.
    Compares { path: Path, comparison: Comparison, literal: Literal },
    /// `path in ["a", "b"]`, `path notIn [...]`
    IsOneOf { path: Path, literals: Vec<Literal>, negated: bool },
    /// `path.startsWith("a", false)` and its like. Only a string can pass the positive form.
    Resembles { path: Path, pattern: TextPattern, negated: bool },
    /// `path.exists()`
    IsPresent { path: Path },
    /// `path.exists(name = "x")`: an item of the array at `path` satisfies the predicate.
    HasItem { path: Path, predicate: Box<Predicate> },
}

/// A text and how a string must relate to it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TextPattern {
    relation: TextRelation,
    /// Without letter case when that is ignored.
    text: String,
    case_sensitive: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TextRelation {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
}

impl FieldTest {
    pub(crate) fn path(&self) -> &Path {
        match self {
            FieldTest::Compares { path, .. }
            | FieldTest::IsOneOf { path, .. }
            | FieldTest::Resembles { path, .. }
            | FieldTest::IsPresent { path }
            | FieldTest::HasItem { path, .. } => path,
        }
    }

    /// Whether the body passes.
    pub(crate) fn accepts(&self, body: &Value) -> bool {
        let Some(value) = self.path().get(body).filter(|value| !value.is_null()) else {
            return false;
        };
        match self {
            FieldTest::Compares { comparison, literal, .. } => {
                comparison.accepts(compare(value, literal))
            }
            FieldTest::IsOneOf { literals, negated, .. } => {
                let equal = |literal| compare(value, literal) == Some(Ordering::Equal);
                literals.iter().any(equal) != *negated
            }
            FieldTest::Resembles { pattern, negated, .. } => {
                value.as_str().is_some_and(|text| pattern.accepts(text)) != *negated
            }
            FieldTest::IsPresent { .. } => true,
            FieldTest::HasItem { predicate, .. } => value
                .as_array()
                .is_some_and(|items| items.iter().any(|item| predicate.accepts(item))),
        }
    }
}

impl TextPattern {
    pub(crate) fn new(relation: TextRelation, text: &str, case_sensitive: bool) -> TextPattern {
        let text = if case_sensitive { text.to_owned() } else { without_case(text) };
        TextPattern { relation, text, case_sensitive }
    }

    fn accepts(&self, value: &str) -> bool {
        if self.case_sensitive { self.relates(value) } else { self.relates(&without_case(value)) }
    }

    fn relates(&self, value: &str) -> bool {
        let text = self.text.as_str();
        match self.relation {
            TextRelation::Equals => value == text,
            TextRelation::Contains => value.contains(text),
            TextRelation::StartsWith => value.starts_with(text),
            TextRelation::EndsWith => value.ends_with(text),
        }
    }
}

/// Each character in upper case, whatever stands beside it: in lower case a Greek sigma depends on
/// where in the word it stands, and a word would not contain its own beginning.
fn without_case(text: &str) -> String {
    text.chars().flat_map(char::to_uppercase).collect()
}

impl Comparison {
    /// Whether a value passes that relates so to the literal; `None`: not comparable.
    fn accepts(self, order: Option<Ordering>) -> bool {
        match self {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            Comparison::Less => order.is_some_and(Ordering::is_lt),
            Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
            Comparison::Greater => order.is_some_and(Ordering::is_gt),
            Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }

    /// The comparison that says the same with the sides exchanged.
    pub(crate) fn mirrored(self) -> Comparison {
        match self {
            Comparison::Equal | Comparison::NotEqual => self,
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        }
    }
}

/// How the value relates to the literal; `None` for values of two types. Strings compare by their
/// characters' code points, false comes before true.
fn compare(value: &Value, literal: &Literal) -> Option<Ordering> {
    match (value, literal) {
        (Value::String(value), Literal::Text(text)) => Some(value.as_str().cmp(text)),
        (Value::Bool(value), Literal::Boolean(flag)) => Some(value.cmp(flag)),
        // Whole numbers exactly, all others as doubles.
        (Value::Number(value), Literal::Integer(number)) => match value.as_i128() {
            Some(value) => Some(value.cmp(&i128::from(*number))),
            None => value.as_f64()?.partial_cmp(&(*number as f64)),
        },
        (Value::Number(value), Literal::Decimal(number)) => value.as_f64()?.partial_cmp(number),
        _ => None,
    }
}
