//! Tests of one field of an event, over values that were read without building a document.
//!
//! The rule for what is missing is the language's: a test of a field that is missing or null is
//! false, also a negative one.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::tz::TimeZone;
use segue_xdm::Path;
use serde_json::{Number, Value};

use super::condition::Condition;
use super::formula::Formula;
use crate::expression::{Comparison, Literal};
use crate::interpreter::EventFact;
use crate::text::{TextPattern, fold};
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
pub struct ValueTest(pub(super) Asked);

/// What a value is asked.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Asked {
    /// `= 5`, `!= "a"`, `< 2.5`
    Compares(Comparison, Literal),
    /// One of some values; negated, none of them.
    IsOneOf(Arc<[Literal]>, bool),
    /// `startsWith("a")` and its like; negated, the opposite.
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
    /// The value must have one of some keys.
    Keys {
        /// The keys.
        keys: Vec<Key>,
        /// Whether a value with one of the keys passes without further asking.
        exact: bool,
    },
    /// Any value may pass.
    Present,
}

impl FieldTest {
    /// Whether an array passes; only a test of items can be passed by one.
    #[must_use]
    pub fn accepts_array(&self, array: &Extracted<'_>) -> bool {
        let FieldTest::Item(_, tests) = self else { return false };
        let Extracted::Tree(Value::Array(items)) = array else { return false };
        items.iter().any(|item| {
            tests.holds(&mut |(path, test)| {
                let value = path.get(item).and_then(Extracted::from_json);
                value.is_some_and(|value| test.accepts(&value))
            })
        })
    }

    /// Whether an event passes; only a condition for the interpreter can be passed by one.
    #[must_use]
    pub fn accepts_event(&self, event: &EventFact, time_zone: &TimeZone) -> bool {
        match self {
            FieldTest::Interpreted(condition) => condition.accepts(event, time_zone),
            FieldTest::Value(..) | FieldTest::Item(..) => false,
        }
    }
}

impl ValueTest {
    /// Whether the value passes.
    #[must_use]
    pub fn accepts(&self, value: &Extracted<'_>) -> bool {
        let Some(scalar) = value.as_scalar() else {
            // Objects and arrays are equal to no literal, and have no text.
            return match &self.0 {
                Asked::Compares(comparison, _) => *comparison == Comparison::NotEqual,
                Asked::IsOneOf(_, negated) | Asked::Resembles(_, negated) => *negated,
                Asked::IsPresent => true,
            };
        };
        match &self.0 {
            Asked::Compares(comparison, literal) => {
                comparison.accepts(compare(scalar, Scalar::of_literal(literal), &TimeZone::UTC))
            }
            Asked::IsOneOf(literals, negated) => {
                let equal = |literal: &Literal| {
                    let order = compare(scalar, Scalar::of_literal(literal), &TimeZone::UTC);
                    Comparison::Equal.accepts(order)
                };
                literals.iter().any(equal) != *negated
            }
            Asked::Resembles(pattern, negated) => {
                let Scalar::Text(text) = scalar else { return *negated };
                pattern.accepts(text) != *negated
            }
            Asked::IsPresent => true,
        }
    }

    /// What makes a value a candidate.
    #[must_use]
    pub fn access(&self) -> Access {
        let keys = |literals: &[Literal]| Access::Keys {
            keys: literals.iter().map(Literal::key).collect(),
            exact: literals.iter().all(Literal::is_known_by_key),
        };
        match &self.0 {
            Asked::Compares(Comparison::Equal, literal) => keys(std::slice::from_ref(literal)),
            Asked::IsOneOf(literals, false) => keys(literals),
            Asked::Resembles(pattern, false) => match pattern.equal_text() {
                Some((text, true)) => {
                    Access::Keys { keys: vec![Key::Text(text.to_owned())], exact: true }
                }
                Some((text, false)) => {
                    Access::Keys { keys: vec![Key::Folded(text.to_owned())], exact: true }
                }
                None => Access::Present,
            },
            _ => Access::Present,
        }
    }
}

impl Literal {
    fn key(&self) -> Key {
        match self {
            Literal::Text(text) => Key::Text(text.clone()),
            Literal::Integer(number) => Key::of_number(*number as f64),
            Literal::Decimal(number) => Key::of_number(*number),
            Literal::Boolean(flag) => Key::Boolean(*flag),
        }
    }

    /// Whether only equal values have its key: whole numbers beyond 2^53 share a double with their
    /// neighbours.
    fn is_known_by_key(&self) -> bool {
        match self {
            Literal::Text(_) | Literal::Boolean(_) => true,
            Literal::Integer(number) => number.unsigned_abs() < 1 << 53,
            Literal::Decimal(number) => number.abs() < (1_u64 << 53) as f64,
        }
    }
}

impl Key {
    /// The keys by which a value of a document is wanted: as it is, and in any letter case.
    #[must_use]
    pub fn of_value(value: &Value) -> Vec<Key> {
        match value {
            Value::Bool(flag) => vec![Key::Boolean(*flag)],
            Value::Number(number) => vec![Key::of_json(number)],
            Value::String(text) => {
                let mut folded = String::new();
                fold(text, &mut folded);
                vec![Key::Text(text.clone()), Key::Folded(folded)]
            }
            Value::Null | Value::Array(_) | Value::Object(_) => Vec::new(),
        }
    }

    fn of_number(number: f64) -> Key {
        // The sum is the same for both zeros.
        Key::Number((number + 0.0).to_bits())
    }

    /// The key of a number that was read.
    #[must_use]
    pub fn of_json(number: &Number) -> Key {
        Key::of_number(number.as_f64().unwrap_or_default())
    }
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
            Extracted::Number(number) => Scalar::of_number(number)?,
            Extracted::Text(text) => Scalar::Text(text),
            Extracted::Tree(_) => return None,
        })
    }
}

impl<'a> Extracted<'a> {
    /// The same value, on its own.
    #[must_use]
    pub fn into_owned(self) -> Extracted<'static> {
        match self {
            Extracted::Boolean(flag) => Extracted::Boolean(flag),
            Extracted::Number(number) => Extracted::Number(number),
            Extracted::Text(text) => Extracted::Text(text.into_owned().into()),
            Extracted::Tree(tree) => Extracted::Tree(tree),
        }
    }
}
