//! What a part of a definition reads: which events, attributes, audiences, variables, and "now".

use std::collections::BTreeSet;

use segue_xdm::Path;

use crate::expression::{Expr, ExprKind, Lambda, Variable};
use crate::occurrence::{Moment, Occurrence};

/// Parts of a definition whose `let`s are put in place: one `let` in another doubles them.
const INLINED_PARTS_MAX: usize = 10_000;

impl Expr {
    /// Every part directly below, to be changed.
    fn parts_mut(&mut self) -> Vec<&mut Expr> {
        match &mut self.kind {
            ExprKind::Literal(_)
            | ExprKind::Moment(_)
            | ExprKind::Profile
            | ExprKind::Events
            | ExprKind::Variable(_)
            | ExprKind::Member(_) => Vec::new(),
            ExprKind::List(parts)
            | ExprKind::All(parts)
            | ExprKind::Any(parts)
            | ExprKind::Call { arguments: parts, .. } => parts.iter_mut().collect(),
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
                std::iter::once(&mut **moment).chain(occurrence.anchors_mut()).collect()
            }
            ExprKind::Quantified { list, each, .. }
            | ExprKind::Filter { list, each }
            | ExprKind::Map { list, each }
            | ExprKind::GroupBy { list, each } => vec![list, &mut each.body],
            ExprKind::Ranked { list, each, amount, .. } => vec![list, &mut each.body, amount],
            ExprKind::Aggregate { list, each, .. } => {
                let each = each.iter_mut().map(|each| &mut *each.body);
                std::iter::once(&mut **list).chain(each).collect()
            }
            ExprKind::Chain(steps) => steps.iter_mut().map(|step| &mut step.condition).collect(),
        }
    }

    /// Whether its value depends on the profile's events.
    pub(crate) fn reads_events(&self) -> bool {
        let mut reads = false;
        self.visit(&mut |part| {
            reads |= matches!(part.kind, ExprKind::Events | ExprKind::Chain(_));
        });
        reads
    }

    /// The ids of the audiences that it refers to.
    pub(crate) fn audience_references(&self) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        self.visit(&mut |part| {
            if let ExprKind::Member(id) = &part.kind {
                ids.insert(id.clone());
            }
        });
        ids
    }

    /// The attributes of the profile that it reads.
    pub(crate) fn attribute_paths(&self) -> BTreeSet<Path> {
        let mut paths = BTreeSet::new();
        self.visit(&mut |part| {
            if let ExprKind::Field { of, path } = &part.kind
                && matches!(of.kind, ExprKind::Profile)
            {
                paths.insert(path.clone());
            }
        });
        paths
    }

    /// The path, if it is a field of what a variable stands for.
    pub(crate) fn field_of(&self, variable: Variable) -> Option<&Path> {
        match &self.kind {
            ExprKind::Field { of, path } => {
                let is_it = matches!(of.kind, ExprKind::Variable(other) if other == variable);
                is_it.then_some(path)
            }
            _ => None,
        }
    }
}

impl Expr {
    /// The same with the value of each `let` in the places of its variable; as it is when that
    /// would make it longer than [`INLINED_PARTS_MAX`].
    pub(crate) fn inlined(&self) -> Expr {
        let mut inlined = self.clone();
        let mut budget = INLINED_PARTS_MAX;
        if inlined.inline(&mut budget).is_some() { inlined } else { self.clone() }
    }

    fn inline(&mut self, budget: &mut usize) -> Option<()> {
        while let ExprKind::Let { variable, value, body } = &mut self.kind {
            body.put(*variable, value, budget)?;
            let body = (**body).clone();
            *self = body;
        }
        *budget = budget.checked_sub(1)?;
        self.parts_mut().into_iter().try_for_each(|part| part.inline(budget))
    }

    fn put(&mut self, variable: Variable, value: &Expr, budget: &mut usize) -> Option<()> {
        if matches!(self.kind, ExprKind::Variable(other) if other == variable) {
            *budget = budget.checked_sub(value.size())?;
            self.kind = value.kind.clone();
            return Some(());
        }
        self.parts_mut().into_iter().try_for_each(|part| part.put(variable, value, budget))
    }

    fn size(&self) -> usize {
        let mut size = 0;
        self.visit(&mut |_| size += 1);
        size
    }
}

impl Lambda {
    /// The path, if the body is a field of the item.
    pub(crate) fn field(&self) -> Option<&Path> {
        self.body.field_of(self.variable)
    }

    /// The lambda whose body is the opposite.
    pub(crate) fn negated(&self) -> Lambda {
        let span = self.body.span;
        let body = Expr { kind: ExprKind::Not(self.body.clone()), span };
        Lambda { variable: self.variable, body: Box::new(body) }
    }
}

impl Occurrence<Expr> {
    /// The same, if every moment that it is measured from is known but for "now".
    pub(crate) fn constant(&self) -> Option<Occurrence<Moment>> {
        self.try_map(|anchor| match &anchor.kind {
            ExprKind::Moment(moment) => Some(*moment),
            _ => None,
        })
    }
}
