//! The body of an activation: the object that Adobe's destination sends, keys sorted.
//!
//! ```text
//! {
//!   <mapped attributes at their path>,
//!   "identityMap": {<namespace code>: [{"id": …}, …], …},
//!   "segmentMembership": {"ups": {<audience id>: {
//!     "lastQualificationTime": "2024-11-21T07:33:52Z", "status": "realized",
//!     mapped audiences, as configured:
//!     "name": …, "createdAt", "updatedAt", "mappingCreatedAt", "mappingUpdatedAt": epoch ms
//!   }, …}}
//! }
//! ```
//!
//! Invariant: equal states give equal bytes. Objects are `serde_json` maps, which are sorted.

use std::collections::{BTreeMap, BTreeSet};

use segue_xdm::Identity;
use serde_json::{Map, Value, json};

use crate::definition::{Audience, Destination, StatusModel};
use crate::membership::{Change, Membership, Status};
use crate::profile::ProfileState;
use crate::program::{Mapping, Program, Published, Retired};

/// What a body is made of.
pub(crate) struct Contents<'a> {
    pub(crate) program: &'a Program,
    pub(crate) destination: &'a Destination,
    pub(crate) mappings: &'a BTreeMap<String, Mapping>,
    pub(crate) state: &'a ProfileState,
    pub(crate) identities: &'a BTreeSet<Identity>,
    /// What changed for the destination: an audience shows `realized` only where it was just
    /// entered.
    pub(crate) changes: &'a [Change],
    /// The removed audience that the profile left just now.
    pub(crate) retired: Option<&'a Retired>,
    /// Whether the profile opted out of what the destination sends: it has left every audience.
    pub(crate) is_excluded: bool,
}

impl Contents<'_> {
    /// The body's bytes: compact UTF-8 JSON.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut body = Value::Object(Map::new());
        for path in &self.destination.attributes {
            if let Some(value) = path.get(self.state.attributes.as_value()) {
                path.set(&mut body, value.clone());
            }
        }
        if let Value::Object(fields) = &mut body {
            fields.insert("identityMap".to_owned(), identity_map(self.identities));
            let memberships = json!({"ups": self.memberships()});
            fields.insert("segmentMembership".to_owned(), memberships);
        }
        body.to_string().into_bytes()
    }

    fn memberships(&self) -> Map<String, Value> {
        let memberships = self.state.memberships.iter();
        memberships.map(|(id, held)| (id.to_owned(), self.membership(id, held))).collect()
    }

    fn membership(&self, id: &str, membership: &Membership) -> Value {
        let entered = |change: &Change| change.audience == id && change.to == Status::Realized;
        let is_entry = self.changes.iter().any(entered);
        let mut fields = Map::new();
        let mut put = |key: &str, value: Value| drop(fields.insert(key.to_owned(), value));
        let held = if self.is_excluded { Status::Exited } else { membership.status };
        let status = shown(held, is_entry, self.destination.status_model);
        put("status", status.as_str().into());
        put("lastQualificationTime", membership.last_qualification.to_seconds_string().into());
        if let Some((audience, published, mapping)) = self.mapped(id) {
            if self.destination.include_segment_names {
                put("name", audience.name.as_str().into());
            }
            if self.destination.include_segment_timestamps {
                put("createdAt", published.created_at.as_millis().into());
                put("updatedAt", published.updated_at.as_millis().into());
                put("mappingCreatedAt", mapping.created_at.as_millis().into());
                put("mappingUpdatedAt", mapping.updated_at.as_millis().into());
            }
        }
        Value::Object(fields)
    }

    /// An audience that is mapped to the destination, or was until it was removed.
    fn mapped(&self, id: &str) -> Option<(&Audience, &Published, &Mapping)> {
        if let Some(retired) = self.retired
            && retired.id() == id
        {
            let mapping = retired.mappings.get(&self.destination.id)?;
            return Some((retired.audience()?, &retired.published, mapping));
        }
        let (audience, published) = self.program.audience(id)?;
        Some((audience, published, self.mappings.get(id)?))
    }
}

/// The status that a body shows for a stored one.
fn shown(stored: Status, is_entry: bool, model: StatusModel) -> Status {
    match (stored, model) {
        (Status::Exited, _) => Status::Exited,
        (_, StatusModel::TwoState) => Status::Realized,
        (_, StatusModel::ThreeState) if is_entry => Status::Realized,
        (_, StatusModel::ThreeState) => Status::Existing,
    }
}

/// The identities by namespace, keys and ids sorted.
fn identity_map(identities: &BTreeSet<Identity>) -> Value {
    let mut map: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for identity in identities {
        map.entry(identity.namespace()).or_default().push(json!({"id": identity.id()}));
    }
    json!(map)
}
