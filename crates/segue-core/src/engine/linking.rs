//! Linking: finds out whose an input is, and has every profile follow that its links concern.
//!
//! ```text
//! input ─▶ excluded? ─▶ graph ─▶ inputs move to the profiles that they belong to now
//!                                  │
//!                                  └▶ those that lost or gained, by id:  exits, entries
//!                                     then the input's own:              as always
//! ```
//!
//! All of it has the input for its cause, and takes effect at once.

use std::collections::BTreeMap;

use segue_xdm::Identity;
use serde_json::Value;

use super::batch::Given;
use super::dirty::Part;
use super::entry::Entry;
use super::{Engine, Outcome};
use crate::archive::Events;
use crate::identity::{IdentityGraph, Moment, Regrouping, Rules};
use crate::ids::ProfileId;
use crate::process::{Absorbed, What};
use crate::profile::{Known, Slot, Stamp};

/// What came to a profile, or left it, by a regrouping.
#[derive(Default)]
pub(super) struct Joined {
    pub(super) identities_changed: bool,
    /// The profiles that are this one from now on.
    pub(super) absorbed: Vec<Absorbed>,
    /// The attributes before, when inputs came or left.
    pub(super) attributes_before: Option<Value>,
}

impl Joined {
    /// Whether nothing came from another profile, or left for one.
    fn is_alone(&self) -> bool {
        self.absorbed.is_empty() && self.attributes_before.is_none()
    }
}

impl Engine {
    /// Links the identities that an input names, and leaves those out of the list that identify
    /// nobody; gives what that changed, none when nobody is left.
    pub(super) fn link(
        &mut self,
        identities: &mut Vec<Identity>,
        stamp: Stamp,
        outcome: &mut Outcome,
    ) -> Option<Regrouping> {
        if self.graph.excludes_any(identities) {
            (outcome.excluded, *identities) = self.graph.part_excluded(std::mem::take(identities));
        }
        if identities.is_empty() {
            return None;
        }
        self.bring_in_named(&*identities);
        self.settle_around(identities);
        self.catch_up_named(identities);
        let regrouping =
            self.regroup(stamp.1, |graph, moment| graph.link(identities, stamp, moment));
        outcome.add_links(&regrouping);
        Some(regrouping)
    }

    /// Applies an input to the profile that it belongs to, after all others that its links concern;
    /// where it concerns nobody else, once the profile is settled.
    pub(super) fn take(&mut self, regrouping: &Regrouping, given: Given, outcome: &mut Outcome) {
        let Some(profile) = regrouping.owner else {
            return;
        };
        outcome.profile = Some(profile);
        let mut joined = self.follow(regrouping);
        let own = joined.remove(&profile).unwrap_or_default();
        for (other, joined) in joined {
            self.advance(other, joined, What::Regrouped(given.what().cause()));
        }
        if own.is_alone() && !self.backlog.is_running() {
            self.begin(profile);
            self.batch.wait(profile, own.identities_changed, given);
        } else {
            self.advance(profile, own, given.what());
        }
    }

    /// Holds every profile to the namespaces as they are defined now.
    pub(super) fn follow_namespaces(&mut self, outcome: &mut Outcome) {
        self.graph.set_rules(Rules::new(self.program.namespaces()));
        self.bring_in_all();
        let position = self.applied.unwrap_or_default();
        let regrouping = self.regroup(position, IdentityGraph::regroup_all);
        outcome.add_links(&regrouping);
        self.catch_up_regrouped(&regrouping);
        for (profile, joined) in self.follow(&regrouping) {
            self.advance(profile, joined, What::Regrouped("definition"));
        }
    }

    fn regroup(
        &mut self,
        position: u64,
        regroup: impl FnOnce(&mut IdentityGraph, &Moment<'_>) -> Regrouping,
    ) -> Regrouping {
        let profiles = &self.profiles;
        let first_input = |id| profiles.get(id).and_then(|state| state.history.first());
        let moment = Moment { now: self.now, position, first_input: &first_input };
        let regrouping = regroup(&mut self.graph, &moment);
        self.dirty.extend(regrouping.touched.iter().cloned().map(Entry::Identity));
        let ends = regrouping.touched_links.iter().flat_map(|link| [&link.left, &link.right]);
        let owners = ends.chain(&regrouping.touched).filter_map(|one| self.graph.profile_of(one));
        let changed = owners.chain(regrouping.became.keys().copied());
        self.dirty.extend(changed.map(Entry::Group));
        self.dirty.extend(regrouping.absorbed().map(|(absorbed, _)| Entry::Merged(absorbed)));
        regrouping
    }

    /// Moves states and inputs to where they belong; gives what came to each profile.
    fn follow(&mut self, regrouping: &Regrouping) -> BTreeMap<ProfileId, Joined> {
        let mut joined: BTreeMap<ProfileId, Joined> = BTreeMap::new();
        for profile in &regrouping.changed {
            joined.entry(*profile).or_default().identities_changed = true;
        }
        for profile in &regrouping.created {
            joined.entry(*profile).or_default();
        }
        for (profile, became) in &regrouping.became {
            if regrouping.scattered {
                self.scatter(*profile, became.unwrap_or(*profile), &mut joined);
            }
        }
        let gone = regrouping.became.iter().filter(|(profile, became)| Some(**profile) != **became);
        for (profile, became) in gone {
            let attributes_before = joined.remove(profile).and_then(|own| own.attributes_before);
            let state = self.take_out(*profile);
            if let (Some(state), Some(survivor)) = (state, became) {
                let absorbed = Absorbed { state, attributes_before };
                joined.entry(*survivor).or_default().absorbed.push(absorbed);
            }
        }
        joined
    }

    /// Moves the inputs of a profile that do not belong to what it became.
    fn scatter(
        &mut self,
        profile: ProfileId,
        became: ProfileId,
        joined: &mut BTreeMap<ProfileId, Joined>,
    ) {
        let events = Events::new(&*self.archive, self.horizon.from());
        let Some(state) = self.profiles.get_mut(profile) else {
            return;
        };
        let graph = &self.graph;
        let owner_of =
            |names: &[Identity], arrival| graph.profile_of_input(names, arrival).unwrap_or(became);
        let mut moving: BTreeMap<ProfileId, Vec<Known>> = BTreeMap::new();
        for (owner, known) in state.history.take_foreign(became, events, owner_of) {
            self.dirty.insert(Entry::Profile(profile, known.slot()));
            moving.entry(owner).or_default().push(known);
        }
        if moving.is_empty() {
            return;
        }
        for (owner, inputs) in moving.into_iter().chain([(profile, Vec::new())]) {
            let before = self.receive(owner, inputs);
            joined.entry(owner).or_default().attributes_before.get_or_insert(before);
        }
    }

    /// Takes in inputs that moved; gives the attributes before.
    fn receive(&mut self, profile: ProfileId, inputs: Vec<Known>) -> Value {
        // It may be one that neither the input names nor anybody had to bring in.
        self.encode_before(profile);
        self.begin(profile);
        let slots = inputs.iter().map(Known::slot).chain([Slot::Attributes]);
        self.dirty.touch(profile, slots.map(Part::Slot));
        let Some(state) = self.profiles.get_mut(profile) else { return Value::Null };
        for known in inputs {
            state.history.insert(known);
        }
        let before = state.attributes.as_value().clone();
        state.remake_attributes(self.program.precedence());
        before
    }
}
