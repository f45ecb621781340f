//! What events are asked as they come in, and what is kept of those that pass.
//!
//! ```text
//! demands ─▶ tests, equal ones once ─▶ EventIndex
//!                └─▶ Passed: the traces that take the event in, the audiences that may change
//! ```

use rustc_hash::FxHashMap;
use segue_pql::{Demand, EventTest};
use segue_xdm::Path;

use super::event::EventView;
use super::event_index::{EventIndex, Seen, TestNumber};
use super::rank_set::Ranks;
use super::trace::{Clock, Demands, TraceNumber, Traces};

/// Tests of events, and what follows from passing them.
#[derive(Debug, Default)]
pub(super) struct Intake {
    index: EventIndex,
    /// By test number.
    passed: Vec<Passed>,
}

/// What an event that passes a test does.
#[derive(Debug, Default)]
pub(super) struct Passed {
    /// Which traces take it in, with the number of the value that they want of it.
    traces: Vec<(TraceNumber, Option<usize>)>,
    /// The audiences that may change.
    pub(super) concerned: Ranks,
    /// The audiences that it is relevant to: members qualify again.
    pub(super) relevant: Ranks,
}

/// An intake in the making: tests of audiences, equal ones once.
#[derive(Default)]
pub(super) struct Tests {
    numbers: FxHashMap<String, TestNumber>,
    list: Vec<EventTest>,
    passed: Vec<Passed>,
    /// The values that traces want of events.
    values: Vec<Path>,
}

impl Tests {
    /// What passing a test does.
    pub(super) fn entry(&mut self, test: &EventTest) -> &mut Passed {
        let next = self.list.len();
        let number = *self.numbers.entry(test.text().to_owned()).or_insert(next as TestNumber);
        if number as usize == next {
            self.list.push(test.clone());
            self.passed.push(Passed::default());
        }
        self.passed.get_mut(number as usize).expect("a test was just put there")
    }

    /// Has a trace take in the events that a demand on it wants.
    pub(super) fn keep(&mut self, trace: TraceNumber, demand: &Demand) -> &mut Passed {
        let value = demand.value.clone().map(|path| self.value(path));
        let passed = self.entry(&demand.events);
        if !passed.traces.contains(&(trace, value)) {
            passed.traces.push((trace, value));
        }
        passed
    }

    fn value(&mut self, path: Path) -> usize {
        let known = self.values.iter().position(|known| *known == path);
        known.unwrap_or_else(|| {
            self.values.push(path);
            self.values.len() - 1
        })
    }

    pub(super) fn finish(self) -> Intake {
        let index = EventIndex::new(&self.list, &self.values);
        Intake { index, passed: self.passed }
    }
}

impl Intake {
    /// Whether no event passes ever.
    pub(super) fn is_empty(&self) -> bool {
        self.passed.is_empty()
    }

    /// Reads an event, and asks it all tests.
    pub(super) fn see<'e>(&self, event: &EventView<'e>, clock: Clock<'_>) -> Seen<'e> {
        self.index.see(event, clock.time_zone)
    }

    /// What an event does by the tests that it passed.
    pub(super) fn passed<'s>(&'s self, seen: &'s Seen<'_>) -> impl Iterator<Item = &'s Passed> {
        seen.passed.iter().filter_map(|test| self.passed.get(*test as usize))
    }

    /// Keeps of an event what the traces want of it.
    pub(super) fn keep<'d>(
        &self,
        traces: &mut Traces,
        event: &EventView<'_>,
        seen: &Seen<'_>,
        demands: impl Fn(TraceNumber) -> Option<&'d Demands>,
        clock: Clock<'_>,
    ) {
        for (number, value) in self.passed(seen).flat_map(|passed| &passed.traces) {
            let mut occurred = event.occurred();
            if let Some(value) = value {
                occurred.value = self.index.value(seen, *value);
                if occurred.value.is_none() {
                    continue;
                }
            }
            if let Some(demands) = demands(*number) {
                traces.add(*number, occurred, demands, clock);
            }
        }
    }
}
