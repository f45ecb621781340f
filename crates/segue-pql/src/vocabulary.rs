//! The names that a definition can use, and those that it cannot use yet.

use crate::diagnostic::{Diagnostic, Span, code};
use crate::field_test::TextRelation;

/// A test of a string field: `field.name("text", case sensitive)`.
pub(crate) struct TextMethod {
    pub(crate) name: &'static str,
    pub(crate) relation: TextRelation,
    pub(crate) negated: bool,
}

const fn text_method(name: &'static str, relation: TextRelation, negated: bool) -> TextMethod {
    TextMethod { name, relation, negated }
}

pub(crate) const TEXT_METHODS: [TextMethod; 8] = [
    text_method("equals", TextRelation::Equals, false),
    text_method("notEqualTo", TextRelation::Equals, true),
    text_method("contains", TextRelation::Contains, false),
    text_method("doesNotContain", TextRelation::Contains, true),
    text_method("startsWith", TextRelation::StartsWith, false),
    text_method("doesNotStartWith", TextRelation::StartsWith, true),
    text_method("endsWith", TextRelation::EndsWith, false),
    text_method("doesNotEndWith", TextRelation::EndsWith, true),
];

/// `field.exists()`, `field.exists(condition)`, `exists(field)`.
pub(crate) const EXISTS: &str = "exists";
/// `inSegment("audience id")`.
pub(crate) const IN_SEGMENT: &str = "inSegment";

/// What PQL has and Segue does not read yet: functions, methods, operators, quantifiers. Found in
/// a definition, they are refused by name, so that nobody looks for a spelling mistake.
const NOT_SUPPORTED_YET: [&str; 38] = [
    "average",
    "bottomN",
    "count",
    "currentDayOfMonth",
    "currentMonth",
    "currentYear",
    "date",
    "distinct",
    "filter",
    "forall",
    "get",
    "getDayOfMonth",
    "getMonth",
    "getYear",
    "groupBy",
    "head",
    "if",
    "includes",
    "intersection",
    "intersects",
    "keys",
    "let",
    "like",
    "map",
    "matches",
    "max",
    "min",
    "now",
    "occurs",
    "regexGroup",
    "subsetOf",
    "sum",
    "supersetOf",
    "today",
    "tomorrow",
    "topN",
    "values",
    "yesterday",
];

pub(crate) fn is_not_supported_yet(name: &str) -> bool {
    NOT_SUPPORTED_YET.contains(&name)
}

/// Where to look when something is not supported yet and nothing better can be said.
pub(crate) const LISTED: &str = "docs/pql.md lists what can be used";

/// The diagnostic for something of PQL that Segue does not read yet.
pub(crate) fn not_supported_yet(span: Span, what: &str) -> Diagnostic {
    let message = format!("{what} is not supported yet");
    Diagnostic::new(code::NOT_SUPPORTED_YET, span, message)
}

/// "did you mean" the nearest of the names, or all of them when none is near.
pub(crate) fn suggestion(name: &str, known: &[&str]) -> String {
    match segue_xdm::nearest(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("write one of {}", known.join(", ")),
    }
}
