//! One partition, as its users see it.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::commit::{Append, Work};
use crate::erasure;
use crate::error::LogError;
use crate::format::NO_TIME;
use crate::host::Committer;
use crate::queue::Queue;
use crate::reader::{LogRecord, Reader};
use crate::storage::Storage;
use crate::view::View;
use crate::writer::Writer;

/// An ordered sequence of records, numbered from 0 without gaps. Cheap to clone.
#[derive(Clone)]
pub struct Partition(pub(crate) Arc<Shared>);

/// A partition's three sides, and the locks between them. Who needs more than one takes `erasing`
/// first, then `writer`.
pub(crate) struct Shared {
    pub(crate) number: u16,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) work: Arc<Work>,
    /// For those who erase, one at a time.
    pub(crate) erasing: Mutex<()>,
    /// For appenders: held for a copy.
    pub(crate) queue: Mutex<Queue>,
    /// For the committer: held for a round.
    pub(crate) writer: Mutex<Writer>,
    /// For readers.
    pub(crate) view: Arc<View>,
}

impl Partition {
    /// The partition's number, from 0.
    pub fn number(&self) -> u16 {
        self.0.number
    }

    /// Appends the payloads as consecutive records, all or none. Returns at once; the [`Append`]
    /// says when they are durable. Their time is `time_ms`, or the partition's last time if that
    /// is later.
    ///
    /// # Errors
    /// [`LogError::Empty`] and [`LogError::TooLarge`] for what can never be appended,
    /// [`LogError::Busy`] when the disk cannot keep up, [`LogError::Closed`] when the log must be
    /// reopened. Nothing was appended then.
    pub fn append(&self, time_ms: i64, payloads: &[&[u8]]) -> Result<Append, LogError> {
        let mut queue = self.0.queue.lock();
        let append = queue.append(self.0.number, time_ms, payloads)?;
        if queue.must_announce() {
            self.0.work.announce(self.0.clone());
        }
        Ok(match self.0.work.committer() {
            Committer::Thread => append,
            Committer::Caller => append.written_by_waiting(self.0.work.clone()),
        })
    }

    /// Offset of the first record that is still there; the end, if there is none.
    pub fn start_offset(&self) -> u64 {
        self.0.view.start_offset()
    }

    /// Offset after the last durable record: the next one that readers will see.
    pub fn end_offset(&self) -> u64 {
        self.0.view.end().offset
    }

    /// Time of the last durable record, in milliseconds, also after retention removed it; `None`
    /// if there never was one.
    pub fn last_time_ms(&self) -> Option<i64> {
        Some(self.0.view.end().time_ms).filter(|time_ms| *time_ms != NO_TIME)
    }

    /// Offset of the first durable record whose time is `time_ms` or later; the end offset if
    /// there is none yet.
    ///
    /// # Errors
    /// [`LogError::Io`] and [`LogError::Damaged`] from reading the segment.
    pub fn offset_at_time(&self, time_ms: i64) -> Result<u64, LogError> {
        let end = self.0.view.end();
        if end.time_ms < time_ms {
            return Ok(end.offset);
        }
        let segments = self.0.view.segments();
        // All segments before this one end with a record that is too old.
        let after = segments.partition_point(|segment| segment.header.floor_time_ms < time_ms);
        let Some(segment) = segments.get(after.saturating_sub(1)) else {
            return Ok(end.offset);
        };
        let offset = segment.offset_at_time(&*self.0.storage, time_ms)?;
        let next = segments.get(after).map_or(end.offset, |next| next.header.first_offset);
        Ok(offset.unwrap_or(next))
    }

    /// A reader whose first record is `from`. An offset past the end is fine: the reader waits
    /// for it.
    pub fn reader(&self, from: u64) -> Reader {
        Reader::new(self.0.clone(), from)
    }

    /// The durable record at an offset; none behind the end.
    ///
    /// # Errors
    /// As [`Reader::read`].
    pub fn record(&self, offset: u64) -> Result<Option<LogRecord>, LogError> {
        Ok(self.reader(offset).read(0)?.pop())
    }

    /// From now on retention keeps the record `offset` and all after it. Not remembered across
    /// opening: call it before the first append.
    pub fn hold_from(&self, offset: u64) {
        self.0.view.set_hold_from(offset);
    }

    /// Erases records, durably: from now on they are read as [erased](crate::LogRecord), and their
    /// payloads are in no file of the log any more. All other records keep their offsets. Records
    /// that retention has removed, or that are not durable yet, are passed over. Tells how many it
    /// erased that were not erased before; after an error some may be, and it can be repeated.
    ///
    /// Each segment that holds one of them is written anew, beside the appends that go on. Readers
    /// that have the old file open read on in it no further than the next record.
    ///
    /// # Errors
    /// [`LogError::Io`], and [`LogError::Damaged`] when a segment cannot be read.
    pub fn erase(&self, offsets: &[u64]) -> Result<u64, LogError> {
        erasure::erase(&self.0, offsets)
    }

    /// Removes the segments that retention no longer keeps at `now_ms`. It also happens, with the
    /// time of the newest record, whenever a segment is closed; call this for partitions that may
    /// fall silent.
    ///
    /// # Errors
    /// [`LogError::Io`] if a file could not be removed, [`LogError::Unknown`].
    pub fn retain(&self, now_ms: i64) -> Result<(), LogError> {
        self.0.writer.lock().retain(now_ms)
    }
}
