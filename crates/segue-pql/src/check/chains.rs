//! Chains: what each step asks for, and which events of other steps it may speak of.

use crate::diagnostic::{Span, code};
use crate::expression::{self, ExprKind, Variable};
use crate::limits::CHAIN_REFERENCES_MAX;
use crate::syntax::ChainStep;
use crate::vocabulary::Type;

use super::names::{Binding, Label};
use super::{Checker, Typed};

impl Checker<'_> {
    pub(super) fn chain(&mut self, span: Span, steps: &[ChainStep]) -> Option<ExprKind> {
        if self.scope.items > 0 {
            let message = "events cannot be asked for within the condition on one event";
            let help = "join them outside with `and`";
            return self.refuse(code::OUT_OF_PLACE, span, message, help);
        }
        self.scope.references.clear();
        let events: Vec<Variable> = steps.iter().map(|_| self.fresh()).collect();
        let mut checked = Vec::with_capacity(steps.len());
        for (place, step) in steps.iter().enumerate() {
            let labels: Vec<Label> = (steps.iter().zip(&events).enumerate())
                .map(|(other, (step, event))| label(step, *event, other.cmp(&place)))
                .collect();
            for (step, label) in steps.iter().zip(labels) {
                self.scope.bind(&step.label.text, Binding::Step(label));
            }
            let event = events.get(place).copied();
            let before = steps.get(..place).unwrap_or_default();
            checked.push(event.and_then(|event| self.chain_step(step, event, before)));
            for _ in steps {
                self.scope.unbind();
            }
        }
        checked.into_iter().collect::<Option<_>>().map(ExprKind::Chain)
    }

    fn chain_step(
        &mut self,
        step: &ChainStep,
        event: Variable,
        before: &[ChainStep],
    ) -> Option<expression::ChainStep> {
        self.scope.enter(event, Type::Object);
        self.scope.items += 1;
        let condition = self.condition(&step.condition);
        self.scope.items -= 1;
        self.scope.leave();
        let window = match &step.window {
            Some(window) => Some(self.window(window)?),
            None => None,
        };
        if let Some((_, span)) = step.within
            && !before.iter().any(is_positive)
        {
            let message = "there is no event before from which time could run";
            let help = "write WHEN(…) for a time before now, or WITHIN(…) on a later step";
            return self.refuse(code::WINDOW, span, message, help);
        }
        Some(expression::ChainStep {
            event,
            condition: condition?,
            window,
            within: step.within.map(|(period, _)| period),
            count: step.count,
        })
    }

    /// The event that an earlier step took.
    pub(super) fn earlier_event(&mut self, variable: Variable, span: Span) -> Option<Typed> {
        let references = &mut self.scope.references;
        if !references.contains(&variable) {
            references.push(variable);
        }
        if references.len() > CHAIN_REFERENCES_MAX {
            let message =
                format!("this chain refers to more than {CHAIN_REFERENCES_MAX} of its steps");
            let help = "compare with fewer steps, or divide the chain into two audiences";
            return self.refuse(code::LIMIT, span, &message, help);
        }
        Some(Typed::new(ExprKind::Variable(variable), span, Type::Object))
    }
}

/// A step's label, as seen from the step that it lies so from.
fn label(step: &ChainStep, event: Variable, place: std::cmp::Ordering) -> Label {
    match place {
        std::cmp::Ordering::Equal => Label::Own(event),
        std::cmp::Ordering::Greater => Label::Later,
        std::cmp::Ordering::Less if step.count.min == 1 => Label::Earlier(event),
        std::cmp::Ordering::Less => Label::NotOneEvent,
    }
}

fn is_positive(step: &ChainStep) -> bool {
    step.count.min > 0
}
