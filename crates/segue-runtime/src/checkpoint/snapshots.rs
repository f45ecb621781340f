//! Snapshots of the checkpoint for others than its writer, who alone has the store.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::Mutex;

use super::Checkpoint;
use super::store::{Snapshot, StoreError};
use crate::ids::Run;

/// A checkpoint as it was at one moment, whatever is written meanwhile.
pub(crate) struct CheckpointSnapshot {
    /// What the store held.
    pub(crate) entries: Snapshot,
    /// The `_id`s that were put away, in runs.
    pub(crate) ids: Vec<Arc<Run>>,
}

type Asker = Sender<Result<CheckpointSnapshot, StoreError>>;

/// Where snapshots are asked for; the writer of checkpoints gives them out between two.
#[derive(Default)]
pub(crate) struct SnapshotDesk(Mutex<Vec<Asker>>);

impl SnapshotDesk {
    /// Asks for the checkpoint as it is when the writer comes by.
    pub(crate) fn ask(&self) -> Receiver<Result<CheckpointSnapshot, StoreError>> {
        let (sender, receiver) = channel();
        self.0.lock().push(sender);
        receiver
    }

    /// Gives everybody who asked a snapshot.
    pub(super) fn serve(&self, checkpoint: &Checkpoint) {
        for asker in std::mem::take(&mut *self.0.lock()) {
            let entries = checkpoint.store().snapshot();
            let ids = checkpoint.ids().runs();
            // Who has gone away needs none.
            let _ = asker.send(entries.map(|entries| CheckpointSnapshot { entries, ids }));
        }
    }
}
