//! A profile as readers see it.

use std::collections::BTreeMap;

use segue_xdm::{Identity, Timestamp};
use serde_json::{Map, Value, json};

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
    /// How many events are known of it.
    pub event_count: u64,
    /// When a membership may change with no further input.
    pub next_wake: Option<Timestamp>,
}

impl ProfileView {
    /// The identities by namespace: `{"ecid": ["1"]}`.
    #[must_use]
    pub fn identities_value(&self) -> Value {
        let mut namespaces: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for identity in &self.identities {
            namespaces
                .entry(identity.namespace())
                .or_default()
                .push(identity.id());
        }
        json!(namespaces)
    }

    /// The profile as an object, for APIs:
    /// `{id, identities, attributes, memberships: {<audience>: {status, lastQualificationTime,
    /// exitedAt?, version}}, eventCount, nextWake?}`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let memberships: Map<String, Value> = self
            .memberships
            .iter()
            .map(|(audience, membership)| (audience.clone(), membership_value(membership)))
            .collect();
        let mut profile = json!({
            "id": self.id.to_string(),
            "identities": self.identities_value(),
            "attributes": self.attributes,
            "memberships": memberships,
            "eventCount": self.event_count,
        });
        if let (Some(fields), Some(wake)) = (profile.as_object_mut(), self.next_wake) {
            fields.insert("nextWake".to_owned(), wake.to_string().into());
        }
        profile
    }
}

fn membership_value(membership: &Membership) -> Value {
    let mut value = json!({
        "status": membership.status.as_str(),
        "lastQualificationTime": membership.last_qualification.to_string(),
        "version": membership.version,
    });
    if let (Some(fields), Some(exited_at)) = (value.as_object_mut(), membership.exited_at) {
        fields.insert("exitedAt".to_owned(), exited_at.to_string().into());
    }
    value
}
