//! Which events can matter to a definition: decided once, when it is read.
//!
//! Events come into a definition through the steps of chains, and through `xEvent`. What a step,
//! an `exists` or a filter asks of an event before anything else is taken apart at its `and`s, and
//! what reads nothing but that event is kept:
//!
//! ```text
//! xEvent[type = "a" and price > ^limit].exists(sku = "b")     ──▶ type = "a" and sku = "b"
//! xEvent[type = "a"].sum(price)                               ──▶ type = "a"
//! forall e from xEvent where e.type = "a"                     ──▶ true: the others decide
//! xEvent.count()                                              ──▶ true
//! ```
//!
//! Invariant: an event for which none of the conditions is true is one that no part of the
//! definition distinguishes from no event.

use crate::diagnostic::Span;
use crate::expression::{Expr, ExprKind, Function, Lambda, Literal, Quantifier, Variable};
use crate::occurrence::{Moment, Occurrence};

/// The conditions of the definition, each about the event in the variable.
pub(crate) fn event_conditions(condition: &Expr) -> Vec<(Variable, Expr)> {
    let mut conditions = Vec::new();
    collect(condition, &mut conditions);
    conditions
}

fn collect(expr: &Expr, conditions: &mut Vec<(Variable, Expr)>) {
    match &expr.kind {
        ExprKind::Events => conditions.push((NO_VARIABLE, all(Vec::new(), expr.span))),
        ExprKind::Chain(steps) => {
            for step in steps {
                let parts = parts_about(step.event, &step.condition);
                conditions.push((step.event, all(parts, expr.span)));
            }
            expr.for_each_child(&mut |part| collect(part, conditions));
        }
        ExprKind::Filter { list, each } => of_list(expr, list, Some(each), conditions),
        ExprKind::Quantified { quantifier, list, each } => {
            let asked = (*quantifier == Quantifier::Exists).then_some(each);
            of_list(expr, list, asked, conditions);
        }
        ExprKind::Map { list, .. }
        | ExprKind::GroupBy { list, .. }
        | ExprKind::Ranked { list, .. }
        | ExprKind::Aggregate { list, .. } => of_list(expr, list, None, conditions),
        _ => expr.for_each_child(&mut |part| collect(part, conditions)),
    }
}

/// What goes through a list, and asks something of each item if it has a condition.
fn of_list(
    expr: &Expr,
    list: &Expr,
    asked: Option<&Lambda>,
    conditions: &mut Vec<(Variable, Expr)>,
) {
    let Some(mut filters) = filters_of_events(list) else {
        return expr.for_each_child(&mut |part| collect(part, conditions));
    };
    filters.extend(asked);
    let variable = filters.last().map_or(NO_VARIABLE, |each| each.variable);
    let mut parts = Vec::new();
    for each in &filters {
        let own = parts_about(each.variable, &each.body);
        parts.extend(own.into_iter().map(|part| about(variable, each.variable, part)));
    }
    conditions.push((variable, all(parts, expr.span)));
    // Below, there may be other lists of events; this one has been dealt with.
    expr.for_each_child(&mut |part| {
        if !std::ptr::eq(part, list) {
            collect(part, conditions);
        }
    });
    let mut list = list;
    while let ExprKind::Filter { list: inner, each } = &list.kind {
        collect(&each.body, conditions);
        list = inner;
    }
}

/// The filters that stand between `xEvent` and the list, if it is one of events.
fn filters_of_events(list: &Expr) -> Option<Vec<&Lambda>> {
    match &list.kind {
        ExprKind::Events => Some(Vec::new()),
        ExprKind::Filter { list, each } => {
            let mut filters = filters_of_events(list)?;
            filters.push(each);
            Some(filters)
        }
        _ => None,
    }
}

/// The parts of a condition, joined by `and`, that read nothing but the variable.
fn parts_about(variable: Variable, condition: &Expr) -> Vec<Expr> {
    let parts = match &condition.kind {
        ExprKind::All(parts) => parts.as_slice(),
        _ => std::slice::from_ref(condition),
    };
    let about = parts.iter().filter(|part| reads_only(part, &mut vec![variable]));
    about.cloned().collect()
}

/// The condition on one variable as one on another.
fn about(variable: Variable, old: Variable, condition: Expr) -> Expr {
    if old == variable {
        return condition;
    }
    let span = condition.span;
    let value = Box::new(Expr { kind: ExprKind::Variable(variable), span });
    let kind = ExprKind::Let { variable: old, value, body: Box::new(condition) };
    Expr { kind, span }
}

/// Whether the value is the same for all profiles and at all times, the variables aside.
pub(crate) fn reads_only(expr: &Expr, variables: &mut Vec<Variable>) -> bool {
    match &expr.kind {
        ExprKind::Profile | ExprKind::Events | ExprKind::Member(_) | ExprKind::Chain(_) => {
            return false;
        }
        ExprKind::Moment(Moment::Now | Moment::Day(_)) => return false,
        ExprKind::Occurs { occurrence, .. }
            if matches!(**occurrence, Occurrence::Calendar { .. }) =>
        {
            return false;
        }
        ExprKind::Call { function, .. } if is_of_now(*function) => return false,
        ExprKind::Variable(variable) => return variables.contains(variable),
        _ => {}
    }
    let bound = expr.binds();
    variables.extend(bound);
    let mut sound = true;
    expr.for_each_child(&mut |part| sound = sound && reads_only(part, variables));
    if bound.is_some() {
        variables.pop();
    }
    sound
}

fn is_of_now(function: Function) -> bool {
    matches!(function, Function::CurrentMonth | Function::CurrentYear | Function::CurrentDayOfMonth)
}

/// Variables count from 1.
const NO_VARIABLE: Variable = Variable(0);

fn all(mut parts: Vec<Expr>, span: Span) -> Expr {
    let kind = match (parts.len(), parts.pop()) {
        (1, Some(part)) => return part,
        (_, None) => ExprKind::Literal(Literal::Boolean(true)),
        (_, Some(last)) => {
            parts.push(last);
            ExprKind::All(parts)
        }
    };
    Expr { kind, span }
}
