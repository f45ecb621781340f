//! What a log runs on: a disk, and somebody who writes.

use std::sync::Arc;

use crate::storage::{Disk, Storage};

/// The machine under a log. The default is the real one.
#[derive(Clone)]
pub struct Host {
    /// Where the files are.
    pub storage: Arc<dyn Storage>,
    /// Who writes what was appended.
    pub committer: Committer,
}

/// Who writes and syncs what was appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committer {
    /// A thread of the log's own.
    Thread,
    /// Whoever waits for an append, or calls [`Log::commit`](crate::Log::commit). For simulations,
    /// where nothing may happen by itself.
    Caller,
}

impl Default for Host {
    fn default() -> Host {
        Host { storage: Arc::new(Disk), committer: Committer::Thread }
    }
}
