//! A plan in words: for people who want to know what an audience costs, and why.
//!
//! Conditions are written in the language itself, by its canonical printer:
//!
//! ```text
//! at least 3 events with page.equals("SPORTS", false), each counting < 24 hours before now
//! └ Counting ─────┘      └ EventTest ──────────────┘           └ Window ────────────┘
//! keeps the newest 3
//! └ Demand ────────┘
//! ```

use std::fmt;
use std::ops::Range;

use segue_xdm::Path;
use serde_json::{Value, json};

use super::demand::{Demand, Keep};
use super::event_test::EventTest;
use super::field_test::{Asked, FieldTest, ValueTest};
use super::formula::Formula;
use super::leaf::{Counting, Form, Leaf, Step, Total, Window};
use crate::Expression;
use crate::diagnostic::{Span, render_note};
use crate::expression::{Expr, ExprKind, Lambda, Literal, Quantifier, Variable};
use crate::printer::{occurrence_text, period_text, text_about};
use crate::vocabulary::AGGREGATES;

/// What there is to say about how a definition is evaluated.
#[derive(Clone, PartialEq, Debug)]
pub struct Outline {
    /// What events are asked. Only an event that passes one of these can matter.
    pub predicates: Vec<String>,
    /// The profile's attributes that are read.
    pub attributes: Vec<String>,
    /// The audiences that it is made of.
    pub audiences: Vec<String>,
    /// The parts that its value is made of, in their order, each once.
    pub parts: Vec<Part>,
}

/// A part of a definition that is kept up to date by itself.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// As it is written in the definition.
    pub clause: String,
    /// Where that is, in bytes.
    pub span: Range<usize>,
    /// What it comes to.
    pub form: String,
    /// Until when events count, where they do not count for ever.
    pub windows: Vec<String>,
    /// What must be kept of a profile's events to decide it.
    pub keeps: Vec<String>,
    /// Why it is evaluated over the stored events; none when that is not needed.
    pub interpreted: Option<&'static str>,
}

impl Expression {
    /// How it is evaluated, in words.
    #[must_use]
    pub fn outline(&self) -> Outline {
        let mut parts: Vec<Part> = Vec::new();
        self.plan().visit(&mut |leaf| {
            let part = Part::of(leaf);
            if !parts.contains(&part) {
                parts.push(part);
            }
        });
        let mut predicates: Vec<String> = Vec::new();
        for predicate in self.event_tests().iter().map(ToString::to_string) {
            if !predicates.contains(&predicate) {
                predicates.push(predicate);
            }
        }
        Outline {
            predicates,
            attributes: self.attribute_paths().iter().map(ToString::to_string).collect(),
            audiences: self.audience_references().into_iter().collect(),
            parts,
        }
    }
}

impl Outline {
    /// Whether every part is kept up to date without reading stored events.
    #[must_use]
    pub fn is_incremental(&self) -> bool {
        self.parts.iter().all(|part| part.interpreted.is_none())
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let parts = self.parts.iter().map(|part| {
            json!({
                "clause": part.clause,
                "start": part.span.start,
                "end": part.span.end,
                "form": part.form,
                "windows": part.windows,
                "keeps": part.keeps,
                "interpreted": part.interpreted,
            })
        });
        json!({
            "incremental": self.is_incremental(),
            "predicates": self.predicates,
            "attributes": self.attributes,
            "audiences": self.audiences,
            "parts": parts.collect::<Value>(),
        })
    }
}

impl Part {
    fn of(leaf: &Leaf) -> Part {
        let demands = leaf.demands();
        let mut windows: Vec<String> = Vec::new();
        for window in demands.iter().map(|demand| &demand.window).filter(|one| !one.is_always()) {
            windows.push(window.to_string());
        }
        windows.dedup();
        Part {
            clause: leaf.condition.text().to_owned(),
            span: leaf.condition.span(),
            form: leaf.form.to_string(),
            windows,
            keeps: demands.iter().map(ToString::to_string).collect(),
            interpreted: match leaf.form {
                Form::Interpreted(reason) => Some(reason),
                _ => None,
            },
        }
    }

    /// The place of a part that is interpreted, with carets under it and the reason beside them.
    /// `source` is the definition, and `origin` names it.
    #[must_use]
    pub fn render(&self, source: &str, origin: &str) -> Option<String> {
        let title = "this part is evaluated over the stored events";
        Some(render_note(title, self.interpreted?, self.span.clone(), source, origin))
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.form.fmt(f)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Form::Count { events, window, counting } => {
                write!(f, "{counting} with {events}")?;
                write_window(f, window)
            }
            Form::Sequence(steps) => {
                f.write_str("in this order: ")?;
                for (place, step) in steps.iter().enumerate() {
                    write!(f, "{}{step}", if place > 0 { ", then " } else { "" })?;
                }
                Ok(())
            }
            Form::Total(total) => total.fmt(f),
            Form::Attribute => f.write_str("a condition on attributes"),
            Form::Member(audience) => write!(f, "membership in the audience {audience}"),
            Form::Interpreted(reason) => write!(f, "read from the stored events: {reason}"),
        }
    }
}

fn write_window(f: &mut fmt::Formatter<'_>, window: &Window) -> fmt::Result {
    if window.is_always() { Ok(()) } else { write!(f, ", each counting {window}") }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {}", self.counting, self.events)?;
        write_window(f, &self.window)?;
        match self.within {
            Some(period) => write!(f, ", within {}", period_text(period)),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = |count: u32| if count == 1 { "event" } else { "events" };
        match (self.min, self.max) {
            (min, None) => write!(f, "at least {min} {}", events(min)),
            (_, Some(0)) => f.write_str("no event"),
            (min, Some(max)) if min == max => write!(f, "exactly {min} {}", events(min)),
            (0, Some(max)) => write!(f, "at most {max} {}", events(max)),
            (min, Some(max)) => write!(f, "{min} to {max} events"),
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_always() {
            return f.write_str("ever");
        }
        let parts: Vec<String> = self.0.iter().map(occurrence_text).collect();
        f.write_str(&parts.join(" and "))
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = AGGREGATES.iter().find(|(_, aggregate)| *aggregate == self.aggregate);
        let name = known.map_or("total", |(name, _)| *name);
        let bound = expr(ExprKind::Literal(self.bound.clone()));
        write!(f, "{name} of {} {} {bound}", self.value, self.comparison.symbol())?;
        write!(f, ", over events with {}", self.events)?;
        write_window(f, &self.window)
    }
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.keep {
            Keep::Newest(1) => f.write_str("the newest event")?,
            Keep::Newest(count) => write!(f, "the newest {count} events")?,
            Keep::Earliest(1) => f.write_str("the earliest event")?,
            Keep::Earliest(count) => write!(f, "the earliest {count} events")?,
            Keep::Leading(_) => f.write_str("the events that a later step may still need")?,
            Keep::All => f.write_str("all events")?,
            Keep::Totals => f.write_str("totals")?,
        }
        if let Some(value) = &self.value {
            let joint = if self.keep == Keep::Totals { "of" } else { "and the value of" };
            write!(f, " {joint} {value} of events")?;
        }
        write!(f, " with {}", self.events)?;
        if self.window.is_always() { Ok(()) } else { write!(f, ", while {}", self.window) }
    }
}

impl fmt::Display for EventTest {
    /// The condition in the language.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.condition() {
            Formula::All(parts) if parts.is_empty() => f.write_str("any content"),
            Formula::Any(parts) if parts.is_empty() => f.write_str("no content at all"),
            formula => write_test(f, formula, false),
        }
    }
}

/// Writes tests joined; `is_part` of a bigger formula, an `or` stands in parentheses.
fn write_test(
    f: &mut fmt::Formatter<'_>,
    formula: &Formula<FieldTest>,
    is_part: bool,
) -> fmt::Result {
    let (parts, word, in_parentheses) = match formula {
        Formula::Is(test) => return f.write_str(&test_text(test)),
        Formula::Not(part) => {
            f.write_str("not (")?;
            write_test(f, part, false)?;
            return f.write_str(")");
        }
        Formula::All(parts) => (parts, " and ", false),
        Formula::Any(parts) => (parts, " or ", is_part),
    };
    f.write_str(if in_parentheses { "(" } else { "" })?;
    for (place, part) in parts.iter().enumerate() {
        f.write_str(if place > 0 { word } else { "" })?;
        write_test(f, part, true)?;
    }
    f.write_str(if in_parentheses { ")" } else { "" })
}

/// What stands for an event, and what for an item of one of its lists.
const EVENT: Variable = Variable(0);
const ITEM: Variable = Variable(1);

fn test_text(test: &FieldTest) -> String {
    match test {
        FieldTest::Value(path, test) => text_about(&asked(EVENT, path, test), EVENT),
        FieldTest::Item(path, tests) => {
            let body = Box::new(of_item(tests));
            let (list, each) = (Box::new(field(EVENT, path)), Lambda { variable: ITEM, body });
            let quantifier = Quantifier::Exists;
            text_about(&expr(ExprKind::Quantified { quantifier, list, each }), EVENT)
        }
        FieldTest::Interpreted(condition) => match condition.about_event() {
            Some((expr, event)) => text_about(expr, event),
            None => condition.text().to_owned(),
        },
    }
}

fn of_item(tests: &Formula<(Path, ValueTest)>) -> Expr {
    let all = |parts: &[Formula<(Path, ValueTest)>]| parts.iter().map(of_item).collect();
    match tests {
        Formula::Is((path, test)) => asked(ITEM, path, test),
        Formula::Not(part) => expr(ExprKind::Not(Box::new(of_item(part)))),
        Formula::All(parts) => expr(ExprKind::All(all(parts))),
        Formula::Any(parts) => expr(ExprKind::Any(all(parts))),
    }
}

/// The test as the condition that it was made of.
fn asked(of: Variable, path: &Path, ValueTest(asked): &ValueTest) -> Expr {
    let value = Box::new(field(of, path));
    let literal = |literal: &Literal| expr(ExprKind::Literal(literal.clone()));
    expr(match asked {
        Asked::Compares(comparison, bound) => ExprKind::Compare {
            comparison: *comparison,
            left: value,
            right: Box::new(literal(bound)),
        },
        Asked::IsOneOf(literals, negated) => {
            let list = Box::new(expr(ExprKind::List(literals.iter().map(literal).collect())));
            ExprKind::OneOf { value, list, negated: *negated }
        }
        Asked::Resembles(pattern, negated) => {
            let (relation, text, case_sensitive) = pattern.parts();
            let text = Literal::Text(text.to_owned());
            let text = Box::new(literal(&text));
            ExprKind::Resembles { value, relation, text, case_sensitive, negated: *negated }
        }
        Asked::IsPresent => ExprKind::IsPresent { value, negated: false },
    })
}

fn field(of: Variable, path: &Path) -> Expr {
    let of = Box::new(expr(ExprKind::Variable(of)));
    expr(ExprKind::Field { of, path: path.clone() })
}

fn expr(kind: ExprKind) -> Expr {
    Expr { kind, span: Span::default() }
}
