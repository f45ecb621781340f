//! The profiles: the ids of all of them, and the states of those that are in memory.
//!
//! ```text
//! all          a   b   c   d   e   f       ids, in order
//! in memory        b       d   e           found at once by id
//! the turn     d ─ b ─ e                   who is looked at next when room is needed
//! ```
//!
//! One that was used since its last turn stays for another one.

use std::collections::{BTreeSet, VecDeque};
use std::ops::Bound;

use rustc_hash::FxHashMap;

use crate::ids::ProfileId;
use crate::profile::ProfileState;

/// All profiles.
#[derive(Default, Debug)]
pub(super) struct Profiles {
    held: FxHashMap<ProfileId, Box<Held>>,
    order: BTreeSet<ProfileId>,
    turn: VecDeque<ProfileId>,
    /// The weights of those in memory together.
    weight: usize,
}

/// A profile in memory.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) state: ProfileState,
    /// About how many bytes it takes, when it was last weighed.
    weight: usize,
    /// Whether it was used since its last turn.
    is_used: bool,
}

impl Profiles {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn contains(&self, profile: ProfileId) -> bool {
        self.order.contains(&profile)
    }

    /// How many are in memory.
    pub(super) fn held_count(&self) -> usize {
        self.held.len()
    }

    /// About how many bytes those in memory take together.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Whether all of them are in memory.
    pub(super) fn are_all_held(&self) -> bool {
        self.held.len() == self.order.len()
    }

    /// Whether there is a profile that is not in memory.
    pub(super) fn is_elsewhere(&self, profile: ProfileId) -> bool {
        !self.held.contains_key(&profile) && self.order.contains(&profile)
    }

    /// Whether a profile is in memory; if so, it was used.
    pub(super) fn is_held(&mut self, profile: ProfileId) -> bool {
        let held = self.held.get_mut(&profile);
        held.map(|held| held.is_used = true).is_some()
    }

    /// The state of a profile that is in memory.
    pub(super) fn get(&self, profile: ProfileId) -> Option<&ProfileState> {
        self.held.get(&profile).map(|held| &held.state)
    }

    /// The state of a profile that is in memory.
    pub(super) fn get_mut(&mut self, profile: ProfileId) -> Option<&mut ProfileState> {
        self.held.get_mut(&profile).map(|held| &mut held.state)
    }

    /// There is a profile, which is not in memory.
    pub(super) fn note(&mut self, profile: ProfileId) {
        self.order.insert(profile);
    }

    /// Takes a state into memory.
    pub(super) fn insert(&mut self, profile: ProfileId, state: ProfileState) {
        let weight = state.weight();
        self.weight += weight;
        self.order.insert(profile);
        self.turn.push_back(profile);
        self.held.insert(profile, Box::new(Held { state, weight, is_used: true }));
    }

    /// Removes a profile that is in memory.
    pub(super) fn remove(&mut self, profile: ProfileId) -> Option<ProfileState> {
        let state = self.let_go(profile)?;
        self.order.remove(&profile);
        Some(state)
    }

    /// Lends a profile that is in memory; until it is [given back](Profiles::give_back) it is not
    /// found there.
    pub(super) fn lend(&mut self, profile: ProfileId) -> Option<Box<Held>> {
        self.held.remove(&profile)
    }

    /// Takes a profile back that was lent.
    pub(super) fn give_back(&mut self, profile: ProfileId, held: Box<Held>) {
        self.held.insert(profile, held);
    }

    /// Weighs a profile anew, after something happened to it.
    pub(super) fn weigh(&mut self, profile: ProfileId) {
        if let Some(held) = self.held.get_mut(&profile) {
            let before = std::mem::replace(&mut held.weight, held.state.weight());
            self.weight = self.weight - before + held.weight;
        }
    }

    /// Takes a profile out of memory. It is still there.
    pub(super) fn let_go(&mut self, profile: ProfileId) -> Option<ProfileState> {
        let held = self.held.remove(&profile)?;
        self.weight -= held.weight;
        Some(held.state)
    }

    /// Whose turn it is, if it was not used since the last one. It has no further turn until it is
    /// [kept](Profiles::keep).
    pub(super) fn take_turn(&mut self) -> Option<ProfileId> {
        let profile = self.turn.pop_front()?;
        let held = self.held.get_mut(&profile)?;
        if std::mem::take(&mut held.is_used) {
            self.turn.push_back(profile);
            return None;
        }
        Some(profile)
    }

    /// Gives a profile a further turn.
    pub(super) fn keep(&mut self, profile: ProfileId) {
        self.turn.push_back(profile);
    }

    /// The ids, in order.
    pub(super) fn ids(&self) -> impl Iterator<Item = ProfileId> {
        self.order.iter().copied()
    }

    /// The ids that come after one, or all, in order.
    pub(super) fn after(&self, profile: Option<ProfileId>) -> impl Iterator<Item = ProfileId> {
        let start = profile.map_or(Bound::Unbounded, Bound::Excluded);
        self.order.range((start, Bound::Unbounded)).copied()
    }
}
