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

use jiff::tz::TimeZone;
use segue_pql::{Amount, Keep, Kept, Occurred, Totals, Window};
use segue_xdm::Timestamp;

use crate::codec::{DecodeError, Reader, Writer};

/// Events that a trace keeps for windows and sequences: beyond, the stored events are read instead.
/// Counts keep as many as they ask for.
pub(crate) const TRACE_EVENTS_MAX: usize = 256;

/// The number of a trace: the same for the life of the data.
pub(crate) type TraceNumber = u32;

/// What must be kept in a trace: the demands of all leaves that read it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Demands(Vec<(Keep, Window)>);

/// The moment, and where midnight is.
pub(crate) type Clock<'a> = segue_pql::Clock<'a>;

/// What is kept of the events that passed one test.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Trace {
    number: TraceNumber,
    events: Vec<Occurred>,
    totals: Totals,
    /// Events with this timestamp and older ones may be missing, although they were wanted.
    lost: Option<Timestamp>,
}

/// All traces of a profile, by number.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Traces(Vec<Trace>);

impl Demands {
    pub(crate) fn add(&mut self, keep: Keep, window: Window) {
        let demand = (keep, window);
        if !self.0.contains(&demand) {
            self.0.push(demand);
        }
    }

    fn wants_totals(&self) -> bool {
        self.0.iter().any(|(keep, _)| *keep == Keep::Totals)
    }

    /// How many events may be wanted however old they are.
    fn counted(&self) -> usize {
        let counted = self.0.iter().map(|(keep, _)| match keep {
            Keep::Newest(count) | Keep::Earliest(count) => *count,
            Keep::All | Keep::Totals => 0,
        });
        counted.max().unwrap_or(0)
    }
}

impl Traces {
    /// What is kept under a number; nothing until an event passed.
    pub(crate) fn kept(&self, number: TraceNumber) -> Kept<'_> {
        match self.find(number) {
            Some(trace) => Kept { events: &trace.events, totals: trace.totals },
            None => Kept::default(),
        }
    }

    /// Whether events that count within a window may be missing.
    pub(crate) fn is_incomplete(
        &self,
        number: TraceNumber,
        window: &Window,
        clock: Clock<'_>,
    ) -> bool {
        let lost = self.find(number).and_then(|trace| trace.lost);
        lost.is_some_and(|lost| !window.is_over(lost, clock.now, clock.time_zone))
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
        let at = trace.events.partition_point(|known| *known < event);
        trace.events.insert(at, event);
        trace.prune(demands, clock);
    }

    /// Takes in the traces of a profile that became one with this one.
    pub(crate) fn join<'d>(
        &mut self,
        other: Traces,
        demands: impl Fn(TraceNumber) -> Option<&'d Demands>,
        clock: Clock<'_>,
    ) {
        for theirs in other.0 {
            let Some(demands) = demands(theirs.number) else { continue };
            let ours = self.entry(theirs.number);
            ours.events.extend(theirs.events);
            ours.events.sort_unstable();
            ours.totals.join(&theirs.totals);
            ours.lost = ours.lost.max(theirs.lost);
            ours.prune(demands, clock);
        }
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

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.count(self.0.len());
        for trace in &self.0 {
            trace.write(writer);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Traces, DecodeError> {
        reader.list(Trace::read).map(Traces)
    }
}

impl Trace {
    fn new(number: TraceNumber) -> Trace {
        Trace { number, events: Vec::new(), totals: Totals::default(), lost: None }
    }

    /// Drops what no demand wants.
    fn prune(&mut self, demands: &Demands, clock: Clock<'_>) {
        let Clock { now, time_zone } = clock;
        let is_over = |event: &Occurred| {
            let over =
                |(_, window): &(Keep, Window)| window.is_over(event.timestamp, now, time_zone);
            demands.0.iter().all(over)
        };
        self.events.retain(|event| !is_over(event));
        // Wanted are those before `earliest` and those from `newest` on.
        let mut earliest = 0;
        let mut newest = self.events.len();
        for (keep, window) in &demands.0 {
            match keep {
                Keep::All => newest = 0,
                Keep::Earliest(count) => earliest = earliest.max(*count),
                Keep::Newest(count) => {
                    newest = newest.min(self.newest_from(*count, window, now, time_zone));
                }
                Keep::Totals => {}
            }
        }
        let mut position = 0;
        self.events.retain(|_| {
            position += 1;
            position <= earliest || position > newest
        });
        self.give_up(demands.counted().max(TRACE_EVENTS_MAX));
    }

    /// The position from which on lie the newest `count` events that count already.
    fn newest_from(
        &self,
        count: usize,
        window: &Window,
        now: Timestamp,
        time_zone: &TimeZone,
    ) -> usize {
        let mut begun = 0;
        let wanted = self.events.iter().rev().take_while(|event| {
            let is_ahead = window.is_ahead(event.timestamp, now, time_zone);
            begun += usize::from(!is_ahead);
            is_ahead || begun <= count
        });
        self.events.len() - wanted.count()
    }

    /// Gives up the oldest events when there are too many.
    fn give_up(&mut self, max: usize) {
        let excess = self.events.len().saturating_sub(max);
        for event in self.events.drain(..excess) {
            self.lost = self.lost.max(Some(event.timestamp));
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer.u64(self.number.into());
        writer.option(self.lost, Writer::timestamp);
        let totals = Some(self.totals).filter(|totals| totals.count > 0);
        writer.option(totals, write_totals);
        writer.count(self.events.len());
        for event in &self.events {
            writer.timestamp(event.timestamp);
            writer.u64(event.arrival);
            writer.option(event.value, |writer, value| writer.i128(value.as_billionths()));
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Trace, DecodeError> {
        let number = reader.u64()?;
        let number = u32::try_from(number).map_err(|error| reader.invalid(error))?;
        let lost = reader.option(Reader::timestamp)?;
        let totals = reader.option(read_totals)?.unwrap_or_default();
        let events = reader.list(|reader| {
            let timestamp = reader.timestamp()?;
            let arrival = reader.u64()?;
            let value = reader.option(Reader::i128)?.map(Amount::from_billionths);
            Ok(Occurred { timestamp, arrival, value })
        })?;
        Ok(Trace { number, events, totals, lost })
    }
}

fn write_totals(writer: &mut Writer, totals: Totals) {
    writer.u64(totals.count);
    writer.i128(totals.sum.as_billionths());
    writer.option(totals.extremes, |writer, (least, greatest)| {
        writer.i128(least.as_billionths());
        writer.i128(greatest.as_billionths());
    });
}

fn read_totals(reader: &mut Reader<'_>) -> Result<Totals, DecodeError> {
    let amount = |reader: &mut Reader<'_>| reader.i128().map(Amount::from_billionths);
    Ok(Totals {
        count: reader.u64()?,
        sum: amount(reader)?,
        extremes: reader.option(|reader| Ok((amount(reader)?, amount(reader)?)))?,
    })
}
