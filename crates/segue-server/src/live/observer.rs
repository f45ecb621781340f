//! The events of runtime and delivery as entries of the feed.

use segue_core::{Activation, Input, MembershipChange, Status};
use segue_delivery::{DeliveryEvent, DeliveryObserver};
use segue_runtime::{LiveEvent, Observer};
use segue_xdm::Identity;
use serde_json::{Map, Value, json};

use super::{LiveFeed, LiveKind};
use crate::jobs;

impl Observer for LiveFeed {
    fn is_watching(&self) -> bool {
        self.is_of_use()
    }

    fn observe(&self, event: &LiveEvent<'_>) {
        match event {
            LiveEvent::Input { position, at, input, duplicate, profile } => {
                let Some(mut data) = input_to_fields(input) else {
                    return;
                };
                data.insert("position".to_owned(), json!(position));
                data.insert("at".to_owned(), json!(at.to_string()));
                data.insert("duplicate".to_owned(), json!(duplicate));
                let profile = profile.map(|profile| profile.to_string());
                data.insert("profile".to_owned(), json!(profile));
                self.publish(LiveKind::Input, &Value::Object(data));
            }
            LiveEvent::Change(change) => self.publish(LiveKind::Change, &change_to_value(change)),
            LiveEvent::Activation(activation) => {
                self.publish(LiveKind::Activation, &activation_to_value(activation));
            }
            LiveEvent::Progress { running, last } => {
                let data = json!({"running": running, "last": jobs::to_value(last)});
                self.publish(LiveKind::Progress, &data);
            }
        }
    }
}

impl DeliveryObserver for LiveFeed {
    fn observe(&self, event: &DeliveryEvent<'_>) {
        let DeliveryEvent { destination, activation, profile, error } = event;
        let data = json!({
            "destination": destination,
            "activation": activation.map(|id| id.to_string()),
            "profile": profile.map(|id| id.to_string()),
            "taken": error.is_none(),
            "error": error,
        });
        self.publish(LiveKind::Delivery, &data);
    }
}

/// What a reader wants to know of an input. A tick of the clock, or a slice of a job, is nothing
/// to look at: what it changes appears as changes.
fn input_to_fields(input: &Input) -> Option<Map<String, Value>> {
    let fields = match input {
        Input::Event(event) => {
            let body = event.body.to_value();
            json!({
                "kind": "event",
                "id": event.id,
                "timestamp": event.timestamp.to_string(),
                "eventType": body.get("eventType"),
                "page": body.pointer("/web/webPageDetails/name"),
                "identities": names(&event.identities),
            })
        }
        Input::Record(record) => json!({
            "kind": "record",
            "identities": names(&record.identities),
        }),
        Input::Define(definition) => json!({
            "kind": "define",
            "definition": {"kind": definition.kind().as_str(), "id": definition.id()},
        }),
        Input::Remove(kind, id) => json!({
            "kind": "remove",
            "definition": {"kind": kind.as_str(), "id": id},
        }),
        Input::Forget(identity) | Input::Exit(identity) => {
            json!({"kind": "forget", "identities": [identity.to_string()]})
        }
        Input::Tick | Input::Advance(_) => return None,
    };
    match fields {
        Value::Object(fields) => Some(fields),
        _ => None,
    }
}

fn names(identities: &[Identity]) -> Vec<String> {
    identities.iter().map(ToString::to_string).collect()
}

/// A change of status as answers show it.
pub(crate) fn change_to_value(change: &MembershipChange) -> Value {
    json!({
        "profile": change.profile.to_string(),
        "audience": change.audience,
        "from": change.from.map(Status::as_str),
        "to": change.to.as_str(),
        "at": change.at.to_string(),
        "cause": change.cause,
    })
}

fn activation_to_value(activation: &Activation) -> Value {
    let changes = activation.changes.iter().map(|change| {
        json!({
            "audience": change.audience,
            "from": change.from.map(Status::as_str),
            "to": change.to.as_str(),
        })
    });
    let reasons: Vec<String> = activation.reasons.iter().map(ToString::to_string).collect();
    json!({
        "id": activation.id.to_string(),
        "destination": activation.destination,
        "profile": activation.profile.to_string(),
        "at": activation.at.to_string(),
        "reasons": reasons,
        "changes": changes.collect::<Vec<_>>(),
        "cause": activation.cause,
        "body": serde_json::from_slice::<Value>(&activation.body).ok(),
    })
}
