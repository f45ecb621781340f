//! A log that an import writes: the same records, at the same offsets, with the same times.

use std::path::Path;

use segue_log::{Append, Log, LogError, LogOptions, LogRecord, Partition};

use super::file::BackupError;
use super::frame::{LogHeader, Span};

/// Bytes that are appended together.
const BATCH_BYTES: usize = 4 << 20;

pub(super) struct LogWriter {
    path: String,
    log: Log,
    spans: Vec<Span>,
    /// Records of one partition and one time, which are appended together.
    batch: Vec<Vec<u8>>,
    bytes: usize,
    time_ms: i64,
    /// The partition that is being written.
    number: u16,
    /// Its next record.
    next: u64,
    last: Option<Append>,
    /// Those of its records that are erased.
    erased: Vec<u64>,
}

impl LogWriter {
    /// Begins the log that is described, in a directory where there is none.
    pub(super) fn open(directory: &Path, header: LogHeader) -> Result<LogWriter, BackupError> {
        let LogHeader { path, partitions: spans } = header;
        let too_many = |_| BackupError::Damaged(format!("{path} has too many partitions"));
        let partitions = u16::try_from(spans.len()).map_err(too_many)?;
        for (number, span) in (0..).zip(&spans) {
            Log::begin_at(directory, number, span.start, span.floor_ms).map_err(failed)?;
        }
        let options = LogOptions { partitions, ..LogOptions::default() };
        let log = Log::open(directory, options).map_err(failed)?;
        let next = spans.first().map_or(0, |first| first.start);
        Ok(LogWriter {
            path,
            log,
            spans,
            batch: Vec::new(),
            bytes: 0,
            time_ms: i64::MIN,
            number: 0,
            next,
            last: None,
            erased: Vec::new(),
        })
    }

    /// Adds the next record; partitions come one after the other.
    pub(super) fn add(&mut self, partition: u16, record: LogRecord) -> Result<(), BackupError> {
        while self.number < partition {
            self.end_partition()?;
        }
        if self.number != partition || record.offset != self.next {
            return Err(self.missing());
        }
        if record.time_ms != self.time_ms || self.bytes > BATCH_BYTES {
            self.append()?;
        }
        self.time_ms = record.time_ms;
        self.next += 1;
        self.bytes += record.payload.len();
        self.erased.extend(record.is_erased.then_some(record.offset));
        self.batch.push(record.payload);
        Ok(())
    }

    /// Ends the log, when all of it is there.
    pub(super) fn finish(mut self) -> Result<(), BackupError> {
        while usize::from(self.number) < self.spans.len() {
            self.end_partition()?;
        }
        self.log.close();
        Ok(())
    }

    fn end_partition(&mut self) -> Result<(), BackupError> {
        self.append()?;
        wait(self.last.take())?;
        let span = self.spans.get(usize::from(self.number));
        if span.is_none_or(|span| span.end != self.next) {
            return Err(self.missing());
        }
        let erased = std::mem::take(&mut self.erased);
        if let Some(partition) = self.partition() {
            partition.erase(&erased).map_err(failed)?;
        }
        self.number += 1;
        self.time_ms = i64::MIN;
        let following = self.spans.get(usize::from(self.number));
        self.next = following.map_or(0, |following| following.start);
        Ok(())
    }

    fn append(&mut self) -> Result<(), BackupError> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        let payloads: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        let Some(partition) = self.partition().cloned().filter(|_| !payloads.is_empty()) else {
            return Ok(());
        };
        loop {
            match partition.append(self.time_ms, &payloads) {
                Ok(append) => {
                    self.last = Some(append);
                    return Ok(());
                }
                Err(LogError::Busy { .. }) => wait(self.last.take())?,
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn partition(&self) -> Option<&Partition> {
        self.log.partition(self.number)
    }

    fn missing(&self) -> BackupError {
        let LogWriter { path, number, next, .. } = self;
        BackupError::Damaged(format!("record {next} of {path}, partition {number}, is missing"))
    }
}

fn wait(append: Option<Append>) -> Result<(), BackupError> {
    append.map_or(Ok(()), |append| append.wait().map_err(failed))
}

fn failed(error: LogError) -> BackupError {
    BackupError::Data(error.to_string())
}
