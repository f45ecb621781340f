//! What a definition means, once its names are known and its types fit.
//!
//! ```text
//! Expression ── Expr                     a condition on a profile
//!                 ├─ All, Any, Not, If     conditions of conditions
//!                 ├─ Compare, OneOf, …     tests of values: a missing value passes none
//!                 ├─ Field, Call, …        values: of the profile, of an event, of an item
//!                 ├─ Quantified, Filter, … lists, with a Lambda over their items
//!                 ├─ Chain ── ChainStep    events in order
//!                 └─ Member                another audience
//! ```
//!
//! Every notation ends here: both syntaxes of `pql/text`, and `pql/json`. A `select` is a
//! [`Quantified`](ExprKind::Quantified) over [`Events`](ExprKind::Events), and so is the condition
//! of a filter between brackets, whose `^` has become an ordinary [`Variable`].
//!
//! Invariant: a variable is bound by exactly one lambda, `let` or step, and used only within it
//! (a step's: in the conditions of the steps after it too).

mod children;

use segue_xdm::Path;

use crate::diagnostic::Span;
use crate::occurrence::{Moment, Occurrence, Period};

/// A part of a definition: what it means, and where it was written.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) span: Span,
}

#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    // Values.
    Literal(Literal),
    /// `now`, `today`, `date(2020, 3, 14)`. `now` and the days stand only where "now" can be taken
    /// apart again: as the anchor of an [`Occurrence`].
    Moment(Moment),
    List(Vec<Expr>),
    /// The profile's attributes, an object.
    Profile,
    /// `xEvent`: the profile's events, by timestamp, and by arrival where those are equal.
    Events,
    /// What a lambda, a `let` or a step binds.
    Variable(Variable),
    /// `of.path`; without a value where any step of the path leads nowhere. Of an event, the path
    /// is that of its body, where `timestamp` is the event's.
    Field {
        of: Box<Expr>,
        path: Path,
    },
    Arithmetic {
        operator: Arithmetic,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Let {
        variable: Variable,
        value: Box<Expr>,
        body: Box<Expr>,
    },
    /// Of a condition and two values, or of three conditions.
    If {
        condition: Box<Expr>,
        then: Box<Expr>,
        otherwise: Box<Expr>,
    },
    Call {
        function: Function,
        arguments: Vec<Expr>,
    },

    // Conditions.
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Not(Box<Expr>),
    Compare {
        comparison: Comparison,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// `value in list`, `value notIn list`
    OneOf {
        value: Box<Expr>,
        list: Box<Expr>,
        negated: bool,
    },
    /// `value.startsWith(text, case_sensitive)` and its like. Only a text passes the positive form.
    Resembles {
        value: Box<Expr>,
        relation: TextRelation,
        text: Box<Expr>,
        case_sensitive: bool,
        negated: bool,
    },
    /// `value.exists()`, `value.isNotNull()`; negated `value.isNull()`.
    IsPresent {
        value: Box<Expr>,
        negated: bool,
    },
    /// `moment occurs …`; negated for `!=`.
    Occurs {
        moment: Box<Expr>,
        occurrence: Box<Occurrence<Expr>>,
        negated: bool,
    },
    /// `exists v from list where condition`, `forall …`, `select …`, `list.exists(condition)`.
    Quantified {
        quantifier: Quantifier,
        list: Box<Expr>,
        each: Lambda,
    },
    /// Events occurred in this order. Never empty.
    Chain(Vec<ChainStep>),
    /// `inSegment("id")`: the profile is in the audience with this id.
    Member(String),

    // Lists.
    /// `list[condition]`, `list.filter(condition)`
    Filter {
        list: Box<Expr>,
        each: Lambda,
    },
    /// `list.map(value)`
    Map {
        list: Box<Expr>,
        each: Lambda,
    },
    /// `list.groupBy(value)`: a list of lists, in the order in which their values first occur.
    GroupBy {
        list: Box<Expr>,
        each: Lambda,
    },
    /// `list.topN(value, n)`: the n items with the greatest values, the greatest first; `bottomN`
    /// the least first. Among equals the earlier item first.
    Ranked {
        top: bool,
        list: Box<Expr>,
        each: Lambda,
        amount: Box<Expr>,
    },
    /// `list.count()`, `list.sum(value)`, `sum value over v from list where …`.
    Aggregate {
        aggregate: Aggregate,
        list: Box<Expr>,
        each: Option<Lambda>,
    },
}

/// A body with one variable: an item of a list.
#[derive(Clone, Debug)]
pub(crate) struct Lambda {
    pub(crate) variable: Variable,
    pub(crate) body: Box<Expr>,
}

/// A number that no other variable of the definition has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Variable(pub(crate) u32);

/// A value written in a definition.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Literal {
    Text(String),
    Integer(i64),
    Decimal(f64),
    Boolean(bool),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum TextRelation {
    Equals,
    Contains,
    StartsWith,
    EndsWith,
    /// `like` with `%` and `_`.
    Like,
    /// `matches(regex)`: the whole text, as in Java.
    Matches,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Quantifier {
    Exists,
    ForAll,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Aggregate {
    Count,
    Sum,
    Average,
    Minimum,
    Maximum,
}

/// Functions whose arguments are plain values; a method's receiver is its first argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Function {
    // Texts.
    /// `text.regexGroup("@(.+)", 1)`: always with both, both literals.
    RegexGroup,
    // Lists.
    Intersects,
    Intersection,
    SubsetOf,
    SupersetOf,
    Includes,
    Distinct,
    /// `head()`, `first()`
    First,
    Last,
    // Maps.
    /// `map.get("key")`; of a list the item at an index, `list.get(0)` and `list[0]`.
    Get,
    Keys,
    Values,
    // Moments: a timestamp or a date, in the time zone.
    GetMonth,
    GetYear,
    GetDayOfMonth,
    // "Now" on the calendar, in the time zone.
    CurrentMonth,
    CurrentYear,
    CurrentDayOfMonth,
}

/// Some number of events that satisfy a condition within a window.
#[derive(Clone, Debug)]
pub(crate) struct ChainStep {
    /// The event at hand, in the condition; in the conditions of later steps the event that was
    /// taken, which only a step that takes one event has.
    pub(crate) event: Variable,
    pub(crate) condition: Expr,
    pub(crate) window: Option<Occurrence<Moment>>,
    /// How long after the last event of the step before the events may come.
    pub(crate) within: Option<Period>,
    pub(crate) count: Count,
}

/// How many events a step asks for: `min` to `max`, both included. `0..=0` is absence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Count {
    pub(crate) min: u32,
    /// `None`: no upper end, as in "at least".
    pub(crate) max: Option<u32>,
}

impl Count {
    /// What a step without `COUNT` asks for.
    pub(crate) const ONE_OR_MORE: Count = Count::at_least(1);

    pub(crate) const fn at_least(min: u32) -> Count {
        Count { min, max: None }
    }
}

impl Comparison {
    /// The comparison that says the same with the sides exchanged.
    pub(crate) fn mirrored(self) -> Comparison {
        match self {
            Comparison::Equal | Comparison::NotEqual => self,
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        }
    }

    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
        }
    }
}

impl Arithmetic {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Arithmetic::Add => "+",
            Arithmetic::Subtract => "-",
            Arithmetic::Multiply => "*",
            Arithmetic::Divide => "/",
            Arithmetic::Remainder => "%",
        }
    }
}
