//! What the checkpoint does not hold yet.

use rustc_hash::FxHashSet;

use super::entry::Entry;
use crate::ids::ProfileId;

/// Entries whose bytes may be other ones than the checkpoint's.
#[derive(Default, Debug)]
pub(super) struct Dirty {
    entries: FxHashSet<Entry>,
    /// Entries that came into being; apart, because they need no look whether they are there.
    created: Vec<Entry>,
    /// The profiles that these entries are of.
    profiles: FxHashSet<ProfileId>,
    /// Those of the entries that were taken, until they are in the archive.
    taken: FxHashSet<ProfileId>,
    /// The profile of the last entry: the next one is mostly of the same.
    last: Option<ProfileId>,
}

impl Dirty {
    /// Notes an entry that was there before, or may have been.
    pub(super) fn insert(&mut self, entry: Entry) {
        self.note_profile(&entry);
        self.entries.insert(entry);
    }

    /// Notes an entry that comes into being.
    pub(super) fn create(&mut self, entry: Entry) {
        self.note_profile(&entry);
        self.created.push(entry);
    }

    fn note_profile(&mut self, entry: &Entry) {
        if let Entry::Profile(profile, _) | Entry::Group(profile) | Entry::Timer(profile) = entry
            && self.last != Some(*profile)
        {
            self.profiles.insert(*profile);
            self.last = Some(*profile);
        }
    }

    /// How many entries were noted.
    pub(super) fn count(&self) -> usize {
        self.entries.len() + self.created.len()
    }

    /// Whether the archive may have a profile otherwise than it is.
    pub(super) fn concerns(&self, profile: ProfileId) -> bool {
        self.profiles.contains(&profile) || self.taken.contains(&profile)
    }

    /// The profiles that changed since entries were taken last.
    pub(super) fn profiles(&self) -> impl Iterator<Item = ProfileId> {
        self.profiles.iter().copied()
    }

    /// Takes out all entries, in no order; one that came into being and changed comes twice.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Entry> + use<> {
        self.last = None;
        self.taken.extend(self.profiles.drain());
        let created = std::mem::take(&mut self.created);
        std::mem::take(&mut self.entries).into_iter().chain(created)
    }

    /// What was taken is in the archive.
    pub(super) fn archived(&mut self) {
        self.taken.clear();
    }
}

impl Extend<Entry> for Dirty {
    fn extend<I: IntoIterator<Item = Entry>>(&mut self, entries: I) {
        entries.into_iter().for_each(|entry| self.insert(entry));
    }
}
