//! A part of a definition as the reference interpreter evaluates it.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use jiff::tz::TimeZone;
use segue_xdm::Path;

use super::field_test::{Access, Key};
use super::sets;
use crate::expression::{Expr, Variable};
use crate::interpreter::{Evaluation, EventFact, Facts};

/// A part of a definition as the reference interpreter evaluates it.
#[derive(Clone, Debug)]
pub struct Condition {
    expr: Arc<Expr>,
    text: Arc<str>,
    /// The event that it is about, if it is about one.
    event: Option<Variable>,
}

impl Condition {
    pub(crate) fn new(expr: Expr, source: &str) -> Condition {
        let text = source.get(expr.span.start..expr.span.end).unwrap_or_default().into();
        Condition { expr: Arc::new(expr), text, event: None }
    }

    /// A condition on the event that a variable stands for.
    pub(crate) fn of_event(expr: Expr, event: Variable) -> Condition {
        let text = expr.to_string().into();
        Condition { expr: Arc::new(expr), text, event: Some(event) }
    }

    /// As it is written in the definition.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it means in its canonical text, which equal conditions share.
    #[must_use]
    pub fn canonical(&self) -> String {
        self.expr.to_string()
    }

    /// Where it stands in the definition, in bytes.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.expr.span.start..self.expr.span.end
    }

    /// The condition as one on the event in a variable, if it is about one.
    pub(super) fn about_event(&self) -> Option<(&Expr, Variable)> {
        Some((&self.expr, self.event?))
    }

    /// The attribute that must have one of some values for the condition to be true, if that is
    /// so.
    #[must_use]
    pub fn wanted_attribute(&self) -> Option<(Path, Vec<Key>)> {
        let (path, test) = sets::attribute_test(&self.expr)?;
        match test.access() {
            Access::Keys { keys, .. } => Some((path, keys)),
            Access::Present => None,
        }
    }

    /// Its value for a profile.
    #[must_use]
    pub fn evaluate(&self, facts: &Facts<'_>) -> Evaluation {
        crate::interpreter::evaluate_part(&self.expr, facts)
    }

    /// Whether an event satisfies it; only for a condition on an event.
    #[must_use]
    pub fn accepts(&self, event: &EventFact, time_zone: &TimeZone) -> bool {
        let Some(variable) = self.event else { return false };
        crate::interpreter::accepts_event(&self.expr, variable, event, time_zone)
    }

    /// The attributes of the profile that it reads.
    #[must_use]
    pub fn attribute_paths(&self) -> BTreeSet<Path> {
        self.expr.attribute_paths()
    }

    /// The audiences that it refers to.
    #[must_use]
    pub fn audience_references(&self) -> BTreeSet<String> {
        self.expr.audience_references()
    }
}
