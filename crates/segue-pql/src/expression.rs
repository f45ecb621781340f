//! What a definition means, once its names are known and its types fit.
//!
//! ```text
//! Expression ── Formula<Leaf>          about a profile
//!                 ├─ Chain ── Step     about its events, in order
//!                 │             ├─ Predicate = Formula<FieldTest>   about one event
//!                 │             ├─ Window
//!                 │             └─ Count
//!                 ├─ Attribute(FieldTest)                           about its attributes
//!                 └─ Member(audience id)
//! ```
//!
//! Both syntaxes end here: `select e from xEvent where …` is a chain of one step.

use std::collections::BTreeSet;

use segue_xdm::Path;
use serde_json::Value;

use crate::field_test::FieldTest;
use crate::window::Window;

/// An audience's definition that was parsed, type-checked and found sound.
#[derive(Clone, Debug)]
pub struct Expression {
    pub(crate) source: String,
    pub(crate) formula: Formula<Leaf>,
}

/// Conditions joined with and, or, not.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Formula<T> {
    All(Vec<Formula<T>>),
    Any(Vec<Formula<T>>),
    Not(Box<Formula<T>>),
    Is(T),
}

/// A condition on one body: an event, the attributes, an item of an array.
pub(crate) type Predicate = Formula<FieldTest>;

/// A condition on a profile.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Leaf {
    /// Events occurred, in this order. Never empty.
    Chain(Vec<ChainStep>),
    /// The attributes pass.
    Attribute(FieldTest),
    /// The profile is in the audience with this id.
    Member(String),
}

/// Some number of events that satisfy a predicate within a window.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ChainStep {
    pub(crate) predicate: Predicate,
    pub(crate) window: Window,
    pub(crate) count: Count,
}

/// How many events a step asks for: `min` to `max`, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Count {
    pub(crate) min: u32,
    /// `None`: no upper end, as in "at least".
    pub(crate) max: Option<u32>,
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

impl Expression {
    /// The definition as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The ids of the audiences that it refers to with `inSegment`.
    #[must_use]
    pub fn audience_references(&self) -> BTreeSet<String> {
        let mut ids = BTreeSet::new();
        self.formula.visit(&mut |leaf| {
            if let Leaf::Member(id) = leaf {
                ids.insert(id.clone());
            }
        });
        ids
    }

    /// Whether the event satisfies one of the definition's event predicates (a `WHAT`, a `where`),
    /// whatever its windows, counts, order and negations. Only such an event can change the value.
    #[must_use]
    pub fn matches_event(&self, event: &Value) -> bool {
        let mut matches = false;
        self.formula.visit(&mut |leaf| {
            if let Leaf::Chain(steps) = leaf {
                matches |= steps.iter().any(|step| step.predicate.accepts(event));
            }
        });
        matches
    }

    /// The profile attributes that it reads, sorted, each once. A change elsewhere, at a path that
    /// [overlaps](Path::overlaps) none of them, cannot change the value.
    #[must_use]
    pub fn attribute_paths(&self) -> Vec<Path> {
        let mut paths = BTreeSet::new();
        self.formula.visit(&mut |leaf| {
            if let Leaf::Attribute(test) = leaf {
                paths.insert(test.path().clone());
            }
        });
        paths.into_iter().collect()
    }

    /// Whether its value depends on events at all.
    #[must_use]
    pub fn reads_events(&self) -> bool {
        let mut reads = false;
        self.formula.visit(&mut |leaf| reads |= matches!(leaf, Leaf::Chain(_)));
        reads
    }
}

impl<T> Formula<T> {
    /// The value, given that of each leaf.
    pub(crate) fn holds(&self, is: &dyn Fn(&T) -> bool) -> bool {
        match self {
            Formula::All(parts) => parts.iter().all(|part| part.holds(is)),
            Formula::Any(parts) => parts.iter().any(|part| part.holds(is)),
            Formula::Not(part) => !part.holds(is),
            Formula::Is(leaf) => is(leaf),
        }
    }

    /// The same formula over other leaves.
    pub(crate) fn map<U>(&self, leaf: &dyn Fn(&T) -> U) -> Formula<U> {
        let each = |parts: &[Formula<T>]| parts.iter().map(|part| part.map(leaf)).collect();
        match self {
            Formula::All(parts) => Formula::All(each(parts)),
            Formula::Any(parts) => Formula::Any(each(parts)),
            Formula::Not(part) => Formula::Not(Box::new(part.map(leaf))),
            Formula::Is(old) => Formula::Is(leaf(old)),
        }
    }

    /// Every leaf, from left to right.
    pub(crate) fn visit(&self, see: &mut dyn FnMut(&T)) {
        match self {
            Formula::All(parts) | Formula::Any(parts) => {
                parts.iter().for_each(|part| part.visit(see));
            }
            Formula::Not(part) => part.visit(see),
            Formula::Is(leaf) => see(leaf),
        }
    }
}

impl Predicate {
    /// Whether a body satisfies the predicate.
    pub(crate) fn accepts(&self, body: &Value) -> bool {
        self.holds(&|test| test.accepts(body))
    }
}

impl Count {
    /// What a step without `COUNT` asks for.
    pub(crate) const ONE_OR_MORE: Count = Count::at_least(1);

    pub(crate) const fn at_least(min: u32) -> Count {
        Count { min, max: None }
    }

    pub(crate) fn includes(self, count: usize) -> bool {
        count >= self.min as usize && self.max.is_none_or(|max| count <= max as usize)
    }
}
