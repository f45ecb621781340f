//! What the checkpoint does not hold yet.
//!
//! ```text
//! noted ──▶ taken, to be encoded ──▶ on its way to the archive ──▶ there
//!           part by part, or before anything happens to the profile
//! ```

use rustc_hash::{FxHashMap, FxHashSet};

use super::entry::Entry;
use crate::ids::ProfileId;
use crate::profile::Slot;

/// What of a profile is an entry of the checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Slot(Slot),
    Group,
    Timer,
}

impl Part {
    pub(super) fn entry(self, profile: ProfileId) -> Entry {
        match self {
            Part::Slot(slot) => Entry::Profile(profile, slot),
            Part::Group => Entry::Group(profile),
            Part::Timer => Entry::Timer(profile),
        }
    }
}

/// Entries whose bytes may be other ones than the checkpoint's.
#[derive(Default, Debug)]
pub(super) struct Dirty {
    /// Those of profiles.
    profiles: FxHashMap<ProfileId, Vec<Part>>,
    /// All others.
    entries: FxHashSet<Entry>,
    /// How many there are of both.
    count: usize,
    /// Profiles that were taken, until they are in the archive, and what is still to be encoded.
    taken: FxHashMap<ProfileId, Vec<Part>>,
}

impl Dirty {
    /// Notes an entry.
    pub(super) fn insert(&mut self, entry: Entry) {
        match entry {
            Entry::Profile(profile, slot) => self.touch(profile, [Part::Slot(slot)]),
            Entry::Group(profile) => self.touch(profile, [Part::Group]),
            Entry::Timer(profile) => self.touch(profile, [Part::Timer]),
            entry => self.count += usize::from(self.entries.insert(entry)),
        }
    }

    /// Notes entries of a profile.
    pub(super) fn touch(&mut self, profile: ProfileId, parts: impl IntoIterator<Item = Part>) {
        let noted = self.profiles.entry(profile).or_default();
        for part in parts {
            // Of the many records that a profile may have, each comes once.
            let is_noted = match part {
                Part::Slot(Slot::Record(_)) => noted.last() == Some(&part),
                _ => noted.contains(&part),
            };
            if !is_noted {
                noted.push(part);
                self.count += 1;
            }
        }
    }

    /// How many entries were noted.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether the archive may have a profile otherwise than it is.
    pub(super) fn concerns(&self, profile: ProfileId) -> bool {
        self.profiles.contains_key(&profile) || self.taken.contains_key(&profile)
    }

    /// Takes everything that was noted. Gives what is of no profile, in no order.
    pub(super) fn take(&mut self) -> FxHashSet<Entry> {
        self.count = 0;
        if self.taken.is_empty() {
            self.taken = std::mem::take(&mut self.profiles);
        } else {
            self.taken.extend(self.profiles.drain());
        }
        std::mem::take(&mut self.entries)
    }

    /// The profiles that were taken and are not in the archive.
    pub(super) fn taken(&self) -> impl Iterator<Item = ProfileId> {
        self.taken.keys().copied()
    }

    /// What is still to be encoded of a profile that was taken.
    pub(super) fn take_parts(&mut self, profile: ProfileId) -> Vec<Part> {
        self.taken.get_mut(&profile).map(std::mem::take).unwrap_or_default()
    }

    /// What was taken is in the archive.
    pub(super) fn archived(&mut self) {
        self.taken = FxHashMap::default();
    }
}

impl Extend<Entry> for Dirty {
    fn extend<I: IntoIterator<Item = Entry>>(&mut self, entries: I) {
        entries.into_iter().for_each(|entry| self.insert(entry));
    }
}
