//! A sound definition, and what can be said of it without evaluating it.

use std::collections::BTreeSet;
use std::fmt;

use segue_xdm::Path;

use crate::expression::{Expr, ExprKind, Variable};
use crate::relevance::event_conditions;

/// An audience's definition that was parsed, type-checked and found sound.
#[derive(Clone, Debug)]
pub struct Expression {
    source: String,
    pub(crate) condition: Expr,
    event_conditions: Vec<(Variable, Expr)>,
}

impl Expression {
    pub(crate) fn new(source: String, condition: Expr) -> Expression {
        let event_conditions = event_conditions(&condition);
        Expression { source, condition, event_conditions }
    }

    /// The definition as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What its events are asked, each about the event in the variable. An event for which none of
    /// these conditions is true cannot change the value.
    pub(crate) fn event_conditions(&self) -> &[(Variable, Expr)] {
        &self.event_conditions
    }

    /// The ids of the audiences that it refers to with `inSegment`.
    #[must_use]
    pub fn audience_references(&self) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        self.condition.visit(&mut |expr| {
            if let ExprKind::Member(id) = &expr.kind {
                ids.insert(id.clone());
            }
        });
        ids
    }

    /// The profile attributes that it reads, sorted, each once. A change elsewhere, at a path that
    /// [overlaps](Path::overlaps) none of them, cannot change the value.
    #[must_use]
    pub fn attribute_paths(&self) -> Vec<Path> {
        let mut paths = BTreeSet::new();
        self.condition.visit(&mut |expr| {
            if let ExprKind::Field { of, path } = &expr.kind
                && matches!(of.kind, ExprKind::Profile)
            {
                paths.insert(path.clone());
            }
        });
        paths.into_iter().collect()
    }

    /// Whether its value depends on events at all.
    #[must_use]
    pub fn reads_events(&self) -> bool {
        let mut reads = false;
        self.condition.visit(&mut |expr| {
            reads |= matches!(expr.kind, ExprKind::Events | ExprKind::Chain(_));
        });
        reads
    }
}

/// What the definition means, in its canonical text.
impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.condition.fmt(f)
    }
}
