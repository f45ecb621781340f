//! What the checkpoint does not hold yet.

use rustc_hash::FxHashSet;

use super::entry::Entry;

/// Entries whose bytes may be other ones than the checkpoint's.
#[derive(Default, Debug)]
pub(super) struct Dirty {
    entries: FxHashSet<Entry>,
    /// Entries that came into being; apart, because they need no look whether they are there.
    created: Vec<Entry>,
}

impl Dirty {
    /// Notes an entry that was there before, or may have been.
    pub(super) fn insert(&mut self, entry: Entry) {
        self.entries.insert(entry);
    }

    /// Notes an entry that comes into being.
    pub(super) fn create(&mut self, entry: Entry) {
        self.created.push(entry);
    }

    /// Takes out all entries, in no order; one that came into being and changed comes twice.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Entry> + use<> {
        let created = std::mem::take(&mut self.created);
        std::mem::take(&mut self.entries).into_iter().chain(created)
    }
}

impl Extend<Entry> for Dirty {
    fn extend<I: IntoIterator<Item = Entry>>(&mut self, entries: I) {
        self.entries.extend(entries);
    }
}
