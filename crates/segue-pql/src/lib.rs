//! The audience language: syntax, diagnostics and the reference interpreter.
//!
//! A definition says who belongs to an audience, in Adobe's Profile Query Language; `docs/pql.md`
//! is its guide. [`parse`] reads a definition once, [`from_json`] one that is given as a tree;
//! [`evaluate`] says whether a profile satisfies it at a moment, and [`next_flip`] at which moment
//! that changes if nothing but time passes.
//!
//! ```text
//! source ──lexer──▶ tokens ──parser──▶ syntax tree ──check──▶ Expression ──interpreter──▶ bool
//!            └─────────────────┴────────────────────┴──▶ diagnostics  ├──printer──▶ text
//!                              JSON ──reader──▶ syntax tree            └──writer───▶ JSON
//! ```
//!
//! Invariants: what Segue does not support is refused, never evaluated to something else; the
//! value is a function of the [`Facts`] alone; no source makes the parser panic, recurse without
//! bound or take more than linear time.
//!
//! ```
//! use segue_pql::{EventFact, Facts, evaluate, next_flip, parse};
//! use segue_xdm::Timestamp;
//!
//! let shoppers = parse(
//!     r#"person.country = "CH" and CHAIN(xEvent, timestamp, [
//!            C0: WHAT(eventType.equals("commerce.purchases")) WHEN(< 24 hours before now)
//!        ])"#,
//! )
//! .unwrap();
//! let purchase = EventFact {
//!     timestamp: Timestamp::parse("2026-01-01T10:00:00Z").unwrap(),
//!     body: serde_json::json!({"eventType": "commerce.purchases"}),
//! };
//! let facts = Facts {
//!     attributes: &serde_json::json!({"person": {"country": "CH"}}),
//!     events: &[&purchase],
//!     is_member: &|_| false,
//!     now: Timestamp::parse("2026-01-01T12:00:00Z").unwrap(),
//!     time_zone: &jiff::tz::TimeZone::UTC,
//! };
//! assert!(evaluate(&shoppers, &facts).value);
//! assert_eq!(next_flip(&shoppers, &facts).unwrap().to_string(), "2026-01-02T10:00:00Z");
//!
//! let mistakes = parse("person.name.equal(\"Ada\")").unwrap_err();
//! assert_eq!(mistakes[0].help.as_deref(), Some("did you mean `equals`?"));
//! ```

mod check;
mod definition;
mod diagnostic;
mod explanation;
mod expression;
mod interpreter;
mod json;
mod lexer;
mod limits;
mod names;
mod occurrence;
mod parser;
mod pattern;
mod plan;
mod printer;
mod reading;
mod relevance;
mod syntax;
mod text;
mod totals;
mod value;
mod vocabulary;

pub use definition::Expression;
pub use diagnostic::Diagnostic;
pub use explanation::{ClauseKind, DecidingEvent, EVENTS_LISTED_MAX, Explanation, explain};
pub use interpreter::{Evaluation, EventFact, Facts, evaluate, next_flip};
pub use json::{from_json, to_json};
pub use limits::{
    CHAIN_REFERENCES_MAX, CHAIN_STEPS_MAX, COUNT_MAX, DIAGNOSTICS_MAX, EVENT_LOOPS_MAX,
    FLIP_STEPS_MAX, LIST_ITEMS_MAX, NESTING_MAX, PATTERN_BYTES_MAX, PATTERNS_MAX, SOURCE_BYTES_MAX,
    VARIABLES_MAX, WINDOW_YEARS_MAX,
};
pub use plan::{
    Access, Clock, Condition, Counting, Demand, EventTest, Extracted, FieldTest, Form, Formula,
    Keep, Kept, Key, Leaf, Occurred, Outline, Part, Place, Step, Total, ValueTest, Window,
};
pub use text::fold;
pub use totals::{Amount, Totals};
pub use vocabulary::function_names;

use diagnostic::{Findings, Span, code};

/// Reads a definition.
///
/// # Errors
/// All mistakes that could be told apart, in the order of the source, at least one and at most
/// [`DIAGNOSTICS_MAX`].
pub fn parse(source: &str) -> Result<Expression, Vec<Diagnostic>> {
    if source.len() > SOURCE_BYTES_MAX {
        let message = format!("this definition is {} bytes long", source.len());
        let diagnostic = Diagnostic::new(code::LIMIT, Span::default(), message);
        return Err(vec![diagnostic.help(format!("at most {SOURCE_BYTES_MAX} are possible"))]);
    }
    let mut findings = Findings::default();
    let tree = parser::parse_definition(source, &mut findings);
    match check::check_definition(&tree, &mut findings) {
        Some(condition) if findings.is_empty() => Ok(Expression::new(source.to_owned(), condition)),
        _ => Err(findings.into_sorted()),
    }
}
