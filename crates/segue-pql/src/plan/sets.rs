//! Sets of events: what a list of events is narrowed by, cut into a test of each event and a
//! window on its timestamp.

use std::sync::Arc;

use segue_xdm::{Path, Segment};

use super::condition::Condition;
use super::event_test::EventTest;
use super::field_test::{Asked, FieldTest, ValueTest};
use super::formula::Formula;
use super::leaf::Window;
use crate::expression::{Expr, ExprKind, Lambda, Literal, Quantifier, Variable};
use crate::occurrence::{Moment, Occurrence};
use crate::relevance::reads_only;
use crate::text::TextPattern;

/// The events that pass a test, each counting within a window.
pub(super) struct EventSet {
    pub(super) events: EventTest,
    pub(super) window: Window,
}

/// The same while it is put together.
#[derive(Default)]
pub(super) struct Narrowing {
    /// Each with its text.
    tests: Vec<(Formula<FieldTest>, String)>,
    window: Vec<Occurrence<Moment>>,
}

impl EventSet {
    /// The set that a list is: the profile's events, or some of them.
    pub(super) fn of(list: &Expr) -> Option<Narrowing> {
        match &list.kind {
            ExprKind::Events => Some(Narrowing::default()),
            ExprKind::Filter { list, each } => {
                let mut set = EventSet::of(list)?;
                set.narrow(&each.body, each.variable)?;
                Some(set)
            }
            _ => None,
        }
    }
}

impl Narrowing {
    /// The events of the set for which a condition holds.
    pub(super) fn narrowed(mut self, each: &Lambda) -> Option<EventSet> {
        self.narrow(&each.body, each.variable)?;
        Some(self.checked())
    }

    /// The set itself.
    pub(super) fn checked(self) -> EventSet {
        let (mut conditions, texts): (Vec<_>, Vec<_>) = self.tests.into_iter().unzip();
        let text = match texts.as_slice() {
            [] => "true".to_owned(),
            texts => texts.join(" and "),
        };
        let condition = match (conditions.len(), conditions.pop()) {
            (1, Some(only)) => only,
            (_, last) => {
                conditions.extend(last);
                Formula::All(conditions)
            }
        };
        let events = EventTest::new(condition, &text);
        EventSet { events, window: Window(self.window) }
    }

    fn narrow(&mut self, condition: &Expr, event: Variable) -> Option<()> {
        if let ExprKind::All(parts) = &condition.kind {
            return parts.iter().try_for_each(|part| self.narrow(part, event));
        }
        match window(condition, event) {
            Some(occurrence) => self.window.push(occurrence),
            None => {
                let text = match condition.kind {
                    ExprKind::Any(_) => format!("({condition})"),
                    _ => condition.to_string(),
                };
                self.tests.push((event_test(condition, event)?, text));
            }
        }
        Some(())
    }
}

/// A condition on nothing but the event's timestamp and "now".
fn window(condition: &Expr, event: Variable) -> Option<Occurrence<Moment>> {
    match &condition.kind {
        ExprKind::Occurs { moment, occurrence, negated: false } => {
            moment.field_of(event).filter(|path| is_timestamp(path))?;
            occurrence.constant()
        }
        _ => None,
    }
}

/// The event's own timestamp is a moment, which no text of the body is compared with as it stands.
fn is_timestamp(path: &Path) -> bool {
    matches!(path.segments(), [Segment::Field(name)] if name == "timestamp")
}

/// A condition that is known to be on one event alone.
pub(super) fn own_test(condition: &Expr, event: Variable) -> EventTest {
    let condition = condition.inlined();
    EventTest::new(test_of_event(&condition, event), &condition.to_string())
}

/// A condition on one event alone; `None` when it reads anything else.
pub(super) fn event_test(condition: &Expr, event: Variable) -> Option<Formula<FieldTest>> {
    reads_only(condition, &mut vec![event]).then(|| test_of_event(condition, event))
}

fn test_of_event(condition: &Expr, event: Variable) -> Formula<FieldTest> {
    let each = |parts: &[Expr]| parts.iter().map(|part| test_of_event(part, event)).collect();
    match &condition.kind {
        ExprKind::All(parts) => Formula::All(each(parts)),
        ExprKind::Any(parts) => Formula::Any(each(parts)),
        ExprKind::Not(part) => Formula::Not(Box::new(test_of_event(part, event))),
        ExprKind::Literal(Literal::Boolean(true)) => Formula::All(Vec::new()),
        ExprKind::Literal(Literal::Boolean(false)) => Formula::Any(Vec::new()),
        ExprKind::Quantified { quantifier: Quantifier::Exists, list, each } => {
            // Through a list on its way a longer path would lead to the items of several.
            let array = list.field_of(event).filter(|path| path.segments().len() == 1);
            let item = array.zip(item_test(&each.body, each.variable));
            match item {
                Some((array, tests)) => Formula::Is(FieldTest::Item(array.clone(), tests)),
                None => interpreted(condition, event),
            }
        }
        _ => match value_test(condition, event) {
            Some((path, _)) if is_timestamp(&path) => interpreted(condition, event),
            Some((path, test)) => Formula::Is(FieldTest::Value(path, test)),
            None => interpreted(condition, event),
        },
    }
}

fn interpreted(condition: &Expr, event: Variable) -> Formula<FieldTest> {
    Formula::Is(FieldTest::Interpreted(Condition::of_event(condition.clone(), event)))
}

/// A condition on the fields of one item, each tested by itself.
fn item_test(condition: &Expr, item: Variable) -> Option<Formula<(Path, ValueTest)>> {
    let each = |parts: &[Expr]| {
        let parts = parts.iter().map(|part| item_test(part, item));
        parts.collect::<Option<Vec<_>>>()
    };
    Some(match &condition.kind {
        ExprKind::All(parts) => Formula::All(each(parts)?),
        ExprKind::Any(parts) => Formula::Any(each(parts)?),
        ExprKind::Not(part) => Formula::Not(Box::new(item_test(part, item)?)),
        _ => Formula::Is(value_test(condition, item)?),
    })
}

/// A test of one field of what a variable stands for.
fn value_test(condition: &Expr, of: Variable) -> Option<(Path, ValueTest)> {
    value_asked(condition, &|value| value.field_of(of).cloned())
}

/// A test of one attribute of the profile.
pub(super) fn attribute_test(condition: &Expr) -> Option<(Path, ValueTest)> {
    value_asked(condition, &|value| match &value.kind {
        ExprKind::Field { of, path } if matches!(of.kind, ExprKind::Profile) => Some(path.clone()),
        _ => None,
    })
}

fn value_asked(
    condition: &Expr,
    path: &dyn Fn(&Expr) -> Option<Path>,
) -> Option<(Path, ValueTest)> {
    asked(condition, path).map(|(path, asked)| (path, ValueTest(asked)))
}

fn asked(condition: &Expr, path: &dyn Fn(&Expr) -> Option<Path>) -> Option<(Path, Asked)> {
    match &condition.kind {
        ExprKind::Compare { comparison, left, right } => match (&left.kind, &right.kind) {
            (_, ExprKind::Literal(literal)) => {
                Some((path(left)?, Asked::Compares(*comparison, literal.clone())))
            }
            (ExprKind::Literal(literal), _) => {
                let comparison = comparison.mirrored();
                Some((path(right)?, Asked::Compares(comparison, literal.clone())))
            }
            _ => None,
        },
        ExprKind::OneOf { value, list, negated } => {
            let ExprKind::List(items) = &list.kind else { return None };
            let literals = items.iter().map(|item| match &item.kind {
                ExprKind::Literal(literal) => Some(literal.clone()),
                _ => None,
            });
            let literals: Option<Arc<[Literal]>> = literals.collect();
            Some((path(value)?, Asked::IsOneOf(literals?, *negated)))
        }
        ExprKind::Resembles { value, relation, text, case_sensitive, negated } => {
            let ExprKind::Literal(Literal::Text(text)) = &text.kind else { return None };
            let pattern = TextPattern::new(*relation, text, *case_sensitive);
            Some((path(value)?, Asked::Resembles(pattern, *negated)))
        }
        ExprKind::IsPresent { value, negated: false } => Some((path(value)?, Asked::IsPresent)),
        _ => None,
    }
}
