//! Traces: what a profile keeps of the events that passed a test, so that its audiences can be
//! evaluated without the events themselves.
//!
//! ```text
//! events that passed    a ─ b ─ c ─ d ─ e ──────▶
//! demands               the earliest 1; the newest 2; those of the last hour, of which e is one
//! the trace             a           d   e
//! ```
//!
//! Invariants: events lie in their order (timestamp, then arrival), each once; an event that a
//! demand wants is there, unless more than [`TRACE_EVENTS_MAX`] are wanted: then the oldest were
//! given up, and `lost` says up to when.
//!
//! The bytes: [`trace_bytes`](super::trace_bytes).

use segue_pql::{Keep, Kept, Occurred, Place, Totals, Window};
use segue_xdm::Timestamp;

use crate::in_order;

/// Events that a trace keeps for windows and sequences: beyond, the stored events are read instead.
/// Counts keep as many as they ask for. More than a person does: reading all events of a profile at
/// each of its events takes so long that one automaton among them would slow down everybody.
pub const TRACE_EVENTS_MAX: usize = 4096;

/// Events of a trace from which on it is worth a look what is wanted of them.
const PRUNED_FROM: usize = 16;

/// The number of a trace: the same for the life of the data.
pub(crate) type TraceNumber = u32;

/// What must be kept in a trace: the demands of all leaves that read it.
#[derive(Clone, Debug)]
pub(crate) struct Demands {
    wanted: Vec<Wanted>,
    /// How many of the newest events are wanted, if that is all that is wanted and every event
    /// counts from its beginning.
    newest_only: Option<usize>,
    /// How many events are kept at most that no count asks for.
    events_max: usize,
}

/// One demand.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Wanted {
    pub(crate) keep: Keep,
    pub(crate) window: Window,
    /// For [`Keep::Leading`]: the steps after this one, each with how many events it takes.
    pub(crate) following: Vec<(TraceNumber, Window, usize)>,
}

/// The moment, and where midnight is.
pub(crate) type Clock<'a> = segue_pql::Clock<'a>;

/// What is kept of the events that passed one test.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Trace {
    pub(super) number: TraceNumber,
    pub(super) events: Vec<Occurred>,
    pub(super) totals: Totals,
    /// Events with this timestamp and older ones may be missing, although they were wanted.
    pub(super) lost: Option<Timestamp>,
}

/// All traces of a profile, by number.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Traces(pub(super) Vec<Trace>);

impl Demands {
    pub(crate) fn new(events_max: usize) -> Demands {
        Demands { wanted: Vec::new(), newest_only: None, events_max }
    }

    pub(crate) fn add(&mut self, wanted: Wanted) {
        if !self.wanted.contains(&wanted) {
            self.wanted.push(wanted);
        }
        let newest = self.wanted.iter().map(|wanted| match wanted.keep {
            Keep::Newest(count) if wanted.window.begins_at_once() => Some(count),
            _ => None,
        });
        self.newest_only =
            newest.collect::<Option<Vec<usize>>>().and_then(|all| all.into_iter().max());
    }

    fn wants_totals(&self) -> bool {
        self.wanted.iter().any(|wanted| wanted.keep == Keep::Totals)
    }

    /// How many events may be wanted however old they are.
    fn counted(&self) -> usize {
        let counted = self.wanted.iter().map(|wanted| match wanted.keep {
            Keep::Newest(count) | Keep::Earliest(count) => count,
            Keep::All | Keep::Leading(_) | Keep::Totals => 0,
        });
        counted.max().unwrap_or(0)
    }
}

impl Traces {
    /// What is kept under a number for a window; nothing until an event passed.
    pub(crate) fn kept(&self, number: TraceNumber, window: &Window, clock: Clock<'_>) -> Kept<'_> {
        match self.find(number) {
            Some(Trace { events, totals, lost, .. }) => {
                let lost = lost.filter(|lost| !window.is_over(*lost, clock));
                Kept { events, totals: *totals, lost }
            }
            None => Kept::default(),
        }
    }

    /// Whether it holds no event, and none was given up.
    pub(crate) fn is_empty(&self, number: TraceNumber) -> bool {
        let found = self.find(number);
        found.is_none_or(Trace::is_empty)
    }

    /// The numbers of the traces that hold events, or gave some up.
    pub(super) fn filled(&self) -> impl Iterator<Item = TraceNumber> {
        let filled = self.0.iter().filter(|trace| !trace.is_empty());
        filled.map(|trace| trace.number)
    }

    /// Takes some traces out.
    pub(super) fn take(&mut self, is_taken: impl Fn(TraceNumber) -> bool) -> Traces {
        Traces(self.0.extract_if(.., |trace| is_taken(trace.number)).collect())
    }

    /// Takes in an event that passed.
    pub(crate) fn add(
        &mut self,
        number: TraceNumber,
        event: Occurred,
        demands: &Demands,
        clock: Clock<'_>,
    ) {
        let trace = self.entry(number);
        if demands.wants_totals() {
            event.value.into_iter().for_each(|value| trace.totals.add(value));
        }
        in_order::insert(&mut trace.events, event, |one, other| one < other);
        match demands.newest_only {
            Some(count) => trace.keep_newest(count),
            None if trace.is_to_be_pruned(demands.events_max) => self.prune(number, demands, clock),
            None => {}
        }
    }

    /// Takes over from the traces before these were rebuilt what they kept of events that can no
    /// longer be read; and totals, in which these are, unless inputs came or left since.
    pub(crate) fn inherit<'d>(
        &mut self,
        mut before: Traces,
        is_left: impl Fn(u64) -> bool,
        keeps_totals: bool,
        demands: impl Fn(TraceNumber) -> Option<&'d Demands>,
        clock: Clock<'_>,
    ) {
        before.0.retain(|trace| demands(trace.number).is_some());
        for trace in &mut before.0 {
            trace.events.retain(|event| is_left(event.arrival));
            let totals = std::mem::take(&mut trace.totals);
            if keeps_totals && totals.count > 0 {
                self.entry(trace.number).totals = totals;
            }
        }
        self.join(before, demands, clock);
    }

    /// Takes in the traces of a profile that became one with this one.
    pub(crate) fn join<'d>(
        &mut self,
        other: Traces,
        demands: impl Fn(TraceNumber) -> Option<&'d Demands>,
        clock: Clock<'_>,
    ) {
        let mut joined = Vec::new();
        for theirs in other.0 {
            let Some(demands) = demands(theirs.number) else { continue };
            let ours = self.entry(theirs.number);
            ours.events.extend(theirs.events);
            ours.events.sort_unstable();
            ours.totals.join(&theirs.totals);
            ours.lost = ours.lost.max(theirs.lost);
            joined.push((theirs.number, demands));
        }
        for (number, demands) in joined {
            self.prune(number, demands, clock);
        }
    }

    /// Drops what no demand on a trace wants.
    fn prune(&mut self, number: TraceNumber, demands: &Demands, clock: Clock<'_>) {
        let bounds: Vec<Option<Place>> =
            demands.wanted.iter().map(|wanted| self.bound(wanted, clock)).collect();
        self.entry(number).prune(demands, &bounds, clock);
    }

    /// Where the events begin that the following steps take, if each has enough.
    fn bound(&self, wanted: &Wanted, clock: Clock<'_>) -> Option<Place> {
        let mut bound = None;
        for (number, window, taken) in wanted.following.iter().rev() {
            let events = self.find(*number)?.events.iter().rev();
            let before = events.filter(|event| bound.is_none_or(|bound| event.place() < bound));
            let mut counting = before.filter(|event| window.counts(event.timestamp, clock));
            bound = Some(counting.nth(taken.checked_sub(1)?)?.place());
        }
        bound
    }

    /// About how many bytes they take in memory.
    pub(crate) fn weight(&self) -> usize {
        let events = self.0.iter().map(|trace| trace.events.capacity() * size_of::<Occurred>());
        self.0.capacity() * size_of::<Trace>() + events.sum::<usize>()
    }

    fn place(&self, number: TraceNumber) -> Result<usize, usize> {
        self.0.binary_search_by_key(&number, |trace| trace.number)
    }

    fn find(&self, number: TraceNumber) -> Option<&Trace> {
        self.0.get(self.place(number).ok()?)
    }

    fn entry(&mut self, number: TraceNumber) -> &mut Trace {
        let at = self.place(number).unwrap_or_else(|at| {
            self.0.insert(at, Trace::new(number));
            at
        });
        self.0.get_mut(at).expect("a trace is found there or was just put there")
    }
}

impl Trace {
    fn new(number: TraceNumber) -> Trace {
        Trace { number, events: Vec::new(), totals: Totals::default(), lost: None }
    }

    fn is_empty(&self) -> bool {
        self.events.is_empty() && self.lost.is_none()
    }

    /// Whether it is time to look for what is not wanted any more: each time that it has grown to
    /// twice what it was, so that the look costs little, and depends on nothing but the trace.
    fn is_to_be_pruned(&self, events_max: usize) -> bool {
        let count = self.events.len();
        count >= PRUNED_FROM.min(events_max) && count.is_power_of_two()
    }

    fn keep_newest(&mut self, count: usize) {
        let excess = self.events.len().saturating_sub(count);
        self.events.drain(..excess);
    }

    /// Drops what no demand wants. `bounds` has one for each demand.
    fn prune(&mut self, demands: &Demands, bounds: &[Option<Place>], clock: Clock<'_>) {
        let is_over = |event: &Occurred| {
            demands.wanted.iter().all(|wanted| wanted.window.is_over(event.timestamp, clock))
        };
        self.events.retain(|event| !is_over(event));
        // Wanted are those before `earliest` and those from `newest` on.
        let mut earliest = 0;
        let mut newest = self.events.len();
        for (Wanted { keep, window, .. }, bound) in demands.wanted.iter().zip(bounds) {
            match keep {
                Keep::All => newest = 0,
                Keep::Earliest(count) => earliest = earliest.max(*count),
                Keep::Newest(count) => {
                    let end = self.events.len();
                    newest = newest.min(self.newest_from(end, *count, window, clock));
                }
                Keep::Leading(count) => {
                    let before =
                        |bound: &Place| self.events.partition_point(|event| event.place() < *bound);
                    let end = bound.as_ref().map_or(0, before);
                    newest = newest.min(self.newest_from(end, *count, window, clock));
                }
                Keep::Totals => {}
            }
        }
        let mut position = 0;
        self.events.retain(|_| {
            position += 1;
            position <= earliest || position > newest
        });
        self.give_up(demands.counted().max(demands.events_max));
    }

    /// The position from which on, up to `end`, lie the newest `count` events that count already.
    fn newest_from(&self, end: usize, count: usize, window: &Window, clock: Clock<'_>) -> usize {
        let mut begun = 0;
        let events = self.events.get(..end).unwrap_or_default();
        let wanted = events.iter().rev().take_while(|event| {
            let is_ahead = window.is_ahead(event.timestamp, clock);
            begun += usize::from(!is_ahead);
            is_ahead || begun <= count
        });
        end - wanted.count()
    }

    /// Gives up the oldest events when there are too many.
    fn give_up(&mut self, max: usize) {
        let excess = self.events.len().saturating_sub(max);
        for event in self.events.drain(..excess) {
            self.lost = self.lost.max(Some(event.timestamp));
        }
    }
}
