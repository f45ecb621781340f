//! The expressions that an expression is made of.

use crate::expression::{Expr, ExprKind, Variable};

impl Expr {
    /// The parts that it is directly made of, as they are written.
    pub(crate) fn parts(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Literal(_)
            | ExprKind::Moment(_)
            | ExprKind::Profile
            | ExprKind::Events
            | ExprKind::Variable(_)
            | ExprKind::Member(_) => Vec::new(),
            ExprKind::List(parts)
            | ExprKind::All(parts)
            | ExprKind::Any(parts)
            | ExprKind::Call { arguments: parts, .. } => parts.iter().collect(),
            ExprKind::Field { of: part, .. }
            | ExprKind::Not(part)
            | ExprKind::IsPresent { value: part, .. } => vec![part],
            ExprKind::Arithmetic { left, right, .. }
            | ExprKind::Compare { left, right, .. }
            | ExprKind::Let { value: left, body: right, .. }
            | ExprKind::OneOf { value: left, list: right, .. }
            | ExprKind::Resembles { value: left, text: right, .. } => vec![left, right],
            ExprKind::If { condition, then, otherwise } => vec![condition, then, otherwise],
            ExprKind::Occurs { moment, occurrence, .. } => {
                std::iter::once(&**moment).chain(occurrence.anchors()).collect()
            }
            ExprKind::Quantified { list, each, .. }
            | ExprKind::Filter { list, each }
            | ExprKind::Map { list, each }
            | ExprKind::GroupBy { list, each } => vec![list, &each.body],
            ExprKind::Ranked { list, each, amount, .. } => vec![list, &each.body, amount],
            ExprKind::Aggregate { list, each, .. } => {
                std::iter::once(&**list).chain(each.iter().map(|each| &*each.body)).collect()
            }
            ExprKind::Chain(steps) => steps.iter().map(|step| &step.condition).collect(),
        }
    }

    /// The whole tree, each expression before its parts.
    pub(crate) fn visit<'e>(&'e self, see: &mut dyn FnMut(&'e Expr)) {
        see(self);
        self.parts().into_iter().for_each(|part| part.visit(see));
    }

    /// The variable that it binds for one of its parts. A chain binds one for each of its steps.
    pub(crate) fn binds(&self) -> Option<Variable> {
        match &self.kind {
            ExprKind::Let { variable, .. } => Some(*variable),
            ExprKind::Quantified { each, .. }
            | ExprKind::Filter { each, .. }
            | ExprKind::Map { each, .. }
            | ExprKind::GroupBy { each, .. }
            | ExprKind::Ranked { each, .. }
            | ExprKind::Aggregate { each: Some(each), .. } => Some(each.variable),
            _ => None,
        }
    }

    /// Whether it reads a variable.
    pub(crate) fn mentions(&self, variable: Variable) -> bool {
        matches!(self.kind, ExprKind::Variable(other) if other == variable)
            || self.parts().iter().any(|part| part.mentions(variable))
    }
}
