//! Erasing: a profile leaves the state, and whoever keeps the logs is told how to find the rest.

use std::collections::BTreeSet;

use segue_xdm::Identity;

use super::entry::Entry;
use super::linking::Joined;
use super::{Engine, Outcome};
use crate::identity::Forgotten;
use crate::ids::ProfileId;
use crate::process::What;

/// Who was erased: all that tells her inputs and messages from those of others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Erased {
    /// The identity by which she was named.
    pub named: Identity,
    /// All her identities, that one too.
    pub identities: BTreeSet<Identity>,
    /// The id of her profile and those that resolved to it; none when nobody had the identity.
    pub profiles: BTreeSet<ProfileId>,
    /// The log positions of the events and records that she was known by.
    pub inputs: Vec<u64>,
}

impl Engine {
    /// Whether the input at this log position, which names these identities, is one that a profile
    /// is known by.
    #[must_use]
    pub fn is_known_by(&self, identities: &[Identity], position: u64) -> bool {
        let owners = identities.iter().filter_map(|identity| self.profile_of(identity));
        let mut states = owners.filter_map(|owner| self.look_at(owner));
        states.any(|state| state.history.has(position))
    }

    /// Has the profile with this identity exit every audience.
    pub(super) fn exit(&mut self, identity: &Identity) {
        self.bring_in_named([identity]);
        if let Some(profile) = self.graph.profile_of(identity) {
            self.advance(profile, Joined::default(), What::Exit);
        }
    }

    /// Erases everything of the profile with this identity.
    pub(super) fn forget(&mut self, identity: Identity, outcome: &mut Outcome) {
        let mut erased = Erased {
            identities: BTreeSet::from([identity.clone()]),
            named: identity,
            profiles: BTreeSet::new(),
            inputs: Vec::new(),
        };
        self.bring_in_named([&erased.named]);
        if let Some(profile) = self.graph.profile_of(&erased.named) {
            let Forgotten { identities, merged } = self.graph.forget(profile);
            self.dirty.extend(identities.iter().cloned().map(Entry::Identity));
            self.dirty.extend(merged.iter().copied().map(Entry::Merged));
            let state = self.take_out(profile);
            outcome.profile = Some(profile);
            erased.identities.extend(identities);
            erased.profiles = [profile].into_iter().chain(merged).collect();
            erased.inputs = state.map_or(Vec::new(), |state| state.history.arrivals());
        }
        outcome.erased = Some(erased);
    }
}
