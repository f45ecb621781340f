//! `type: azure-event-hubs` outside this process: events over AMQP, by profile.
//!
//! ```text
//!   a worker's batch ─┬─ profile a: envelope ─▶ accepted, envelope ─▶ accepted
//!                     ├─ profile b: envelope ─▶ accepted          all at the same time,
//!                     └─ …                                        over one link
//! ```
//! The key of an event is its profile, and the hub chooses the partition by it. Profiles do not
//! wait for each other, the envelopes of one do. All workers share the link. Nothing is sent again
//! here: whoever calls does that, and the next call makes a new link when one was lost.
//!
//! | Module | Holds |
//! |---|---|
//! | `access` | where the hub is, and who sends |
//! | `in_order` | the events of one profile on their way |

mod access;
mod in_order;

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use futures_util::future::join_all;
use segue_amqp::client::{self, Advice, ClientError, Connection, EventData, Namespace};
use segue_amqp::codec::Map;
use segue_core::connection::EventHubs;
use segue_core::variables::Lookup;
use tokio::sync::Mutex;

use self::in_order::{InOrder, Keyed};
use super::OpenError;
use super::records::RecordSender;
use crate::message::activation_id;
use crate::sender::{OutboundMessage, PayloadForm, SendError, Sent, Terms, Verdict};

const CONTENT_TYPE: &str = "application/json";

/// Events for one hub.
pub(super) struct EventHubsSender {
    namespace: Namespace,
    event_hub: String,
    /// While there is one.
    link: Mutex<Option<Arc<client::Sender>>>,
}

impl EventHubsSender {
    /// Looks up the secrets and reads the certificates.
    pub(super) fn open(
        event_hubs: &EventHubs,
        lookup: Lookup<'_>,
    ) -> Result<EventHubsSender, OpenError> {
        let namespace = access::namespace(event_hubs, lookup)?;
        let event_hub = event_hubs.event_hub.clone();
        Ok(EventHubsSender { namespace, event_hub, link: Mutex::default() })
    }

    /// The link that is there, or a new one. One worker makes it, the others wait for it.
    async fn link(&self) -> Result<Arc<client::Sender>, ClientError> {
        let mut link = self.link.lock().await;
        if let Some(link) = &*link {
            return Ok(Arc::clone(link));
        }
        let connection = Connection::connect(&self.namespace).await?;
        let made = connection.sender(&self.event_hub, None).await?;
        Ok(Arc::clone(link.insert(Arc::new(made))))
    }

    /// Lets go of a link, unless another has already taken its place.
    async fn lose(&self, lost: &Arc<client::Sender>) {
        let mut link = self.link.lock().await;
        if link.as_ref().is_some_and(|link| Arc::ptr_eq(link, lost)) {
            *link = None;
        }
    }
}

impl RecordSender for EventHubsSender {
    const TERMS: Terms = Terms {
        messages: 200,
        batch_bytes: 512 << 10,
        // The hub says what it takes, once it is there.
        message_bytes: usize::MAX,
        in_flight: 4,
        payload: PayloadForm::Body,
    };

    async fn deliver(&self, batch: &[OutboundMessage]) -> Sent {
        let link = self.link().await.map_err(|error| unavailable(&error))?;
        // Of each profile: the places of its messages in the batch, and their events.
        let mut profiles: BTreeMap<&str, (Vec<usize>, Vec<EventData>)> = BTreeMap::new();
        for (place, message) in batch.iter().enumerate() {
            let (places, events) = profiles.entry(&message.profile).or_default();
            places.push(place);
            events.push(event(message));
        }
        let sent = profiles.iter().map(async |(profile, (_, events))| {
            in_order::send(&Keyed { link: &link, profile }, events).await
        });
        let sent = join_all(sent).await;
        let failure = sent.iter().find_map(|sent| sent.failure.clone());
        if sent.iter().filter_map(|sent| sent.failure.as_ref()).any(ends_link) {
            self.lose(&link).await;
        }
        if let Some(error) = failure
            && sent.iter().all(|sent| sent.verdicts.is_empty())
        {
            return Err(unavailable(&error));
        }
        let mut verdicts: Vec<(usize, Verdict)> = Vec::with_capacity(batch.len());
        for ((places, _), InOrder { verdicts: answered, failure }) in
            profiles.into_values().zip(sent)
        {
            let why = failure.map(|error| in_words(&error)).unwrap_or_default();
            let answered = answered.into_iter().chain(iter::repeat(Verdict::Later(why)));
            verdicts.extend(places.into_iter().zip(answered));
        }
        verdicts.sort_by_key(|(place, _)| *place);
        Ok(verdicts.into_iter().map(|(_, verdict)| verdict).collect())
    }

    fn head(&self, message: &OutboundMessage) -> String {
        let (hub, profile) = (&self.event_hub, &message.profile);
        let (host, port) = (self.namespace.host(), self.namespace.port());
        format!(
            "to event hub {hub} at {host}:{port}\npartition key: {profile}\n\
             content-type: {CONTENT_TYPE}"
        )
    }
}

/// The event of a message: what the outbox holds, but for the body, which may be made anew.
fn event(message: &OutboundMessage) -> EventData {
    let properties = message.properties.iter();
    EventData {
        body: message.payload.clone(),
        content_type: Some(CONTENT_TYPE.to_owned()),
        message_id: activation_id(&message.stored).map(|id| id.to_string()),
        properties: properties
            .fold(Map::new(), |map, (name, value)| map.with_string(name, value.as_str())),
    }
}

/// Whether nothing more can be sent over the link. It survives that the hub refuses events.
fn ends_link(error: &ClientError) -> bool {
    !matches!(error, ClientError::Refused { place: "events", .. })
}

fn unavailable(error: &ClientError) -> SendError {
    let retry_after = match error.advice() {
        Advice::RetryAfter(pause) => Some(pause),
        Advice::Retry | Advice::GiveUp => None,
    };
    SendError::Unavailable { error: in_words(error), retry_after }
}

/// The error, and what to do where it does not say.
fn in_words(error: &ClientError) -> String {
    match error {
        ClientError::Unauthorized { .. } => {
            format!("{error}; check the connection and the secrets that it names")
        }
        _ => error.to_string(),
    }
}
