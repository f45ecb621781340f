//! Where the engine reads what it does not hold in memory: events in the input log, entries in the
//! checkpoint store, `_id`s in the index of ids.
//!
//! A read that fails is counted. An engine that met one while it applied inputs decided on what it
//! could not see, and is thrown away ([`Applier`](crate::applier)). Who only asked is told.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use segue_core::{Archive, ArchiveEntry, Input};
use segue_log::{LogError, Partition};
use segue_xdm::{Document, Timestamp};

use crate::RuntimeError;
use crate::checkpoint::{Checkpoint, StateStore, StoreError, key_in_store, key_of_engine};
use crate::ids::IdIndex;
use crate::input_log::decode;

/// Reads what the engine has put away.
pub(crate) struct LogArchive {
    input: Partition,
    store: Arc<dyn StateStore>,
    ids: Arc<IdIndex>,
    failures: AtomicU64,
    last_failure: Mutex<String>,
}

impl LogArchive {
    pub(crate) fn new(input: Partition, checkpoint: &Checkpoint) -> LogArchive {
        LogArchive {
            input,
            store: Arc::clone(checkpoint.store()),
            ids: Arc::clone(checkpoint.ids()),
            failures: AtomicU64::new(0),
            last_failure: Mutex::default(),
        }
    }

    /// Runs something that reads, and tells what could not be read meanwhile, by anybody.
    pub(crate) fn watch<T>(&self, read: impl FnOnce() -> T) -> Result<T, RuntimeError> {
        let before = self.failures.load(Ordering::Acquire);
        let done = read();
        if self.failures.load(Ordering::Acquire) == before {
            return Ok(done);
        }
        Err(StoreError(self.last_failure.lock().clone()).into())
    }

    /// No run of ids is begun any more, and the one under way is given up.
    pub(crate) fn stop_merging(&self) {
        self.ids.stop();
    }

    /// Lets go of the store.
    pub(crate) fn close(&self) {
        self.store.close();
    }

    fn fail(&self, failure: impl fmt::Display) {
        *self.last_failure.lock() = failure.to_string();
        self.failures.fetch_add(1, Ordering::AcqRel);
    }
}

impl Archive for LogArchive {
    fn event(&self, position: u64) -> Option<Document> {
        let record = match self.input.record(position) {
            Ok(record) => record?,
            // It was kept for as long as it had to be.
            Err(LogError::Removed { .. }) => return None,
            Err(error) => {
                self.fail(error);
                return None;
            }
        };
        match decode(&record) {
            Ok(Input::Event(event)) => Some(event.body),
            Ok(_) => None,
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    fn keep(&self, _: u64, _: &Document) {}

    fn seen_until(&self, hash: u128, before: u64) -> Option<Timestamp> {
        let found = self.ids.seen_until(hash, before);
        found.unwrap_or_else(|error| {
            self.fail(error);
            None
        })
    }

    fn entry(&self, key: &[u8]) -> Option<Vec<u8>> {
        let found = self.store.get(&key_in_store(key));
        found.unwrap_or_else(|error| {
            self.fail(error);
            None
        })
    }

    fn entries(&self, from: &[u8]) -> Box<dyn Iterator<Item = ArchiveEntry> + '_> {
        let mut entries = self.store.range(&key_in_store(from));
        Box::new(std::iter::from_fn(move || match entries.next()? {
            Ok((key, value)) => Some((key_of_engine(&key)?, value)),
            Err(error) => {
                self.fail(error);
                None
            }
        }))
    }
}

impl fmt::Debug for LogArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogArchive").field("failures", &self.failures).finish_non_exhaustive()
    }
}
