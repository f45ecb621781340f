//! The syntax tree: what was written and where, not yet what it means.
//!
//! ```text
//! person.gender in ["male"] and CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(today)])
//! └─ Field ──┘     └─List─┘                               └─ Step ───────────────────┘
//! └─ Membership ──────────┘     └─ Chain ──────────────────────────────────────────────┘
//! └─ Logic(And) ────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Invariant: a tree is at most [`NESTING_MAX`](crate::limits::NESTING_MAX) groups deep, however
//! long the source; a run of the same connective is one node.

use segue_xdm::Segment;

use crate::diagnostic::Span;
use crate::expression::{Comparison, Count};
use crate::window::Window;

pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) span: Span,
}

pub(crate) enum NodeKind {
    /// `person.name`
    Field(Vec<Segment>),
    /// `"red"`, `1`, `1.5`, `true`
    Literal(Literal),
    /// `["red", "blue"]`
    List(Vec<Node>),
    /// `not a`, `!a`
    Not(Box<Node>),
    /// `a and b and c`
    Logic { connective: Connective, operands: Vec<Node> },
    /// `a < b`
    Comparison { comparison: Comparison, left: Box<Node>, right: Box<Node> },
    /// `a in b`, `a notIn b`
    Membership { negated: bool, left: Box<Node>, right: Box<Node> },
    /// `field.name(arguments)`, `name(arguments)`
    Call { receiver: Option<Box<Node>>, name: Name, arguments: Vec<Node> },
    /// `CHAIN(xEvent, timestamp, [...])`
    Chain(Vec<Step>),
    /// `select variable from xEvent where condition`
    Select { variable: Name, condition: Box<Node> },
    /// What could not be read; its diagnostic is written already.
    Unreadable,
}

/// `label: WHAT(condition) WHEN(window) COUNT(count)`
pub(crate) struct Step {
    pub(crate) label: Name,
    pub(crate) condition: Node,
    pub(crate) window: Window,
    pub(crate) count: Count,
}

pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connective {
    And,
    Or,
}

/// A value written in a definition.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Literal {
    Text(String),
    Integer(i64),
    Decimal(f64),
    Boolean(bool),
}
