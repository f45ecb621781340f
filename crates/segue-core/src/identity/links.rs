//! Links: which identities occurred together, and when last.
//!
//! ```text
//! input {crm:k, ecid:1, phone:5}          crm:k ───── ecid:1
//! links each pair of its identities           └ phone:5 ┘      all seen at the input's stamp
//! ```
//!
//! Invariants: a link that exists lies within one profile, and the identities of a profile hang
//! together by its links. What is cut is gone; only occurring together again links anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;

use segue_xdm::Identity;

use crate::profile::Stamp;

/// Two identities that occurred together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Link {
    /// The one that comes first in the alphabet.
    pub left: Identity,
    /// The other one.
    pub right: Identity,
}

impl Link {
    /// The link between two identities, in whichever order.
    #[must_use]
    pub fn new(one: Identity, other: Identity) -> Link {
        if one <= other {
            Link { left: one, right: other }
        } else {
            Link { left: other, right: one }
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -- {}", self.left, self.right)
    }
}

/// All links, from both ends, each with the stamp of the newest input that has both.
#[derive(Default, Debug)]
pub(crate) struct Links(HashMap<Identity, BTreeMap<Identity, Stamp>>);

/// What an input did to the links.
#[derive(Default)]
pub(super) struct Seen {
    /// Links that were not there before.
    pub(super) new: Vec<Link>,
    /// Links with another stamp than before, the new ones among them.
    pub(super) touched: Vec<Link>,
}

impl Links {
    /// Links each pair of these identities.
    pub(super) fn see(&mut self, identities: &[Identity], stamp: Stamp) -> Seen {
        let mut seen = Seen::default();
        for (number, one) in (1..).zip(identities) {
            for other in identities.iter().skip(number) {
                let link = Link::new(one.clone(), other.clone());
                let before = self.get(&link);
                if before.is_some_and(|before| before >= stamp) {
                    continue;
                }
                if before.is_none() {
                    seen.new.push(link.clone());
                }
                self.set(&link, stamp);
                seen.touched.push(link);
            }
        }
        seen
    }

    /// When the two were last seen together.
    pub(crate) fn get(&self, link: &Link) -> Option<Stamp> {
        self.0.get(&link.left)?.get(&link.right).copied()
    }

    /// Puts a link where it belongs.
    pub(crate) fn set(&mut self, link: &Link, stamp: Stamp) {
        let Link { left, right } = link;
        self.0.entry(left.clone()).or_default().insert(right.clone(), stamp);
        self.0.entry(right.clone()).or_default().insert(left.clone(), stamp);
    }

    pub(super) fn cut(&mut self, link: &Link) {
        self.forget_end(&link.left, &link.right);
        self.forget_end(&link.right, &link.left);
    }

    fn forget_end(&mut self, from: &Identity, to: &Identity) {
        if let Some(ends) = self.0.get_mut(from) {
            ends.remove(to);
            if ends.is_empty() {
                self.0.remove(from);
            }
        }
    }

    /// Cuts every link of an identity, and gives them.
    pub(super) fn cut_all_of(&mut self, identity: &Identity) -> Vec<Link> {
        let ends = self.0.remove(identity).unwrap_or_default();
        for end in ends.keys() {
            self.forget_end(end, identity);
        }
        ends.into_keys().map(|end| Link::new(end, identity.clone())).collect()
    }

    /// When an identity was last seen with another one.
    pub(super) fn newest_of(&self, identity: &Identity) -> Option<Stamp> {
        self.0.get(identity)?.values().max().copied()
    }

    /// The links among these identities, each once.
    pub(super) fn among(
        &self,
        identities: &BTreeSet<Identity>,
    ) -> impl Iterator<Item = (Link, Stamp)> {
        let ends = identities.iter().filter_map(|left| Some((left, self.0.get(left)?)));
        ends.flat_map(|(left, ends)| {
            let rights = ends.iter().filter(move |(right, _)| left < *right);
            rights.map(|(right, stamp)| (Link::new(left.clone(), right.clone()), *stamp))
        })
        .filter(|(link, _)| identities.contains(&link.right))
    }

    /// These identities in the groups that hang together, by their first identities.
    pub(super) fn groups_of(&self, identities: &BTreeSet<Identity>) -> Vec<BTreeSet<Identity>> {
        let mut left = identities.clone();
        let mut groups = Vec::new();
        while let Some(first) = left.pop_first() {
            let mut group = BTreeSet::new();
            let mut frontier = vec![first];
            while let Some(next) = frontier.pop() {
                let ends = self.0.get(&next).into_iter().flat_map(BTreeMap::keys);
                frontier.extend(ends.filter_map(|end| left.take(end)));
                group.insert(next);
            }
            groups.push(group);
        }
        groups
    }
}
