//! How far back events can be read: as many bytes of inputs, and as old ones, as the settings say.
//!
//! ```text
//! input log   ░░░░░░░░░░░░░░░░│███████████████████████████▶
//!  marks          m1     m2   │ m3      m4      m5
//!              left the log   from: what is needed begins here
//! ```
//!
//! It moves from mark to mark, and with the inputs alone, so that a replay sees the same events as
//! the first run did. What the traces of profiles kept of older events stays there.
//!
//! Stored (see codec): from | count | position, timestamp, bytes before…, whenever a mark comes or
//! goes; the bytes so far lie elsewhere, as every input adds to them.

use std::collections::VecDeque;

use segue_xdm::Timestamp;

use crate::codec::{DecodeError, Reader, Writer};

/// Bytes of inputs between two marks: about a segment of the log, of which the log removes whole
/// ones.
const MARK_BYTES: u64 = 64 << 20;

/// Logical time between two marks, where little comes in.
const MARK_MS: i64 = 60 * 60 * 1000;

/// How much is kept of the inputs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HistoryLimits {
    /// Milliseconds of logical time for which they are kept at least; none: for ever.
    pub max_age_ms: Option<i64>,
    /// Bytes of inputs that are kept at least; none: all.
    pub max_bytes: Option<u64>,
}

/// Where what is kept begins.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Horizon {
    /// Of all inputs so far.
    pub(super) bytes: u64,
    from: u64,
    /// Ascending; those before `from` are gone.
    marks: VecDeque<Mark>,
}

/// A position at which it may begin.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Mark {
    position: u64,
    at: Timestamp,
    /// Of the inputs before.
    bytes: u64,
}

impl Horizon {
    /// The position of the first input that may be read.
    pub(super) fn from(&self) -> u64 {
        self.from
    }

    /// An input of so many bytes comes in. Tells whether a mark came or went.
    pub(super) fn pass(
        &mut self,
        position: u64,
        now: Timestamp,
        bytes: u64,
        limits: HistoryLimits,
    ) -> bool {
        let is_due = self.marks.back().is_none_or(|last| {
            self.bytes - last.bytes >= MARK_BYTES
                || now.as_millis() - last.at.as_millis() >= MARK_MS
        });
        if is_due {
            self.marks.push_back(Mark { position, at: now, bytes: self.bytes });
            while let Some(next) = self.marks.get(1)
                && self.is_over(next, now, limits)
            {
                self.from = next.position;
                self.marks.pop_front();
            }
        }
        self.bytes += bytes;
        is_due
    }

    /// Whether nothing before a mark is needed any more.
    fn is_over(&self, mark: &Mark, now: Timestamp, limits: HistoryLimits) -> bool {
        let age = now.as_millis() - mark.at.as_millis();
        limits.max_age_ms.is_some_and(|max| age >= max)
            || limits.max_bytes.is_some_and(|max| self.bytes - mark.bytes >= max)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.u64(self.from);
        writer.count(self.marks.len());
        for Mark { position, at, bytes } in &self.marks {
            writer.u64(*position);
            writer.timestamp(*at);
            writer.u64(*bytes);
        }
    }

    /// Puts back what was written.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.from = reader.u64()?;
        let read_mark = |reader: &mut Reader<'_>| {
            Ok(Mark { position: reader.u64()?, at: reader.timestamp()?, bytes: reader.u64()? })
        };
        self.marks = reader.list(read_mark)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn after(inputs: u64, every_ms: i64, limits: HistoryLimits) -> Horizon {
        let mut horizon = Horizon::default();
        for position in 0..inputs {
            let now = Timestamp::from_millis(position as i64 * every_ms);
            horizon.pass(position, now, MIB, limits);
        }
        horizon
    }

    #[test]
    fn at_least_what_the_limits_say_is_kept_and_little_more() {
        let unlimited = HistoryLimits::default();
        assert_eq!(after(10_000, 1000, unlimited).from(), 0);
        let by_bytes = HistoryLimits { max_bytes: Some(500 * MIB), ..unlimited };
        let kept = 10_000 - after(10_000, 1, by_bytes).from();
        assert!((500..500 + 2 * 64).contains(&kept), "{kept}");
        let by_age = HistoryLimits { max_age_ms: Some(24 * MARK_MS), ..unlimited };
        let kept = 10_000 - after(10_000, MARK_MS / 4, by_age).from();
        assert!((4 * 24..4 * 26).contains(&kept), "{kept}");
    }

    #[test]
    fn reads_back_what_it_wrote() {
        let limits = HistoryLimits { max_bytes: Some(100 * MIB), max_age_ms: None };
        let horizon = after(1000, 1000, limits);
        let mut writer = Writer::new(1);
        horizon.write(&mut writer);
        let bytes = writer.finish();
        let mut reader = Reader::new("horizon", 1, &bytes).unwrap();
        let mut read = Horizon { bytes: horizon.bytes, ..Horizon::default() };
        read.read(&mut reader).unwrap();
        assert_eq!(read, horizon);
        reader.finish().unwrap();
    }
}
