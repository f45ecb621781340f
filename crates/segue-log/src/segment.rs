//! One segment file: where it is, what is durable in it, and how to find a record in it.
//!
//! The writer extends the index as it writes, and for a segment of an earlier run the first seek
//! builds it by scanning the file once, which also checks it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::error::LogError;
use crate::format::{HEADER_BYTES, Header};
use crate::index::Index;
use crate::reader::LogRecord;
use crate::scan::{Place, Scanner, Step};
use crate::storage::{Storage, StorageFile};

/// A segment file of a partition.
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
    durable_bytes: AtomicU64,
    /// How often records were erased from it since it was opened.
    erasures: AtomicU64,
    index: Mutex<Option<Index>>,
    /// The file, kept open for those who look for single records.
    file: Mutex<Option<Arc<dyn StorageFile>>>,
}

impl Segment {
    /// A segment of which `durable_bytes` are known to be on disk; without an index, one is built
    /// when it is needed.
    pub(crate) fn new(
        path: PathBuf,
        header: Header,
        durable_bytes: u64,
        index: Option<Index>,
    ) -> Segment {
        let durable_bytes = AtomicU64::new(durable_bytes);
        let erasures = AtomicU64::new(0);
        let (index, file) = (Mutex::new(index), Mutex::default());
        Segment { path, header, durable_bytes, erasures, index, file }
    }

    /// How often records were erased from it: who opened the file before has an older one.
    pub(crate) fn erasures(&self) -> u64 {
        self.erasures.load(Ordering::Acquire)
    }

    /// Another file has taken the place of this one, in which records are erased.
    pub(crate) fn count_erasure(&self) {
        self.erasures.fetch_add(1, Ordering::Release);
        self.close();
    }

    /// How much of the file a reader may look at.
    pub(crate) fn durable_bytes(&self) -> u64 {
        self.durable_bytes.load(Ordering::Acquire)
    }

    /// Lets readers see the file up to here, with the records that begin at `places`.
    pub(crate) fn publish(&self, durable_bytes: u64, places: &[Place]) {
        if let Some(index) = &mut *self.index.lock() {
            places.iter().for_each(|place| index.note(*place));
        }
        self.durable_bytes.store(durable_bytes, Ordering::Release);
    }

    /// Where the first frame begins.
    pub(crate) fn first_place(&self) -> Place {
        first_place(&self.header)
    }

    /// A scanner that begins at the first record, without needing the index.
    pub(crate) fn scan(&self, storage: &dyn Storage) -> Result<Scanner, LogError> {
        self.scan_from(storage, self.first_place())
    }

    /// A scanner that begins at the record `offset`, or not far before it.
    pub(crate) fn seek(&self, storage: &dyn Storage, offset: u64) -> Result<Scanner, LogError> {
        if offset == self.header.first_offset {
            return self.scan(storage);
        }
        let (place, _) = self.around(storage, offset)?;
        Ok(self.scan_from(storage, place)?.seeking(offset))
    }

    /// The record `offset`, which is durable and in this segment. Keeps the file open, and says so
    /// when it was not before.
    pub(crate) fn record(
        &self,
        storage: &dyn Storage,
        offset: u64,
        opened: impl FnOnce(),
    ) -> Result<LogRecord, LogError> {
        let (place, end) = self.around(storage, offset)?;
        let file = self.open(storage, opened)?;
        let mut scanner = Scanner::new(file, place, end).seeking(offset);
        loop {
            let place = scanner.place();
            match scanner.step().map_err(LogError::io("read", &self.path))? {
                Step::Record(record) if record.offset == offset => return Ok(record.into()),
                Step::Record(_) | Step::Mark => {}
                Step::Damaged(reason) => return Err(self.damaged(place, reason)),
                Step::End => return Err(self.damaged(place, "the file ends too early")),
            }
        }
    }

    /// Closes the file that is kept open.
    pub(crate) fn close(&self) {
        *self.file.lock() = None;
    }

    fn open(
        &self,
        storage: &dyn Storage,
        opened: impl FnOnce(),
    ) -> Result<Arc<dyn StorageFile>, LogError> {
        let mut file = self.file.lock();
        if let Some(file) = &*file {
            return Ok(Arc::clone(file));
        }
        // Under the lock, so that a file whose place a copy takes meanwhile is closed again.
        let found = storage.open(&self.path).map_err(LogError::io("open", &self.path))?;
        *file = Some(Arc::clone(&found));
        drop(file);
        opened();
        Ok(found)
    }

    /// The offset of the first record whose time is `time_ms` or later, if it is in this segment.
    pub(crate) fn offset_at_time(
        &self,
        storage: &dyn Storage,
        time_ms: i64,
    ) -> Result<Option<u64>, LogError> {
        let place = self.index(storage, |index| index.before_time(time_ms))?;
        let place = place.unwrap_or_else(|| self.first_place());
        let mut scanner = self.scan_from(storage, place)?;
        loop {
            let place = scanner.place();
            match scanner.step().map_err(LogError::io("read", &self.path))? {
                Step::Record(record) if record.time_ms >= time_ms => {
                    return Ok(Some(record.offset));
                }
                Step::Record(_) | Step::Mark => {}
                Step::End => return Ok(None),
                Step::Damaged(reason) => return Err(self.damaged(place, reason)),
            }
        }
    }

    /// The error that says what is wrong at a place of this file.
    pub(crate) fn damaged(&self, place: Place, reason: &'static str) -> LogError {
        damaged(&self.path, place, reason)
    }

    fn scan_from(&self, storage: &dyn Storage, place: Place) -> Result<Scanner, LogError> {
        let file = storage.open(&self.path).map_err(LogError::io("open", &self.path))?;
        Ok(Scanner::new(file, place, self.durable_bytes()))
    }

    /// Where to begin to look for a record, and where it has ended.
    fn around(&self, storage: &dyn Storage, offset: u64) -> Result<(Place, u64), LogError> {
        let (start, end) = self.index(storage, |index| index.around(offset))?;
        let start = start.unwrap_or_else(|| self.first_place());
        Ok((start, end.unwrap_or_else(|| self.durable_bytes())))
    }

    fn index<T>(
        &self,
        storage: &dyn Storage,
        look_up: impl FnOnce(&Index) -> T,
    ) -> Result<T, LogError> {
        let mut index = self.index.lock();
        let index = match &mut *index {
            Some(index) => index,
            none => none.insert(self.build_index(storage)?),
        };
        Ok(look_up(index))
    }

    fn build_index(&self, storage: &dyn Storage) -> Result<Index, LogError> {
        let mut index = Index::new(self.header.first_offset);
        let mut scanner = self.scan(storage)?;
        loop {
            let place = scanner.place();
            match scanner.step().map_err(LogError::io("read", &self.path))? {
                Step::Record(_) => index.note(place),
                Step::Mark => {}
                Step::End => return Ok(index),
                Step::Damaged(reason) => return Err(self.damaged(place, reason)),
            }
        }
    }
}

/// Where the first frame of a segment begins.
pub(crate) fn first_place(header: &Header) -> Place {
    Place {
        position: HEADER_BYTES as u64,
        offset: header.first_offset,
        time_ms: header.floor_time_ms,
    }
}

/// The error that says what is wrong at a place of a file.
pub(crate) fn damaged(path: &Path, place: Place, reason: &'static str) -> LogError {
    let Place { position, offset, .. } = place;
    LogError::Damaged { path: path.to_owned(), position, offset, reason }
}
