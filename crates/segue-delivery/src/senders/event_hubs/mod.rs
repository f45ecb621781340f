//! `type: azure-event-hubs` outside this process: events over AMQP, by profile.
//!
//! ```text
//!   numbered:   a worker's batch ─┬─ partition 0: envelope ─▶ accepted, envelope ─▶ accepted
//!                                 └─ partition 1: envelope ─▶ accepted      all at the same time,
//!   otherwise:  a worker's batch ─┬─ profile a: envelope ─▶ accepted        a link each
//!                                 └─ profile b: envelope ─▶ accepted      over one link
//! ```
//! The key of an event is its profile, and the partition is the one that belongs to it. A hub that
//! offers it gets numbered events, partition by partition, and knows what comes twice; the numbers
//! belong to a partition, so it is chosen here, by the hub's own rule. Any other hub, and events
//! that it refuses with numbers, get them by profile, and the hub chooses. Either way an envelope
//! waits for the one before, so each profile keeps its order. All workers share the connection.
//! Nothing is sent again here, but over a link that was idle for too long: whoever calls does that,
//! and the next call connects anew when something was lost.
//!
//! | Module | Holds |
//! |---|---|
//! | `access` | where the hub is, and who sends |
//! | `answers` | what the hub said |
//! | `in_order` | the events of one profile on their way |
//! | `lane` | the numbered events of one partition on their way |
//! | `links` | the connection, and what the hub offers |
//! | `numbers` | who numbers events |

mod access;
mod answers;
mod in_order;
mod lane;
mod links;
mod numbers;

use std::collections::BTreeMap;
use std::iter;
use std::sync::Arc;

use futures_util::future::join_all;
use segue_amqp::client::{ClientError, EventData, Namespace};
use segue_amqp::codec::Map;
use segue_amqp::partition::partition_for_key;
use segue_core::connection::EventHubs;
use segue_core::variables::Lookup;
use tokio::sync::Mutex;

use self::answers::{Answers, unavailable};
use self::in_order::{InOrder, Keyed};
use self::lane::{End, Lane};
use self::links::Links;
use self::numbers::Numbers;
use super::OpenError;
use super::records::RecordSender;
use crate::message::activation_id;
use crate::sender::{OutboundMessage, PayloadForm, Sent, Terms, Verdict};

const CONTENT_TYPE: &str = "application/json";

/// Messages, with their places in the batch of the worker.
type Placed<'a> = Vec<(usize, &'a OutboundMessage)>;

/// Events for one hub.
pub(super) struct EventHubsSender {
    namespace: Namespace,
    event_hub: String,
    /// While there are some.
    links: Mutex<Option<Arc<Links>>>,
    numbers: Numbers,
}

impl EventHubsSender {
    /// Looks up the secrets and reads the certificates.
    pub(super) fn open(
        event_hubs: &EventHubs,
        lookup: Lookup<'_>,
    ) -> Result<EventHubsSender, OpenError> {
        Ok(EventHubsSender {
            namespace: access::namespace(event_hubs, lookup)?,
            event_hub: event_hubs.event_hub.clone(),
            links: Mutex::default(),
            numbers: Numbers::default(),
        })
    }

    /// The links that are there, or new ones. One worker makes them, the others wait for it.
    async fn links(&self) -> Result<Arc<Links>, ClientError> {
        let mut links = self.links.lock().await;
        if let Some(links) = &*links {
            return Ok(Arc::clone(links));
        }
        let made = Links::open(&self.namespace, &self.event_hub, &self.numbers).await?;
        Ok(Arc::clone(links.insert(Arc::new(made))))
    }

    /// Lets go of links, unless others have already taken their place.
    async fn lose(&self, lost: &Arc<Links>) {
        let mut links = self.links.lock().await;
        if links.as_ref().is_some_and(|links| Arc::ptr_eq(links, lost)) {
            *links = None;
        }
    }

    /// Sends messages to a hub of so many partitions, with numbers where that is possible.
    async fn send_numbered(
        &self,
        links: &Links,
        partitions: u16,
        messages: Placed<'_>,
        answers: &mut Answers,
    ) {
        let mut lanes: BTreeMap<u16, Lane<'_>> = BTreeMap::new();
        for (place, message) in messages {
            let partition = partition_for_key(&message.profile, partitions);
            lanes.entry(partition).or_insert_with(|| Lane::new(partition)).push(place, message);
        }
        let sent = lanes.into_values().map(async |mut lane| {
            let end = lane.send(links, &self.numbers).await;
            (lane, end)
        });
        let (mut refused, mut others, mut refusal) = (Vec::new(), Vec::new(), None);
        for (lane, end) in join_all(sent).await {
            lane.taken().for_each(|place| answers.settle(place, Verdict::Taken));
            match end {
                Ok(()) => {}
                Err(End::Failed(error)) => {
                    answers.fail(lane.rest().map(|(place, _)| place), error);
                }
                Err(End::Refused(error)) => {
                    refused.extend(lane.rest());
                    refusal = Some(error);
                }
                Err(End::WithoutNumbers) => others.extend(lane.rest()),
            }
        }
        self.send_plain(links, &others, answers).await;
        self.send_plain(links, &refused, answers).await;
        if let Some(refusal) = refusal
            && answers.are_taken(refused.iter().map(|(place, _)| *place))
        {
            // There was nothing wrong with them but their numbers.
            self.numbers.decline(&self.event_hub, &refusal.to_string());
        }
    }

    /// Sends messages without numbers, profile by profile.
    async fn send_plain(&self, links: &Links, messages: &Placed<'_>, answers: &mut Answers) {
        if messages.is_empty() {
            return;
        }
        let link = match links.plain().await {
            Ok(link) => link,
            Err(error) => return answers.fail(messages.iter().map(|(place, _)| *place), error),
        };
        // Of each profile: the places of its messages in the batch, and their events.
        let mut profiles: BTreeMap<&str, (Vec<usize>, Vec<EventData>)> = BTreeMap::new();
        for (place, message) in messages {
            let (places, events) = profiles.entry(&message.profile).or_default();
            places.push(*place);
            events.push(event(message));
        }
        let sent = profiles.iter().map(async |(profile, (_, events))| {
            in_order::send(&Keyed { link, profile }, events).await
        });
        let sent = join_all(sent).await;
        for ((places, _), InOrder { verdicts, failure }) in profiles.into_values().zip(sent) {
            let mut places = places.into_iter();
            iter::zip(places.by_ref().take(verdicts.len()), verdicts)
                .for_each(|(place, verdict)| answers.settle(place, verdict));
            if let Some(error) = failure {
                answers.fail(places, error);
            }
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
        let links = self.links().await.map_err(|error| unavailable(&error))?;
        let mut answers = Answers::default();
        let all: Placed<'_> = batch.iter().enumerate().collect();
        match links.partitions() {
            Some(partitions) => {
                self.send_numbered(&links, partitions, all, &mut answers).await;
            }
            None => self.send_plain(&links, &all, &mut answers).await,
        }
        let is_declined = links.partitions().is_some() && self.numbers.is_declined();
        if is_declined || answers.end_links() {
            self.lose(&links).await;
        }
        answers.sent()
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
