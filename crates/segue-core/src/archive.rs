//! What an engine does not hold in memory itself: the bodies of events, and the state of profiles
//! that nothing has happened to for a while.
//!
//! ```text
//! input log     … │ event 17 │ …            Archive::event(17)
//! checkpoint    … │ profile a │ profile b   Archive::entry(key), Archive::entries(from)
//! engine        profile b, with events 17, 204, 9311 of it: when each was, and whom it named
//! ```
//!
//! Most events are never looked at again after they were applied. Those that are (a definition is
//! new, a profile comes apart, somebody asks why) are read back by log position. Entries are those
//! of the checkpoint: what [`Engine::take_dirty`](crate::Engine::take_dirty) gave.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use segue_xdm::{Document, Timestamp};

use crate::engine::Delta;

/// Key and value of an entry.
pub type ArchiveEntry = (Vec<u8>, Vec<u8>);

/// Gives back what an engine does not hold in memory.
///
/// It says the same of an event for ever, and of an entry until another delta is written, so that
/// the engine stays a function of its inputs. Where something cannot be read, the archive says
/// that it is not there, and remembers the failure: whoever gave the archive to an
/// [`Engine`](crate::Engine) looks for failures after each use of it, and throws an engine away
/// that met one while it applied an input.
pub trait Archive: Send + Sync + fmt::Debug {
    /// The body of the event at a log position.
    fn event(&self, position: u64) -> Option<Document>;

    /// An event is applied; its body may be asked for from now on. An archive that has the log
    /// need not keep it.
    fn keep(&self, position: u64, body: &Document);

    /// Until when it counts that the `_id` with this hash was seen before a log position: the last
    /// such moment of the [`ids`](Delta::ids) that were put away.
    fn seen_until(&self, hash: u128, before: u64) -> Option<Timestamp>;

    /// The value of an entry.
    fn entry(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// The entries from a key on, in the order of their keys.
    fn entries(&self, from: &[u8]) -> Box<dyn Iterator<Item = ArchiveEntry> + '_>;
}

/// Keeps all events and entries in memory.
#[derive(Debug, Default)]
pub struct MemoryArchive(RwLock<Content>);

#[derive(Debug, Default)]
struct Content {
    events: BTreeMap<u64, Document>,
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
    /// By hash and log position.
    seen: BTreeMap<(u128, u64), Timestamp>,
}

impl MemoryArchive {
    /// Writes a delta, as a store would.
    pub fn write(&self, delta: Delta) {
        let content = &mut *self.change();
        content.seen.extend(delta.ids.iter().map(|id| ((id.hash, id.position), id.until)));
        let entries = &mut content.entries;
        for (key, value) in delta.writes {
            match value {
                Some(value) => drop(entries.insert(key, value)),
                None => drop(entries.remove(&key)),
            }
        }
    }

    fn content(&self) -> RwLockReadGuard<'_, Content> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Content> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Archive for MemoryArchive {
    fn event(&self, position: u64) -> Option<Document> {
        self.content().events.get(&position).cloned()
    }

    fn keep(&self, position: u64, body: &Document) {
        self.change().events.insert(position, body.clone());
    }

    fn seen_until(&self, hash: u128, before: u64) -> Option<Timestamp> {
        let content = self.content();
        content.seen.range((hash, 0)..(hash, before)).map(|(_, until)| *until).max()
    }

    fn entry(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.content().entries.get(key).cloned()
    }

    fn entries(&self, from: &[u8]) -> Box<dyn Iterator<Item = ArchiveEntry> + '_> {
        let mut next = Some(Bound::Included(from.to_vec()));
        Box::new(std::iter::from_fn(move || {
            let range = (next.take()?, Bound::Unbounded);
            let content = self.content();
            let (key, value) = content.entries.range(range).next()?;
            next = Some(Bound::Excluded(key.clone()));
            Some((key.clone(), value.clone()))
        }))
    }
}

/// The events that can be read: those from a log position on.
#[derive(Clone, Copy)]
pub(crate) struct Events<'a> {
    archive: &'a dyn Archive,
    from: u64,
}

impl<'a> Events<'a> {
    pub(crate) fn new(archive: &'a dyn Archive, from: u64) -> Events<'a> {
        Events { archive, from }
    }

    /// Whether the event at a position can be read.
    pub(crate) fn reach(&self, position: u64) -> bool {
        position >= self.from
    }

    /// The body of the event at a position.
    pub(crate) fn body(&self, position: u64) -> Option<Document> {
        self.reach(position).then(|| self.archive.event(position)).flatten()
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

    fn seen_until(&self, hash: u128, before: u64) -> Option<Timestamp> {
        self.under.seen_until(hash, before)
    }

    fn entry(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.under.entry(key)
    }

    fn entries(&self, from: &[u8]) -> Box<dyn Iterator<Item = ArchiveEntry> + '_> {
        self.under.entries(from)
    }
}
