//! Tests of one field of an event, over values that were read without building a document.
//!
//! The rule for what is missing is the language's: a test of a field that is missing or null is
//! false, also a negative one.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use segue_xdm::Path;
use serde_json::{Number, Value};

use super::formula::Formula;
use super::leaf::Condition;
use crate::expression::{Comparison, Literal, TextRelation};
use crate::text::TextPattern;
use crate::value::{Scalar, compare};

/// A test of one field of an event.
#[derive(Clone, Debug)]
pub enum FieldTest {
    /// A test of the value at a path.
    Value(Path, ValueTest),
    /// Some item of the array at a path passes all of the tests, each of a field of the item.
    Item(Path, Formula<(Path, ValueTest)>),
    /// A condition that only the reference interpreter can evaluate.
    Interpreted(Condition),
}

/// A test of a value that is there.
#[derive(Clone, PartialEq, Debug)]
pub enum ValueTest {
    /// `= 5`, `!= "a"`, `< 2.5`
    Compares(Comparison, Literal),
    /// One of some values; with `true`, none of them.
    IsOneOf(Arc<[Literal]>, bool),
    /// `startsWith("a")` and its like; with `true`, the opposite.
    Resembles(TextPattern, bool),
    /// Any value.
    IsPresent,
}

/// A value as it was read from an event.
#[derive(Clone, PartialEq, Debug)]
pub enum Extracted<'a> {
    /// `true`, `false`
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A text; borrowed unless it had escapes.
    Text(Cow<'a, str>),
    /// An object or an array.
    Tree(Value),
}

/// A value by which the tests that want exactly it can be found.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Key {
    /// The text itself.
    Text(String),
    /// The text in any letter case, [folded](fold).
    Folded(String),
    /// A number: the bits of the nearest double.
    Number(u64),
    /// `true`, `false`
    Boolean(bool),
}

/// What makes a value a candidate for a test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Access {
    /// The value must be one of these. `exact`: any value that is passes.
    Keys { keys: Vec<Key>, exact: bool },
    /// Any value may pass.
    Present,
}

impl ValueTest {
    /// Whether the value passes.
    #[must_use]
    pub fn accepts(&self, value: &Extracted<'_>) -> bool {
        let Some(scalar) = value.as_scalar() else {
            // Objects and arrays are equal to no literal, and have no text.
            return match self {
                ValueTest::Compares(comparison, _) => *comparison == Comparison::NotEqual,
                ValueTest::IsOneOf(_, negated) | ValueTest::Resembles(_, negated) => *negated,
                ValueTest::IsPresent => true,
            };
        };
        match self {
            ValueTest::Compares(comparison, literal) => {
                comparison.accepts(compare(scalar, literal.as_scalar()))
            }
            ValueTest::IsOneOf(literals, negated) => {
                let equal = |literal: &Literal| {
                    compare(scalar, literal.as_scalar()).is_some_and(std::cmp::Ordering::is_eq)
                };
                literals.iter().any(equal) != *negated
            }
            ValueTest::Resembles(pattern, negated) => {
                let Scalar::Text(text) = scalar else { return *negated };
                pattern.accepts(text) != *negated
            }
            ValueTest::IsPresent => true,
        }
    }

    /// What makes a value a candidate.
    #[must_use]
    pub fn access(&self) -> Access {
        let keys = |literals: &[Literal]| Access::Keys {
            keys: literals.iter().map(Literal::key).collect(),
            // Whole numbers beyond 2^53 share a double with their neighbours.
            exact: !literals.iter().any(|one| matches!(one, Literal::Integer(n) if n.abs() >> 53 > 0)),
        };
        match self {
            ValueTest::Compares(Comparison::Equal, literal) => keys(std::slice::from_ref(literal)),
            ValueTest::IsOneOf(literals, false) => keys(literals),
            ValueTest::Resembles(pattern, false) => match pattern.equal_text() {
                Some((text, true)) => Access::Keys { keys: vec![Key::Text(text)], exact: true },
                Some((text, false)) => Access::Keys { keys: vec![Key::Folded(text)], exact: true },
                None => Access::Present,
            },
            _ => Access::Present,
        }
    }
}

impl Literal {
    pub(crate) fn key(&self) -> Key {
        match self {
            Literal::Text(text) => Key::Text(text.clone()),
            Literal::Integer(number) => Key::Number(number_bits(*number as f64)),
            Literal::Decimal(number) => Key::Number(number_bits(*number)),
            Literal::Boolean(flag) => Key::Boolean(*flag),
        }
    }
}

/// The bits of a double, the same ones for both zeros.
#[must_use]
pub fn number_bits(number: f64) -> u64 {
    (number + 0.0).to_bits()
}

impl<'a> Extracted<'a> {
    /// A value of a document; none of null.
    #[must_use]
    pub fn from_json(value: &'a Value) -> Option<Extracted<'a>> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(flag) => Extracted::Boolean(*flag),
            Value::Number(number) => Extracted::Number(number.clone()),
            Value::String(text) => Extracted::Text(Cow::Borrowed(text)),
            Value::Array(_) | Value::Object(_) => Extracted::Tree(value.clone()),
        })
    }

    pub(crate) fn as_scalar(&self) -> Option<Scalar<'_>> {
        Some(match self {
            Extracted::Boolean(flag) => Scalar::Boolean(*flag),
            Extracted::Number(number) => Scalar::from_number(number),
            Extracted::Text(text) => Scalar::Text(text),
            Extracted::Tree(_) => return None,
        })
    }
}
