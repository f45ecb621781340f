//! The input log: every input in the one order that counts, each with its logical time.
//!
//! A record is one [`Input`] as the core encodes it; its offset is the input's position, its time
//! the core's "now". The log never lets time go back, so "now" is the later of the wall clock and
//! the last input's time. Everything that changes state is a record here, ticks included.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use segue_core::Input;
use segue_log::{Append, Log, LogError, LogOptions, LogRecord, Partition, Reader, Retention};
use segue_xdm::Timestamp;

use crate::error::RecoveryError;
use crate::{Clock, RuntimeError, RuntimeOptions, Submission};

/// Where the runtime begins, and what it appends to.
pub(crate) struct InputLog {
    log: Log,
    clock: Arc<dyn Clock>,
    closed: AtomicBool,
}

/// Inputs that are durable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accepted {
    /// Position of the first one; the others follow it.
    pub first_position: u64,
    /// The logical time of them all.
    pub time: Timestamp,
}

impl InputLog {
    /// The log in a directory; an empty one begins it.
    pub(crate) fn open(directory: &Path, options: &RuntimeOptions) -> Result<InputLog, LogError> {
        let RuntimeOptions { host, clock, .. } = options;
        // What may be read again is held; all before it goes.
        let retention = Retention { max_age_ms: None, max_bytes: Some(0) };
        let log_options = LogOptions { partitions: 1, retention, ..LogOptions::default() };
        let (log, clock) = (Log::open_on(host, directory, log_options)?, Arc::clone(clock));
        Ok(InputLog { log, clock, closed: AtomicBool::new(false) })
    }

    /// Writes what was appended, where no thread does.
    pub(crate) fn commit(&self) {
        self.log.commit();
    }

    /// The records, to read.
    pub(crate) fn partition(&self) -> &Partition {
        self.log.partition(0).expect("the log was opened with one partition")
    }

    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Logical time: what an input appended now would get.
    pub(crate) fn now(&self) -> Timestamp {
        let last = self.partition().last_time_ms().map(Timestamp::from_millis);
        last.map_or(self.clock.now(), |last| last.max(self.clock.now()))
    }

    /// Appends inputs, one after the other with nothing in between; not durable yet.
    pub(crate) fn append(&self, inputs: &Submission) -> Result<Append, LogError> {
        self.partition().append(self.clock.now().as_millis(), &inputs.payloads())
    }

    /// Position of the oldest input that is kept.
    pub(crate) fn start(&self) -> u64 {
        self.partition().start_offset()
    }

    /// Position after the last durable input.
    pub(crate) fn head(&self) -> u64 {
        self.partition().end_offset()
    }

    /// Reads durable inputs from a position on.
    pub(crate) fn reader(&self, from: u64) -> Reader {
        self.partition().reader(from)
    }

    /// Inputs at or after `position` must be kept.
    pub(crate) fn hold_from(&self, position: u64) {
        self.partition().hold_from(position);
    }

    /// Erases inputs, durably.
    pub(crate) fn erase(&self, positions: &[u64]) -> Result<u64, LogError> {
        self.partition().erase(positions)
    }

    /// Takes no more inputs. Those on their way are durable, or have failed, when it returns.
    pub(crate) fn close(&self) {
        self.log.close();
        self.closed.store(true, Ordering::Release);
    }

    /// Whether the log has grown for the last time.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

impl Accepted {
    /// Where these inputs are, or will be once durable.
    pub(crate) fn of(append: &Append) -> Accepted {
        Accepted {
            first_position: append.first_offset,
            time: Timestamp::from_millis(append.time_ms),
        }
    }
}

/// Reads the input out of a record. Of one that was erased, what is left is that time went on.
pub(crate) fn decode(record: &LogRecord) -> Result<Input, RuntimeError> {
    if record.is_erased {
        return Ok(Input::Tick);
    }
    Input::decode(&record.payload).map_err(|error| {
        RecoveryError::Input { position: record.offset, problem: error.to_string() }.into()
    })
}
