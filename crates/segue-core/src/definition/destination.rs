//! A destination: what is sent where, about whom, and when.

use std::collections::BTreeSet;

use segue_xdm::{Path, Segment};
use serde_json::{Value, json};

use super::connection::Connection;
use super::keys::{Keys, word};
use crate::ids::derived_definition_id;

/// Audiences mapped to one destination (Adobe's guardrail).
pub const MAPPED_AUDIENCES_MAX: usize = 250;
/// Attributes mapped to one destination (Adobe's guardrail).
pub const MAPPED_ATTRIBUTES_MAX: usize = 50;
/// Fields of a body that one destination may select: the mapped attributes and as many others.
pub const SELECTED_FIELDS_MAX: usize = 100;
/// Characters of a message template.
pub const TEMPLATE_CHARS_MAX: usize = 16_384;

const KEYS: [&str; 16] = [
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
    "fields",
    "template",
    // What the API shows beside the definition, so that what it showed can be sent back.
    "delivery",
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
    /// Where it is and how it is reached.
    pub connection: Connection,
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
    /// The fields of the body that are sent; all of them when empty.
    pub fields: BTreeSet<Path>,
    /// The template of its messages, where they are not the activations as they are.
    pub template: Option<String>,
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

impl Destination {
    pub(super) const KNOWN_KEYS: &'static [&'static str] = &KEYS;

    pub(super) fn read(keys: &mut Keys<'_>) -> Option<Destination> {
        // Everything is read before anything is missed, so that all violations come together.
        let id = keys.name("id").map(str::to_owned);
        let connection = Connection::read(keys);
        let channel = read_channel(keys);
        let audiences = keys.texts("audiences", MAPPED_AUDIENCES_MAX).unwrap_or_default();
        let attributes = read_attributes(keys);
        let triggers = read_triggers(keys);
        let same_value_is_change = keys.flag("same_value_is_change", false);
        let status_model = keys.choice("status_model", &STATUS_MODELS);
        let backfill = keys.choice("backfill", &BACKFILLS);
        let include_segment_names = keys.flag("include_segment_names", true);
        let include_segment_timestamps = keys.flag("include_segment_timestamps", true);
        let fields = keys.paths("fields", SELECTED_FIELDS_MAX);
        let template = read_template(keys);
        let connection = connection?;
        if let Connection::EmbeddedHub { .. } = connection {
            let message = "the embedded hub holds the activations as they are; leave it out";
            keys.misplaced(&["fields", "template"], message);
        }
        Some(Destination {
            id: id.unwrap_or_else(|| derived_id(&connection)),
            connection,
            channel,
            audiences: audiences.into_iter().map(str::to_owned).collect(),
            attributes,
            triggers,
            same_value_is_change,
            status_model: status_model.unwrap_or(StatusModel::ThreeState),
            backfill: backfill.unwrap_or(Backfill::Current),
            include_segment_names,
            include_segment_timestamps,
            fields,
            template,
        })
    }

    pub(super) fn to_value(&self) -> Value {
        let attributes: Vec<String> = self.attributes.iter().map(Path::to_string).collect();
        let Triggers { membership, attribute, identity } = self.triggers;
        let mut value = json!({
            "kind": "Destination",
            "id": self.id,
            "type": self.connection.type_name(),
            "connection": self.connection.to_value(),
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
        if let Value::Object(keys) = &mut value {
            let mut put = |key: &str, value: Value| drop(keys.insert(key.to_owned(), value));
            if let Some(channel) = &self.channel {
                put("channel", channel.as_str().into());
            }
            if !self.fields.is_empty() {
                put("fields", self.fields.iter().map(Path::to_string).collect());
            }
            if let Some(template) = &self.template {
                put("template", template.as_str().into());
            }
        }
        value
    }
}

/// The id of a destination that its definition gives none.
fn derived_id(connection: &Connection) -> String {
    derived_definition_id(&match connection {
        Connection::EmbeddedHub { event_hub } => format!("destination {event_hub}"),
        other => format!("destination {} {}", other.type_name(), other.to_value()),
    })
}

/// The template; whether it can be read is for whoever fills it in to say.
fn read_template(keys: &mut Keys<'_>) -> Option<String> {
    let template = keys.text("template")?;
    let chars = template.chars().count();
    if chars > TEMPLATE_CHARS_MAX {
        let message = format!("found {chars} characters; write at most {TEMPLATE_CHARS_MAX}");
        keys.refuse("template", "limit", message);
    }
    Some(template.to_owned())
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
