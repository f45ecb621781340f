//! A destination: what is sent where, about whom, and when.

use std::collections::BTreeSet;

use segue_xdm::{Path, Segment};
use serde_json::{Value, json};

use super::keys::Keys;
use crate::ids::derived_definition_id;

/// Audiences mapped to one destination (Adobe's guardrail).
pub const MAPPED_AUDIENCES_MAX: usize = 250;
/// Attributes mapped to one destination (Adobe's guardrail).
pub const MAPPED_ATTRIBUTES_MAX: usize = 50;

const KEYS: [&str; 13] = [
    "kind",
    "id",
    "type",
    "connection",
    "channel",
    "audiences",
    "attributes",
    "triggers",
    "same_value_is_change",
    "status_model",
    "backfill",
    "include_segment_names",
    "include_segment_timestamps",
];
const CONNECTION_KEYS: [&str; 7] = [
    "embedded",
    "event_hub",
    "connection_string",
    "namespace",
    "sas_key_name",
    "sas_key",
    "credential",
];
const TRIGGER_KEYS: [&str; 3] = ["membership", "attribute", "identity"];
/// The parts of a body that Segue writes itself.
const RESERVED_FIELDS: [&str; 2] = ["segmentMembership", "identityMap"];
/// Fields of `consents.marketing` that stand for no channel.
const NO_CHANNELS: [&str; 2] = ["any", "preferred"];

/// A destination's definition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination {
    /// Its opaque id.
    pub id: String,
    /// The embedded event hub that receives its activations.
    pub event_hub: String,
    /// The marketing channel that it serves, if any: whoever opted out of it is left out.
    pub channel: Option<String>,
    /// The audiences mapped to it: only these trigger.
    pub audiences: BTreeSet<String>,
    /// The profile attributes that its activations hold.
    pub attributes: BTreeSet<Path>,
    /// What makes it send.
    pub triggers: Triggers,
    /// Whether writing the value that is there already counts as a change of an attribute.
    pub same_value_is_change: bool,
    /// How statuses appear in its activations.
    pub status_model: StatusModel,
    /// Whether mapping an audience sends its current members.
    pub backfill: Backfill,
    /// Whether mapped audiences come with their names.
    pub include_segment_names: bool,
    /// Whether mapped audiences come with the times of definition and mapping.
    pub include_segment_timestamps: bool,
}

/// What makes a destination send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Triggers {
    /// The status of a mapped audience changes.
    pub membership: bool,
    /// The value of a mapped attribute changes.
    pub attribute: bool,
    /// The set of identities changes.
    pub identity: bool,
}

impl Default for Triggers {
    fn default() -> Triggers {
        Triggers { membership: true, attribute: false, identity: false }
    }
}

/// How stored statuses appear to a destination.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StatusModel {
    /// `realized`, then `existing`, then `exited`.
    ThreeState,
    /// `realized` until `exited`; qualifying again changes nothing.
    TwoState,
}

/// Whom a newly mapped audience sends at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Backfill {
    /// Its current members, once.
    Current,
    /// Nobody.
    None,
}

const STATUS_MODELS: [(&str, StatusModel); 2] =
    [("three_state", StatusModel::ThreeState), ("two_state", StatusModel::TwoState)];
const BACKFILLS: [(&str, Backfill); 2] = [("current", Backfill::Current), ("none", Backfill::None)];

/// The word that means this.
fn word<T: PartialEq>(words: &[(&'static str, T)], meaning: &T) -> &'static str {
    words.iter().find(|(_, other)| other == meaning).map_or("", |(word, _)| word)
}

impl Destination {
    pub(super) const KNOWN_KEYS: &'static [&'static str] = &KEYS;

    pub(super) fn read(keys: &mut Keys<'_>) -> Option<Destination> {
        // Everything is read before anything is missed, so that all violations come together.
        let id = keys.name("id").map(str::to_owned);
        check_type(keys);
        let event_hub = read_connection(keys);
        let channel = read_channel(keys);
        let audiences = keys.texts("audiences", MAPPED_AUDIENCES_MAX).unwrap_or_default();
        let attributes = read_attributes(keys);
        let triggers = read_triggers(keys);
        let same_value_is_change = keys.flag("same_value_is_change", false);
        let status_model = keys.choice("status_model", &STATUS_MODELS);
        let backfill = keys.choice("backfill", &BACKFILLS);
        let include_segment_names = keys.flag("include_segment_names", true);
        let include_segment_timestamps = keys.flag("include_segment_timestamps", true);
        let event_hub = event_hub?;
        Some(Destination {
            id: id.unwrap_or_else(|| derived_definition_id(&format!("destination {event_hub}"))),
            event_hub,
            channel,
            audiences: audiences.into_iter().map(str::to_owned).collect(),
            attributes,
            triggers,
            same_value_is_change,
            status_model: status_model.unwrap_or(StatusModel::ThreeState),
            backfill: backfill.unwrap_or(Backfill::Current),
            include_segment_names,
            include_segment_timestamps,
        })
    }

    pub(super) fn to_value(&self) -> Value {
        let attributes: Vec<String> = self.attributes.iter().map(Path::to_string).collect();
        let Triggers { membership, attribute, identity } = self.triggers;
        let mut value = json!({
            "kind": "Destination",
            "id": self.id,
            "type": "azure-event-hubs",
            "connection": {"embedded": true, "event_hub": self.event_hub},
            "audiences": self.audiences,
            "attributes": attributes,
            "triggers": {
                "membership": membership, "attribute": attribute, "identity": identity,
            },
            "same_value_is_change": self.same_value_is_change,
            "status_model": word(&STATUS_MODELS, &self.status_model),
            "backfill": word(&BACKFILLS, &self.backfill),
            "include_segment_names": self.include_segment_names,
            "include_segment_timestamps": self.include_segment_timestamps,
        });
        if let (Some(channel), Value::Object(keys)) = (&self.channel, &mut value) {
            keys.insert("channel".to_owned(), channel.as_str().into());
        }
        value
    }
}

/// The type must be one that this version delivers to.
fn check_type(keys: &mut Keys<'_>) {
    const TYPES: [(&str, bool); 4] =
        [("azure-event-hubs", true), ("kafka", false), ("http", false), ("kinesis", false)];
    keys.require("type", "azure-event-hubs");
    if keys.choice("type", &TYPES) == Some(false) {
        let message = "this version does not deliver to that type yet; write azure-event-hubs";
        keys.refuse("type", "not-yet", message);
    }
}

/// The embedded event hub that the connection names.
fn read_connection(keys: &mut Keys<'_>) -> Option<String> {
    const EXAMPLE: &str = "{embedded: true, event_hub: activations}";
    keys.require("connection", EXAMPLE);
    let mut connection = keys.section("connection", &CONNECTION_KEYS)?;
    for key in ["connection_string", "namespace", "sas_key_name", "sas_key", "credential"] {
        connection.not_yet(key, &format!("only the embedded hub is delivered to: {EXAMPLE}"));
    }
    if !connection.flag("embedded", false) {
        let message = format!("this version delivers to the embedded hub only; write {EXAMPLE}");
        connection.refuse("embedded", "not-yet", message);
    }
    connection.require("event_hub", "the event hub's name, such as activations");
    connection.name("event_hub").map(str::to_owned)
}

/// The channel, as consents call it.
fn read_channel(keys: &mut Keys<'_>) -> Option<String> {
    let channel = keys.name("channel")?;
    if NO_CHANNELS.contains(&channel) {
        let message = format!(
            "`{channel}` is no channel; write one such as email, push or sms, or leave it out"
        );
        keys.refuse("channel", "format", message);
    }
    Some(channel.to_owned())
}

fn read_attributes(keys: &mut Keys<'_>) -> BTreeSet<Path> {
    let attributes = keys.paths("attributes", MAPPED_ATTRIBUTES_MAX);
    if let Some(field) = attributes.iter().find_map(reserved_field) {
        let message = format!("`{field}` is always sent, by Segue itself; leave it out");
        keys.refuse("attributes", "reserved", message);
    }
    attributes
}

fn read_triggers(keys: &mut Keys<'_>) -> Triggers {
    let default = Triggers::default();
    let Some(mut triggers) = keys.section("triggers", &TRIGGER_KEYS) else {
        return default;
    };
    Triggers {
        membership: triggers.flag("membership", default.membership),
        attribute: triggers.flag("attribute", default.attribute),
        identity: triggers.flag("identity", default.identity),
    }
}

fn reserved_field(path: &Path) -> Option<&'static str> {
    let Some(Segment::Field(first)) = path.segments().first() else {
        return None;
    };
    RESERVED_FIELDS.into_iter().find(|field| field == first)
}
