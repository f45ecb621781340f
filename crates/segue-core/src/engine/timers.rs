//! When each profile must be looked at again: one wake-up a profile.

use std::collections::{BTreeMap, BTreeSet};

use segue_xdm::Timestamp;

use crate::ids::ProfileId;

/// The wake-ups of all profiles, in the order in which they fire: by time, then by profile id.
#[derive(Default, Debug)]
pub(super) struct Timers {
    queue: BTreeSet<(Timestamp, ProfileId)>,
    by_profile: BTreeMap<ProfileId, Timestamp>,
}

impl Timers {
    /// Replaces a profile's wake-up.
    pub(super) fn set(&mut self, profile: ProfileId, wake: Option<Timestamp>) {
        if let Some(before) = self.by_profile.remove(&profile) {
            self.queue.remove(&(before, profile));
        }
        if let Some(wake) = wake {
            self.by_profile.insert(profile, wake);
            self.queue.insert((wake, profile));
        }
    }

    /// The first wake-up of all.
    pub(super) fn first(&self) -> Option<(Timestamp, ProfileId)> {
        self.queue.first().copied()
    }
}
