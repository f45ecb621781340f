//! Whether an expression reads a variable.

use crate::expression::{Expr, ExprKind, Variable};

pub(super) fn mentions(expr: &Expr, variable: Variable) -> bool {
    let in_part = |part: &Expr| mentions(part, variable);
    match &expr.kind {
        ExprKind::Variable(other) => *other == variable,
        ExprKind::Literal(_)
        | ExprKind::Moment(_)
        | ExprKind::Profile
        | ExprKind::Events
        | ExprKind::Member(_) => false,
        ExprKind::List(parts)
        | ExprKind::All(parts)
        | ExprKind::Any(parts)
        | ExprKind::Call { arguments: parts, .. } => parts.iter().any(in_part),
        ExprKind::Field { of: part, .. }
        | ExprKind::Not(part)
        | ExprKind::IsPresent { value: part, .. } => in_part(part),
        ExprKind::Arithmetic { left, right, .. }
        | ExprKind::Compare { left, right, .. }
        | ExprKind::Let { value: left, body: right, .. }
        | ExprKind::OneOf { value: left, list: right, .. }
        | ExprKind::Resembles { value: left, text: right, .. } => in_part(left) || in_part(right),
        ExprKind::If { condition, then, otherwise } => {
            in_part(condition) || in_part(then) || in_part(otherwise)
        }
        ExprKind::Occurs { moment, occurrence, .. } => {
            in_part(moment) || occurrence.anchors().any(in_part)
        }
        ExprKind::Quantified { list, each, .. }
        | ExprKind::Filter { list, each }
        | ExprKind::Map { list, each }
        | ExprKind::GroupBy { list, each } => in_part(list) || in_part(&each.body),
        ExprKind::Ranked { list, each, amount, .. } => {
            in_part(list) || in_part(&each.body) || in_part(amount)
        }
        ExprKind::Aggregate { list, each, .. } => {
            in_part(list) || each.as_ref().is_some_and(|each| in_part(&each.body))
        }
        ExprKind::Chain(steps) => steps.iter().any(|step| in_part(&step.condition)),
    }
}
