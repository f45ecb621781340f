//! The events of one profile on their way without numbers: in envelopes, each after the one before
//! was accepted.

use std::iter;

use segue_amqp::client::{ClientError, EventData, Sender};
use segue_amqp::frame::{AmqpError, condition};

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
#[derive(Debug, Default)]
pub(super) struct InOrder {
    /// Of those that the hub answered, from the first one on.
    pub(super) verdicts: Vec<Verdict>,
    /// Why there is no answer for the others.
    pub(super) failure: Option<ClientError>,
}

/// What carries the events of one profile to the hub.
pub(super) trait Carrier {
    /// Sends as many of the first `events` as one envelope holds, and tells how many they were
    /// once the hub has accepted them.
    fn carry(
        &self,
        events: &[EventData],
    ) -> impl Future<Output = Result<usize, ClientError>> + Send;
}

/// A link, for one profile.
pub(super) struct Keyed<'a> {
    pub(super) link: &'a Sender,
    pub(super) profile: &'a str,
}

impl Carrier for Keyed<'_> {
    async fn carry(&self, events: &[EventData]) -> Result<usize, ClientError> {
        let mut envelope = self.link.batch(Some(self.profile));
        let count = events.iter().take_while(|event| envelope.try_add(event)).count();
        if let (0, Some(first)) = (count, events.first()) {
            let message = format!(
                "{} bytes and the properties are more than the event hub takes; map fewer \
                 attributes or select fewer fields",
                first.body.len()
            );
            let error = AmqpError::new(condition::MESSAGE_SIZE_EXCEEDED, message);
            return Err(ClientError::Refused { place: "events", error });
        }
        self.link.send(envelope).await?;
        Ok(count)
    }
}

/// Sends events of one profile until one can neither be sent nor is refused for good.
pub(super) async fn send(carrier: &impl Carrier, events: &[EventData]) -> InOrder {
    let mut sent = InOrder::default();
    // How many may share an envelope: one, when one of several is to be found that is refused.
    let mut most = usize::MAX;
    while let Some(rest @ [_, ..]) = events.get(sent.verdicts.len()..) {
        let next = rest.get(..most).unwrap_or(rest);
        match carrier.carry(next).await {
            Ok(count) => sent.verdicts.extend(iter::repeat_n(Verdict::Taken, count)),
            Err(error) if !is_about_events(&error) => {
                sent.failure = Some(error);
                break;
            }
            Err(error) if next.len() == 1 => {
                sent.verdicts.push(Verdict::Refused(error.to_string()));
            }
            Err(_) => most = 1,
        }
    }
    sent
}

/// Whether it is the events that the hub refuses, and not whoever sends, or the moment.
pub(super) fn is_about_events(error: &ClientError) -> bool {
    let is_fault = |name| EVENT_FAULTS.contains(&name);
    matches!(error, ClientError::Refused { place: "events", .. })
        && error.condition().is_some_and(is_fault)
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    /// Takes three events an envelope, but none with one that says why the hub does not take it.
    #[derive(Default)]
    struct Hub(Mutex<Vec<String>>);

    impl Carrier for Hub {
        async fn carry(&self, events: &[EventData]) -> Result<usize, ClientError> {
            let texts = events.iter().take(3).map(|event| String::from_utf8_lossy(&event.body));
            let texts: Vec<_> = texts.collect();
            if let Some(name) = texts.iter().find(|text| text.contains(':')) {
                let error = AmqpError::new(name, "because");
                return Err(ClientError::Refused { place: "events", error });
            }
            self.0.lock().push(texts.concat());
            Ok(texts.len())
        }
    }

    async fn sent(events: &[&'static str]) -> (Vec<String>, InOrder) {
        let hub = Hub::default();
        let events: Vec<EventData> = events.iter().map(|text| EventData::new(*text)).collect();
        let sent = send(&hub, &events).await;
        (hub.0.into_inner(), sent)
    }

    #[tokio::test]
    async fn an_event_that_is_refused_is_found_among_the_others_which_arrive_in_order() {
        let fault = "com.microsoft:argument-error";
        let (taken, sent) = sent(&["a", "b", "c", "d", fault, "e", fault]).await;
        assert_eq!(taken.concat(), "abcde");
        let refused = |verdict: &Verdict| matches!(verdict, Verdict::Refused(_));
        let refused: Vec<bool> = sent.verdicts.iter().map(refused).collect();
        assert_eq!(refused, [false, false, false, false, true, false, true]);
        assert!(sent.failure.is_none(), "{sent:?}");
    }

    #[tokio::test]
    async fn nothing_is_sent_after_an_event_that_is_not_taken_now() {
        let (taken, sent) = sent(&["a", "b", "c", "com.microsoft:server-busy", "d"]).await;
        assert_eq!((taken.concat().as_str(), sent.verdicts.len()), ("abc", 3));
        assert!(sent.failure.is_some(), "{sent:?}");
    }

    #[tokio::test]
    async fn a_right_that_is_missing_is_no_fault_of_the_events() {
        let (taken, sent) = sent(&["amqp:unauthorized-access"]).await;
        assert!(taken.is_empty() && sent.verdicts.is_empty() && sent.failure.is_some(), "{sent:?}");
    }
}
