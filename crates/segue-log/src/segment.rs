//! One segment file: where it is, what is durable in it, and how to find a record in it.
//!
//! The index is sparse, one entry per [`INDEX_INTERVAL_BYTES`], kept in memory only: the writer
//! extends it as it writes, and for a segment of an earlier run the first seek builds it by
//! scanning the file once, which also checks it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::error::LogError;
use crate::format::{HEADER_BYTES, Header};
use crate::scan::{Place, Scanner, Step};
use crate::storage::Storage;

/// A seek scans at most about this far; a segment of 64 MiB has about 4,000 entries of 24 bytes.
const INDEX_INTERVAL_BYTES: u64 = 16 << 10;

/// A segment file of a partition.
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) header: Header,
    durable_bytes: AtomicU64,
    /// How often records were erased from it since it was opened.
    erasures: AtomicU64,
    index: Mutex<Option<Index>>,
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
        Segment { path, header, durable_bytes, erasures, index: Mutex::new(index) }
    }

    /// How often records were erased from it: who opened the file before has an older one.
    pub(crate) fn erasures(&self) -> u64 {
        self.erasures.load(Ordering::Acquire)
    }

    /// Another file has taken the place of this one, in which records are erased.
    pub(crate) fn count_erasure(&self) {
        self.erasures.fetch_add(1, Ordering::Release);
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

    /// A scanner that begins at most about [`INDEX_INTERVAL_BYTES`] before the record `offset`.
    pub(crate) fn seek(&self, storage: &dyn Storage, offset: u64) -> Result<Scanner, LogError> {
        if offset == self.header.first_offset {
            return self.scan(storage);
        }
        let place = self.look_up(storage, |place| place.offset <= offset)?;
        Ok(self.scan_from(storage, place)?.seeking(offset))
    }

    /// The offset of the first record whose time is `time_ms` or later, if it is in this segment.
    pub(crate) fn offset_at_time(
        &self,
        storage: &dyn Storage,
        time_ms: i64,
    ) -> Result<Option<u64>, LogError> {
        let place = self.look_up(storage, |place| place.time_ms < time_ms)?;
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

    /// The last indexed place before the first one that fails `is_before`.
    fn look_up(
        &self,
        storage: &dyn Storage,
        is_before: impl Fn(&Place) -> bool,
    ) -> Result<Place, LogError> {
        let mut index = self.index.lock();
        if index.is_none() {
            *index = Some(self.build_index(storage)?);
        }
        let entries = index.as_ref().map(|index| index.entries.as_slice()).unwrap_or_default();
        let following = entries.partition_point(is_before);
        let entry = following.checked_sub(1).and_then(|last| entries.get(last));
        Ok(entry.copied().unwrap_or_else(|| self.first_place()))
    }

    fn build_index(&self, storage: &dyn Storage) -> Result<Index, LogError> {
        let mut index = Index::default();
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

/// Every so often, where a record begins.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: Vec<Place>,
}

impl Index {
    /// Offers the place before a record; kept if it is far enough from the last one kept.
    pub(crate) fn note(&mut self, place: Place) {
        let last = self.entries.last();
        if last.is_none_or(|last| place.position - last.position >= INDEX_INTERVAL_BYTES) {
            self.entries.push(place);
        }
    }
}
