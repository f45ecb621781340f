//! Conditions: what is true.
//!
//! One rule for what is missing: **every test of a missing value is false**, also a negative one
//! (`!=`, `notIn`, `notEqualTo`, `doesNotContain` and their like). Where there are values, a
//! negative test is the exact opposite of its positive one. `not (…)` is the opposite everywhere,
//! and so includes what is missing.

use super::scope::Extent;
use super::value::{Value, equal, value};
use super::{Scope, chain, list, moment};
use crate::expression::{Comparison, Expr, ExprKind, Lambda, Quantifier, TextRelation};
use crate::text::TextPattern;
use crate::value::compare;

/// Whether a condition is true. Of a value: whether it is `true`.
pub(crate) fn condition<'a>(expr: &'a Expr, scope: &Scope<'a>) -> bool {
    match &expr.kind {
        ExprKind::All(parts) => parts.iter().all(|part| condition(part, scope)),
        ExprKind::Any(parts) => parts.iter().any(|part| condition(part, scope)),
        ExprKind::Not(part) => !condition(part, scope),
        ExprKind::If { condition: test, then, otherwise } => {
            condition(if condition(test, scope) { then } else { otherwise }, scope)
        }
        ExprKind::Compare { comparison, left, right } => {
            compares(*comparison, &value(left, scope), &value(right, scope), scope)
        }
        ExprKind::OneOf { value: wanted, list, negated } => {
            is_one_of(&value(wanted, scope), list, *negated, scope)
        }
        ExprKind::Resembles { value: found, relation, text, case_sensitive, negated } => {
            let (found, text) = (value(found, scope), value(text, scope));
            let present = !found.is_missing() && !text.is_missing();
            present && resembles(&found, *relation, &text, *case_sensitive, scope) != *negated
        }
        ExprKind::IsPresent { value: found, negated } => {
            value(found, scope).is_missing() == *negated
        }
        ExprKind::Occurs { moment, occurrence, negated } => {
            moment::occurs(moment, occurrence, *negated, scope)
        }
        ExprKind::Quantified { quantifier, list, each } => {
            quantified(*quantifier, list, each, scope)
        }
        ExprKind::Chain(steps) => chain::holds(steps, scope),
        ExprKind::Member(audience) => (scope.facts.is_member)(audience),
        ExprKind::Literal(_)
        | ExprKind::Moment(_)
        | ExprKind::List(_)
        | ExprKind::Profile
        | ExprKind::Events
        | ExprKind::Variable(_)
        | ExprKind::Field { .. }
        | ExprKind::Arithmetic { .. }
        | ExprKind::Let { .. }
        | ExprKind::Call { .. }
        | ExprKind::Filter { .. }
        | ExprKind::Map { .. }
        | ExprKind::GroupBy { .. }
        | ExprKind::Ranked { .. }
        | ExprKind::Aggregate { .. } => value(expr, scope).is_true(),
    }
}

fn compares(
    comparison: Comparison,
    left: &Value<'_>,
    right: &Value<'_>,
    scope: &Scope<'_>,
) -> bool {
    match (left, right) {
        (Value::Missing, _) | (_, Value::Missing) => false,
        (Value::Scalar(left), Value::Scalar(right)) => {
            comparison.accepts(compare(*left, *right, scope.time_zone()))
        }
        // Lists and objects have no order.
        _ => comparison.accepts(equal(left, right, scope).then_some(std::cmp::Ordering::Equal)),
    }
}

fn is_one_of<'a>(wanted: &Value<'a>, among: &'a Expr, negated: bool, scope: &Scope<'a>) -> bool {
    match list::list(among, scope) {
        Some(items) if !wanted.is_missing() => {
            items.iter().any(|item| equal(wanted, item, scope)) != negated
        }
        _ => false,
    }
}

fn resembles<'a>(
    found: &Value<'a>,
    relation: TextRelation,
    text: &Value<'a>,
    case_sensitive: bool,
    scope: &Scope<'a>,
) -> bool {
    let (Some(found), Some(text)) = (found.text(), text.text()) else { return false };
    if relation == TextRelation::Matches {
        let regex = scope.regex(text, Extent::Whole);
        return regex.is_some_and(|regex| regex.is_match(found));
    }
    TextPattern::new(relation, text, case_sensitive).accepts(found)
}

/// Of no items, and so of a missing list, `exists` is false and `forall` is true.
fn quantified<'a>(
    quantifier: Quantifier,
    over: &'a Expr,
    each: &'a Lambda,
    scope: &Scope<'a>,
) -> bool {
    let items = list::items(over, scope);
    let holds = |item: &Value<'a>| condition(&each.body, &scope.with(each.variable, item.clone()));
    match quantifier {
        Quantifier::Exists => items.iter().any(holds),
        Quantifier::ForAll => items.iter().all(holds),
    }
}
