//! What an engine does not hold itself: the bodies of events.
//!
//! ```text
//! input log   … │ event 17 │ …        Archive::event(17)
//! engine        a profile: events 17, 204, 9311, each with its timestamp and whom it named
//! ```
//!
//! Most events are never looked at again after they were applied. Those that are (a definition is
//! new, a profile comes apart, somebody asks why) are read back by log position.
//!
//! An archive answers every question about a position with the same body for ever, so that the
//! engine stays a function of its inputs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use segue_xdm::Document;

/// Gives events back by their log position.
pub trait Archive: Send + Sync + fmt::Debug {
    /// The body of the event at a log position.
    ///
    /// Where it cannot be read, the archive says `None` and remembers the failure. Whoever gave
    /// the archive to an [`Engine`](crate::Engine) must look for failures after each input, and
    /// throw an engine away that met one: what it decided may be wrong.
    fn event(&self, position: u64) -> Option<Document>;

    /// An event is applied; its body may be asked for from now on. An archive that has the log
    /// need not keep it.
    fn keep(&self, position: u64, body: &Document);
}

/// Keeps all events in memory.
#[derive(Debug, Default)]
pub struct MemoryArchive(RwLock<BTreeMap<u64, Document>>);

impl Archive for MemoryArchive {
    fn event(&self, position: u64) -> Option<Document> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&position).cloned()
    }

    fn keep(&self, position: u64, body: &Document) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(position, body.clone());
    }
}

/// An archive with events laid over it that never happened.
#[derive(Debug)]
pub(crate) struct Overlay {
    under: Arc<dyn Archive>,
    over: MemoryArchive,
}

impl Overlay {
    pub(crate) fn new(under: Arc<dyn Archive>) -> Overlay {
        Overlay { under, over: MemoryArchive::default() }
    }
}

impl Archive for Overlay {
    fn event(&self, position: u64) -> Option<Document> {
        self.over.event(position).or_else(|| self.under.event(position))
    }

    fn keep(&self, position: u64, body: &Document) {
        self.over.keep(position, body);
    }
}
