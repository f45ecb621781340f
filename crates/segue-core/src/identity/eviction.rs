//! Eviction: who leaves a group that has too many identities.
//!
//! The farthest from a person leave first (the layers of [`Rules`]), among them the one that was
//! last seen with others the longest ago. Its links go with it, so that a group may fall apart:
//!
//! ```text
//! crm:a ┐                                   crm:a
//! crm:b ┼─ ecid:kiosk    ecid:kiosk leaves  crm:b     51 persons are 51 profiles again
//!  …    ┘                                    …
//! ```
//!
//! What only an evicted identity was named in stays with its heir: of those who stayed, the one
//! that decides.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use segue_xdm::Identity;

use super::links::{Link, Links};
use super::rules::Rules;

/// Groups of which none is too large, and who had to leave for that.
#[derive(Default)]
pub(super) struct Shrunk {
    pub(super) groups: Vec<BTreeSet<Identity>>,
    /// Everyone who left, with their heirs.
    pub(super) heirs: BTreeMap<Identity, Identity>,
    /// Their links.
    pub(super) cut: Vec<Link>,
}

/// Makes groups of at most `max` identities out of groups.
pub(super) fn shrink(
    groups: Vec<BTreeSet<Identity>>,
    links: &mut Links,
    rules: &Rules,
    max: usize,
) -> Shrunk {
    let mut shrunk = Shrunk::default();
    for group in groups {
        let mut evicted = Vec::new();
        let mut small: Vec<BTreeSet<Identity>> = Vec::new();
        let mut open = vec![group];
        while let Some(mut group) = open.pop() {
            if group.len() <= max {
                small.push(group);
                continue;
            }
            let Some(victim) = first_to_leave(&group, links, rules) else { break };
            group.remove(&victim);
            shrunk.cut.extend(links.cut_all_of(&victim));
            evicted.push(victim);
            open.extend(links.groups_of(&group));
        }
        if let Some(heir) = rules.first_of(small.iter().flatten()) {
            shrunk.heirs.extend(evicted.into_iter().map(|identity| (identity, heir.clone())));
        }
        shrunk.groups.extend(small);
    }
    shrunk
}

fn first_to_leave(group: &BTreeSet<Identity>, links: &Links, rules: &Rules) -> Option<Identity> {
    // The first of several in the alphabet is the first minimum.
    let key = |identity: &&Identity| (Reverse(rules.layer(identity)), links.newest_of(identity));
    group.iter().min_by_key(key).cloned()
}
