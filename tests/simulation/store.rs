//! A checkpoint store in memory. After a crash it holds a prefix of the batches, at least those
//! that were synced: what [`StateStore`] asks of a real one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use segue_log::simulation::SimulatedDisk;
use segue_runtime::{Batch, Entry, Snapshot, StateStore, StoreError};

use crate::random::Random;

/// Clones are the same store.
#[derive(Clone)]
pub(crate) struct SimulatedStore {
    /// Whose power it shares.
    disk: SimulatedDisk,
    content: Arc<Mutex<Content>>,
}

#[derive(Default)]
struct Content {
    durable: BTreeMap<Vec<u8>, Vec<u8>>,
    unsynced: Vec<Batch>,
    failures: u64,
    failing_reads: u64,
}

impl SimulatedStore {
    pub(crate) fn new(disk: SimulatedDisk) -> SimulatedStore {
        SimulatedStore { disk, content: Arc::default() }
    }

    /// The next operations that change something fail.
    pub(crate) fn fail(&self, operations: u64) {
        self.content().failures = operations;
    }

    /// The next reads fail.
    pub(crate) fn fail_reads(&self, reads: u64) {
        self.content().failing_reads = reads;
    }

    /// The process has ended: some of what was not synced is there, some of the latest is not.
    pub(crate) fn crash(&self, random: &mut Random) {
        let mut content = self.content();
        (content.failures, content.failing_reads) = (0, 0);
        let kept = random.below(content.unsynced.len() as u64 + 1);
        content.unsynced.truncate(kept as usize);
        content.sync();
    }

    /// What a reader sees.
    pub(crate) fn entries(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let content = self.content();
        let mut seen = content.durable.clone();
        content.unsynced.iter().for_each(|batch| write(&mut seen, batch));
        seen
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap()
    }

    /// What a reader sees, if it may.
    fn read(&self) -> Result<BTreeMap<Vec<u8>, Vec<u8>>, StoreError> {
        let mut content = self.content();
        if content.failing_reads > 0 {
            content.failing_reads -= 1;
            return Err(StoreError("the store cannot be read".to_owned()));
        }
        drop(content);
        Ok(self.entries())
    }

    /// The content for an operation that changes something, if it may.
    fn change(&self) -> Result<MutexGuard<'_, Content>, StoreError> {
        self.disk.draw_power().map_err(|error| StoreError(error.to_string()))?;
        let mut content = self.content();
        if content.failures > 0 {
            content.failures -= 1;
            return Err(StoreError("the store is in trouble".to_owned()));
        }
        Ok(content)
    }
}

impl Content {
    fn sync(&mut self) {
        for batch in std::mem::take(&mut self.unsynced) {
            write(&mut self.durable, &batch);
        }
    }
}

fn write(entries: &mut BTreeMap<Vec<u8>, Vec<u8>>, batch: &Batch) {
    for (key, value) in batch {
        match value {
            Some(value) => drop(entries.insert(key.clone(), value.clone())),
            None => drop(entries.remove(key)),
        }
    }
}

impl StateStore for SimulatedStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.read()?.remove(key))
    }

    fn range<'a>(
        &'a self,
        from: &[u8],
    ) -> Box<dyn Iterator<Item = Result<Entry, StoreError>> + 'a> {
        match self.read() {
            Ok(mut entries) => Box::new(entries.split_off(from).into_iter().map(Ok)),
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Box::new(self.entries().into_iter().map(Ok)))
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.change()?.unsynced.push(batch.clone());
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        self.change()?.sync();
        Ok(())
    }

    /// Old values are nowhere in it.
    fn rewrite(&self) -> Result<(), StoreError> {
        self.checkpoint()
    }

    fn close(&self) {}
}
