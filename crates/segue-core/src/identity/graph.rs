//! The identity graph: whose each identity is.
//!
//! Invariants: an identity belongs to one profile at most; a profile has 1 to
//! [`IDENTITIES_PER_PROFILE_MAX`] identities, at most one of each unique namespace and none that
//! is excluded; they hang together by links.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rustc_hash::FxHashMap;
use segue_xdm::{Identity, Timestamp};

use super::eviction::{Shrunk, shrink};
use super::group::Group;
use super::links::{Link, Links, Seen};
use super::regrouping::{Moment, Regrouping};
use super::replay::replay;
use super::rules::Rules;
use crate::expiring::Expiring;
use crate::ids::ProfileId;
use crate::profile::Stamp;

/// Identities of one profile, as Adobe's guardrail has it: larger groups are not persons but
/// shared devices and test data.
pub const IDENTITIES_PER_PROFILE_MAX: usize = 50;
/// How long the id of a profile that was absorbed resolves to the survivor: 30 days.
pub const MERGED_ID_KEPT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// Whose an identity is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Owner {
    profile: ProfileId,
    /// The log position from which on it belongs to somebody. One that was evicted and comes back
    /// is a new one: what it was named in before is not its any more.
    since: u64,
}

/// Whose each identity is.
#[derive(Debug)]
pub(crate) struct IdentityGraph {
    rules: Rules,
    identities_max: usize,
    links: Links,
    owners: HashMap<Identity, Owner>,
    /// The same, by profile.
    groups: FxHashMap<ProfileId, BTreeSet<Identity>>,
    /// Ids of absorbed profiles, and which profile absorbed each.
    merged: Expiring<ProfileId, ProfileId>,
}

impl IdentityGraph {
    /// A graph of profiles with at most so many identities.
    pub(crate) fn new(identities_max: usize) -> IdentityGraph {
        IdentityGraph {
            rules: Rules::default(),
            identities_max,
            links: Links::default(),
            owners: HashMap::new(),
            groups: FxHashMap::default(),
            merged: Expiring::new(),
        }
    }

    /// A graph of nobody, under the same rules.
    pub(crate) fn emptied(&self) -> IdentityGraph {
        let mut emptied = IdentityGraph::new(self.identities_max);
        emptied.set_rules(self.rules.clone());
        emptied
    }

    /// What a profile is in the graph.
    pub(crate) fn group(&self, profile: ProfileId) -> Group {
        let identities = self.identities(profile).iter();
        let since = |one: &Identity| self.owner(one).map_or(0, |owner| owner.since);
        Group {
            identities: identities.map(|one| (one.clone(), since(one))).collect(),
            links: self.links_of(profile).collect(),
        }
    }

    /// Puts a profile into the graph.
    pub(crate) fn set_group(&mut self, profile: ProfileId, group: Group) {
        for (identity, since) in group.identities {
            self.own(identity, Owner { profile, since });
        }
        for (link, seen) in &group.links {
            self.links.set(link, *seen);
        }
    }

    /// Takes a profile out of the graph; gives its identities.
    pub(crate) fn take_group(&mut self, profile: ProfileId) -> BTreeSet<Identity> {
        let identities = self.groups.remove(&profile).unwrap_or_default();
        for identity in &identities {
            self.owners.remove(identity);
            self.links.cut_all_of(identity);
        }
        identities
    }

    /// Sets other rules; they hold for a profile when it is regrouped next.
    pub(crate) fn set_rules(&mut self, rules: Rules) {
        self.rules = rules;
    }

    /// The profile with this identity.
    pub(crate) fn profile_of(&self, identity: &Identity) -> Option<ProfileId> {
        self.owner(identity).map(|owner| owner.profile)
    }

    fn owner(&self, identity: &Identity) -> Option<Owner> {
        self.owners.get(identity).copied()
    }

    /// The profile that the input at this log position belongs to, by whom it named; none when
    /// all of them have been evicted since, and it stays where it is.
    pub(crate) fn profile_of_input(&self, names: &[Identity], position: u64) -> Option<ProfileId> {
        let counts = |name: &&Identity| self.owner(name).is_some_and(|it| it.since <= position);
        self.profile_of(self.rules.first_of(names.iter().filter(counts))?)
    }

    /// Whether one of them identifies nobody.
    pub(crate) fn excludes_any(&self, identities: &[Identity]) -> bool {
        identities.iter().any(|identity| self.rules.is_excluded(identity))
    }

    /// Parts those that identify nobody from those that do.
    pub(crate) fn part_excluded<C: Default + Extend<Identity>>(
        &self,
        identities: impl IntoIterator<Item = Identity>,
    ) -> (C, C) {
        identities.into_iter().partition(|identity| self.rules.is_excluded(identity))
    }

    /// The identities of a profile; empty for an id that is not in use.
    pub(crate) fn identities(&self, profile: ProfileId) -> &BTreeSet<Identity> {
        static NOBODY: BTreeSet<Identity> = BTreeSet::new();
        self.groups.get(&profile).unwrap_or(&NOBODY)
    }

    /// The links of a profile, each with when it was last seen.
    pub(crate) fn links_of(&self, profile: ProfileId) -> impl Iterator<Item = (Link, Stamp)> {
        self.links.among(self.identities(profile))
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

    /// Links the identities of an input, none of which is excluded.
    pub(crate) fn link(
        &mut self,
        identities: &[Identity],
        stamp: Stamp,
        moment: &Moment<'_>,
    ) -> Regrouping {
        let Seen { new, touched } = self.links.see(identities, stamp);
        let mut regrouping = Regrouping {
            linked: new,
            touched_links: touched.into_iter().collect(),
            ..Regrouping::default()
        };
        let mut owners = identities.iter().map(|identity| self.profile_of(identity));
        let first = owners.next().flatten();
        let is_news = first.is_none() || owners.any(|owner| owner != first);
        if is_news {
            let found: BTreeSet<ProfileId> =
                identities.iter().filter_map(|identity| self.profile_of(identity)).collect();
            let groups = found.iter().flat_map(|profile| self.identities(*profile));
            let members = groups.chain(identities).cloned().collect();
            self.regroup(&found, members, moment, &mut regrouping);
        }
        if !is_news {
            regrouping.owner = first;
            return regrouping;
        }
        let heir = || regrouping.evicted.get(self.rules.first_of(identities)?);
        let of_heir = || self.profile_of(heir()?);
        regrouping.owner = self.profile_of_input(identities, stamp.1).or_else(of_heir);
        regrouping
    }

    /// Holds every profile to the rules, which are other ones now.
    pub(crate) fn regroup_all(&mut self, moment: &Moment<'_>) -> Regrouping {
        let mut regrouping = Regrouping { scattered: true, ..Regrouping::default() };
        let mut profiles: Vec<ProfileId> = self.groups.keys().copied().collect();
        profiles.sort_unstable();
        for profile in profiles {
            let (out, stay): (BTreeSet<Identity>, BTreeSet<Identity>) =
                self.part_excluded(self.identities(profile).clone());
            for identity in &out {
                regrouping.touched_links.extend(self.links.cut_all_of(identity));
            }
            self.regroup(&BTreeSet::from([profile]), stay, moment, &mut regrouping);
        }
        regrouping
    }

    /// Makes profiles that keep the rules out of the profiles `found` and what they have, with
    /// what is new, as `members`.
    fn regroup(
        &mut self,
        found: &BTreeSet<ProfileId>,
        members: BTreeSet<Identity>,
        moment: &Moment<'_>,
        regrouping: &mut Regrouping,
    ) {
        if !self.rules.allow(&members) {
            let cut = replay(&members, &self.links, &self.rules);
            cut.iter().for_each(|link| self.links.cut(link));
            regrouping.touched_links.extend(cut.iter().cloned());
            regrouping.cut.extend(cut);
        }
        let groups = self.links.groups_of(&members);
        let Shrunk { mut groups, heirs, cut } =
            shrink(groups, &mut self.links, &self.rules, self.identities_max);
        regrouping.touched_links.extend(cut);
        regrouping.scattered |= groups.len() > 1 || !heirs.is_empty();
        regrouping.evicted.extend(heirs);
        // The order in which fresh ids are given out.
        groups.sort_by_cached_key(|group| {
            self.rules.first_of(group).map(|first| (self.rules.rank(first), first.clone()))
        });
        self.settle(found, members, groups, moment, regrouping);
    }

    /// Gives each group its id, in place of the profiles `found`.
    fn settle(
        &mut self,
        found: &BTreeSet<ProfileId>,
        members: BTreeSet<Identity>,
        groups: Vec<BTreeSet<Identity>>,
        moment: &Moment<'_>,
        regrouping: &mut Regrouping,
    ) {
        let before: BTreeMap<ProfileId, BTreeSet<Identity>> =
            found.iter().filter_map(|id| Some((*id, self.groups.remove(id)?))).collect();
        let concerned: BTreeSet<&Identity> = before.values().flatten().chain(&members).collect();
        let owners_before: BTreeMap<&Identity, Option<Owner>> =
            concerned.into_iter().map(|one| (one, self.owners.remove(one))).collect();
        for (profile, group) in regrouping.name(groups, &before, &self.rules, moment) {
            for identity in group {
                let owner = owners_before.get(&identity).copied().flatten();
                let since = owner.map_or(moment.position, |owner| owner.since);
                self.own(identity, Owner { profile, since });
            }
        }
        for (identity, owner) in owners_before {
            if self.owner(identity) != owner {
                regrouping.touched.insert(identity.clone());
            }
        }
        for (absorbed, survivor) in regrouping.absorbed() {
            self.merged.insert(absorbed, moment.now.plus_millis(MERGED_ID_KEPT_MS), survivor);
        }
    }

    /// Puts an identity where it belongs.
    fn own(&mut self, identity: Identity, owner: Owner) {
        self.groups.entry(owner.profile).or_default().insert(identity.clone());
        self.owners.insert(identity, owner);
    }

    /// Forgets a profile; gives its identities, and the absorbed ids that stood for it.
    pub(crate) fn forget(&mut self, profile: ProfileId) -> Forgotten {
        let identities = self.take_group(profile);
        let stands_for = |id: &ProfileId| self.resolve(*id, Timestamp::MIN) == profile;
        let merged: Vec<ProfileId> = self.merged.keys().filter(stands_for).collect();
        for id in &merged {
            self.merged.remove(*id);
        }
        Forgotten { identities, merged }
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

/// What was known of a profile that is forgotten.
pub(crate) struct Forgotten {
    pub(crate) identities: BTreeSet<Identity>,
    pub(crate) merged: Vec<ProfileId>,
}
