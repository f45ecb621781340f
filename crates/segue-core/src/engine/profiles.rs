//! The states of all profiles: found at once by id, and gone through in the order of their ids.

use std::collections::BTreeSet;
use std::ops::Bound;

use rustc_hash::FxHashMap;

use crate::ids::ProfileId;
use crate::profile::ProfileState;

/// The states of all profiles.
#[derive(Default, Debug)]
pub(super) struct Profiles {
    states: FxHashMap<ProfileId, Box<ProfileState>>,
    order: BTreeSet<ProfileId>,
}

impl Profiles {
    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.states.is_empty()
    }

    pub(super) fn get(&self, profile: ProfileId) -> Option<&ProfileState> {
        self.states.get(&profile).map(AsRef::as_ref)
    }

    pub(super) fn get_mut(&mut self, profile: ProfileId) -> Option<&mut ProfileState> {
        self.states.get_mut(&profile).map(AsMut::as_mut)
    }

    /// The state of a profile, which is made where there is none.
    pub(super) fn get_or_insert_with(
        &mut self,
        profile: ProfileId,
        make: impl FnOnce() -> ProfileState,
    ) -> &mut ProfileState {
        self.states.entry(profile).or_insert_with(|| {
            self.order.insert(profile);
            Box::new(make())
        })
    }

    pub(super) fn insert(&mut self, profile: ProfileId, state: ProfileState) {
        self.order.insert(profile);
        self.states.insert(profile, Box::new(state));
    }

    pub(super) fn remove(&mut self, profile: ProfileId) -> Option<ProfileState> {
        self.order.remove(&profile);
        self.states.remove(&profile).map(|state| *state)
    }

    /// The ids, in order.
    pub(super) fn ids(&self) -> impl Iterator<Item = ProfileId> {
        self.order.iter().copied()
    }

    /// The profiles in the order of their ids, those that come after one, or all.
    pub(super) fn after(
        &self,
        profile: Option<ProfileId>,
    ) -> impl Iterator<Item = (ProfileId, &ProfileState)> {
        let start = profile.map_or(Bound::Unbounded, Bound::Excluded);
        let ids = self.order.range((start, Bound::Unbounded));
        ids.filter_map(|id| Some((*id, self.get(*id)?)))
    }

    /// The states, to bring into order what a checkpoint held; in no order.
    pub(super) fn states_mut(&mut self) -> impl Iterator<Item = (ProfileId, &mut ProfileState)> {
        self.states.iter_mut().map(|(id, state)| (*id, state.as_mut()))
    }
}
