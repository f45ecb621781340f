//! The bytes of traces.
//!
//! ```text
//! traces   stamps of all events in them (see stamps) | count | trace…     by number
//! trace    number, less that of the one before: u32
//!        | head: 8 × how many events + 4 with values + 2 with totals + 1 with losses
//!        | lost: timestamp     with losses
//!        | zeros: u8           with values or totals: every amount ends in so many, left out
//!        | totals              with totals
//!        | event…
//! event    the index of its stamp, less that of the one before
//!          with values: twice that, or 1 more and an amount
//! totals   count | sum: amount | option: least: amount | greatest: amount
//! amount   i128: billionths
//! ```
//!
//! Most traces count: they take two or three bytes, and one for each event. Amounts mostly are
//! money, which ends in seven zeros when it is written in billionths.

use segue_pql::{Amount, Occurred, Totals};

use super::trace::{Trace, Traces};
use crate::codec::{DecodeError, Reader, Writer};
use crate::stamps::Stamps;

const EVENT: u64 = 8;
const VALUES: u64 = 4;
const TOTALS: u64 = 2;
const LOST: u64 = 1;

/// The zeros of a whole number in billionths.
const ZEROS_MAX: u8 = 9;

impl Traces {
    pub(crate) fn write(&self, writer: &mut Writer) {
        let events = self.0.iter().flat_map(|trace| &trace.events);
        let stamps: Stamps = events.map(Occurred::place).collect();
        stamps.write(writer);
        writer.count(self.0.len());
        let mut before = 0;
        for trace in &self.0 {
            writer.u64(trace.number.saturating_sub(before).into());
            before = trace.number;
            trace.write(&stamps, writer);
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Traces, DecodeError> {
        let stamps = Stamps::read(reader)?;
        let mut before: Option<u32> = None;
        let traces = reader.list(|reader| {
            let number = before.map_or(0, u64::from).checked_add(reader.u64()?);
            let number = number.and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| before.is_none_or(|before| before < *number));
            let number =
                number.ok_or_else(|| reader.invalid("the traces' numbers do not ascend"))?;
            before = Some(number);
            Trace::read(number, &stamps, reader)
        })?;
        Ok(Traces(traces))
    }
}

impl Trace {
    fn write(&self, stamps: &Stamps, writer: &mut Writer) {
        let has_values = self.events.iter().any(|event| event.value.is_some());
        let totals = Some(self.totals).filter(|totals| totals.count > 0);
        let flags = [(has_values, VALUES), (totals.is_some(), TOTALS), (self.lost.is_some(), LOST)];
        let flags: u64 = flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).sum();
        writer.u64(self.events.len() as u64 * EVENT + flags);
        self.lost.into_iter().for_each(|lost| writer.timestamp(lost));
        let unit = Unit::of(self);
        if has_values || totals.is_some() {
            writer.u8(unit.zeros);
        }
        totals.iter().for_each(|totals| write_totals(totals, unit, writer));
        let mut before = 0;
        for event in &self.events {
            let index = stamps.index(event.place());
            let step = index.saturating_sub(before);
            before = index;
            writer.u64(if has_values { step * 2 + u64::from(event.value.is_some()) } else { step });
            event.value.iter().for_each(|value| unit.write(*value, writer));
        }
    }

    fn read(number: u32, stamps: &Stamps, reader: &mut Reader<'_>) -> Result<Trace, DecodeError> {
        let head = reader.u64()?;
        let has = |flag: u64| head & flag != 0;
        let lost = has(LOST).then(|| reader.timestamp()).transpose()?;
        let unit = if has(VALUES | TOTALS) { Unit::read(reader)? } else { Unit::default() };
        let totals = has(TOTALS).then(|| read_totals(unit, reader)).transpose()?;
        let mut index: u64 = 0;
        let mut read_event = || {
            let step = reader.u64()?;
            let has_value = has(VALUES) && step % 2 == 1;
            index = index.saturating_add(if has(VALUES) { step / 2 } else { step });
            let stamp = stamps.get(index);
            let (timestamp, arrival) =
                stamp.ok_or_else(|| reader.invalid("a trace refers to a stamp that is missing"))?;
            let value = has_value.then(|| unit.read_amount(reader)).transpose()?;
            Ok(Occurred { timestamp, arrival, value })
        };
        // Each takes a byte at least: a false count ends where the bytes do.
        let events = (0..head / EVENT).map(|_| read_event()).collect::<Result<_, DecodeError>>()?;
        Ok(Trace { number, events, totals: totals.unwrap_or_default(), lost })
    }
}

fn write_totals(totals: &Totals, unit: Unit, writer: &mut Writer) {
    writer.u64(totals.count);
    unit.write(totals.sum, writer);
    writer.option(totals.extremes, |writer, (least, greatest)| {
        unit.write(least, writer);
        unit.write(greatest, writer);
    });
}

fn read_totals(unit: Unit, reader: &mut Reader<'_>) -> Result<Totals, DecodeError> {
    Ok(Totals {
        count: reader.u64()?,
        sum: unit.read_amount(reader)?,
        extremes: reader
            .option(|reader| Ok((unit.read_amount(reader)?, unit.read_amount(reader)?)))?,
    })
}

/// What the amounts of a trace are written in: a billionth with so many zeros.
#[derive(Clone, Copy, Default)]
struct Unit {
    zeros: u8,
}

impl Unit {
    /// The largest in which all amounts of a trace are whole.
    fn of(trace: &Trace) -> Unit {
        let Totals { sum, extremes, .. } = trace.totals;
        let extremes = extremes.into_iter().flat_map(|(least, greatest)| [least, greatest]);
        let values = trace.events.iter().filter_map(|event| event.value);
        let amounts: Vec<Amount> = values.chain(extremes).chain([sum]).collect();
        let is_whole = |unit: &Unit| {
            amounts.iter().all(|amount| amount.as_billionths() % unit.billionths() == 0)
        };
        let units = (0..=ZEROS_MAX).rev().map(|zeros| Unit { zeros });
        units.into_iter().find(is_whole).unwrap_or_default()
    }

    fn billionths(self) -> i128 {
        10_i128.pow(self.zeros.into())
    }

    fn read(reader: &mut Reader<'_>) -> Result<Unit, DecodeError> {
        match reader.u8()? {
            zeros @ 0..=ZEROS_MAX => Ok(Unit { zeros }),
            zeros => Err(reader.invalid(format!("amounts do not end in {zeros} zeros"))),
        }
    }

    fn write(self, amount: Amount, writer: &mut Writer) {
        writer.i128(amount.as_billionths() / self.billionths());
    }

    fn read_amount(self, reader: &mut Reader<'_>) -> Result<Amount, DecodeError> {
        let billionths = reader.i128()?.checked_mul(self.billionths());
        let billionths = billionths.ok_or_else(|| reader.invalid("an amount is too large"))?;
        Ok(Amount::from_billionths(billionths))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use segue_xdm::Timestamp;

    use super::*;

    const VERSION: u8 = 1;

    fn amount() -> impl Strategy<Value = Amount> {
        prop_oneof![
            (0..100_000_i128).prop_map(|cents| Amount::from_billionths(cents * 10_000_000)),
            (-1000..1000_i128).prop_map(Amount::from_whole),
            any::<i128>().prop_map(Amount::from_billionths),
        ]
    }

    fn timestamp() -> impl Strategy<Value = Timestamp> {
        prop_oneof![0..99_i64, any::<i64>()].prop_map(Timestamp::from_millis)
    }

    fn event() -> impl Strategy<Value = Occurred> {
        let arrival = prop_oneof![0..9_u64, any::<u64>()];
        let event = (timestamp(), arrival, prop::option::of(amount()));
        event.prop_map(|(timestamp, arrival, value)| Occurred { timestamp, arrival, value })
    }

    fn totals() -> impl Strategy<Value = Totals> {
        let extremes = prop::option::of((amount(), amount()));
        let some = (1..=u64::MAX, amount(), extremes);
        let some = some.prop_map(|(count, sum, extremes)| Totals { count, sum, extremes });
        prop_oneof![Just(Totals::default()), some]
    }

    fn traces() -> impl Strategy<Value = Traces> {
        let number = prop_oneof![0..9_u32, any::<u32>()];
        let events = prop::collection::btree_set(event(), 0..9);
        let trace = (events, totals(), prop::option::of(timestamp()));
        prop::collection::btree_map(number, trace, 0..9).prop_map(|traces| {
            let traces = traces.into_iter().map(|(number, (events, totals, lost))| Trace {
                number,
                events: events.into_iter().collect(),
                totals,
                lost,
            });
            Traces(traces.collect())
        })
    }

    fn bytes(traces: &Traces) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        traces.write(&mut writer);
        writer.finish()
    }

    fn read(bytes: &[u8]) -> Result<Traces, DecodeError> {
        let mut reader = Reader::new("sample", VERSION, bytes)?;
        let traces = Traces::read(&mut reader)?;
        reader.finish().map(|()| traces)
    }

    proptest! {
        #[test]
        fn traces_read_back(traces in traces()) {
            prop_assert_eq!(read(&bytes(&traces)).unwrap(), traces);
        }

        #[test]
        fn what_ends_early_is_refused_and_what_is_damaged_ends(
            traces in traces(),
            at in any::<prop::sample::Index>(),
            damage in any::<u8>(),
        ) {
            let mut bytes = bytes(&traces);
            let at = at.index(bytes.len());
            prop_assert!(read(&bytes[..at]).is_err());
            bytes[at] = damage;
            drop(read(&bytes));
        }
    }

    #[test]
    fn a_count_takes_three_bytes_and_one_for_each_event() {
        let event = |millis| Occurred {
            timestamp: Timestamp::from_millis(millis),
            arrival: 0,
            value: None,
        };
        let trace = |number| Trace {
            number,
            events: vec![event(1), event(2)],
            totals: Totals::default(),
            lost: None,
        };
        let one = bytes(&Traces(vec![trace(300)]));
        let two = bytes(&Traces(vec![trace(300), trace(900)]));
        assert_eq!(two.len() - one.len(), 3 + 2);
    }
}
