//! From what a definition means to a plan: which parts have a form that is kept up to date event by
//! event.
//!
//! Every `None` and every reason here means: the reference interpreter takes that part. So a form
//! that is not recognised is slow, never wrong.

use super::condition::Condition;
use super::event_test::EventTest;
use super::formula::Formula;
use super::leaf::{Counting, Form, Leaf, Step, Total, Window};
use super::sets::{EventSet, event_test};
use crate::expression::{
    Aggregate, ChainStep, Comparison, Count, Expr, ExprKind, Lambda, Literal, Quantifier,
};
use crate::{Expression, limits};

/// Why a part is interpreted.
mod reason {
    pub(super) const COMPARES_EVENTS: &str =
        "it compares an event with another event, or with the profile";
    pub(super) const BOUNDED_STEP: &str =
        "a step of a sequence asks for some events, and for no more than some";
    pub(super) const OTHER: &str = "it computes with lists of events";
}

pub(super) fn plan(expression: &Expression) -> Formula<Leaf> {
    Planner { source: expression.source() }.condition(&expression.condition.inlined())
}

struct Planner<'a> {
    source: &'a str,
}

impl Planner<'_> {
    fn condition(&self, expr: &Expr) -> Formula<Leaf> {
        let all = |parts: &[Expr]| parts.iter().map(|part| self.condition(part)).collect();
        match &expr.kind {
            ExprKind::All(parts) => Formula::All(all(parts)),
            ExprKind::Any(parts) => Formula::Any(all(parts)),
            ExprKind::Not(part) => Formula::Not(Box::new(self.condition(part))),
            ExprKind::If { condition, then, otherwise } => {
                let condition = self.condition(condition);
                let opposite = Formula::Not(Box::new(condition.clone()));
                Formula::Any(vec![
                    Formula::All(vec![condition, self.condition(then)]),
                    Formula::All(vec![opposite, self.condition(otherwise)]),
                ])
            }
            ExprKind::Literal(Literal::Boolean(true)) => Formula::All(Vec::new()),
            ExprKind::Literal(Literal::Boolean(false)) => Formula::Any(Vec::new()),
            ExprKind::Member(audience) => self.leaf(expr, Form::Member(audience.clone())),
            _ if !expr.reads_events() => self.leaf(expr, Form::Attribute),
            ExprKind::Compare { comparison: Comparison::NotEqual, left, right }
                if is_total(left) || is_total(right) =>
            {
                // Both are numbers, so "not equal" is the opposite of "equal".
                let (left, right) = (left.clone(), right.clone());
                let comparison = Comparison::Equal;
                let kind = ExprKind::Compare { comparison, left, right };
                let equal = Expr { kind, span: expr.span };
                Formula::Not(Box::new(self.condition(&equal)))
            }
            _ => self.leaf(expr, over_events(expr).unwrap_or_else(Form::Interpreted)),
        }
    }

    fn leaf(&self, expr: &Expr, form: Form) -> Formula<Leaf> {
        let condition = Condition::new(expr.clone(), self.source);
        Formula::Is(Leaf { condition, form })
    }
}

fn is_total(expr: &Expr) -> bool {
    matches!(expr.kind, ExprKind::Aggregate { aggregate: Aggregate::Count | Aggregate::Sum, .. })
}

/// The form of a condition that reads events, or why it has none.
fn over_events(expr: &Expr) -> Result<Form, &'static str> {
    match &expr.kind {
        ExprKind::Chain(steps) => chain(steps),
        ExprKind::Quantified { quantifier, list, each } => quantified(*quantifier, list, each),
        ExprKind::Compare { comparison, left, right } => match (&left.kind, &right.kind) {
            (_, ExprKind::Literal(bound)) => total(left, *comparison, bound),
            (ExprKind::Literal(bound), _) => total(right, comparison.mirrored(), bound),
            _ => Err(reason::OTHER),
        },
        _ => Err(reason::OTHER),
    }
}

fn quantified(quantifier: Quantifier, list: &Expr, each: &Lambda) -> Result<Form, &'static str> {
    let set = EventSet::of(list).ok_or(reason::OTHER)?;
    let (each, count) = match quantifier {
        Quantifier::Exists => (each.clone(), Count::ONE_OR_MORE),
        // For all: there is none for which it is not so.
        Quantifier::ForAll => (each.negated(), Count { min: 0, max: Some(0) }),
    };
    let EventSet { events, window } = set.narrowed(&each).ok_or(reason::COMPARES_EVENTS)?;
    Ok(Form::Count { events, window, counting: Counting::new(count) })
}

fn total(total: &Expr, comparison: Comparison, bound: &Literal) -> Result<Form, &'static str> {
    let ExprKind::Aggregate { aggregate, list, each } = &total.kind else {
        return Err(reason::OTHER);
    };
    let (list, each) = match (&list.kind, each) {
        // `list.map(x).sum()` is `list.sum(x)`.
        (ExprKind::Map { list, each }, None) => (list, Some(each)),
        (_, each) => (list, each.as_ref()),
    };
    let EventSet { events, window } = EventSet::of(list).ok_or(reason::OTHER)?.checked();
    let Some(each) = each else {
        let is_count = *aggregate == Aggregate::Count;
        let counting = counting(comparison, bound).filter(|_| is_count).ok_or(reason::OTHER)?;
        return Ok(Form::Count { events, window, counting });
    };
    let value = each.field().ok_or(reason::OTHER)?.clone();
    let (aggregate, bound) = (*aggregate, bound.clone());
    Ok(Form::Total(Total { events, value, window, aggregate, comparison, bound }))
}

fn chain(steps: &[ChainStep]) -> Result<Form, &'static str> {
    let steps: Option<Vec<Step>> = steps.iter().map(step).collect();
    let steps = steps.ok_or(reason::COMPARES_EVENTS)?;
    if let [Step { events, window, counting, .. }] = steps.as_slice() {
        let (events, window) = (events.clone(), window.clone());
        return Ok(Form::Count { events, window, counting: *counting });
    }
    let is_bounded = |step: &Step| step.counting.min > 0 && step.counting.max.is_some();
    if steps.iter().any(is_bounded) {
        return Err(reason::BOUNDED_STEP);
    }
    Ok(Form::Sequence(steps))
}

fn step(step: &ChainStep) -> Option<Step> {
    let condition = event_test(&step.condition, step.event)?;
    Some(Step {
        events: EventTest::new(condition),
        window: Window(step.window.iter().cloned().collect()),
        counting: Counting::new(step.count),
        within: step.within,
    })
}

/// How many compare so with a number.
fn counting(comparison: Comparison, bound: &Literal) -> Option<Counting> {
    let Literal::Integer(bound) = bound else { return None };
    let bound = u32::try_from(*bound).ok().filter(|bound| *bound < limits::COUNT_MAX)?;
    let (min, max) = match comparison {
        Comparison::Equal => (bound, Some(bound)),
        Comparison::Less => (0, Some(bound.checked_sub(1)?)),
        Comparison::LessOrEqual => (0, Some(bound)),
        Comparison::Greater => (bound + 1, None),
        Comparison::GreaterOrEqual => (bound, None),
        Comparison::NotEqual => return None,
    };
    Some(Counting { min, max })
}
