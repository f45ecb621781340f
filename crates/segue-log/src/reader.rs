//! Reading a partition from an offset on, and waiting at its tail.

use std::sync::Arc;
use std::time::{Duration, Instant};

use event_listener::{EventListener, Listener};

use crate::error::LogError;
use crate::partition::Shared;
use crate::scan::{ScannedRecord, Scanner, Step};
use crate::segment::Segment;

/// One record of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Its number in the partition, from 0.
    pub offset: u64,
    /// The time it was appended with, in milliseconds; never before that of an earlier record.
    pub time_ms: i64,
    /// What was appended; nothing, if it was erased.
    pub payload: Vec<u8>,
    /// Whether [`Partition::erase`](crate::Partition::erase) took the payload away.
    pub is_erased: bool,
}

impl From<ScannedRecord<'_>> for LogRecord {
    fn from(record: ScannedRecord<'_>) -> LogRecord {
        LogRecord {
            offset: record.offset,
            time_ms: record.time_ms,
            payload: record.payload.to_vec(),
            is_erased: record.frame.is_erased(),
        }
    }
}

/// Reads durable records in order. Each reader is on its own and holds back nobody.
pub struct Reader {
    partition: Arc<Shared>,
    offset: u64,
    open: Option<Open>,
}

/// The segment that is being read.
struct Open {
    segment: Arc<Segment>,
    scanner: Scanner,
    /// How often records had been erased from it when it was opened.
    erasures: u64,
}

impl Reader {
    pub(crate) fn new(partition: Arc<Shared>, offset: u64) -> Reader {
        Reader { partition, offset, open: None }
    }

    /// Offset of the record that the next read begins with.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Goes on at another offset.
    pub fn seek(&mut self, offset: u64) {
        self.offset = offset;
        self.open = None;
    }

    /// The next durable records, up to and including the one with which they hold `max_bytes` of
    /// payload. Empty at the tail. The payloads of one append may come in two reads.
    ///
    /// # Errors
    /// [`LogError::Removed`] if retention overtook the reader, [`LogError::Damaged`] and
    /// [`LogError::Io`]. The reader stays where it was, so nothing is skipped.
    pub fn read(&mut self, max_bytes: usize) -> Result<Vec<LogRecord>, LogError> {
        let end_offset = self.partition.view.end().offset;
        let mut records = Vec::new();
        let mut bytes = 0;
        while self.offset < end_offset && (records.is_empty() || bytes < max_bytes) {
            let record = match self.next_record() {
                // What was read before it is delivered; the next read fails.
                Err(_) if !records.is_empty() => {
                    self.open = None;
                    break;
                }
                Err(error) => {
                    self.open = None;
                    return Err(self.partition.explain(self.offset, error));
                }
                Ok(record) => record,
            };
            bytes += record.payload.len();
            self.offset = record.offset + 1;
            records.push(record);
        }
        Ok(records)
    }

    /// Blocks until there is something to read: true. False if the time ran out (`None` waits for
    /// ever) or the log was closed.
    pub fn wait(&self, timeout: Option<Duration>) -> bool {
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        loop {
            match (self.wait_for_change(), deadline) {
                (Ok(is_readable), _) => return is_readable,
                (Err(listener), None) => listener.wait(),
                (Err(listener), Some(deadline)) => {
                    if listener.wait_deadline(deadline).is_none() {
                        return self.is_readable();
                    }
                }
            }
        }
    }

    /// Resolves when there is something to read: true. False if the log was closed.
    pub async fn ready(&self) -> bool {
        loop {
            match self.wait_for_change() {
                Ok(is_readable) => return is_readable,
                Err(listener) => listener.await,
            }
        }
    }

    fn is_readable(&self) -> bool {
        self.offset < self.partition.view.end().offset
    }

    /// Whether there is something to read, if that is decided, or else what to wait for.
    fn wait_for_change(&self) -> Result<bool, EventListener> {
        // Listening before looking, so that no notification falls in between.
        let listener = self.partition.view.changed.listen();
        if self.is_readable() {
            return Ok(true);
        }
        if self.partition.view.is_closed() { Ok(false) } else { Err(listener) }
    }

    /// The record at `self.offset`, which is before the durable end.
    fn next_record(&mut self) -> Result<LogRecord, LogError> {
        loop {
            // What was erased meanwhile is not given out from the file as it was.
            self.open.take_if(|open| open.erasures != open.segment.erasures());
            let Open { segment, scanner, .. } = match &mut self.open {
                Some(open) => open,
                none => none.insert(open_at(&self.partition, self.offset)?),
            };
            scanner.extend_to(segment.durable_bytes());
            let place = scanner.place();
            match scanner.step().map_err(LogError::io("read", &segment.path))? {
                Step::Record(record) if record.offset == self.offset => {
                    return Ok(record.into());
                }
                // Before the one that was sought.
                Step::Record(_) | Step::Mark => {}
                Step::Damaged(reason) => return Err(segment.damaged(place, reason)),
                Step::End => {
                    let next = open_at(&self.partition, self.offset)?;
                    if Arc::ptr_eq(segment, &next.segment) {
                        return Err(segment.damaged(place, "the file ends too early"));
                    }
                    self.open = Some(next);
                }
            }
        }
    }
}

fn open_at(partition: &Shared, offset: u64) -> Result<Open, LogError> {
    let segment = partition.segment_of(offset)?;
    // Before the file is opened: if it is replaced in between, it is opened once too often.
    let erasures = segment.erasures();
    let scanner = segment.seek(&*partition.storage, offset)?;
    Ok(Open { segment, scanner, erasures })
}
