//! The identity graph: which identities are one person.
//!
//! Identities that occur together in one input are linked; a profile is one connected group.
//!
//! ```text
//! event {ecid:1}             profile A = {ecid:1}
//! event {ecid:2, email:x}    profile B = {ecid:2, email:x}
//! event {ecid:1, email:x}    A absorbs B, whose first event is later:
//!                            A = {ecid:1, ecid:2, email:x};  B resolves to A for 30 days
//! ```
//!
//! Invariants: an identity belongs to exactly one profile; a profile has 1 to
//! [`IDENTITIES_PER_PROFILE_MAX`] identities; the survivor of a merge is the profile with the
//! older first event, by timestamp, then by arrival.

use std::collections::{BTreeMap, BTreeSet};

use segue_xdm::{Identity, Timestamp};

use crate::definition::NamespaceType;
use crate::expiring::Expiring;
use crate::ids::ProfileId;
use crate::profile::Stamp;

/// Identities of one profile, as Adobe's guardrail has it: larger groups are not persons but
/// shared devices and test data.
pub const IDENTITIES_PER_PROFILE_MAX: usize = 50;
/// How long the id of a profile that was absorbed resolves to the survivor: 30 days.
pub const MERGED_ID_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Whose an identity is, and the earliest input that named it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Owner {
    pub(crate) profile: ProfileId,
    pub(crate) first_seen: Stamp,
}

/// Which identities are one person.
#[derive(Debug)]
pub(crate) struct IdentityGraph {
    owners: BTreeMap<Identity, Owner>,
    /// The same, by profile.
    groups: BTreeMap<ProfileId, BTreeSet<Identity>>,
    /// Ids of absorbed profiles, and which profile absorbed each.
    merged: Expiring<ProfileId, ProfileId>,
}

/// What linking the identities of one input did.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Linked {
    /// Whose the input is.
    pub(crate) profile: ProfileId,
    /// The profiles that are this one from now on.
    pub(crate) absorbed: Vec<ProfileId>,
    /// Identities whose owner or first input is another one now.
    pub(crate) touched: BTreeSet<Identity>,
    /// Identities that belong to no profile any more, because this one had too many.
    pub(crate) evicted: Vec<Identity>,
    /// Whether an existing profile has other identities than before.
    pub(crate) identities_changed: bool,
}

impl IdentityGraph {
    pub(crate) fn new() -> IdentityGraph {
        IdentityGraph { owners: BTreeMap::new(), groups: BTreeMap::new(), merged: Expiring::new() }
    }

    /// The profile with this identity.
    pub(crate) fn profile_of(&self, identity: &Identity) -> Option<ProfileId> {
        self.owners.get(identity).map(|owner| owner.profile)
    }

    pub(crate) fn owner(&self, identity: &Identity) -> Option<Owner> {
        self.owners.get(identity).copied()
    }

    /// The identities of a profile; empty for an id that is not in use.
    pub(crate) fn identities(&self, profile: ProfileId) -> &BTreeSet<Identity> {
        static NOBODY: BTreeSet<Identity> = BTreeSet::new();
        self.groups.get(&profile).unwrap_or(&NOBODY)
    }

    /// The profile that an id stands for at `now`: itself, or the one that absorbed it.
    pub(crate) fn resolve(&self, id: ProfileId, now: Timestamp) -> ProfileId {
        let mut id = id;
        while let Some((until, survivor)) = self.merged.get(id)
            && until > now
        {
            id = *survivor;
        }
        id
    }

    /// Links the identities of the input with this stamp, which came in at `now`.
    pub(crate) fn link(
        &mut self,
        identities: &[Identity],
        stamp: Stamp,
        now: Timestamp,
        namespace_type: impl Fn(&str) -> Option<NamespaceType>,
    ) -> Linked {
        let found: BTreeSet<ProfileId> =
            identities.iter().filter_map(|identity| self.profile_of(identity)).collect();
        let eldest = found.iter().copied().min_by_key(|profile| self.first_seen(*profile));
        let profile = eldest.unwrap_or_else(|| ProfileId::created_by(stamp.1));
        let before = self.identities(profile).clone();
        let absorbed: Vec<ProfileId> = found.into_iter().filter(|id| *id != profile).collect();
        let mut touched = BTreeSet::new();
        for id in &absorbed {
            self.move_group(*id, profile, &mut touched);
            self.merged.insert(*id, now.plus_millis(MERGED_ID_KEPT_MS), profile);
        }
        for identity in identities {
            let seen = self.owners.get(identity).map_or(stamp, |owner| owner.first_seen);
            let owner = Owner { profile, first_seen: seen.min(stamp) };
            if self.owners.get(identity) != Some(&owner) {
                self.own(identity.clone(), owner);
                touched.insert(identity.clone());
            }
        }
        let evicted = self.evict(profile, namespace_type);
        touched.extend(evicted.iter().cloned());
        let identities_changed = !before.is_empty() && *self.identities(profile) != before;
        Linked { profile, absorbed, touched, evicted, identities_changed }
    }

    /// Puts an identity where it belongs.
    pub(crate) fn own(&mut self, identity: Identity, owner: Owner) {
        self.groups.entry(owner.profile).or_default().insert(identity.clone());
        self.owners.insert(identity, owner);
    }

    /// The earliest input of a profile: each of its inputs names one of its identities.
    fn first_seen(&self, profile: ProfileId) -> Option<Stamp> {
        let owners = self.identities(profile).iter().filter_map(|identity| self.owner(identity));
        owners.map(|owner| owner.first_seen).min()
    }

    fn move_group(&mut self, from: ProfileId, to: ProfileId, touched: &mut BTreeSet<Identity>) {
        for identity in self.groups.remove(&from).unwrap_or_default() {
            if let Some(owner) = self.owner(&identity) {
                self.own(identity.clone(), Owner { profile: to, ..owner });
            }
            touched.insert(identity);
        }
    }

    /// Takes identities from a profile that has too many: by type, then the oldest.
    fn evict(
        &mut self,
        profile: ProfileId,
        namespace_type: impl Fn(&str) -> Option<NamespaceType>,
    ) -> Vec<Identity> {
        let group = self.identities(profile);
        let excess = group.len().saturating_sub(IDENTITIES_PER_PROFILE_MAX);
        if excess == 0 {
            return Vec::new();
        }
        let mut ranked: Vec<(NamespaceType, Option<Stamp>, Identity)> = group
            .iter()
            .map(|identity| {
                let code = identity.namespace();
                let rank = namespace_type(code).unwrap_or_else(|| well_known_type(code));
                let seen = self.owner(identity).map(|owner| owner.first_seen);
                (rank, seen, identity.clone())
            })
            .collect();
        ranked.sort();
        let evicted: Vec<Identity> =
            ranked.into_iter().take(excess).map(|(_, _, identity)| identity).collect();
        for identity in &evicted {
            self.disown(identity);
        }
        evicted
    }

    fn disown(&mut self, identity: &Identity) {
        if let Some(owner) = self.owners.remove(identity)
            && let Some(group) = self.groups.get_mut(&owner.profile)
        {
            group.remove(identity);
        }
    }

    /// Forgets a profile; gives its identities, and the absorbed ids that stood for it.
    pub(crate) fn forget(&mut self, profile: ProfileId) -> (BTreeSet<Identity>, Vec<ProfileId>) {
        let identities = self.groups.remove(&profile).unwrap_or_default();
        for identity in &identities {
            self.owners.remove(identity);
        }
        let stands_for = |id: &ProfileId| self.resolve(*id, Timestamp::MIN) == profile;
        let merged: Vec<ProfileId> = self.merged.keys().filter(stands_for).collect();
        for id in &merged {
            self.merged.remove(*id);
        }
        (identities, merged)
    }

    /// Ends what resolved long enough; gives the ids that no longer resolve.
    pub(crate) fn expire(&mut self, now: Timestamp) -> Vec<ProfileId> {
        self.merged.expire(now)
    }

    /// Until when an absorbed id resolves, and to what.
    pub(crate) fn merged_into(&self, id: ProfileId) -> Option<(Timestamp, ProfileId)> {
        self.merged.get(id).map(|(until, survivor)| (until, *survivor))
    }

    /// Puts back that an id resolves.
    pub(crate) fn set_merged_into(&mut self, id: ProfileId, until: Timestamp, to: ProfileId) {
        self.merged.insert(id, until, to);
    }
}

/// The type of a namespace that nobody defined: the standard ones, and a person for the rest, so
/// that what is unknown is kept longest.
fn well_known_type(code: &str) -> NamespaceType {
    match code {
        "ecid" => NamespaceType::Cookie,
        "idfa" | "gaid" => NamespaceType::Device,
        "phone" => NamespaceType::Phone,
        _ => NamespaceType::Person,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(graph: &mut IdentityGraph, millis: i64, position: u64, ids: &[&str]) -> Linked {
        let identities: Vec<Identity> = ids.iter().map(|id| id.parse().unwrap()).collect();
        let at = Timestamp::from_millis(millis);
        graph.link(&identities, (at, position), at, |_| None)
    }

    #[test]
    fn what_occurs_together_is_one_profile() {
        let mut graph = IdentityGraph::new();
        let first = link(&mut graph, 10, 1, &["ecid:1"]);
        assert!(!first.identities_changed, "a profile that begins has not changed");
        let second = link(&mut graph, 5, 2, &["ecid:2", "email:x"]);
        let joined = link(&mut graph, 20, 3, &["ecid:1", "email:x"]);
        assert_eq!(joined.profile, second.profile, "its first event is the older one");
        assert_eq!(joined.absorbed, [first.profile]);
        assert!(joined.identities_changed);
        assert_eq!(graph.identities(second.profile).len(), 3);
        assert!(graph.identities(first.profile).is_empty());
    }

    #[test]
    fn an_absorbed_id_resolves_for_its_time_along_several_merges() {
        let mut graph = IdentityGraph::new();
        let a = link(&mut graph, 1, 1, &["n:a"]).profile;
        let b = link(&mut graph, 2, 2, &["n:b"]).profile;
        let c = link(&mut graph, 3, 3, &["n:c"]).profile;
        link(&mut graph, 4, 4, &["n:b", "n:c"]);
        link(&mut graph, 5, 5, &["n:a", "n:b"]);
        let at = |millis| Timestamp::from_millis(millis);
        assert_eq!(graph.resolve(c, at(6)), a);
        assert_eq!(graph.resolve(b, at(4 + MERGED_ID_KEPT_MS)), a);
        assert_eq!(graph.resolve(c, at(4 + MERGED_ID_KEPT_MS)), c);
        let (identities, merged) = graph.forget(a);
        assert_eq!(identities.len(), 3);
        assert_eq!(BTreeSet::from_iter(merged), BTreeSet::from([b, c]));
    }

    #[test]
    fn the_oldest_cookie_leaves_a_profile_that_has_too_many() {
        let mut graph = IdentityGraph::new();
        link(&mut graph, 0, 0, &["email:x"]);
        for n in 1..IDENTITIES_PER_PROFILE_MAX {
            link(&mut graph, 100, n as u64, &["email:x", &format!("ecid:{n:02}")]);
        }
        assert!(graph.profile_of(&"ecid:01".parse().unwrap()).is_some());
        let linked = link(&mut graph, 50, 99, &["email:x", "phone:1"]);
        assert_eq!(linked.evicted, ["ecid:01".parse().unwrap()]);
        assert_eq!(graph.identities(linked.profile).len(), IDENTITIES_PER_PROFILE_MAX);
        assert_eq!(graph.profile_of(&"ecid:01".parse().unwrap()), None);
    }
}
