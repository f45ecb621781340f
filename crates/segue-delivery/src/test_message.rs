//! One sample message, to see whether a destination takes it.

use std::sync::Arc;

use bytes::Bytes;
use segue_core::connection::Connection;
use segue_core::{Activation, ActivationId, Change, Destination, ProfileId, Reason, Status};
use segue_xdm::Timestamp;
use serde_json::json;

use crate::error::DeliveryError;
use crate::message::encode;
use crate::rendering::Rendering;
use crate::sender::{Exchange, Sender};
use crate::senders::OpenError;

/// Sends a sample.
pub(crate) async fn send(
    destination: &Destination,
    sender: Result<Arc<dyn Sender>, OpenError>,
    now: Timestamp,
) -> Result<Exchange, DeliveryError> {
    if let Connection::EmbeddedHub { event_hub } = &destination.connection {
        let message = format!("the hub {event_hub} is in this process; look into it with tail");
        return Err(DeliveryError::NotTestable(message));
    }
    let not_testable = |error: &dyn ToString| DeliveryError::NotTestable(error.to_string());
    let sender = sender.map_err(|error| not_testable(&error))?;
    let rendering = Rendering::new(destination, sender.terms().payload)
        .map_err(|error| not_testable(&error))?;
    let stored = Bytes::from(encode(&sample(destination, now)));
    let message = rendering.message(0, now.as_millis(), stored);
    let message = message.map_err(|error| not_testable(&error))?;
    Ok(sender.test(&message).await)
}

/// An activation as the destination could get it, of a profile that does not exist.
fn sample(destination: &Destination, now: Timestamp) -> Activation {
    let audience = destination.audiences.first().cloned().unwrap_or_else(|| "sample".to_owned());
    let status = Status::Realized;
    let body = json!({
        "identityMap": {"email": [{"id": "sample@example.com"}]},
        "segmentMembership": {"ups": {&audience: {
            "status": status.as_str(), "lastQualificationTime": now.to_seconds_string(),
        }}},
    });
    Activation {
        id: ActivationId::from_u128(0),
        destination: destination.id.clone(),
        profile: ProfileId::from_u128(0),
        at: now,
        body: body.to_string().into_bytes(),
        reasons: vec![Reason::Membership],
        changes: vec![Change { audience, from: None, to: status }],
        cause: "test".to_owned(),
        definition_version: 0,
        trace: None,
    }
}
