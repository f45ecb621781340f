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
//! It is written as it is found, without a tree of values in between: bodies hold every membership,
//! and there is one for each message.
//!
//! Invariant: equal states give equal bytes, with the keys of every object sorted.

use std::collections::{BTreeMap, BTreeSet};

use segue_xdm::Identity;
use serde_core::ser::SerializeMap;
use serde_core::{Serialize, Serializer};
use serde_json::{Map, Value};

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
        serde_json::to_vec(&Body(self)).expect("all keys are strings, and nothing else can fail")
    }

    /// The mapped attributes that the profile has, each at its path.
    fn attributes(&self) -> Map<String, Value> {
        let mut attributes = Value::Object(Map::new());
        for path in &self.destination.attributes {
            if let Some(value) = path.get(self.state.attributes.as_value()) {
                path.set(&mut attributes, value.clone());
            }
        }
        match attributes {
            Value::Object(attributes) => attributes,
            _ => Map::new(),
        }
    }

    /// An audience that is mapped to the destination, or was until it was removed.
    fn mapped(&self, id: &str) -> Option<(&Audience, &Published, &Mapping)> {
        if let Some(retired) = self.retired
            && retired.id() == id
        {
            let mapping = retired.mappings.get(&self.destination.id)?;
            return Some((retired.audience()?, &retired.published, mapping));
        }
        let mapping = self.mappings.get(id)?;
        let (audience, published) = self.program.audience(id)?;
        Some((audience, published, mapping))
    }
}

/// The whole of it.
struct Body<'a>(&'a Contents<'a>);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Body(contents) = self;
        let attributes = contents.attributes();
        let attributes = attributes.iter().map(|(name, value)| (name.as_str(), Field::Own(value)));
        let mut fields: BTreeMap<&str, Field<'_>> = attributes.collect();
        fields.insert("identityMap", Field::Identities(contents.identities));
        fields.insert("segmentMembership", Field::Memberships(contents));
        serializer.collect_map(fields)
    }
}

/// A field of the outermost object.
enum Field<'a> {
    Own(&'a Value),
    Identities(&'a BTreeSet<Identity>),
    Memberships(&'a Contents<'a>),
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Field::Own(value) => value.serialize(serializer),
            Field::Identities(identities) => {
                let mut map: BTreeMap<&str, Vec<BTreeMap<&str, &str>>> = BTreeMap::new();
                for identity in identities {
                    let namespace = map.entry(identity.namespace()).or_default();
                    namespace.push(BTreeMap::from([("id", identity.id())]));
                }
                serializer.collect_map(map)
            }
            Field::Memberships(contents) => {
                let memberships = contents.state.memberships.iter();
                let shown = memberships.map(|(id, held)| (id, Shown { contents, id, held }));
                let shown: BTreeMap<&str, Shown<'_>> = shown.collect();
                serializer.collect_map([("ups", shown)])
            }
        }
    }
}

/// One membership.
struct Shown<'a> {
    contents: &'a Contents<'a>,
    id: &'a str,
    held: &'a Membership,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Shown { contents, id, held } = *self;
        let Destination { status_model, include_segment_names, .. } = contents.destination;
        let mapped = contents.mapped(id);
        let named = mapped.filter(|_| *include_segment_names);
        let timed = mapped.filter(|_| contents.destination.include_segment_timestamps);
        let entered = |change: &Change| change.audience == id && change.to == Status::Realized;
        let is_entry = contents.changes.iter().any(entered);
        let stored = if contents.is_excluded { Status::Exited } else { held.status };
        let qualified = held.last_qualification.to_seconds_string();
        let mut fields = serializer.serialize_map(None)?;
        if let Some((_, published, _)) = timed {
            fields.serialize_entry("createdAt", &published.created_at.as_millis())?;
        }
        fields.serialize_entry("lastQualificationTime", &qualified)?;
        if let Some((_, _, mapping)) = timed {
            fields.serialize_entry("mappingCreatedAt", &mapping.created_at.as_millis())?;
            fields.serialize_entry("mappingUpdatedAt", &mapping.updated_at.as_millis())?;
        }
        if let Some((audience, ..)) = named {
            fields.serialize_entry("name", &audience.name)?;
        }
        fields.serialize_entry("status", shown(stored, is_entry, *status_model).as_str())?;
        if let Some((_, published, _)) = timed {
            fields.serialize_entry("updatedAt", &published.updated_at.as_millis())?;
        }
        fields.end()
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
