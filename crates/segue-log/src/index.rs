//! Where records begin in a segment file: a sparse index, kept in memory only.
//!
//! ```text
//! records   r r r r r r r r r r r r r r r r r r r r     in the file
//! starts    ^     ^     ^     ^     ^     ^     ^       to find one by its offset
//! places    ^                       ^                   to find one by its time
//! ```
//!
//! Every byte between two starts is read to find a record between them, so starts are close to
//! each other, and small.

use crate::format::NO_TIME;
use crate::scan::Place;

/// Bytes between two starts: what is read to find a record by its offset. A segment of 64 MiB has
/// about 16,000 of 8 bytes.
pub(crate) const START_INTERVAL_BYTES: u64 = 4 << 10;

/// Bytes between two places: what is read to find a record by its time, which is done seldom. A
/// segment of 64 MiB has about 1,000 of 24 bytes.
const PLACE_INTERVAL_BYTES: u64 = 64 << 10;

/// Every so often, where a record begins.
#[derive(Debug)]
pub(crate) struct Index {
    /// The first record of the segment.
    first_offset: u64,
    starts: Vec<Start>,
    places: Vec<Place>,
}

/// Where a record begins.
#[derive(Clone, Copy, Debug)]
struct Start {
    position: u32,
    /// How many records of the segment come before it.
    records: u32,
}

impl Index {
    /// The index of a segment that begins with the record `first_offset`.
    pub(crate) fn new(first_offset: u64) -> Index {
        Index { first_offset, starts: Vec::new(), places: Vec::new() }
    }

    /// Offers the place before a record; kept if it is far enough from the last one kept.
    pub(crate) fn note(&mut self, place: Place) {
        let last = self.places.last();
        if last.is_none_or(|last| place.position - last.position >= PLACE_INTERVAL_BYTES) {
            self.places.push(place);
        }
        let last = self.starts.last().map(|last| u64::from(last.position));
        if last.is_none_or(|last| place.position - last >= START_INTERVAL_BYTES) {
            let records = u32::try_from(place.offset - self.first_offset);
            // Of a segment that is longer than 4 GiB, the rest is read from the last start on.
            if let (Ok(position), Ok(records)) = (u32::try_from(place.position), records) {
                self.starts.push(Start { position, records });
            }
        }
    }

    /// The last known place up to a record; and where the next known one is, before which the
    /// record ends.
    pub(crate) fn around(&self, offset: u64) -> (Option<Place>, Option<u64>) {
        let records = offset.saturating_sub(self.first_offset);
        let after = self.starts.partition_point(|start| u64::from(start.records) <= records);
        let start = after.checked_sub(1).and_then(|last| self.starts.get(last));
        let place = start.map(|start| Place {
            position: start.position.into(),
            offset: self.first_offset + u64::from(start.records),
            // Its time is not kept; the record there may have any.
            time_ms: NO_TIME,
        });
        (place, self.starts.get(after).map(|next| next.position.into()))
    }

    /// The last known place before any record of this time or a later one.
    pub(crate) fn before_time(&self, time_ms: i64) -> Option<Place> {
        let after = self.places.partition_point(|place| place.time_ms < time_ms);
        after.checked_sub(1).and_then(|last| self.places.get(last)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_to_find_a_record_is_little() {
        let mut index = Index::new(7);
        let at = |number: u64| 32 + number * 500;
        for number in 0..1000 {
            let time_ms = number as i64 / 100;
            index.note(Place { position: at(number), offset: 7 + number, time_ms });
        }
        for number in 0..1000 {
            let (start, end) = index.around(7 + number);
            let start = start.unwrap();
            assert_eq!(start.position, at(start.offset - 7));
            assert!(start.position <= at(number) && at(number) - start.position < 4608);
            let is_after = |end| end >= at(number + 1) && end <= at(number) + 4608;
            assert!(end.is_none_or(is_after), "{number}: {end:?}");
        }
        assert_eq!(index.before_time(0), None);
        let before = index.before_time(5).unwrap();
        assert!(before.time_ms < 5 && at(500) - before.position < 70_000);
    }
}
