//! Which identities are one, derived anew after every input: every link is replayed, and groups
//! are found by walking. Nothing is remembered but the links that are left.

use std::collections::{BTreeMap, BTreeSet};

use segue_core::{Namespace, NamespaceType};
use segue_xdm::{Identity, Timestamp};

type Stamp = (Timestamp, u64);
type Links = BTreeMap<(Identity, Identity), Stamp>;

/// Who is known, and which links are left.
pub(crate) struct Grouping {
    pub(crate) max: usize,
    pub(crate) namespaces: BTreeMap<String, Namespace>,
    known: BTreeSet<Identity>,
    links: Links,
}

/// Who is known no longer, with who stands in for those that had to leave.
#[derive(Default)]
pub(crate) struct Lost {
    pub(crate) all: BTreeSet<Identity>,
    pub(crate) heirs: BTreeMap<Identity, Identity>,
}

impl Grouping {
    pub(crate) fn new(max: usize) -> Grouping {
        let (namespaces, known, links) = (BTreeMap::new(), BTreeSet::new(), Links::new());
        Grouping { max, namespaces, known, links }
    }

    pub(crate) fn is_excluded(&self, identity: &Identity) -> bool {
        let namespace = self.namespaces.get(identity.namespace());
        namespace.is_some_and(|namespace| namespace.excludes(identity.id()))
    }

    fn is_unique(&self, identity: &Identity) -> bool {
        self.namespaces.get(identity.namespace()).is_some_and(|namespace| namespace.unique)
    }

    fn layer(&self, identity: &Identity) -> u32 {
        match self.namespaces.get(identity.namespace()).map(|one| one.namespace_type) {
            Some(NamespaceType::Device) => 1,
            Some(NamespaceType::Cookie) => 2,
            None if identity.namespace() == "ecid" => 2,
            _ => 0,
        }
    }

    fn rank(&self, identity: &Identity) -> u32 {
        let namespace = self.namespaces.get(identity.namespace());
        self.layer(identity) * 1001 + namespace.and_then(|one| one.priority).unwrap_or(1000)
    }

    /// The one that decides.
    pub(crate) fn first<'a>(
        &self,
        identities: impl IntoIterator<Item = &'a Identity>,
    ) -> Option<Identity> {
        identities.into_iter().min_by_key(|one| (self.rank(one), *one)).cloned()
    }

    /// All identities that hang together with one; empty when nothing is known of it.
    pub(crate) fn group(&self, identity: &Identity) -> BTreeSet<Identity> {
        if self.known.contains(identity) { walk(identity, &self.links) } else { BTreeSet::new() }
    }

    /// Links the identities of one input.
    pub(crate) fn see(&mut self, identities: &[Identity], stamp: Stamp) {
        self.known.extend(identities.iter().cloned());
        for left in identities {
            for right in identities.iter().filter(|right| left < *right) {
                let seen = self.links.entry((left.clone(), right.clone())).or_insert(stamp);
                *seen = (*seen).max(stamp);
            }
        }
    }

    /// Takes identities out, with their links.
    pub(crate) fn remove(&mut self, identities: &BTreeSet<Identity>) {
        self.known.retain(|one| !identities.contains(one));
        self.links
            .retain(|(one, other), _| !identities.contains(one) && !identities.contains(other));
    }

    /// Brings everything under the rules.
    pub(crate) fn hold_to_the_rules(&mut self) -> Lost {
        let excluded = self.known.iter().filter(|one| self.is_excluded(one)).cloned().collect();
        self.remove(&excluded);
        self.replay();
        let whole = self.groups();
        let mut evicted: Vec<Identity> = Vec::new();
        while let Some(full) = self.groups().into_iter().find(|group| group.len() > self.max) {
            let newest = |one: &Identity| {
                let ends = self.links.iter().filter(|((a, b), _)| a == one || b == one);
                ends.map(|(_, stamp)| *stamp).max()
            };
            let key = |one: &&Identity| (u32::MAX - self.layer(one), newest(one));
            let victim = full.iter().min_by_key(key).unwrap().clone();
            self.remove(&BTreeSet::from([victim.clone()]));
            evicted.push(victim);
        }
        let heir_of = |victim: &Identity| {
            let group = whole.iter().find(|group| group.contains(victim)).unwrap();
            self.first(group.iter().filter(|one| !evicted.contains(one))).unwrap()
        };
        let heirs = evicted.iter().map(|victim| (victim.clone(), heir_of(victim))).collect();
        Lost { all: evicted.iter().cloned().chain(excluded).collect(), heirs }
    }

    fn replay(&mut self) {
        let mut in_order: Vec<_> = std::mem::take(&mut self.links).into_iter().collect();
        in_order.sort_by_key(|((left, right), stamp)| {
            let sum = self.rank(left) + self.rank(right);
            (std::cmp::Reverse(*stamp), sum, left.clone(), right.clone())
        });
        for (link, stamp) in in_order {
            self.links.insert(link.clone(), stamp);
            let group = walk(&link.0, &self.links);
            let unique = group.iter().filter(|one| self.is_unique(one));
            let codes: Vec<&str> = unique.map(Identity::namespace).collect();
            if BTreeSet::from_iter(&codes).len() < codes.len() {
                self.links.remove(&link);
            }
        }
    }

    fn groups(&self) -> BTreeSet<BTreeSet<Identity>> {
        self.known.iter().map(|one| self.group(one)).collect()
    }
}

fn walk(identity: &Identity, links: &Links) -> BTreeSet<Identity> {
    let mut group = BTreeSet::from([identity.clone()]);
    let mut frontier = vec![identity.clone()];
    while let Some(next) = frontier.pop() {
        for (one, other) in links.keys() {
            for (near, far) in [(one, other), (other, one)] {
                if *near == next && group.insert(far.clone()) {
                    frontier.push(far.clone());
                }
            }
        }
    }
    group
}
