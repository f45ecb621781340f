//! An activation as an AMQP message.
//!
//! ```text
//!  message annotations      x-opt-partition-key: profile id
//!  properties               message-id: activation id, content-type: application/json
//!  application properties   segue-activation-id, segue-profile-id, segue-reason, segue-changes,
//!                           segue-cause, segue-definition-version, traceparent: all strings
//!  data                     the body
//! ```
//!
//! The bytes depend on the activation alone, so a replay makes the same ones again. A message is
//! recognised as an activation by its `segue-activation-id`.

use segue_amqp::codec::{Map, Value};
use segue_amqp::message::{Body, Message, PARTITION_KEY, Properties, Sections};
use segue_core::{Activation, ActivationId, ProfileId};

const ACTIVATION_ID: &str = "segue-activation-id";
const PROFILE_ID: &str = "segue-profile-id";

/// The complete encoded message of an activation.
#[must_use]
pub fn encode(activation: &Activation) -> Vec<u8> {
    message(activation).encode()
}

/// The message of an activation that could not go where it should, as a dead letter.
pub(crate) fn encode_dead_letter(activation: &Activation, event_hub: &str, error: &str) -> Vec<u8> {
    let mut letter = message(activation);
    letter.application_properties.push(Value::from("segue-dead-letter-hub"), event_hub);
    letter.application_properties.push(Value::from("segue-dead-letter-error"), error);
    letter.encode()
}

fn message(activation: &Activation) -> Message {
    let application_properties = application_properties(activation)
        .into_iter()
        .fold(Map::new(), |properties, (name, value)| properties.with_string(name, value));
    Message {
        message_annotations: Map::new().with_symbol(PARTITION_KEY, activation.profile.to_string()),
        properties: Properties {
            message_id: Value::String(activation.id.to_string()),
            content_type: Some("application/json".to_owned()),
            ..Properties::default()
        },
        application_properties,
        body: Body::Data(activation.body.clone().into()),
    }
}

/// What stands beside the body of an activation, by name.
#[must_use]
pub fn application_properties(activation: &Activation) -> [(&'static str, String); 7] {
    [
        (ACTIVATION_ID, activation.id.to_string()),
        (PROFILE_ID, activation.profile.to_string()),
        ("segue-reason", activation.reasons_text()),
        ("segue-changes", activation.changes_json()),
        ("segue-cause", activation.cause.clone()),
        ("segue-definition-version", activation.definition_version.to_string()),
        ("traceparent", activation.trace_context().to_string()),
    ]
}

/// The id of the activation in a stored message; `None` for a message of somebody else.
#[must_use]
pub fn activation_id(stored: &[u8]) -> Option<ActivationId> {
    property(stored, ACTIVATION_ID)?.parse().ok()
}

/// The profile that a stored message is about.
pub(crate) fn profile_id(stored: &[u8]) -> Option<ProfileId> {
    property(stored, PROFILE_ID)?.parse().ok()
}

/// An application property of a stored message, found without reading the rest of it.
fn property<'a>(stored: &'a [u8], name: &str) -> Option<&'a str> {
    Sections::slice(stored).ok()?.application_property(name).ok()?
}
