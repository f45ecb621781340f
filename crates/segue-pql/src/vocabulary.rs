//! The names of the language, as tables: what each is, and what it takes and gives.

use crate::diagnostic::{Diagnostic, Span, code};
use crate::expression::{Aggregate, Function, Quantifier, TextRelation};

/// What is known about a value before it is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Type {
    /// Any: a field, and what is taken out of a list or a map.
    Unknown,
    /// True or false, and asked for: `a = 1`.
    Condition,
    /// True or false as a value.
    Boolean,
    Text,
    Number,
    List,
    /// The profile, or an event.
    Object,
    /// `now`, a day, a date.
    Moment,
}

impl Type {
    /// With its article, as messages name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Type::Unknown => "a value",
            Type::Condition => "a condition",
            Type::Boolean => "true or false",
            Type::Text => "a text",
            Type::Number => "a number",
            Type::List => "a list",
            Type::Object => "an event",
            Type::Moment => "a moment",
        }
    }
}

/// `value.name(…)`
#[derive(Clone, Copy, Debug)]
pub(crate) enum Method {
    /// `text.startsWith("a", case sensitive)`
    Text {
        relation: TextRelation,
        negated: bool,
    },
    /// `text.regexGroup("(a)", 1)`
    RegexGroup,
    /// `value.exists()`, `list.exists(condition)`
    Exists,
    /// `list.forall(condition)`
    ForAll,
    /// `value.isNull()`
    Presence {
        negated: bool,
    },
    /// `list.sum(value)`
    Aggregate(Aggregate),
    Filter,
    Map,
    GroupBy,
    /// `list.topN(value, n)`
    Ranked {
        top: bool,
    },
    /// What takes and gives plain values.
    Plain {
        function: Function,
        receiver: Type,
        argument: Option<Type>,
        result: Type,
    },
}

const fn text(name: &'static str, relation: TextRelation, negated: bool) -> (&'static str, Method) {
    (name, Method::Text { relation, negated })
}

const fn aggregate(name: &'static str, aggregate: Aggregate) -> (&'static str, Method) {
    (name, Method::Aggregate(aggregate))
}

const fn plain(
    name: &'static str,
    function: Function,
    receiver: Type,
    argument: Option<Type>,
    result: Type,
) -> (&'static str, Method) {
    (name, Method::Plain { function, receiver, argument, result })
}

pub(crate) const METHODS: [(&str, Method); 40] = [
    text("equals", TextRelation::Equals, false),
    text("notEqualTo", TextRelation::Equals, true),
    text("contains", TextRelation::Contains, false),
    text("doesNotContain", TextRelation::Contains, true),
    text("startsWith", TextRelation::StartsWith, false),
    text("doesNotStartWith", TextRelation::StartsWith, true),
    text("endsWith", TextRelation::EndsWith, false),
    text("doesNotEndWith", TextRelation::EndsWith, true),
    text("like", TextRelation::Like, false),
    text("matches", TextRelation::Matches, false),
    ("regexGroup", Method::RegexGroup),
    ("exists", Method::Exists),
    ("isNull", Method::Presence { negated: true }),
    ("isNotNull", Method::Presence { negated: false }),
    ("forall", Method::ForAll),
    ("filter", Method::Filter),
    ("map", Method::Map),
    ("groupBy", Method::GroupBy),
    ("topN", Method::Ranked { top: true }),
    ("bottomN", Method::Ranked { top: false }),
    aggregate("count", Aggregate::Count),
    aggregate("sum", Aggregate::Sum),
    aggregate("average", Aggregate::Average),
    aggregate("min", Aggregate::Minimum),
    aggregate("max", Aggregate::Maximum),
    plain("intersects", Function::Intersects, Type::List, Some(Type::List), Type::Condition),
    plain("intersection", Function::Intersection, Type::List, Some(Type::List), Type::List),
    plain("subsetOf", Function::SubsetOf, Type::List, Some(Type::List), Type::Condition),
    plain("supersetOf", Function::SupersetOf, Type::List, Some(Type::List), Type::Condition),
    plain("includes", Function::Includes, Type::List, Some(Type::Unknown), Type::Condition),
    plain("distinct", Function::Distinct, Type::List, None, Type::List),
    plain("head", Function::First, Type::List, None, Type::Unknown),
    plain("first", Function::First, Type::List, None, Type::Unknown),
    plain("last", Function::Last, Type::List, None, Type::Unknown),
    plain("get", Function::Get, Type::Object, Some(Type::Unknown), Type::Unknown),
    plain("keys", Function::Keys, Type::Object, None, Type::List),
    plain("values", Function::Values, Type::Object, None, Type::List),
    plain("getMonth", Function::GetMonth, Type::Moment, None, Type::Number),
    plain("getYear", Function::GetYear, Type::Moment, None, Type::Number),
    plain("getDayOfMonth", Function::GetDayOfMonth, Type::Moment, None, Type::Number),
];

pub(crate) fn method(name: &str) -> Option<Method> {
    METHODS.iter().find(|(known, _)| *known == name).map(|(_, method)| *method)
}

pub(crate) fn is_method(name: &str) -> bool {
    method(name).is_some()
}

/// `value.exists()`, `list.exists(condition)`, `exists(value)`, `exists e from list …`
pub(crate) const EXISTS: &str = "exists";
/// `inSegment("audience id")`
pub(crate) const IN_SEGMENT: &str = "inSegment";
/// `date(2020, 3, 14)`
pub(crate) const DATE: &str = "date";
/// `if(condition, value, value)`
pub(crate) const IF: &str = "if";

/// What "now" is on the calendar.
pub(crate) const CURRENT: [(&str, Function); 3] = [
    ("currentMonth", Function::CurrentMonth),
    ("currentYear", Function::CurrentYear),
    ("currentDayOfMonth", Function::CurrentDayOfMonth),
];

/// What stands before its parenthesis without a value and a dot.
pub(crate) const FUNCTIONS: [&str; 8] =
    [EXISTS, IN_SEGMENT, "CHAIN", IF, DATE, "currentMonth", "currentYear", "currentDayOfMonth"];

/// `exists variable from list where condition`
pub(crate) const QUANTIFIERS: [(&str, Quantifier); 3] = [
    ("select", Quantifier::Exists),
    ("exists", Quantifier::Exists),
    ("forall", Quantifier::ForAll),
];

/// `sum value over variable from list where condition`
pub(crate) const AGGREGATES: [(&str, Aggregate); 5] = [
    ("count", Aggregate::Count),
    ("sum", Aggregate::Sum),
    ("average", Aggregate::Average),
    ("min", Aggregate::Minimum),
    ("max", Aggregate::Maximum),
];

/// The profile's events.
pub(crate) const EVENTS: &str = "xEvent";
pub(crate) const NOW: &str = "now";
pub(crate) const NULL: &str = "null";
/// Days, by their distance from today.
pub(crate) const DAYS: [(&str, i64); 3] = [("today", 0), ("yesterday", -1), ("tomorrow", 1)];

pub(crate) fn aggregate_name(aggregate: Aggregate) -> &'static str {
    let found = AGGREGATES.iter().find(|(_, known)| *known == aggregate);
    found.map_or("", |(name, _)| name)
}

/// The method that stands for a test of a text; there is none for some denied ones.
pub(crate) fn text_method_name(relation: TextRelation, negated: bool) -> &'static str {
    let found = METHODS.iter().find(|(_, method)| match method {
        Method::Text { relation: known, negated: denied } => {
            (*known, *denied) == (relation, negated)
        }
        _ => false,
    });
    found.map_or("", |(name, _)| name)
}

/// The method or the function of this meaning.
pub(crate) fn function_name(function: Function) -> &'static str {
    let of_now = CURRENT.iter().find(|(_, known)| *known == function);
    let method = METHODS.iter().find(|(_, method)| match method {
        Method::Plain { function: known, .. } => *known == function,
        Method::RegexGroup => function == Function::RegexGroup,
        _ => false,
    });
    let name = method.map(|(name, _)| *name);
    name.or(of_now.map(|(name, _)| *name)).unwrap_or_default()
}

/// The names of all methods and functions, for those who offer or explain them.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    let methods = METHODS.iter().map(|(name, _)| *name);
    let functions = FUNCTIONS.into_iter().filter(|name| !is_method(name));
    methods.chain(functions)
}

/// The diagnostic for something that one could well write and Segue does not read.
pub(crate) fn not_supported_yet(span: Span, what: &str) -> Diagnostic {
    let message = format!("{what} is not supported yet");
    Diagnostic::new(code::NOT_SUPPORTED_YET, span, message)
}

/// More names than these are not listed in a message.
const LISTED_MAX: usize = 12;

/// "did you mean" the nearest of the names, or all of them when none is near.
pub(crate) fn suggestion(name: &str, known: &[&str]) -> String {
    match segue_xdm::nearest(name, known.iter().copied()) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None if known.len() > LISTED_MAX => "docs/pql.md lists what there is".to_owned(),
        None => format!("write one of {}", known.join(", ")),
    }
}
