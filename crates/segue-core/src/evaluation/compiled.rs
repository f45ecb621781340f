//! All audiences, compiled into one program: what is asked of an event, what is kept of it, and
//! who has to be looked at again.
//!
//! ```text
//!              event ─▶ tests ─▶ traces ─┐
//!                          └─────────────┼──▶ audiences ─▶ memberships ─▶ audiences over them
//!   written attributes ──────────────────┤
//!   a moment at which a value may change ┘
//! ```
//!
//! Audiences have ranks: each comes after those that it is made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;
use segue_pql::{Demand, Expression, Facts, Form, Formula, Keep, Key, Leaf, Window, evaluate};
use segue_xdm::{Path, Timestamp};
use serde_json::{Map, Value};

use super::intake::{Intake, Tests};
use super::moments::AudienceNumber;
use super::names::{AUDIENCE, Names};
use super::rank_set::Ranks;
use super::readers::Readers;
use super::trace::{Demands, TraceNumber, Wanted};
use crate::definition::Audience;
use crate::membership::AudienceKey;

/// The place of an audience in the order of evaluation.
pub(crate) type Rank = u32;

/// All audiences, compiled.
#[derive(Debug, Default)]
pub(crate) struct Compiled {
    /// What every event that comes in is asked.
    pub(super) intake: Intake,
    /// By trace number.
    pub(super) traces: FxHashMap<TraceNumber, Demands>,
    /// The leaves of all audiences, equal ones once.
    pub(super) leaves: Vec<CompiledLeaf>,
    /// By rank.
    pub(super) audiences: Vec<CompiledAudience>,
    /// Audiences that a profile may be in before anything is known of it.
    pub(super) at_birth: Ranks,
    pub(super) readers: Readers,
    ranks: BTreeMap<String, Rank>,
    numbers: FxHashMap<AudienceNumber, Rank>,
}

/// One audience, compiled.
#[derive(Debug)]
pub(super) struct CompiledAudience {
    pub(super) key: Arc<AudienceKey>,
    /// The version of its definition.
    pub(super) version: u64,
    pub(super) formula: Formula<LeafNumber>,
    /// A trace without which nobody is in it.
    pub(super) needs: Option<TraceNumber>,
    /// Audiences that are made of this one.
    pub(super) dependents: Ranks,
}

/// The number of a leaf.
pub(super) type LeafNumber = u32;

/// A leaf, with the traces that it reads.
#[derive(Debug)]
pub(super) struct CompiledLeaf {
    pub(super) leaf: Leaf,
    /// Of a leaf that is a membership: in which audience.
    pub(super) member_of: Option<AudienceNumber>,
    pub(super) traces: Vec<(TraceNumber, Window)>,
}

/// The names that must have numbers before an audience can be compiled.
pub(crate) fn names_of(audience: &Audience) -> Vec<String> {
    let mut names = vec![format!("{AUDIENCE}{}", audience.id)];
    audience.expression.plan().visit(&mut |leaf| {
        names.extend(leaf.demands().iter().map(trace_name));
    });
    names
}

/// Demands for the same values of the same events share a trace, whichever of them they want.
fn trace_name(demand: &Demand) -> String {
    let value = demand.value.as_ref().map_or(String::new(), |path| format!(" ▸ {path}"));
    let totals = if demand.keep == Keep::Totals { " ▸ totals" } else { "" };
    format!("trace {}{value}{totals}", demand.events.text())
}

impl Compiled {
    /// Compiles audiences that come in the order of evaluation, with the versions of their
    /// definitions. Every name has its number already.
    pub(crate) fn new<'a>(
        audiences: impl IntoIterator<Item = (&'a Audience, u64)>,
        names: &Names,
        time_zone: &TimeZone,
        trace_events_max: usize,
    ) -> Compiled {
        let tests = Tests::default();
        let leaves = FxHashMap::default();
        let mut compiler = Compiler { names, time_zone, trace_events_max, leaves, tests };
        let mut compiled = Compiled::default();
        for (rank, (audience, version)) in (0..).zip(audiences) {
            compiler.add(&mut compiled, rank, audience, version);
        }
        compiled.intake = compiler.tests.finish();
        compiled
    }

    /// The rank of an audience.
    pub(crate) fn rank(&self, audience: &str) -> Option<Rank> {
        self.ranks.get(audience).copied()
    }

    pub(super) fn rank_of_number(&self, audience: AudienceNumber) -> Option<Rank> {
        self.numbers.get(&audience).copied()
    }

    /// How many audiences there are.
    pub(super) fn count(&self) -> Rank {
        Rank::try_from(self.audiences.len()).unwrap_or(Rank::MAX)
    }

    /// The demands on a trace; none when nobody asks for it any more.
    pub(crate) fn demands(&self, trace: TraceNumber) -> Option<&Demands> {
        self.traces.get(&trace)
    }

    pub(super) fn leaf(&self, number: LeafNumber) -> Option<&CompiledLeaf> {
        self.leaves.get(number as usize)
    }

    pub(super) fn audience(&self, rank: Rank) -> Option<&CompiledAudience> {
        self.audiences.get(rank as usize)
    }
}

struct Compiler<'a> {
    names: &'a Names,
    time_zone: &'a TimeZone,
    trace_events_max: usize,
    leaves: FxHashMap<String, LeafNumber>,
    tests: Tests,
}

impl Compiler<'_> {
    fn add(&mut self, compiled: &mut Compiled, rank: Rank, audience: &Audience, version: u64) {
        let Some(key) = self.names.audience(&audience.id) else { return };
        let expression = &audience.expression;
        let formula = expression.plan().map(&mut |leaf| self.leaf(compiled, rank, leaf));
        for test in expression.event_tests() {
            let passed = self.tests.entry(&test);
            passed.relevant.push(rank);
            passed.concerned.push(rank);
        }
        for reference in expression.audience_references() {
            let referred = compiled.rank(&reference).map(|rank| rank as usize);
            let referred = referred.and_then(|at| compiled.audiences.get_mut(at));
            referred.into_iter().for_each(|audience| audience.dependents.push(rank));
        }
        let needs = needed_trace(&formula, &compiled.leaves);
        let wanted = wanted_attributes(&formula, &compiled.leaves);
        for path in expression.attribute_paths() {
            let keys = wanted.get(&path).map(Vec::as_slice);
            compiled.readers.add(rank, path, keys);
        }
        if may_hold_of_nobody(expression, self.time_zone) {
            compiled.at_birth.push(rank);
        }
        compiled.ranks.insert(audience.id.clone(), rank);
        compiled.numbers.insert(key.number, rank);
        compiled.audiences.push(CompiledAudience {
            key: Arc::clone(key),
            version,
            formula,
            needs,
            dependents: Ranks::default(),
        });
    }

    fn leaf(&mut self, compiled: &mut Compiled, rank: Rank, leaf: &Leaf) -> LeafNumber {
        let traces = self.traces(compiled, rank, leaf);
        let next = LeafNumber::try_from(compiled.leaves.len()).unwrap_or(LeafNumber::MAX);
        let number = *self.leaves.entry(leaf.condition.canonical()).or_insert(next);
        if number == next {
            let member_of = match &leaf.form {
                Form::Member(audience) => self.names.audience(audience).map(|key| key.number),
                _ => None,
            };
            compiled.leaves.push(CompiledLeaf { leaf: leaf.clone(), member_of, traces });
        }
        number
    }

    /// Asks for the traces that a leaf of an audience reads.
    fn traces(
        &mut self,
        compiled: &mut Compiled,
        rank: Rank,
        leaf: &Leaf,
    ) -> Vec<(TraceNumber, Window)> {
        let demands = leaf.demands();
        let numbers = demands.iter().map(|demand| self.names.find(&trace_name(demand)));
        let numbers: Option<Vec<TraceNumber>> = numbers.collect();
        let numbers = numbers.unwrap_or_default();
        let mut traces = Vec::new();
        for (place, (number, demand)) in numbers.iter().zip(&demands).enumerate() {
            self.tests.keep(*number, demand).concerned.push(rank);
            let after = numbers.iter().zip(&demands).skip(place + 1);
            let following = |(number, demand): (&TraceNumber, &Demand)| match demand.keep {
                Keep::Newest(taken) | Keep::Leading(taken) => {
                    Some((*number, demand.window.clone(), taken))
                }
                Keep::Earliest(_) | Keep::All | Keep::Totals => None,
            };
            let following = match demand.keep {
                Keep::Leading(_) => after.filter_map(following).collect(),
                _ => Vec::new(),
            };
            let (keep, window) = (demand.keep, demand.window.clone());
            let wanted = Wanted { keep, window: window.clone(), following };
            let events_max = self.trace_events_max;
            let demands = compiled.traces.entry(*number);
            demands.or_insert_with(|| Demands::new(events_max)).add(wanted);
            traces.push((*number, window));
        }
        traces
    }
}

/// The attributes that must have one of some values for a formula to be true.
fn wanted_attributes(
    formula: &Formula<LeafNumber>,
    leaves: &[CompiledLeaf],
) -> BTreeMap<Path, Vec<Key>> {
    let required = required_leaves(formula, leaves);
    required.filter_map(|required| required.leaf.condition.wanted_attribute()).collect()
}

/// A trace that must hold an event for a formula to be true.
fn needed_trace(formula: &Formula<LeafNumber>, leaves: &[CompiledLeaf]) -> Option<TraceNumber> {
    let needed = |required: &CompiledLeaf| {
        let place = match &required.leaf.form {
            Form::Count { counting, .. } => (counting.min > 0).then_some(0),
            Form::Sequence(steps) => steps.iter().position(|step| step.counting.min > 0),
            _ => None,
        };
        required.traces.get(place?).map(|(trace, _)| *trace)
    };
    required_leaves(formula, leaves).find_map(needed)
}

/// Leaves that must be true for a formula to be.
fn required_leaves<'l>(
    formula: &'l Formula<LeafNumber>,
    leaves: &'l [CompiledLeaf],
) -> impl Iterator<Item = &'l CompiledLeaf> {
    let required = match formula {
        Formula::All(parts) => parts.as_slice(),
        formula => std::slice::from_ref(formula),
    };
    required.iter().filter_map(|part| match part {
        Formula::Is(leaf) => leaves.get(*leaf as usize),
        _ => None,
    })
}

/// Whether a profile of which nothing is known can be in an audience, now or at some other time.
fn may_hold_of_nobody(expression: &Expression, time_zone: &TimeZone) -> bool {
    let facts = Facts {
        attributes: &Value::Object(Map::new()),
        events: &[],
        is_member: &|_| false,
        now: Timestamp::from_millis(0),
        time_zone,
    };
    let evaluation = evaluate(expression, &facts);
    evaluation.value || evaluation.holds_until.is_some()
}
