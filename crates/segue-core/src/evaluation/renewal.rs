//! What it takes to follow audiences that were published or edited, made once for all profiles.
//!
//! ```text
//! all audiences   tests ─▶ traces 1 2 3 4 5 6     what they were told of events as those came
//! those due                traces     3   5       built anew, from all events, with their tests
//! looked at       audiences that need none of a profile's traces, or one that holds an event
//! ```
//!
//! Invariant: a trace that no due audience reads is as it should be, and is left alone. Where
//! there is none to build, no event is read.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::compiled::{Compiled, Rank};
use super::intake::{Intake, Tests};
use super::rank_set::{RankSet, Ranks};
use super::trace::{TraceNumber, Traces};
use crate::membership::Memberships;

/// What it takes to follow some audiences.
#[derive(Debug, Default)]
pub(crate) struct Renewal {
    /// What fills the traces that are built anew.
    pub(super) intake: Intake,
    traces: FxHashSet<TraceNumber>,
    /// All audiences that are due.
    due: RankSet,
    /// Those of them that anybody can be in.
    open: Ranks,
    /// The others, by the trace without an event in which nobody is in them.
    needing: FxHashMap<TraceNumber, Ranks>,
}

impl Renewal {
    pub(crate) fn new(compiled: &Compiled, audiences: &BTreeSet<String>) -> Renewal {
        let mut renewal = Renewal { due: RankSet::new(compiled.count()), ..Renewal::default() };
        let mut ranks: Vec<Rank> = audiences.iter().filter_map(|id| compiled.rank(id)).collect();
        ranks.sort_unstable();
        let mut tests = Tests::default();
        for rank in ranks {
            let Some(audience) = compiled.audience(rank) else { continue };
            renewal.due.insert(rank);
            match audience.needs {
                Some(trace) => renewal.needing.entry(trace).or_default().push(rank),
                None => renewal.open.push(rank),
            }
            audience.formula.visit(&mut |leaf| {
                let Some(leaf) = compiled.leaf(*leaf) else { return };
                for (demand, (trace, _)) in leaf.leaf.demands().iter().zip(&leaf.traces) {
                    renewal.traces.insert(*trace);
                    tests.keep(*trace, demand);
                }
            });
        }
        renewal.intake = tests.finish();
        renewal
    }

    /// Takes the traces out that are to be built anew, and those that nobody asks for any more.
    pub(crate) fn take(&self, compiled: &Compiled, traces: &mut Traces) -> Traces {
        let is_due = |trace| self.traces.contains(&trace) || compiled.demands(trace).is_none();
        traces.take(is_due)
    }

    /// The audiences that are due and that a profile can be in, or is.
    pub(super) fn find(
        &self,
        compiled: &Compiled,
        (traces, memberships): (&Traces, &Memberships),
        found: &mut RankSet,
    ) {
        found.insert_all(&self.open);
        let filled = traces.filled().filter_map(|trace| self.needing.get(&trace));
        filled.for_each(|ranks| found.insert_all(ranks));
        let held = memberships.held().filter_map(|audience| compiled.rank_of_number(audience));
        held.filter(|rank| self.due.contains(*rank)).for_each(|rank| found.insert(rank));
    }
}
