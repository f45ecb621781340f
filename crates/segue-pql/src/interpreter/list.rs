//! Lists: where they come from, and what is made of them.
//!
//! Where a list is wanted, a path goes into each item of the lists that it meets, the last one
//! included: `orders.storeId.distinct()` looks at the store of every order. Elsewhere such a path
//! leads nowhere, as Adobe has it ("you cannot directly access properties of items").
//!
//! What is no list has no items: its count and its sum are 0, and it has no average, minimum or
//! maximum. An item for which a lambda has no value is left out. Aggregates of numbers leave out
//! what is no number.

use std::cmp::Ordering;
use std::rc::Rc;

use segue_xdm::{Path, Segment};
use serde_json::Value as Json;

use super::Scope;
use super::condition::condition;
use super::value::{Value, equal, is_timestamp, value};
use crate::expression::{Aggregate, Expr, ExprKind, Lambda};
use crate::totals::{Amount, Totals};
use crate::value::{Scalar, compare};

/// The list that an expression has come to; `None` when it has not come to one.
pub(super) fn list<'a>(expr: &'a Expr, scope: &Scope<'a>) -> Option<Rc<[Value<'a>]>> {
    if let ExprKind::Field { of, path } = &expr.kind {
        let mut reached = Reached::default();
        reached.follow(&value(of, scope), path);
        return reached.met_list.then(|| reached.values.into());
    }
    if let Value::List(items) = value(expr, scope) { Some(items) } else { None }
}

/// The items of a list; none when there is no list.
pub(super) fn items<'a>(expr: &'a Expr, scope: &Scope<'a>) -> Rc<[Value<'a>]> {
    list(expr, scope).unwrap_or_default()
}

/// Where a path leads that goes into the items of lists.
#[derive(Default)]
struct Reached<'a> {
    values: Vec<Value<'a>>,
    /// Whether there was a list on the way or at its end.
    met_list: bool,
}

impl<'a> Reached<'a> {
    fn follow(&mut self, from: &Value<'a>, path: &Path) {
        match from {
            Value::List(items) => {
                self.met_list = true;
                items.iter().for_each(|item| self.follow(item, path));
            }
            Value::Event(_) if is_timestamp(path) => self.values.push(from.at(path)),
            _ => from.body().into_iter().for_each(|body| self.follow_body(body, path.segments())),
        }
    }

    fn follow_body(&mut self, body: &'a Json, path: &[Segment]) {
        match (body, path) {
            (Json::Array(items), [Segment::Index(index), rest @ ..]) => {
                items.get(*index).into_iter().for_each(|item| self.follow_body(item, rest));
            }
            (Json::Array(items), [Segment::Field(_), ..]) => {
                self.met_list = true;
                items.iter().for_each(|item| self.follow_body(item, path));
            }
            (Json::Array(items), []) => {
                self.met_list = true;
                let items = items.iter().filter(|item| !item.is_null());
                self.values.extend(items.map(Value::of_json));
            }
            (Json::Null, []) => {}
            (_, []) => self.values.push(Value::of_json(body)),
            (_, [Segment::Field(name), rest @ ..]) => {
                body.get(name).into_iter().for_each(|value| self.follow_body(value, rest));
            }
            (_, [Segment::Index(_), ..]) => {}
        }
    }
}

/// What a lambda makes of an item.
fn made<'a>(each: &'a Lambda, item: &Value<'a>, scope: &Scope<'a>) -> Value<'a> {
    value(&each.body, &scope.with(each.variable, item.clone()))
}

pub(super) fn filtered<'a>(of: &'a Expr, each: &'a Lambda, scope: &Scope<'a>) -> Value<'a> {
    let Some(items) = list(of, scope) else { return Value::Missing };
    let kept = items
        .iter()
        .filter(|item| condition(&each.body, &scope.with(each.variable, (*item).clone())));
    Value::list(kept.cloned())
}

pub(super) fn mapped<'a>(of: &'a Expr, each: &'a Lambda, scope: &Scope<'a>) -> Value<'a> {
    let Some(items) = list(of, scope) else { return Value::Missing };
    Value::list(items.iter().map(|item| made(each, item, scope)))
}

pub(super) fn grouped<'a>(of: &'a Expr, each: &'a Lambda, scope: &Scope<'a>) -> Value<'a> {
    let Some(items) = list(of, scope) else { return Value::Missing };
    let mut groups: Vec<(Value<'a>, Vec<Value<'a>>)> = Vec::new();
    for item in items.iter() {
        let key = made(each, item, scope);
        match groups.iter_mut().find(|(other, _)| equal(other, &key, scope)) {
            Some((_, group)) => group.push(item.clone()),
            None if key.is_missing() => {}
            None => groups.push((key, vec![item.clone()])),
        }
    }
    Value::list(groups.into_iter().map(|(_, group)| Value::List(group.into())))
}

/// The items with the greatest or the least values. Whichever is wanted, numbers come before moments,
/// these before texts, and truth values last; an item whose value is none of these has no rank.
pub(super) fn ranked<'a>(
    top: bool,
    of: &'a Expr,
    each: &'a Lambda,
    amount: &'a Expr,
    scope: &Scope<'a>,
) -> Value<'a> {
    let (Some(items), Some(amount)) = (list(of, scope), value(amount, scope).amount()) else {
        return Value::Missing;
    };
    let rank = |item: &Value<'a>| made(each, item, scope).scalar().map(|rank| (rank, item.clone()));
    let mut ranked: Vec<(Scalar<'a>, Value<'a>)> = items.iter().filter_map(rank).collect();
    // A stable sort: among equals the earlier item stays first.
    ranked.sort_by(|(left, _), (right, _)| {
        let order = compare(*left, *right, scope.time_zone()).unwrap_or(Ordering::Equal);
        kind(*left).cmp(&kind(*right)).then(if top { order.reverse() } else { order })
    });
    Value::list(ranked.into_iter().take(amount).map(|(_, item)| item))
}

fn kind(scalar: Scalar<'_>) -> usize {
    match scalar {
        Scalar::Whole(_) | Scalar::Decimal(_) => 0,
        Scalar::Moment(_) => 1,
        Scalar::Text(_) => 2,
        Scalar::Boolean(_) => 3,
    }
}

pub(super) fn aggregated<'a>(
    aggregate: Aggregate,
    of: &'a Expr,
    each: Option<&'a Lambda>,
    scope: &Scope<'a>,
) -> Value<'a> {
    let made = |item: &Value<'a>| each.map_or(item.clone(), |each| made(each, item, scope));
    let items = items(of, scope);
    let values: Vec<Value<'a>> =
        items.iter().map(made).filter(|value| !value.is_missing()).collect();
    if aggregate == Aggregate::Count {
        return Scalar::Whole(values.len() as i128).into();
    }
    let mut totals = Totals::default();
    for value in &values {
        match value {
            Value::Scalar(Scalar::Whole(whole)) => totals.add(Amount::from_whole(*whole)),
            Value::Scalar(Scalar::Decimal(decimal)) => totals.add(Amount::from_f64(*decimal)),
            _ => {}
        }
    }
    Value::of(totals.get(aggregate).map(Amount::to_scalar))
}
