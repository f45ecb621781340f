//! Snapshots of the checkpoint for others than its writer, who alone has the store.

use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::Mutex;

use super::store::{Snapshot, StateStore, StoreError};

/// Where snapshots are asked for; the writer of checkpoints gives them out between two.
#[derive(Default)]
pub(crate) struct SnapshotDesk(Mutex<Vec<Sender<Result<Snapshot, StoreError>>>>);

impl SnapshotDesk {
    /// Asks for the checkpoint as it is when the writer comes by.
    pub(crate) fn ask(&self) -> Receiver<Result<Snapshot, StoreError>> {
        let (sender, receiver) = channel();
        self.0.lock().push(sender);
        receiver
    }

    /// Gives everybody who asked a snapshot.
    pub(super) fn serve(&self, store: &dyn StateStore) {
        for asker in std::mem::take(&mut *self.0.lock()) {
            // Who has gone away needs none.
            let _ = asker.send(store.snapshot());
        }
    }
}
