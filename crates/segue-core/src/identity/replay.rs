//! Replay: which links have to go so that unique namespaces are unique, newest links first.
//!
//! ```text
//! crm is unique           newest first                 groups
//! 10:00  crm:k  ecid:1    11:00  crm:n  ecid:1         {crm:n ecid:1}
//! 11:00  crm:n  ecid:1    10:00  crm:k  ecid:1  cut:   {crm:k}
//!                                it would bring crm:k and crm:n together
//! ```
//!
//! Among links of one moment the later input's come first; among links of one input those with
//! the smaller sum of priorities, so that a person keeps what a device would take along; then
//! the alphabet decides.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use segue_xdm::Identity;

use super::links::{Link, Links};
use super::rules::Rules;

/// The links among these identities that have to be cut.
pub(super) fn replay(identities: &BTreeSet<Identity>, links: &Links, rules: &Rules) -> Vec<Link> {
    let mut in_order: Vec<(Link, _)> = links
        .among(identities)
        .map(|(link, stamp)| {
            let sum = rules.rank(&link.left) + rules.rank(&link.right);
            (link, (Reverse(stamp), sum))
        })
        .collect();
    in_order.sort_by(|(one, key), (other, other_key)| (key, one).cmp(&(other_key, other)));
    let mut groups = Groups::new(identities, rules);
    let links = in_order.into_iter().map(|(link, _)| link);
    links.filter(|link| !groups.join(link)).collect()
}

/// Groups under construction: at first each identity is one.
struct Groups<'a> {
    /// The number of the group that an identity is in.
    number_of: BTreeMap<&'a Identity, usize>,
    groups: BTreeMap<usize, Group<'a>>,
}

#[derive(Default)]
struct Group<'a> {
    members: Vec<&'a Identity>,
    /// The unique namespaces that occur.
    unique: BTreeSet<&'a str>,
}

impl<'a> Groups<'a> {
    fn new(identities: &'a BTreeSet<Identity>, rules: &Rules) -> Groups<'a> {
        let number_of = identities.iter().zip(0..).collect();
        let group = |identity: &'a Identity| {
            let unique = rules.is_unique(identity).then(|| identity.namespace());
            Group { members: vec![identity], unique: unique.into_iter().collect() }
        };
        Groups { number_of, groups: (0..).zip(identities.iter().map(group)).collect() }
    }

    /// Joins the groups at both ends of a link, unless a unique namespace would occur twice.
    fn join(&mut self, link: &Link) -> bool {
        let number_of = |identity| self.number_of.get(identity).copied().unwrap_or_default();
        let (left, right) = (number_of(&link.left), number_of(&link.right));
        if left == right {
            return true;
        }
        let mut joining = self.groups.remove(&right).unwrap_or_default();
        let group = self.groups.entry(left).or_default();
        if !group.unique.is_disjoint(&joining.unique) {
            self.groups.insert(right, joining);
            return false;
        }
        for identity in &joining.members {
            self.number_of.insert(identity, left);
        }
        group.members.append(&mut joining.members);
        group.unique.append(&mut joining.unique);
        true
    }
}
