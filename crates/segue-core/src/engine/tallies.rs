//! How many profiles are in each audience, kept with every change, so that nobody has to count.
//!
//! Of members the checkpoint knows; entries and exits are of this engine's life. Profiles that
//! become one, and one that is erased, change how many members there are without anybody entering
//! or leaving.

use rustc_hash::FxHashMap;

use super::{Engine, MembershipChange};
use crate::membership::{Memberships, Status};

/// The numbers of one audience.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct AudienceTally {
    /// Profiles that are in it.
    pub members: u64,
    /// How often one entered, since the engine was made.
    pub entries: u64,
    /// How often one left.
    pub exits: u64,
}

/// The numbers of all audiences, by their ids.
#[derive(Default, Debug)]
pub(super) struct Tallies(FxHashMap<String, Kept>);

#[derive(Default, Debug)]
struct Kept {
    tally: AudienceTally,
    /// Whether the checkpoint has another number of members.
    is_dirty: bool,
}

impl Engine {
    /// The numbers of every audience that there is.
    pub fn audience_tallies(&self) -> impl Iterator<Item = (&str, AudienceTally)> {
        let audiences = self.program().audiences();
        audiences.map(|(audience, _)| (audience.id.as_str(), self.tallies.get(&audience.id)))
    }
}

impl Tallies {
    fn get(&self, audience: &str) -> AudienceTally {
        self.0.get(audience).map(|kept| kept.tally).unwrap_or_default()
    }

    /// How many members there are, for the checkpoint; none where there are none.
    pub(super) fn members(&self, audience: &str) -> Option<u64> {
        Some(self.get(audience).members).filter(|members| *members > 0)
    }

    /// What the checkpoint holds.
    pub(super) fn restore(&mut self, audience: String, members: u64) {
        self.0.entry(audience).or_default().tally.members = members;
    }

    /// The audiences whose members are more or fewer since the last call.
    pub(super) fn take_dirty(&mut self) -> impl Iterator<Item = String> {
        let dirty = self.0.iter_mut().filter(|(_, kept)| kept.is_dirty);
        dirty.map(|(audience, kept)| {
            kept.is_dirty = false;
            audience.clone()
        })
    }

    /// A profile's memberships changed; by these alone, or also by a merge,
    /// after which its members are [added](Tallies::add) again.
    pub(super) fn change(&mut self, changes: &[MembershipChange], by_these_alone: bool) {
        for MembershipChange { audience, from, to, .. } in changes {
            let (was_member, is_member) = (from.is_some_and(Status::is_member), to.is_member());
            if was_member == is_member {
                continue;
            }
            let counted = u64::from(by_these_alone);
            self.update(audience, |tally| match is_member {
                true => {
                    tally.entries += 1;
                    tally.members += counted;
                }
                false => {
                    tally.exits += 1;
                    tally.members = tally.members.saturating_sub(counted);
                }
            });
        }
    }

    /// A profile with these memberships is there.
    pub(super) fn add(&mut self, memberships: &Memberships) {
        memberships.held_ids().for_each(|audience| self.count(audience, true));
    }

    /// A profile with these memberships is gone.
    pub(super) fn remove(&mut self, memberships: &Memberships) {
        memberships.held_ids().for_each(|audience| self.count(audience, false));
    }

    fn count(&mut self, audience: &str, is_there: bool) {
        self.update(audience, |tally| {
            tally.members = match is_there {
                true => tally.members + 1,
                false => tally.members.saturating_sub(1),
            };
        });
    }

    fn update(&mut self, audience: &str, update: impl FnOnce(&mut AudienceTally)) {
        let kept = match self.0.get_mut(audience) {
            Some(kept) => kept,
            None => self.0.entry(audience.to_owned()).or_default(),
        };
        update(&mut kept.tally);
        kept.is_dirty = true;
    }
}
