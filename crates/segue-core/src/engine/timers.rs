//! When each profile must be looked at again: one wake-up a profile.
//!
//! A window that slides moves its profile's wake-up with every event. A wake-up that moves to a
//! later time therefore stays in the queue where it is until its turn comes, and is put behind
//! then. The checkpoint holds where it is in the queue, and is not written to for that either.
//!
//! Of inputs that are applied together, the queue is looked through once, as they come. What was
//! passed is not seen again; so a wake-up that moves after its turn has come is put behind at once.

use std::collections::BTreeSet;
use std::ops::Bound;

use rustc_hash::FxHashMap;
use segue_xdm::Timestamp;

use crate::ids::ProfileId;

/// The wake-ups of all profiles, in the order in which they fire: by time, then by profile id.
///
/// Invariant: each profile that has a wake-up is in the queue once, at the wake-up or before it;
/// the first in the queue is at its wake-up.
#[derive(Default, Debug)]
pub(super) struct Timers {
    queue: BTreeSet<(Timestamp, ProfileId)>,
    by_profile: FxHashMap<ProfileId, Wake>,
    first: Option<(Timestamp, ProfileId)>,
}

#[derive(Clone, Copy, Debug)]
struct Wake {
    at: Timestamp,
    queued_at: Timestamp,
}

impl Timers {
    /// Replaces a profile's wake-up; wherever it is in the queue, its turn has come if that is by
    /// `now`. Tells whether the checkpoint must know.
    pub(super) fn set(
        &mut self,
        profile: ProfileId,
        wake: Option<Timestamp>,
        now: Timestamp,
    ) -> bool {
        let before = self.by_profile.get_mut(&profile);
        let is_moved = match (before, wake) {
            (None, None) => return false,
            (Some(before), Some(at)) if at >= before.queued_at => {
                before.at = at;
                if before.queued_at <= now && at > before.queued_at {
                    self.queue.remove(&(before.queued_at, profile));
                    self.queue.insert((at, profile));
                    before.queued_at = at;
                }
                false
            }
            (before, wake) => {
                if let Some(before) = before {
                    self.queue.remove(&(before.queued_at, profile));
                    self.by_profile.remove(&profile);
                }
                if let Some(at) = wake {
                    self.by_profile.insert(profile, Wake { at, queued_at: at });
                    self.queue.insert((at, profile));
                }
                true
            }
        };
        let is_first = self.first.is_none_or(|(at, first)| {
            profile == first || wake.is_some_and(|wake| (wake, profile) < (at, first))
        });
        if is_first {
            self.find_first();
        }
        is_moved
    }

    /// Where a profile's wake-up is in the queue.
    pub(super) fn queued(&self, profile: ProfileId) -> Option<Timestamp> {
        self.by_profile.get(&profile).map(|wake| wake.queued_at)
    }

    /// The first wake-up of all.
    pub(super) fn first(&self) -> Option<(Timestamp, ProfileId)> {
        self.first
    }

    /// The first place in the queue behind another one, and no later than `now`.
    pub(super) fn next_by(
        &self,
        behind: Option<(Timestamp, ProfileId)>,
        now: Timestamp,
    ) -> Option<(Timestamp, ProfileId)> {
        // The first of all is known, and mostly lies ahead.
        self.first.filter(|(first, _)| *first <= now)?;
        let from = behind.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.queue.range((from, Bound::Unbounded)).next();
        next.copied().filter(|(queued_at, _)| *queued_at <= now)
    }

    /// Puts back those whose turn has come too early.
    fn find_first(&mut self) {
        loop {
            self.first = self.queue.first().copied();
            let Some((queued_at, profile)) = self.first else { return };
            let Some(wake) = self.by_profile.get_mut(&profile) else { return };
            if wake.at == queued_at {
                return;
            }
            wake.queued_at = wake.at;
            self.queue.pop_first();
            self.queue.insert((wake.at, profile));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_first_is_the_first_of_all_whatever_moved(
            sets in prop::collection::vec((0..5u128, prop::option::of(0..9i64), 0..9i64), 0..60),
        ) {
            let mut timers = Timers::default();
            let mut model = BTreeMap::new();
            for (profile, wake, now) in sets {
                let profile = ProfileId::from_u128(profile);
                let wake = wake.map(Timestamp::from_millis);
                let now = Timestamp::from_millis(now);
                timers.set(profile, wake, now);
                match wake {
                    Some(wake) => drop(model.insert(profile, wake)),
                    None => drop(model.remove(&profile)),
                }
                let expected = model.iter().map(|(profile, wake)| (*wake, *profile)).min();
                prop_assert_eq!(timers.first(), expected);
                // One that moved has its turn again: nobody looks for it where it was.
                if wake.is_some_and(|wake| wake > now) {
                    prop_assert!(timers.queued(profile) > Some(now));
                }
            }
        }
    }
}
