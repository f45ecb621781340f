//! Clauses and what they are made of; tests of values, and conditions on some event.

use crate::expression::{Expr, ExprKind, Lambda, Quantifier};
use crate::interpreter::{Clock, Facts, Scope, Value, condition, evaluate_part, value};

use super::words::described;
use super::{ClauseKind, DecidingEvent, EVENTS_LISTED_MAX, Explanation};

pub(super) struct Explainer<'a> {
    pub(super) source: &'a str,
    pub(super) facts: &'a Facts<'a>,
}

impl<'a> Explainer<'a> {
    /// Of a condition that reads no variable from outside of it.
    pub(super) fn explain(&self, clause: &Expr) -> Explanation {
        let evaluation = evaluate_part(clause, self.facts);
        let mut explanation = Explanation {
            clause: self.text_of(clause),
            kind: ClauseKind::Leaf,
            value: evaluation.value,
            holds_until: evaluation.holds_until,
            events: Vec::new(),
            notes: Vec::new(),
            parts: Vec::new(),
        };
        let parts = |parts: &[&Expr]| parts.iter().map(|part| self.explain(part)).collect();
        match &clause.kind {
            ExprKind::All(all) => {
                explanation.kind = ClauseKind::All;
                explanation.parts = all.iter().map(|part| self.explain(part)).collect();
            }
            ExprKind::Any(any) => {
                explanation.kind = ClauseKind::Any;
                explanation.parts = any.iter().map(|part| self.explain(part)).collect();
            }
            ExprKind::Not(part) => {
                explanation.kind = ClauseKind::Not;
                explanation.parts = parts(&[part]);
            }
            ExprKind::If { condition, then, otherwise } => {
                let chosen =
                    if evaluate_part(condition, self.facts).value { then } else { otherwise };
                explanation.kind = ClauseKind::Choice;
                explanation.parts = parts(&[condition, chosen]);
            }
            ExprKind::Chain(steps) => self.explain_chain(steps, &mut explanation),
            ExprKind::Member(audience) => {
                let is = if evaluation.value { "is" } else { "is not" };
                explanation.notes.push(format!("the profile {is} in the audience {audience}"));
            }
            ExprKind::Quantified { quantifier, list, each }
                if matches!(list.kind, ExprKind::Events) =>
            {
                self.explain_events(*quantifier, each, &mut explanation);
            }
            _ => {
                self.note_operands(clause, &mut explanation.notes);
                self.note_attributes(clause, &mut explanation.notes);
            }
        }
        explanation
    }

    pub(super) fn text_of(&self, clause: &Expr) -> String {
        let text = self.source.get(clause.span.start..clause.span.end);
        text.unwrap_or(self.source).to_owned()
    }

    /// `exists` is decided by the events that satisfy it, `forall` by those that do not.
    fn explain_events(&self, quantifier: Quantifier, each: &Lambda, explanation: &mut Explanation) {
        let clock = Clock::at(self.facts.now);
        let scope = Scope::new(self.facts, &clock);
        let (deciding, does) = match quantifier {
            Quantifier::Exists => (true, "satisfy it"),
            Quantifier::ForAll => (false, "do not satisfy it"),
        };
        let events = self.facts.events.iter().enumerate().filter(|(_, event)| {
            let scope = scope.with(each.variable, Value::Event(event));
            condition(&each.body, &scope) == deciding
        });
        let events: Vec<_> =
            events.map(|(index, event)| DecidingEvent::new(index, event)).collect();
        let (found, all) = (events.len(), self.facts.events.len());
        explanation.notes.push(format!("{found} of {all} events {does}"));
        explanation.events = listed(events);
        self.note_attributes(&each.body, &mut explanation.notes);
    }

    /// What the operands of a test have come to, where that is not plain to see.
    fn note_operands(&self, test: &Expr, notes: &mut Vec<String>) {
        let clock = Clock::at(self.facts.now);
        let scope = Scope::new(self.facts, &clock);
        let mut operands = Vec::new();
        test.for_each_child(&mut |operand| operands.push(operand));
        for operand in operands {
            let is_plain = match &operand.kind {
                ExprKind::Literal(_) | ExprKind::List(_) | ExprKind::Moment(_) => true,
                // An attribute has a note of its own.
                ExprKind::Field { of, .. } => matches!(of.kind, ExprKind::Profile),
                _ => false,
            };
            let is_value = !matches!(test.kind, ExprKind::Quantified { .. } | ExprKind::Let { .. });
            if is_value && !is_plain {
                let found = described(&value(operand, &scope));
                notes.push(format!("`{}` is {found}", self.text_of(operand)));
            }
        }
    }

    /// The attributes that a clause reads.
    fn note_attributes(&self, clause: &Expr, notes: &mut Vec<String>) {
        if let ExprKind::Field { of, path } = &clause.kind
            && matches!(of.kind, ExprKind::Profile)
        {
            let found = path.get(self.facts.attributes).map_or(Value::Missing, Value::of_json);
            let note = format!("the attribute {path} is {}", described(&found));
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        clause.for_each_child(&mut |part| self.note_attributes(part, notes));
    }
}

/// As many as one clause lists.
pub(super) fn listed(mut events: Vec<DecidingEvent>) -> Vec<DecidingEvent> {
    events.truncate(EVENTS_LISTED_MAX);
    events
}
