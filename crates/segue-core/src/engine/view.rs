//! A profile as readers see it, and the part of the identity graph that it is.

use std::collections::BTreeMap;

use segue_xdm::{Identity, Timestamp};
use serde_json::{Value, json};

use super::Engine;
use crate::identity::{Group, Link};
use crate::ids::ProfileId;
use crate::membership::Membership;

/// A profile as it is at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct ProfileView {
    /// Its id.
    pub id: ProfileId,
    /// Its identities, sorted.
    pub identities: Vec<Identity>,
    /// Its attributes, an object.
    pub attributes: Value,
    /// Its memberships by audience id, with those that it left in the last 30 days.
    pub memberships: BTreeMap<String, Membership>,
    /// How many events are known of it, without those that left the log long ago.
    pub event_count: u64,
    /// When a membership may change with no further input.
    pub next_wake: Option<Timestamp>,
    /// Whether it follows every definition. If not, a [`Job`](super::Job) has yet to come to it,
    /// and until then it is what it was.
    pub is_up_to_date: bool,
}

/// A profile's identities and the links that hold them together.
#[derive(Clone, PartialEq, Debug)]
pub struct GraphView {
    /// The profile's id.
    pub profile: ProfileId,
    /// Its identities, sorted, each with when it was last seen in an input that is the profile's;
    /// none when there is no such input.
    pub identities: Vec<(Identity, Option<Timestamp>)>,
    /// Its links, sorted, each with when both ends were last seen together.
    pub links: Vec<(Link, Timestamp)>,
}

impl GraphView {
    /// The same as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let identities = self.identities.iter().map(|(identity, last_seen)| {
            json!({
                "namespace": identity.namespace(),
                "id": identity.id(),
                "lastSeen": last_seen.map(|at| at.to_string()),
            })
        });
        let links = self.links.iter().map(|(Link { left, right }, last_seen)| {
            json!({
                "identities": [left.to_string(), right.to_string()],
                "lastSeen": last_seen.to_string(),
            })
        });
        json!({
            "profileId": self.profile.to_string(),
            "identities": identities.collect::<Value>(),
            "links": links.collect::<Value>(),
        })
    }
}

impl Engine {
    /// The identities and links of the profile with this identity.
    #[must_use]
    pub fn graph(&self, identity: &Identity) -> Option<GraphView> {
        self.profile_of(identity).map(|profile| self.graph_of(profile))
    }

    /// The identities and links of every profile, by the order of the profiles' first identities.
    #[must_use]
    pub fn graphs(&self) -> Vec<GraphView> {
        let mut graphs: Vec<GraphView> =
            self.profiles.ids().map(|profile| self.graph_of(profile)).collect();
        graphs.sort_by(|one, other| one.identities.first().cmp(&other.identities.first()));
        graphs
    }

    fn graph_of(&self, profile: ProfileId) -> GraphView {
        let state = self.look_at(profile);
        let Group { identities, links } = self.look_at_group(profile);
        let links = links.into_iter().map(|(link, (timestamp, _))| (link, timestamp));
        let links: Vec<(Link, Timestamp)> = links.collect();
        let last_seen = |identity: &Identity| {
            let ends = |link: &Link| link.left == *identity || link.right == *identity;
            let linked = links.iter().filter(|(link, _)| ends(link)).map(|(_, at)| *at);
            let named = state.as_ref().and_then(|state| state.history.last_named(identity));
            linked.chain(named).max()
        };
        let with_time = |(one, _): (Identity, u64)| (last_seen(&one), one);
        let identities = identities.into_iter().map(with_time).map(|(at, one)| (one, at)).collect();
        GraphView { profile, identities, links }
    }
}
