//! The syntax tree: what was written and where, not yet what it means.
//!
//! ```text
//! person.gender in ["male"] and CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(today)])
//! └─ Postfix ─┘    └─List─┘                               └─ Step ───────────────────┘
//! └─ Membership ──────────┘     └─ Chain ──────────────────────────────────────────────┘
//! └─ Logic(And) ────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Invariant: a tree is at most [`TREE_HEIGHT_MAX`](crate::limits::TREE_HEIGHT_MAX) nodes high,
//! however long the source, so that everything that walks it may recurse; a run of the same
//! connective, and of steps from one operand on, is one node.

use crate::diagnostic::Span;
use crate::expression::{Aggregate, Arithmetic, Comparison, Count, Literal, Quantifier};
use crate::occurrence::{Moment, Occurrence, Period};

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) kind: NodeKind,
    pub(crate) span: Span,
    /// Nodes from here to the deepest one below.
    pub(crate) height: usize,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    /// `person`: a variable, a label, or a field of what is at hand.
    Name(String),
    /// `$1`
    Profile,
    /// `xEvent`
    Events,
    /// `null`, which nothing is equal to.
    Null,
    /// `^^`: what is at hand this many scopes further out.
    Outer(usize),
    /// `now`, `today`
    Moment(Moment),
    /// `"red"`, `1`, `1.5`, `true`
    Literal(Literal),
    /// `["red", "blue"]`
    List(Vec<Node>),
    /// `a.b[0].first().c`: an operand and the steps from it on.
    Postfix { base: Box<Node>, steps: Vec<Step> },
    /// `name(arguments)`
    Call { name: Name, arguments: Vec<Node> },
    /// `(name) => body`
    Lambda { parameter: Name, body: Box<Node> },
    /// `not a`, `!a`
    Not(Box<Node>),
    /// `-a`
    Negative(Box<Node>),
    /// `a and b and c`
    Logic { connective: Connective, operands: Vec<Node> },
    /// `a < b`
    Comparison { comparison: Comparison, left: Box<Node>, right: Box<Node> },
    /// `a + b`
    Arithmetic { operator: Arithmetic, left: Box<Node>, right: Box<Node> },
    /// `a in b`, `a notIn b`
    Membership { negated: bool, left: Box<Node>, right: Box<Node> },
    /// `a like "b%"`
    Like { text: Box<Node>, pattern: Box<Node> },
    /// `a occurs …`; negated for `!=`.
    Occurs { moment: Box<Node>, occurrence: Box<Occurrence<Node>>, negated: bool },
    /// `exists a from b where c, d from e`; the condition takes what follows.
    Quantified { quantifier: Quantifier, bindings: Vec<Binding> },
    /// `sum value over variable from list where condition`
    Aggregate { aggregate: Aggregate, value: Box<Node>, over: Box<Binding> },
    /// `let name = value in body`
    Let { name: Name, value: Box<Node>, body: Box<Node> },
    /// `CHAIN(xEvent, timestamp, [...])`
    Chain(Vec<ChainStep>),
    /// What could not be read; its diagnostic is written already.
    Unreadable,
}

/// One step on from a value.
#[derive(Debug)]
pub(crate) enum Step {
    /// `.name`
    Field(Name),
    /// `[0]`
    Item { index: usize, span: Span },
    /// `[condition]`
    Filter { condition: Node, span: Span },
    /// `.name(arguments)`
    Call { name: Name, arguments: Vec<Node>, span: Span },
}

/// `variable from list where condition`
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) variable: Name,
    pub(crate) list: Node,
    pub(crate) condition: Option<Node>,
}

/// `label: WHAT(condition) WHEN(window) WITHIN(period) COUNT(count)`
#[derive(Debug)]
pub(crate) struct ChainStep {
    pub(crate) label: Name,
    pub(crate) condition: Node,
    pub(crate) window: Option<Occurrence<Node>>,
    pub(crate) within: Option<(Period, Span)>,
    pub(crate) count: Count,
}

#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Connective {
    And,
    Or,
}

impl Node {
    pub(crate) fn leaf(kind: NodeKind, span: Span) -> Node {
        Node { kind, span, height: 1 }
    }

    /// A node above others, of which the highest has this height.
    pub(crate) fn above(height: usize, kind: NodeKind, span: Span) -> Node {
        Node { kind, span, height: height + 1 }
    }

    pub(crate) fn unreadable(span: Span) -> Node {
        Node::leaf(NodeKind::Unreadable, span)
    }

    pub(crate) fn is_unreadable(&self) -> bool {
        matches!(self.kind, NodeKind::Unreadable)
    }
}

/// The height of the highest; 0 for none.
pub(crate) fn highest<'n>(nodes: impl IntoIterator<Item = &'n Node>) -> usize {
    nodes.into_iter().map(|node| node.height).max().unwrap_or(0)
}

impl Step {
    pub(crate) fn height(&self) -> usize {
        match self {
            Step::Field(_) | Step::Item { .. } => 0,
            Step::Filter { condition, .. } => condition.height,
            Step::Call { arguments, .. } => highest(arguments),
        }
    }

    pub(crate) fn span(&self) -> Span {
        match self {
            Step::Field(name) => name.span,
            Step::Item { span, .. } | Step::Filter { span, .. } | Step::Call { span, .. } => *span,
        }
    }
}

impl Binding {
    pub(crate) fn height(&self) -> usize {
        highest(self.condition.iter().chain([&self.list]))
    }
}
