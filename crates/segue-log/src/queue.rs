//! What was appended to a partition and is not yet on disk.

use std::sync::Arc;

use crate::commit::{Append, Outcome};
use crate::error::LogError;
use crate::format::{FRAME_BYTES, Frame};
use crate::index::START_INTERVAL_BYTES;
use crate::options::{MAX_APPEND_BYTES, MAX_PAYLOAD_BYTES, MAX_QUEUED_BYTES};
use crate::scan::Place;

/// The appenders' side of a partition: gives out offsets and gathers the next round.
pub(crate) struct Queue {
    round: Round,
    is_announced: bool,
    /// Set when no append can succeed any more.
    refusal: Option<LogError>,
}

/// Frames that are written and synced together. Positions count from the round's beginning.
pub(crate) struct Round {
    pub(crate) bytes: Vec<u8>,
    /// Every so often, where a record begins, for the index.
    pub(crate) places: Vec<Place>,
    /// After the last frame.
    pub(crate) end: Place,
    pub(crate) outcome: Arc<Outcome>,
}

impl Round {
    /// A round without frames that goes on after `place`.
    fn after(place: Place) -> Round {
        Round {
            bytes: Vec::new(),
            places: Vec::new(),
            end: Place { position: 0, ..place },
            outcome: Arc::default(),
        }
    }
}

impl Queue {
    /// A queue whose first record comes after `place`.
    pub(crate) fn after(place: Place) -> Queue {
        Queue { round: Round::after(place), is_announced: false, refusal: None }
    }

    /// Whether the committer must be told of this round; once per round.
    pub(crate) fn must_announce(&mut self) -> bool {
        !std::mem::replace(&mut self.is_announced, true)
    }

    /// Adds an append to the round being gathered; on an error nothing was added.
    pub(crate) fn append(
        &mut self,
        partition: u16,
        time_ms: i64,
        payloads: &[&[u8]],
    ) -> Result<Append, LogError> {
        if let Some(refusal) = &self.refusal {
            return Err(refusal.clone());
        }
        let bytes = framed_length(payloads)?;
        let queued_bytes = self.round.bytes.len();
        if queued_bytes + bytes > MAX_QUEUED_BYTES {
            return Err(LogError::Busy { partition, queued_bytes });
        }

        let Round { bytes: frames, places, end, outcome } = &mut self.round;
        frames.reserve(bytes);
        let first_offset = end.offset;
        let time_ms = time_ms.max(end.time_ms);
        for (following, payload) in (0..payloads.len()).rev().zip(payloads) {
            let last = places.last();
            if last.is_none_or(|last| end.position - last.position >= START_INTERVAL_BYTES) {
                places.push(*end);
            }
            let following = u32::try_from(following).unwrap_or(u32::MAX);
            Frame::encode_record(frames, end.offset, time_ms, following, payload);
            *end = Place { position: frames.len() as u64, offset: end.offset + 1, time_ms };
        }
        Ok(Append::new(first_offset, time_ms, outcome.clone()))
    }

    /// Takes what has gathered; what comes next is another round.
    pub(crate) fn take(&mut self) -> Round {
        self.is_announced = false;
        let next = Round::after(self.round.end);
        std::mem::replace(&mut self.round, next)
    }

    /// Goes back to `durable_end`, as the round before could not be written: returns the round
    /// that was gathered on top of it.
    pub(crate) fn take_back_to(&mut self, durable_end: Place) -> Round {
        std::mem::replace(&mut self.round, Round::after(durable_end))
    }

    /// Refuses all further appends; the first reason stays.
    pub(crate) fn refuse(&mut self, reason: LogError) {
        self.refusal.get_or_insert(reason);
    }
}

/// Bytes that the payloads take in the file, if they are within the limits.
fn framed_length(payloads: &[&[u8]]) -> Result<usize, LogError> {
    if payloads.is_empty() {
        return Err(LogError::Empty);
    }
    if let Some(payload) = payloads.iter().find(|payload| payload.len() > MAX_PAYLOAD_BYTES) {
        return Err(LogError::TooLarge {
            what: "split the payload, or store it elsewhere and append a reference",
            bytes: payload.len(),
            limit_bytes: MAX_PAYLOAD_BYTES,
        });
    }
    let bytes = payloads.iter().map(|payload| FRAME_BYTES + payload.len()).sum();
    if bytes > MAX_APPEND_BYTES {
        return Err(LogError::TooLarge {
            what: "append fewer payloads at a time",
            bytes,
            limit_bytes: MAX_APPEND_BYTES,
        });
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_append_shows_the_index_places_all_along() {
        let mut queue = Queue::after(Place { position: 32, offset: 7, time_ms: 0 });
        let payload = vec![0; 500];
        let append = queue.append(0, 5, &vec![payload.as_slice(); 1000]).unwrap();
        assert_eq!(append.first_offset, 7);
        let Round { bytes, places, .. } = queue.take();
        assert_eq!(places.first(), Some(&Place { position: 0, offset: 7, time_ms: 0 }));
        for pair in places.windows(2) {
            let apart = pair[1].position - pair[0].position;
            assert!((START_INTERVAL_BYTES..START_INTERVAL_BYTES + 528).contains(&apart));
            assert_eq!(apart, (pair[1].offset - pair[0].offset) * 528, "where a record begins");
            assert_eq!(pair[1].time_ms, 5);
        }
        assert!(bytes.len() as u64 - places.last().unwrap().position < START_INTERVAL_BYTES + 528);
    }
}
