//! What an expression is evaluated in: the facts, the moment, and what variables stand for.
//!
//! Whatever consults "now" does so through the [`Clock`], which keeps the earliest later moment at
//! which one of its answers may change. Evaluation does the same whenever it gets the same answers,
//! so until that moment its result stays as it is.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::tz::TimeZone;
use regex::Regex;
use segue_xdm::Timestamp;

use super::value::Value;
use super::{Evaluation, Facts};
use crate::expression::Variable;
use crate::occurrence::Stretch;
use crate::pattern;

/// "Now", and until when what it was asked stays true.
pub(crate) struct Clock {
    now: Timestamp,
    next_edge: Cell<Option<Timestamp>>,
}

impl Clock {
    pub(crate) fn at(now: Timestamp) -> Clock {
        Clock { now, next_edge: Cell::new(None) }
    }

    /// Whether now lies in the stretch.
    pub(crate) fn is_in(&self, stretch: Stretch) -> bool {
        let edges = self.next_edge.get().into_iter().chain(stretch.next_edge(self.now));
        self.next_edge.set(edges.min());
        stretch.contains(self.now)
    }

    /// Now itself, for what is the same during the whole stretch that holds it.
    pub(crate) fn now_during(&self, stretch: impl FnOnce(Timestamp) -> Stretch) -> Timestamp {
        self.is_in(stretch(self.now));
        self.now
    }

    /// A value that was found with this clock, and until when it holds.
    pub(crate) fn dated(&self, value: bool) -> Evaluation {
        Evaluation { value, holds_until: self.next_edge.get() }
    }
}

/// The facts, the clock, and the values of the variables in reach.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    pub(super) facts: &'a Facts<'a>,
    pub(super) clock: &'a Clock,
    innermost: Option<Rc<Binding<'a>>>,
    regexes: Rc<Regexes<'a>>,
}

/// The regular expressions of one evaluation, each read only once; `None`: it cannot be read.
type Regexes<'a> = RefCell<BTreeMap<(&'a str, Extent), Option<Rc<Regex>>>>;

/// How much of a text a regular expression has to take.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    Whole,
    Part,
}

struct Binding<'a> {
    variable: Variable,
    value: Value<'a>,
    outer: Option<Rc<Binding<'a>>>,
}

impl<'a> Scope<'a> {
    /// A scope without variables. The clock is the only source of "now".
    pub(crate) fn new(facts: &'a Facts<'a>, clock: &'a Clock) -> Scope<'a> {
        Scope { facts, clock, innermost: None, regexes: Rc::default() }
    }

    /// This scope, in which a variable stands for a value.
    pub(crate) fn with(&self, variable: Variable, value: Value<'a>) -> Scope<'a> {
        let outer = self.innermost.clone();
        Scope { innermost: Some(Rc::new(Binding { variable, value, outer })), ..self.clone() }
    }

    /// What a variable stands for; missing for one that is out of reach.
    pub(super) fn value_of(&self, variable: Variable) -> Value<'a> {
        let mut binding = self.innermost.as_ref();
        while let Some(found) = binding {
            if found.variable == variable {
                return found.value.clone();
            }
            binding = found.outer.as_ref();
        }
        Value::Missing
    }

    /// The regular expression that is written so, if it is one.
    pub(super) fn regex(&self, pattern: &'a str, extent: Extent) -> Option<Rc<Regex>> {
        let mut regexes = self.regexes.borrow_mut();
        let compile = || match extent {
            Extent::Whole => pattern::whole(pattern),
            Extent::Part => pattern::searching(pattern),
        };
        regexes.entry((pattern, extent)).or_insert_with(|| compile().ok().map(Rc::new)).clone()
    }

    pub(super) fn time_zone(&self) -> &'a TimeZone {
        self.facts.time_zone
    }
}
