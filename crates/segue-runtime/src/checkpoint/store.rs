//! What a checkpoint is written to: an ordered map with atomic batches.
//!
//! Nothing in a store is the truth; it can be deleted and is rebuilt from the input log. So a
//! batch need not be durable when it is applied: it only has to be there whole or not at all, and
//! never without the batches before it.

use thiserror::Error;

/// One entry: key and value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// All entries of a store at one moment, in key order, whatever is written meanwhile.
pub type Snapshot = Box<dyn Iterator<Item = Result<Entry, StoreError>> + Send>;

/// Writes that become visible together. `None` removes the key.
pub type Batch = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// An ordered map from bytes to bytes.
///
/// After a crash it holds the effect of a prefix of the batches applied, never a part of one, and
/// at least those before the last [`StateStore::checkpoint`]. One thread writes; others read
/// meanwhile what no batch on its way touches.
pub trait StateStore: Send + Sync {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Every entry from a key on, in key order.
    fn range<'a>(&'a self, from: &[u8])
    -> Box<dyn Iterator<Item = Result<Entry, StoreError>> + 'a>;

    /// All entries as they are now.
    fn snapshot(&self) -> Result<Snapshot, StoreError>;

    /// Makes a batch visible, all or nothing; not yet durable. May be repeated after an error.
    fn apply(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Makes everything applied so far durable.
    fn checkpoint(&self) -> Result<(), StoreError>;

    /// Writes the store anew, durably, so that nothing is left on the disk of entries that were
    /// replaced or removed. After an error or a crash, the old store is there.
    fn rewrite(&self) -> Result<(), StoreError>;

    /// Lets go of what it is in. Whatever is asked afterwards fails.
    fn close(&self);
}

/// The store cannot be read or written.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct StoreError(pub String);
