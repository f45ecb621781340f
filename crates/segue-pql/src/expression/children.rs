//! The parts of an [`Expr`], for whoever goes through a whole tree.

use super::{Expr, ExprKind, Variable};

impl Expr {
    /// Every part directly below, in the order in which it is written.
    pub(crate) fn for_each_child<'e>(&'e self, see: &mut dyn FnMut(&'e Expr)) {
        match &self.kind {
            ExprKind::Literal(_)
            | ExprKind::Moment(_)
            | ExprKind::Profile
            | ExprKind::Events
            | ExprKind::Variable(_)
            | ExprKind::Member(_) => {}
            ExprKind::List(parts) | ExprKind::All(parts) | ExprKind::Any(parts) => {
                parts.iter().for_each(see);
            }
            ExprKind::Call { arguments, .. } => arguments.iter().for_each(see),
            ExprKind::Field { of: part, .. }
            | ExprKind::Not(part)
            | ExprKind::IsPresent { value: part, .. } => see(part),
            ExprKind::Arithmetic { left, right, .. }
            | ExprKind::Compare { left, right, .. }
            | ExprKind::Let { value: left, body: right, .. }
            | ExprKind::OneOf { value: left, list: right, .. }
            | ExprKind::Resembles { value: left, text: right, .. } => {
                see(left);
                see(right);
            }
            ExprKind::If { condition, then, otherwise } => {
                [condition, then, otherwise].into_iter().for_each(|part| see(part));
            }
            ExprKind::Occurs { moment, occurrence, .. } => {
                see(moment);
                occurrence.anchors().for_each(see);
            }
            ExprKind::Quantified { list, each, .. }
            | ExprKind::Filter { list, each }
            | ExprKind::Map { list, each }
            | ExprKind::GroupBy { list, each } => {
                see(list);
                see(&each.body);
            }
            ExprKind::Ranked { list, each, amount, .. } => {
                [list, &each.body, amount].into_iter().for_each(|part| see(part));
            }
            ExprKind::Aggregate { list, each, .. } => {
                see(list);
                each.iter().for_each(|each| see(&each.body));
            }
            ExprKind::Chain(steps) => steps.iter().for_each(|step| see(&step.condition)),
        }
    }

    /// The tree, each part before those below it.
    pub(crate) fn visit<'e>(&'e self, see: &mut dyn FnMut(&'e Expr)) {
        see(self);
        self.for_each_child(&mut |child| child.visit(see));
    }

    /// Whether it reads a variable.
    pub(crate) fn mentions(&self, variable: Variable) -> bool {
        let mut is_mentioned = false;
        self.visit(&mut |part| {
            is_mentioned |= matches!(part.kind, ExprKind::Variable(other) if other == variable);
        });
        is_mentioned
    }

    /// The variable that it binds for a part of it; a chain binds one for each step, aside.
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

    /// The list whose items it binds a variable to, one after the other.
    pub(crate) fn list(&self) -> Option<&Expr> {
        match &self.kind {
            ExprKind::Quantified { list, .. }
            | ExprKind::Filter { list, .. }
            | ExprKind::Map { list, .. }
            | ExprKind::GroupBy { list, .. }
            | ExprKind::Ranked { list, .. }
            | ExprKind::Aggregate { list, each: Some(_), .. } => Some(list),
            _ => None,
        }
    }
}
