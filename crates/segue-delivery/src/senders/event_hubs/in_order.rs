//! The events of one profile on their way: in envelopes, each after the one before was accepted.

use std::iter;

use segue_amqp::client::{ClientError, EventData, Sender};
use segue_amqp::frame::condition;

use crate::sender::Verdict;

/// What the hub says of an event that it will never take.
const EVENT_FAULTS: [&str; 5] = [
    condition::MESSAGE_SIZE_EXCEEDED,
    condition::DECODE_ERROR,
    condition::INVALID_FIELD,
    condition::ARGUMENT_ERROR,
    condition::ARGUMENT_OUT_OF_RANGE,
];

/// What became of the events of one profile.
#[derive(Default)]
pub(super) struct InOrder {
    /// Of those that the hub answered, from the first one on.
    pub(super) verdicts: Vec<Verdict>,
    /// Why there is no answer for the others.
    pub(super) failure: Option<ClientError>,
}

/// Sends events of one profile until one can neither be sent nor is refused for good.
pub(super) async fn send(link: &Sender, profile: &str, events: &[EventData]) -> InOrder {
    let mut sent = InOrder::default();
    // How many may share an envelope: one, when one of several is to be found that is refused.
    let mut most = usize::MAX;
    while let Some(rest @ [first, ..]) = events.get(sent.verdicts.len()..) {
        let mut envelope = link.batch(Some(profile));
        let count = rest.iter().take(most).take_while(|event| envelope.try_add(event)).count();
        if count == 0 {
            sent.verdicts.push(Verdict::Refused(too_large(first)));
            continue;
        }
        match link.send(envelope).await {
            Ok(()) => sent.verdicts.extend(iter::repeat_n(Verdict::Taken, count)),
            Err(error) if !is_about_events(&error) => {
                sent.failure = Some(error);
                break;
            }
            Err(error) if count == 1 => sent.verdicts.push(Verdict::Refused(error.to_string())),
            Err(_) => most = 1,
        }
    }
    sent
}

/// Whether it is the events that the hub refuses, and not whoever sends, or the moment.
fn is_about_events(error: &ClientError) -> bool {
    let is_fault = |name| EVENT_FAULTS.contains(&name);
    matches!(error, ClientError::Refused { place: "events", .. })
        && error.condition().is_some_and(is_fault)
}

fn too_large(event: &EventData) -> String {
    let bytes = event.body.len();
    format!(
        "the message has {bytes} bytes and properties, more than the event hub takes; map fewer \
         attributes or select fewer fields"
    )
}
