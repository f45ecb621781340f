//! The checkpoint store on [fjall], an LSM tree. Why fjall: `docs/dependencies.md`.
//!
//! Two of its properties shape this file:
//! - It writes memtables out one keyspace at a time. All entries are therefore kept in **one**
//!   keyspace: an entry can then never outlive the batch that it came with, not even when the
//!   journal has a hole (fjall-rs/fjall#311) and fjall opens as if the batches behind the hole
//!   had never been. What is left is an older checkpoint, and the input log is replayed from it.
//! - A kill in the middle of fjall's own creation leaves a directory that it cannot open again. A
//!   store is therefore made under another name, and renamed when it is whole.

use std::path::{Path, PathBuf};

use super::rewriting::Places;
use super::store::{Batch, Entry, Snapshot, StateStore, StoreError};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use parking_lot::RwLock;

/// Name of the only keyspace.
const KEYSPACE: &str = "state";

/// Bytes that are kept in memory before they are written out as a table. They are also what
/// opening reads again from the journal after a kill, so this bounds the time of a start.
const MEMTABLE_BYTES: u64 = 64 << 20;

/// Threads that write and merge tables: one, so that merging never takes a small machine's CPUs
/// away from those who wait for an answer. The checkpoint waits for it, and nobody else.
const WORKERS: usize = 1;

/// Bytes of blocks that were read and are kept: a profile that was not in memory for a while is
/// read from several.
const BLOCK_CACHE_BYTES: u64 = 128 << 20;

/// A store in a directory of its own.
pub(crate) struct FjallStore {
    path: PathBuf,
    /// `None` after an error: fjall refuses every write after a failed one, so the next write
    /// opens the store anew, which drops what was not written whole.
    open: RwLock<Option<Open>>,
}

#[derive(Clone)]
struct Open {
    entries: Keyspace,
    database: Database,
}

impl FjallStore {
    /// Opens the store at `path`, making an empty one if there is none.
    pub(crate) fn open(path: &Path) -> Result<FjallStore, StoreError> {
        let places = Places::of(path);
        places.recover().map_err(|error| failed("recover", path, &error))?;
        if !path.try_exists().map_err(|error| failed("look for", path, &error))? {
            create(&places)?;
        }
        let open = Open::new(path).map_err(|error| failed("open", path, &error))?;
        Ok(FjallStore { path: path.to_owned(), open: RwLock::new(Some(open)) })
    }

    /// Runs one operation on the store, opening it again first if the last one failed.
    fn with_open<T>(
        &self,
        what: &str,
        operation: impl FnOnce(&Open) -> fjall::Result<T>,
    ) -> Result<T, StoreError> {
        let known = self.open.read().clone();
        let open = match known {
            Some(open) => open,
            None => {
                let recovered = Places::of(&self.path).recover().map_err(fjall::Error::from);
                let opened = recovered.and_then(|()| Open::new(&self.path));
                let opened = opened.map_err(|error| failed("open", &self.path, &error))?;
                self.open.write().insert(opened).clone()
            }
        };
        operation(&open).map_err(|error| {
            *self.open.write() = None;
            failed(what, &self.path, &error)
        })
    }

    fn entries(&self) -> Result<Keyspace, StoreError> {
        let closed = || StoreError(format!("{} is closed", self.path.display()));
        self.open.read().as_ref().map(|open| open.entries.clone()).ok_or_else(closed)
    }
}

impl Open {
    fn new(path: &Path) -> fjall::Result<Open> {
        let builder = Database::builder(path);
        let database = builder.cache_size(BLOCK_CACHE_BYTES).worker_threads(WORKERS).open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let entries = database.keyspace(KEYSPACE, options)?;
        Ok(Open { entries, database })
    }
}

impl StateStore for FjallStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.entries()?.get(key);
        let found = found.map_err(|error| failed("read", &self.path, &error))?;
        Ok(found.map(|value| value.to_vec()))
    }

    fn range<'a>(
        &'a self,
        from: &[u8],
    ) -> Box<dyn Iterator<Item = Result<Entry, StoreError>> + 'a> {
        match self.entries() {
            Err(error) => Box::new(std::iter::once(Err(error))),
            Ok(entries) => Box::new(entries.range(from..).map(|entry| {
                let entry = entry.into_inner();
                let (key, value) = entry.map_err(|error| failed("read", &self.path, &error))?;
                Ok((key.to_vec(), value.to_vec()))
            })),
        }
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let path = self.path.clone();
        Ok(Box::new(self.entries()?.iter().map(move |entry| {
            let entry = entry.into_inner();
            let (key, value) = entry.map_err(|error| failed("read", &path, &error))?;
            Ok((key.to_vec(), value.to_vec()))
        })))
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.with_open("write", |open| {
            let mut writes = open.database.batch();
            for (key, value) in batch {
                match value {
                    Some(value) => writes.insert(&open.entries, key.as_slice(), value.as_slice()),
                    None => writes.remove(&open.entries, key.as_slice()),
                }
            }
            writes.commit()
        })
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.with_open("sync", |open| open.database.persist(PersistMode::SyncAll))
    }

    fn rewrite(&self) -> Result<(), StoreError> {
        let places = Places::of(&self.path);
        self.with_open("copy", |open| {
            places.recover()?;
            let copy = Open::new(&places.new)?;
            let mut ingestion = copy.entries.start_ingestion()?;
            for entry in open.entries.iter() {
                let (key, value) = entry.into_inner()?;
                ingestion.write(key, value)?;
            }
            ingestion.finish()?;
            copy.database.persist(PersistMode::SyncAll)
        })?;
        // Who reads meanwhile waits.
        let mut open = self.open.write();
        *open = None;
        places.swap().map_err(|error| failed("replace", &self.path, &error))?;
        let opened = Open::new(&self.path);
        *open = Some(opened.map_err(|error| failed("open", &self.path, &error))?);
        Ok(())
    }

    fn close(&self) {
        *self.open.write() = None;
    }
}

/// Makes an empty store that appears at its place whole or not at all.
fn create(places: &Places) -> Result<(), StoreError> {
    let made = Open::new(&places.new).and_then(|_| Ok(places.begin()?));
    made.map_err(|error| failed("create", &places.store, &error))
}

fn failed(what: &str, path: &Path, error: &dyn std::error::Error) -> StoreError {
    StoreError(format!("cannot {what} {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn all(store: &FjallStore) -> Vec<Entry> {
        store.range(b"s").map(Result::unwrap).collect()
    }

    #[test]
    fn keeps_batches_across_openings() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("state");
        let store = FjallStore::open(&path).unwrap();
        store
            .apply(&vec![
                (b"s2".to_vec(), Some(b"two".to_vec())),
                (b"s1".to_vec(), Some(b"one".to_vec())),
                (b"mark".to_vec(), Some(b"7".to_vec())),
            ])
            .unwrap();
        store.apply(&vec![(b"s2".to_vec(), None)]).unwrap();
        store.checkpoint().unwrap();
        drop(store);

        let store = FjallStore::open(&path).unwrap();
        assert_eq!(store.get(b"mark").unwrap(), Some(b"7".to_vec()));
        assert_eq!(all(&store), [(b"s1".to_vec(), b"one".to_vec())]);
    }

    #[test]
    fn written_anew_it_holds_nothing_but_what_is_there() {
        let parent = tempfile::tempdir().unwrap();
        let store = FjallStore::open(&parent.path().join("state")).unwrap();
        let put = |value: &[u8]| vec![(b"s1".to_vec(), Some(value.to_vec()))];
        store.apply(&put(b"a secret that is to go")).unwrap();
        store.checkpoint().unwrap();
        store.apply(&put(b"something else to keep")).unwrap();
        store.checkpoint().unwrap();
        assert!(holds(parent.path(), b"a secret that is to go"), "an old value stays");
        store.rewrite().unwrap();
        assert!(!holds(parent.path(), b"a secret that is to go"));
        assert_eq!(all(&store), [(b"s1".to_vec(), b"something else to keep".to_vec())]);
        store.apply(&vec![(b"s2".to_vec(), Some(b"2".to_vec()))]).unwrap();
        store.checkpoint().unwrap();
        drop(store);
        let store = FjallStore::open(&parent.path().join("state")).unwrap();
        assert_eq!(all(&store).len(), 2);
    }

    /// Whether a file below a directory holds these bytes.
    fn holds(directory: &Path, bytes: &[u8]) -> bool {
        fs::read_dir(directory).unwrap().any(|entry| {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => holds(&path, bytes),
                false => fs::read(path).unwrap().windows(bytes.len()).any(|part| part == bytes),
            }
        })
    }

    #[test]
    fn left_half_made_is_made_again() {
        let parent = tempfile::tempdir().unwrap();
        fs::create_dir(parent.path().join("state.new")).unwrap();
        fs::write(parent.path().join("state.new/0.jnl"), "").unwrap();
        let store = FjallStore::open(&parent.path().join("state")).unwrap();
        assert_eq!(all(&store), []);
    }

    #[test]
    fn works_again_after_a_failed_write() {
        let parent = tempfile::tempdir().unwrap();
        let store = FjallStore::open(&parent.path().join("state")).unwrap();
        let failure = store.with_open::<()>("write", |_| Err(fjall::Error::Poisoned));
        assert!(failure.unwrap_err().to_string().contains("state"));
        let batch = vec![(b"s".to_vec(), Some(b"1".to_vec()))];
        store.apply(&batch).unwrap();
        assert_eq!(all(&store), [(b"s".to_vec(), b"1".to_vec())]);
    }
}
