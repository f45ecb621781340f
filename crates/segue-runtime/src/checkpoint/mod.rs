//! The checkpoint: what the input log added up to at one position, so that a start need not
//! begin at position 0.
//!
//! ```text
//!   key            value
//!   "mark"         {"version":1,"applied":N,"ends":{"activations":[17,4,0,9]},
//!                   "ids":[position, until]}
//!   "s" + engine   one entry of the engine's state, as the engine encodes it
//! ```
//!
//! One batch carries the changed entries and the new mark, so the entries are always exactly the
//! state after the inputs before `applied`. The mark also says where the activation logs ended
//! then: every activation caused before `applied` lies before `ends`, every later one at or after;
//! and which is the newest `_id` that was put away (ids), up to when the last with it counts.

mod fjall;
mod rewriting;
mod snapshots;
mod store;
mod writer;

use std::sync::Arc;

use segue_core::Delta;
use segue_xdm::Timestamp;
use serde_json::{Value, json};

use crate::activation_log::LogEnds;
use crate::erasure::Person;
use crate::ids::IdIndex;
use crate::shared::Shared;
use crate::status::Part;

pub(crate) use fjall::FjallStore;
pub(crate) use snapshots::{CheckpointSnapshot, SnapshotDesk};
pub use store::{Batch, Entry, Snapshot, StateStore, StoreError};
pub(crate) use writer::{Advance, CheckpointWriter};

const MARK_KEY: &[u8] = b"mark";
const STATE_PREFIX: &[u8] = b"s";
const MARK_VERSION: u64 = 1;

/// Which moment of the logs a checkpoint reflects.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Mark {
    /// Position after the last input applied.
    pub(crate) applied: u64,
    /// Where the activation logs ended, the activations of those inputs included.
    pub(crate) ends: LogEnds,
    /// The position of the newest `_id` that was put away, and when the last of its run ends.
    pub(crate) ids: Option<(u64, Timestamp)>,
}

/// A checkpoint store and the layout above.
#[derive(Clone)]
pub(crate) struct Checkpoint {
    store: Arc<dyn StateStore>,
    ids: Arc<IdIndex>,
}

/// Where the store has an entry of the engine's.
pub(crate) fn key_in_store(key: &[u8]) -> Vec<u8> {
    [STATE_PREFIX, key].concat()
}

/// Which entry of the engine's a key of the store stands for; none for another one.
pub(crate) fn key_of_engine(key: &[u8]) -> Option<Vec<u8>> {
    key.strip_prefix(STATE_PREFIX).map(<[u8]>::to_vec)
}

impl Checkpoint {
    /// The checkpoint in a store, and the `_id`s beside it; empty ones begin it.
    pub(crate) fn new(store: Arc<dyn StateStore>, ids: Arc<IdIndex>) -> Checkpoint {
        Checkpoint { store, ids }
    }

    /// The mark; that of the very beginning if nothing was written yet.
    pub(crate) fn mark(&self) -> Result<Mark, StoreError> {
        match self.store.get(MARK_KEY)? {
            None => Ok(Mark::default()),
            Some(bytes) => Mark::decode(&bytes)
                .ok_or_else(|| StoreError(format!("its mark is {:?}", lossy(&bytes)))),
        }
    }

    /// What it is in.
    pub(crate) fn store(&self) -> &Arc<dyn StateStore> {
        &self.store
    }

    /// The `_id`s that were put away.
    pub(crate) fn ids(&self) -> &Arc<IdIndex> {
        &self.ids
    }

    /// Moves the checkpoint on to `mark`, durably, whole or not at all; puts away ids that it holds
    /// no longer. May be repeated.
    pub(crate) fn write(&self, mark: &Mark, delta: &Delta) -> Result<(), StoreError> {
        let Delta { writes, ids } = delta;
        if !ids.is_empty() {
            self.ids
                .add(ids)
                .map_err(|error| StoreError(format!("cannot put away ids: {error}")))?;
        }
        let mut batch = Batch::with_capacity(writes.len() + 1);
        for (key, value) in writes {
            batch.push((key_in_store(key), value.clone()));
        }
        // A tree takes them in faster so.
        batch.sort_unstable();
        batch.dedup();
        let mark = Mark { ids: self.ids.newest(), ..mark.clone() };
        batch.push((MARK_KEY.to_vec(), Some(mark.encode())));
        self.store.apply(&batch)?;
        self.store.checkpoint()
    }

    /// Gives snapshots to those who asked.
    pub(crate) fn serve_snapshots(&self, desk: &SnapshotDesk) {
        desk.serve(self);
    }

    /// The mark that a snapshot begins with; that of the very beginning if it has none.
    pub(crate) fn mark_of(snapshot: &mut Snapshot) -> Result<Mark, StoreError> {
        match snapshot.next().transpose()? {
            None => Ok(Mark::default()),
            Some((key, value)) if key == MARK_KEY => Mark::decode(&value)
                .ok_or_else(|| StoreError(format!("its mark is {:?}", lossy(&value)))),
            Some((key, _)) => Err(StoreError(format!("it begins with {:?}", lossy(&key)))),
        }
    }

    /// Writes the store anew once it has forgotten persons who are being erased, so that nothing
    /// of them is left in it. What fails is tried again the next time.
    pub(crate) fn forget_erased(&self, shared: &Shared) {
        let is_forgotten = |person: &Person| {
            let receipt = &person.receipt;
            !receipt.is_store_rewritten && receipt.id < shared.progress.checkpointed()
        };
        let mut forgotten = shared.erasures.running();
        forgotten.retain(is_forgotten);
        if forgotten.is_empty() {
            return;
        }
        let mut rewritten = self.store.rewrite().map_err(|error| error.to_string());
        for mut person in forgotten {
            person.receipt.is_store_rewritten = true;
            let noted = || shared.erasures.update(person).map_err(|error| error.to_string());
            rewritten = rewritten.and_then(|()| noted());
        }
        match &rewritten {
            Ok(()) => shared.health.clear(Part::Erasure),
            Err(error) => shared.health.report(Part::Erasure, error),
        }
    }
}

impl Mark {
    fn encode(&self) -> Vec<u8> {
        let ids = self.ids.map(|(position, until)| (position, until.as_millis()));
        json!({"version": MARK_VERSION, "applied": self.applied, "ends": self.ends, "ids": ids})
            .to_string()
            .into_bytes()
    }

    fn decode(bytes: &[u8]) -> Option<Mark> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let known = value.get("version")?.as_u64()? == MARK_VERSION;
        let ends = value.get("ends")?.as_object()?.iter().map(|(name, ends)| {
            let ends = ends.as_array()?.iter().map(Value::as_u64).collect::<Option<Vec<u64>>>()?;
            Some((name.clone(), ends))
        });
        let ids = match value.get("ids").and_then(Value::as_array).map(Vec::as_slice) {
            Some([position, until]) => {
                Some((position.as_u64()?, Timestamp::from_millis(until.as_i64()?)))
            }
            _ => None,
        };
        let applied = value.get("applied")?.as_u64()?;
        known.then_some(Mark { applied, ends: ends.collect::<Option<_>>()?, ids })
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use parking_lot::Mutex;
    use segue_core::SeenId;
    use segue_log::Disk;

    use super::*;

    fn checkpoint_in(store: impl StateStore + 'static, directory: &Path) -> Checkpoint {
        let ids = IdIndex::open(Arc::new(Disk), directory.join("ids"), 0).unwrap();
        Checkpoint::new(Arc::new(store), Arc::new(ids))
    }

    #[test]
    fn mark_and_state_come_back_together() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("state");
        let open = || checkpoint_in(FjallStore::open(&path).unwrap(), parent.path());
        let checkpoint = open();
        assert_eq!(checkpoint.mark().unwrap(), Mark::default());
        let ends = LogEnds::from([("hub".to_owned(), vec![3, 0])]);
        let until = Timestamp::from_millis(7);
        let ids = vec![SeenId { hash: 1, position: 8, until }];
        let mark = Mark { applied: 9, ends, ids: Some((8, until)) };
        let writes = vec![(b"mark".to_vec(), Some(b"1".to_vec()))];
        checkpoint.write(&mark, &Delta { writes, ids }).unwrap();
        drop(checkpoint);

        let checkpoint = open();
        assert_eq!(checkpoint.mark().unwrap(), mark);
        let state: Vec<Entry> =
            checkpoint.store().range(&key_in_store(b"")).map(Result::unwrap).collect();
        assert_eq!(state, [(key_in_store(b"mark"), b"1".to_vec())]);
    }

    /// Remembers the batches that it is given.
    #[derive(Clone, Default)]
    struct Recorder(Arc<Mutex<Vec<Batch>>>);

    impl StateStore for Recorder {
        fn get(&self, _: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            Ok(None)
        }

        fn range<'a>(
            &'a self,
            _: &[u8],
        ) -> Box<dyn Iterator<Item = Result<Entry, StoreError>> + 'a> {
            Box::new(std::iter::empty())
        }

        fn snapshot(&self) -> Result<Snapshot, StoreError> {
            Ok(Box::new(std::iter::empty()))
        }

        fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
            self.0.lock().push(batch.clone());
            Ok(())
        }

        fn checkpoint(&self) -> Result<(), StoreError> {
            Ok(())
        }

        fn rewrite(&self) -> Result<(), StoreError> {
            Ok(())
        }

        fn close(&self) {}
    }

    #[test]
    fn mark_and_state_travel_in_one_batch() {
        // A kill between two batches is too rare an accident to be left to chance.
        let recorder = Recorder::default();
        let parent = tempfile::tempdir().unwrap();
        let checkpoint = checkpoint_in(recorder.clone(), parent.path());
        let writes = vec![(b"key".to_vec(), None)];
        checkpoint.write(&Mark::default(), &Delta { writes, ..Delta::default() }).unwrap();
        let batches = recorder.0.lock();
        let keys: Vec<Vec<&[u8]>> = batches
            .iter()
            .map(|batch| batch.iter().map(|(key, _)| key.as_slice()).collect())
            .collect();
        assert_eq!(keys, [[b"skey".as_slice(), b"mark"]]);
    }

    #[test]
    fn a_mark_of_another_version_is_refused() {
        assert_eq!(Mark::decode(br#"{"version":2,"applied":9,"ends":{}}"#), None);
        assert_eq!(Mark::decode(br#"{"version":1,"applied":9,"ends":{"hub":["x"]}}"#), None);
        assert_eq!(Mark::decode(b""), None);
    }
}
