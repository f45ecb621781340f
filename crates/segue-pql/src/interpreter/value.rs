//! Values, and the expressions that have one.
//!
//! - A null is missing, and a null in a list is no item.
//! - A path leads through objects, and through lists by index only. Where a *list* is wanted (see
//!   [`list`](super::list)), it also leads into each item of the lists on its way.
//! - Of an event, `timestamp` is a moment; everything else is what its body says.

use std::rc::Rc;

use segue_xdm::{Path, Segment};
use serde_json::Value as Json;

use super::arithmetic::calculate;
use super::condition::condition;
use super::{EventFact, Scope, call, list, moment};
use crate::expression::{Comparison, Expr, ExprKind};
use crate::value::{Scalar, compare};

/// What an expression has come to.
#[derive(Clone)]
pub(crate) enum Value<'a> {
    Missing,
    Scalar(Scalar<'a>),
    /// None of the items is missing.
    List(Rc<[Value<'a>]>),
    /// Always a JSON object.
    Object(&'a Json),
    Event(&'a EventFact),
}

impl<'a> Value<'a> {
    pub(crate) fn of_json(json: &'a Json) -> Value<'a> {
        match json {
            Json::Array(items) => Value::list(items.iter().map(Value::of_json)),
            Json::Object(_) => Value::Object(json),
            _ => Value::of(Scalar::of_json(json)),
        }
    }

    /// A list of those of the items that are not missing.
    pub(super) fn list(items: impl Iterator<Item = Value<'a>>) -> Value<'a> {
        Value::List(items.filter(|item| !item.is_missing()).collect())
    }

    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Value::Missing)
    }

    pub(super) fn is_true(&self) -> bool {
        matches!(self, Value::Scalar(Scalar::Boolean(true)))
    }

    pub(super) fn scalar(&self) -> Option<Scalar<'a>> {
        if let Value::Scalar(scalar) = self { Some(*scalar) } else { None }
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        if let Value::Scalar(Scalar::Text(text)) = self { Some(text) } else { None }
    }

    /// A whole number, and not a negative one.
    pub(super) fn amount(&self) -> Option<usize> {
        if let Value::Scalar(Scalar::Whole(whole)) = self { (*whole).try_into().ok() } else { None }
    }

    /// The scalar, or missing.
    pub(super) fn of(scalar: Option<Scalar<'a>>) -> Value<'a> {
        scalar.map_or(Value::Missing, Value::Scalar)
    }

    /// The value at a path; missing where a step leads nowhere.
    pub(super) fn at(&self, path: &Path) -> Value<'a> {
        match self {
            Value::Event(event) if is_timestamp(path) => Scalar::Moment(event.timestamp).into(),
            _ => {
                let found = self.body().and_then(|body| path.get(body));
                found.map_or(Value::Missing, Value::of_json)
            }
        }
    }

    /// What a path leads through.
    pub(super) fn body(&self) -> Option<&'a Json> {
        match self {
            Value::Event(event) => Some(&event.body),
            Value::Object(body) => Some(body),
            Value::Missing | Value::Scalar(_) | Value::List(_) => None,
        }
    }
}

impl<'a> From<Scalar<'a>> for Value<'a> {
    fn from(scalar: Scalar<'a>) -> Value<'a> {
        Value::Scalar(scalar)
    }
}

pub(super) fn is_timestamp(path: &Path) -> bool {
    matches!(path.segments(), [Segment::Field(name)] if name == "timestamp")
}

/// Whether two values are equal; one that is missing equals nothing. Lists are equal when they hold
/// equal items equally often, in whatever order; objects, when their fields are.
pub(super) fn equal(left: &Value<'_>, right: &Value<'_>, scope: &Scope<'_>) -> bool {
    match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => {
            Comparison::Equal.accepts(compare(*left, *right, scope.time_zone()))
        }
        (Value::List(left), Value::List(right)) => {
            let count = |items: &[Value<'_>], wanted: &Value<'_>| {
                items.iter().filter(|item| equal(item, wanted, scope)).count()
            };
            left.len() == right.len()
                && left.iter().all(|item| count(left, item) == count(right, item))
        }
        (Value::Object(left), Value::Object(right)) => same_fields(left, right, scope),
        (Value::Event(left), Value::Event(right)) => std::ptr::eq(*left, *right),
        _ => false,
    }
}

fn same_fields(left: &Json, right: &Json, scope: &Scope<'_>) -> bool {
    let fields = |json: &Json| json.as_object().map_or(0, |fields| fields.len());
    let same = |(name, value): (&String, &Json)| match right.get(name) {
        Some(Json::Null) => value.is_null(),
        Some(other) => equal(&Value::of_json(value), &Value::of_json(other), scope),
        None => false,
    };
    fields(left) == fields(right) && left.as_object().into_iter().flatten().all(same)
}

/// What an expression has come to. Of a condition: `true` or `false`.
pub(crate) fn value<'a>(expr: &'a Expr, scope: &Scope<'a>) -> Value<'a> {
    match &expr.kind {
        ExprKind::Literal(literal) => Scalar::of_literal(literal).into(),
        ExprKind::Moment(moment) => Value::of(moment::at_now(*moment, scope).map(Scalar::Moment)),
        ExprKind::List(items) => Value::list(items.iter().map(|item| value(item, scope))),
        ExprKind::Profile => Value::of_json(scope.facts.attributes),
        ExprKind::Events => Value::list(scope.facts.events.iter().map(|event| Value::Event(event))),
        ExprKind::Variable(variable) => scope.value_of(*variable),
        ExprKind::Field { of, path } => value(of, scope).at(path),
        ExprKind::Arithmetic { operator, left, right } => {
            let (left, right) = (value(left, scope).scalar(), value(right, scope).scalar());
            Value::of(left.zip(right).and_then(|(left, right)| calculate(*operator, left, right)))
        }
        ExprKind::Let { variable, value: bound, body } => {
            value(body, &scope.with(*variable, value(bound, scope)))
        }
        ExprKind::If { condition: test, then, otherwise } => {
            value(if condition(test, scope) { then } else { otherwise }, scope)
        }
        ExprKind::Call { function, arguments } => call::called(*function, arguments, scope),
        ExprKind::Filter { list, each } => list::filtered(list, each, scope),
        ExprKind::Map { list, each } => list::mapped(list, each, scope),
        ExprKind::GroupBy { list, each } => list::grouped(list, each, scope),
        ExprKind::Ranked { top, list, each, amount } => {
            list::ranked(*top, list, each, amount, scope)
        }
        ExprKind::Aggregate { aggregate, list, each } => {
            list::aggregated(*aggregate, list, each.as_ref(), scope)
        }
        ExprKind::All(_)
        | ExprKind::Any(_)
        | ExprKind::Not(_)
        | ExprKind::Compare { .. }
        | ExprKind::OneOf { .. }
        | ExprKind::Resembles { .. }
        | ExprKind::IsPresent { .. }
        | ExprKind::Occurs { .. }
        | ExprKind::Quantified { .. }
        | ExprKind::Chain(_)
        | ExprKind::Member(_) => Scalar::Boolean(condition(expr, scope)).into(),
    }
}
