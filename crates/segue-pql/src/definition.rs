//! A sound definition, and what can be said of it without evaluating it.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use segue_xdm::Path;

use crate::expression::{Expr, Variable};
use crate::interpreter::{EventFact, accepts_event};
use crate::relevance::event_conditions;

/// An audience's definition that was parsed, type-checked and found sound.
#[derive(Clone, Debug)]
pub struct Expression {
    source: String,
    condition: Expr,
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

    pub(crate) fn condition(&self) -> &Expr {
        &self.condition
    }

    /// What its events are asked, each about the event in the variable. An event for which none of
    /// these conditions is true cannot change the value.
    pub(crate) fn event_conditions(&self) -> &[(Variable, Expr)] {
        &self.event_conditions
    }

    /// Whether the event can matter: whether it satisfies what some part of the definition asks of
    /// an event for itself, whatever the windows, counts, order and negations.
    #[must_use]
    pub fn matches_event(&self, event: &EventFact, time_zone: &TimeZone) -> bool {
        let mut conditions = self.event_conditions().iter();
        conditions
            .any(|(variable, condition)| accepts_event(condition, *variable, event, time_zone))
    }

    /// The ids of the audiences that it refers to with `inSegment`.
    #[must_use]
    pub fn audience_references(&self) -> BTreeSet<String> {
        self.condition.audience_references()
    }

    /// The profile attributes that it reads, sorted, each once. A change elsewhere, at a path that
    /// [overlaps](Path::overlaps) none of them, cannot change the value.
    #[must_use]
    pub fn attribute_paths(&self) -> Vec<Path> {
        self.condition.attribute_paths().into_iter().collect()
    }

    /// Whether its value depends on events at all.
    #[must_use]
    pub fn reads_events(&self) -> bool {
        self.condition.reads_events()
    }
}
