//! Regrouping: what became of the profiles that an input touched, and which ids they have.
//!
//! Each profile lays claim, with its id, to the new group that holds its deciding identity:
//!
//! ```text
//! before                     groups now       claimed by    is now
//! A {crm:k, ecid:1}          {crm:k}          A             A
//! B {crm:n}                  {crm:n, ecid:1}  B             B         a link moved
//!
//! A {ecid:1}  B {email:x}    {ecid:1,email:x} A, B          the one with the older first input
//! A {crm:k, ecid:1}          {crm:k}          A             A
//!                            {crm:n, ecid:1}  nobody        a fresh id
//! ```

use std::collections::{BTreeMap, BTreeSet};

use segue_xdm::{Identity, Timestamp};

use super::links::Link;
use super::rules::Rules;
use crate::ids::ProfileId;
use crate::profile::Stamp;

/// When and where profiles are regrouped.
pub(crate) struct Moment<'a> {
    pub(crate) now: Timestamp,
    /// The log position of the input at hand.
    pub(crate) position: u64,
    /// The stamp of a profile's first input; none when it has none.
    pub(crate) first_input: &'a dyn Fn(ProfileId) -> Option<Stamp>,
}

/// What changed in the graph.
#[derive(Default, Debug)]
pub(crate) struct Regrouping {
    /// Whose the input at hand is, if it is an event or a record.
    pub(crate) owner: Option<ProfileId>,
    /// Links that were not there before; some of them may be cut again.
    pub(crate) linked: Vec<Link>,
    /// Links that a newer one contradicts.
    pub(crate) cut: Vec<Link>,
    /// What each profile concerned is now: itself, or the profile that absorbed it; none when
    /// all its identities are excluded.
    pub(crate) became: BTreeMap<ProfileId, Option<ProfileId>>,
    /// Profiles that were not there before.
    pub(crate) created: BTreeSet<ProfileId>,
    /// Profiles that were there, and have other identities than before.
    pub(crate) changed: BTreeSet<ProfileId>,
    /// Identities that belong to nobody any more because a profile had too many, and who stands
    /// in for each.
    pub(crate) evicted: BTreeMap<Identity, Identity>,
    /// Whether inputs may belong to another profile than what became of theirs.
    pub(crate) scattered: bool,
    /// Identities that may have another owner than before.
    pub(crate) touched: BTreeSet<Identity>,
    /// Links that may be others than before.
    pub(crate) touched_links: BTreeSet<Link>,
}

impl Regrouping {
    /// Gives each group the id of a profile that there was `before`, or a fresh one.
    pub(super) fn name(
        &mut self,
        groups: Vec<BTreeSet<Identity>>,
        before: &BTreeMap<ProfileId, BTreeSet<Identity>>,
        rules: &Rules,
        moment: &Moment<'_>,
    ) -> Vec<(ProfileId, BTreeSet<Identity>)> {
        let mut claims: Vec<(ProfileId, &Identity)> = Vec::new();
        for (id, identities) in before {
            let stand_in = |identity| self.evicted.get(identity).unwrap_or(identity);
            let first = rules.first_of(identities.iter().filter(|one| !rules.is_excluded(one)));
            claims.extend(first.map(|first| (*id, stand_in(first))));
            self.became.insert(*id, None);
        }
        let mut named = Vec::new();
        for group in groups {
            let claimants = claims.iter().filter(|(_, claimed)| group.contains(*claimed));
            let claimants: Vec<ProfileId> = claimants.map(|(id, _)| *id).collect();
            let age = |id: &&ProfileId| {
                let first = (moment.first_input)(**id);
                (first.is_none(), first, **id)
            };
            let eldest = claimants.iter().min_by_key(age).copied();
            let id = eldest.unwrap_or_else(|| {
                let id = ProfileId::created_by(moment.position, self.created.len() as u64);
                self.created.insert(id);
                id
            });
            if before.get(&id).is_some_and(|before| *before != group) {
                self.changed.insert(id);
            }
            self.became.extend(claimants.into_iter().map(|claimant| (claimant, Some(id))));
            named.push((id, group));
        }
        named
    }

    /// Profiles that others absorbed, with these others.
    pub(crate) fn absorbed(&self) -> impl Iterator<Item = (ProfileId, ProfileId)> {
        let became = self.became.iter().filter_map(|(id, became)| Some((*id, (*became)?)));
        became.filter(|(id, became)| id != became)
    }
}
