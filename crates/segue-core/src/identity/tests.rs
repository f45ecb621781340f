//! The graph by itself: who is one, who is cut off, who leaves.

use std::collections::{BTreeMap, BTreeSet};

use segue_xdm::{Identity, Timestamp};

use super::*;
use crate::definition::Definition;
use crate::ids::ProfileId;
use crate::profile::Stamp;

/// A graph, and the first input of each profile as an engine would know it.
struct World {
    graph: IdentityGraph,
    first: BTreeMap<ProfileId, Stamp>,
}

fn id(text: &str) -> Identity {
    text.parse().unwrap()
}

fn rules(namespaces: &[serde_json::Value]) -> Rules {
    let namespaces: Vec<_> = namespaces
        .iter()
        .map(|fields| {
            let mut value = serde_json::json!({"kind": "Namespace", "type": "person"});
            for (key, field) in fields.as_object().unwrap() {
                value[key] = field.clone();
            }
            match Definition::from_value(value).unwrap() {
                Definition::Namespace(namespace) => namespace,
                other => panic!("{other:?}"),
            }
        })
        .collect();
    Rules::new(namespaces.iter())
}

impl World {
    fn new(namespaces: &[serde_json::Value]) -> World {
        let mut graph = IdentityGraph::new(IDENTITIES_PER_PROFILE_MAX);
        graph.set_rules(rules(namespaces));
        World { graph, first: BTreeMap::new() }
    }

    /// Links, and gives whose the input is.
    fn link(&mut self, millis: i64, position: u64, ids: &[&str]) -> (ProfileId, Regrouping) {
        let mut identities: Vec<Identity> = ids.iter().map(|text| id(text)).collect();
        identities.sort();
        let now = Timestamp::from_millis(millis);
        let first = |id| self.first.get(&id).copied();
        let moment = Moment { now, position, first_input: &first };
        let regrouping = self.graph.link(&identities, (now, position), &moment);
        let profile = regrouping.owner.unwrap();
        let seen = self.first.entry(profile).or_insert((now, position));
        *seen = (*seen).min((now, position));
        (profile, regrouping)
    }

    fn group(&self, identity: &str) -> String {
        let Some(profile) = self.graph.profile_of(&id(identity)) else {
            return "nobody".to_owned();
        };
        let names: Vec<String> =
            self.graph.identities(profile).iter().map(ToString::to_string).collect();
        names.join(" ")
    }
}

#[test]
fn what_occurs_together_is_one_profile() {
    let mut world = World::new(&[]);
    let (first, regrouping) = world.link(10, 1, &["ecid:1"]);
    assert!(regrouping.changed.is_empty(), "a profile that begins has not changed");
    let (second, _) = world.link(5, 2, &["ecid:2", "email:x"]);
    let (joined, regrouping) = world.link(20, 3, &["ecid:1", "email:x"]);
    assert_eq!(joined, second, "its first event is the older one");
    assert_eq!(regrouping.absorbed().collect::<Vec<_>>(), [(first, second)]);
    assert_eq!(regrouping.changed, BTreeSet::from([second]));
    assert_eq!(world.group("ecid:1"), "ecid:1 ecid:2 email:x");
    assert!(world.graph.identities(first).is_empty());
}

#[test]
fn an_absorbed_id_resolves_for_its_time_along_several_merges() {
    let mut world = World::new(&[]);
    let (a, _) = world.link(1, 1, &["n:a"]);
    let (b, _) = world.link(2, 2, &["n:b"]);
    let (c, _) = world.link(3, 3, &["n:c"]);
    world.link(4, 4, &["n:b", "n:c"]);
    world.link(5, 5, &["n:a", "n:b"]);
    let at = Timestamp::from_millis;
    assert_eq!(world.graph.resolve(c, at(6)), a);
    assert_eq!(world.graph.resolve(b, at(4 + MERGED_ID_KEPT_MS)), a);
    assert_eq!(world.graph.resolve(c, at(4 + MERGED_ID_KEPT_MS)), c);
    let forgotten = world.graph.forget(a);
    assert_eq!(forgotten.identities.len(), 3);
    assert_eq!(BTreeSet::from_iter(forgotten.merged), BTreeSet::from([b, c]));
}

#[test]
fn a_device_goes_to_the_last_person() {
    let mut world = World::new(&[serde_json::json!({"code": "crm", "unique": true})]);
    let (anonymous, _) = world.link(1, 1, &["ecid:1"]);
    let (kevin, _) = world.link(2, 2, &["ecid:1", "crm:kevin"]);
    assert_eq!(kevin, anonymous);
    let (nora, regrouping) = world.link(3, 3, &["ecid:1", "crm:nora"]);
    assert_eq!(regrouping.cut, [Link::new(id("crm:kevin"), id("ecid:1"))]);
    assert_eq!(regrouping.created, BTreeSet::from([nora]));
    assert_eq!(regrouping.changed, BTreeSet::from([kevin]));
    assert_eq!(world.graph.profile_of(&id("crm:kevin")), Some(kevin), "his id stays");
    // Kevin comes back: the device moves, and both keep their ids.
    assert_eq!(world.link(4, 4, &["ecid:1", "crm:kevin"]).0, kevin);
    assert_eq!(world.graph.profile_of(&id("crm:nora")), Some(nora));
    assert_eq!(world.group("ecid:1"), "crm:kevin ecid:1");
}

#[test]
fn a_late_link_loses_against_a_newer_one() {
    let mut world = World::new(&[serde_json::json!({"code": "crm", "unique": true})]);
    world.link(3, 1, &["ecid:1", "crm:nora"]);
    let (kevin, regrouping) = world.link(2, 2, &["ecid:1", "crm:kevin"]);
    assert_eq!(regrouping.linked, regrouping.cut);
    assert_eq!(world.group("ecid:1"), "crm:nora ecid:1");
    assert_eq!(world.graph.profile_of(&id("crm:kevin")), Some(kevin));
}

#[test]
fn a_person_keeps_what_a_device_would_take_along() {
    let mut world = World::new(&[
        serde_json::json!({"code": "crm", "unique": true, "priority": 1}),
        serde_json::json!({"code": "phone", "type": "phone", "priority": 2}),
    ]);
    world.link(1, 1, &["crm:kevin", "ecid:1", "phone:5"]);
    world.link(2, 2, &["crm:nora", "ecid:1"]);
    assert_eq!(world.group("crm:kevin"), "crm:kevin phone:5");
    assert_eq!(world.group("ecid:1"), "crm:nora ecid:1");
}

#[test]
fn two_persons_in_one_input_are_two() {
    let mut world = World::new(&[serde_json::json!({"code": "crm", "unique": true})]);
    let (profile, regrouping) = world.link(1, 1, &["crm:a", "crm:b", "ecid:1"]);
    assert_eq!(regrouping.created.len(), 2);
    assert_eq!(world.group("crm:a"), "crm:a ecid:1");
    assert_eq!(world.group("crm:b"), "crm:b");
    assert_eq!(world.graph.profile_of(&id("crm:a")), Some(profile));
}

#[test]
fn the_cookie_that_was_seen_the_longest_ago_leaves_a_profile_that_has_too_many() {
    let mut world = World::new(&[]);
    world.link(0, 0, &["email:x"]);
    for n in 1..IDENTITIES_PER_PROFILE_MAX {
        world.link(100 + n as i64, n as u64, &["email:x", &format!("ecid:{n:02}")]);
    }
    world.link(900, 90, &["email:x", "ecid:01"]);
    let (profile, regrouping) = world.link(50, 99, &["email:x", "phone:1"]);
    assert_eq!(regrouping.evicted, BTreeMap::from([(id("ecid:02"), id("email:x"))]));
    assert_eq!(world.graph.identities(profile).len(), IDENTITIES_PER_PROFILE_MAX);
    assert_eq!(world.group("ecid:02"), "nobody");
}

#[test]
fn a_group_falls_apart_without_what_held_it_together() {
    let mut world = World::new(&[]);
    for n in 0..IDENTITIES_PER_PROFILE_MAX {
        world.link(n as i64, n as u64, &["ecid:kiosk", &format!("crm:{n:02}")]);
    }
    assert_eq!(world.group("crm:00"), "crm:00");
    assert_eq!(world.group("ecid:kiosk"), "nobody");
    assert_eq!(world.group("crm:49"), "crm:49");
}
