//! Stamps as bytes: a table of the distinct ones, to which everything else refers by index.
//!
//! ```text
//! stamps   count | the first: timestamp | arrival
//!                | each other: milliseconds since the one before, u64
//!                            | arrival less that of the one before, i64
//! ```
//!
//! What a profile keeps goes back to few inputs, and each is spoken of in many places: a stamp of
//! ten bytes and more is written once, and an index of mostly one byte wherever it is meant.
//!
//! Invariant: stamps ascend, each once; so the same state gives the same bytes.

use segue_xdm::Timestamp;

use crate::codec::{DecodeError, Reader, Writer};
use crate::profile::Stamp;

/// Distinct stamps, in order.
#[derive(PartialEq, Debug)]
pub(crate) struct Stamps(Vec<Stamp>);

impl FromIterator<Stamp> for Stamps {
    fn from_iter<I: IntoIterator<Item = Stamp>>(stamps: I) -> Stamps {
        let mut stamps: Vec<Stamp> = stamps.into_iter().collect();
        stamps.sort_unstable();
        stamps.dedup();
        Stamps(stamps)
    }
}

impl Stamps {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    /// The index that stands for a stamp which is in the table.
    pub(crate) fn index(&self, stamp: Stamp) -> u64 {
        let (Ok(index) | Err(index)) = self.0.binary_search(&stamp);
        index as u64
    }

    /// The stamp that an index stands for.
    pub(crate) fn get(&self, index: u64) -> Option<Stamp> {
        self.0.get(usize::try_from(index).ok()?).copied()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.count(self.0.len());
        let mut before: Option<Stamp> = None;
        for (timestamp, arrival) in self.0.iter().copied() {
            match before {
                None => {
                    writer.timestamp(timestamp);
                    writer.u64(arrival);
                }
                Some((earlier, other)) => {
                    writer.u64(timestamp.as_millis().abs_diff(earlier.as_millis()));
                    writer.i128(i128::from(arrival) - i128::from(other));
                }
            }
            before = Some((timestamp, arrival));
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Stamps, DecodeError> {
        let mut before: Option<Stamp> = None;
        let stamps = reader.list(|reader| {
            let stamp = match before {
                None => (reader.timestamp()?, reader.u64()?),
                Some(before) => read_after(before, reader)?,
            };
            if before.is_some_and(|before| before >= stamp) {
                return Err(reader.invalid("stamps do not ascend"));
            }
            before = Some(stamp);
            Ok(stamp)
        })?;
        Ok(Stamps(stamps))
    }
}

fn read_after((earlier, other): Stamp, reader: &mut Reader<'_>) -> Result<Stamp, DecodeError> {
    let millis = earlier.as_millis().checked_add_unsigned(reader.u64()?);
    let millis = millis.ok_or_else(|| reader.invalid("a moment lies beyond all time"))?;
    let arrival = i128::from(other).checked_add(reader.i128()?);
    let arrival = arrival.and_then(|arrival| u64::try_from(arrival).ok());
    let arrival = arrival.ok_or_else(|| reader.invalid("an arrival lies outside of the log"))?;
    Ok((Timestamp::from_millis(millis), arrival))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: u8 = 1;

    fn read(bytes: &[u8]) -> Result<Stamps, DecodeError> {
        let mut reader = Reader::new("sample", VERSION, bytes)?;
        let stamps = Stamps::read(&mut reader)?;
        reader.finish().map(|()| stamps)
    }

    fn bytes(stamps: &Stamps) -> Vec<u8> {
        let mut writer = Writer::new(VERSION);
        stamps.write(&mut writer);
        writer.finish()
    }

    #[test]
    fn the_ends_of_time_and_of_the_log_read_back() {
        let ends = [(Timestamp::MAX, 0), (Timestamp::MIN, u64::MAX), (Timestamp::MAX, u64::MAX)];
        let stamps: Stamps = ends.into_iter().chain(ends).collect();
        assert_eq!(stamps.0, [ends[1], ends[0], ends[2]]);
        assert_eq!(read(&bytes(&stamps)).unwrap(), stamps);
        assert_eq!(stamps.get(stamps.index(ends[2])), Some(ends[2]));
        assert_eq!(stamps.get(3), None);
        let none = Stamps::from_iter([]);
        assert_eq!(read(&bytes(&none)).unwrap(), none);
    }

    #[test]
    fn what_does_not_ascend_or_leaves_the_range_is_refused() {
        let repeated = [VERSION, 2, 0, 7, 0, 0];
        assert!(read(&repeated).unwrap_err().to_string().contains("ascend"));
        let before_the_log = [VERSION, 2, 0, 0, 1, 1];
        assert!(read(&before_the_log).unwrap_err().to_string().contains("outside of the log"));
        let many = [VERSION, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0];
        assert!(matches!(read(&many), Err(DecodeError::Truncated { .. })));
    }
}
