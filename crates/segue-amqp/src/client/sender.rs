//! Sending events, in batches.

use std::sync::Arc;

use bytes::Bytes;

use super::connection::Shared;
use super::error::ClientError;
use super::link::LinkOut;
use crate::codec::{Map, Value};
use crate::frame::{AmqpError, Attach, Role, SettleMode, Source, Target, condition};
use crate::message::{
    BATCH_FORMAT, BatchBuilder, Body, EventNumber, Message, PARTITION_KEY, Properties,
};

/// Limit of a batch where the hub names none: what Event Hubs takes.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// An event to send.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventData {
    /// The content.
    pub body: Bytes,
    /// Its MIME type.
    pub content_type: Option<String>,
    /// A name for the event, for whoever receives it.
    pub message_id: Option<String>,
    /// The application's own properties.
    pub properties: Map,
}

impl EventData {
    /// An event of which only the body matters.
    pub fn new(body: impl Into<Bytes>) -> EventData {
        EventData { body: body.into(), ..EventData::default() }
    }

    pub(super) fn encode(
        &self,
        partition_key: Option<&str>,
        number: Option<EventNumber>,
    ) -> Vec<u8> {
        let annotations =
            partition_key.map(|key| Map::new().with_symbol(PARTITION_KEY, key)).unwrap_or_default();
        Message {
            message_annotations: match number {
                Some(number) => number.annotate(annotations),
                None => annotations,
            },
            properties: Properties {
                message_id: self.message_id.clone().map(Value::String).unwrap_or_default(),
                content_type: self.content_type.clone(),
                ..Properties::default()
            },
            application_properties: self.properties.clone(),
            body: Body::Data(self.body.clone()),
        }
        .encode()
    }
}

/// Events that go to one partition together: all of them are taken, or none.
#[derive(Clone, Debug)]
pub struct EventBatch {
    partition_key: Option<String>,
    events: BatchBuilder,
}

impl EventBatch {
    /// Adds an event, or leaves the batch as it is and returns false when it does not fit. An
    /// event that does not fit into an empty batch is too large for the hub.
    #[must_use = "an event that does not fit is not in the batch"]
    pub fn try_add(&mut self, event: &EventData) -> bool {
        self.events.try_add(&event.encode(self.partition_key.as_deref(), None))
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// True before the first event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

/// Sends batches to a hub or one of its partitions. Calls may overlap; batches leave in the order
/// of the calls. Dropping it detaches the link.
pub struct Sender {
    link: LinkOut,
    /// Keeps the connection, and with it its token.
    _connection: Arc<Shared>,
}

impl Sender {
    pub(super) async fn attach(
        shared: &Arc<Shared>,
        hub: &str,
        partition: Option<&str>,
    ) -> Result<Sender, ClientError> {
        let node = match partition {
            Some(partition) => format!("{hub}/Partitions/{partition}"),
            None => hub.to_owned(),
        };
        Sender::attach_as(
            shared,
            hub,
            Attach { target: Some(Target::at(node)), ..Sender::request() },
        )
        .await
    }

    /// A link that asks to send, but does not say where to.
    pub(super) fn request() -> Attach {
        Attach {
            settle_mode: SettleMode::Unsettled,
            source: Some(Source::default()),
            ..Attach::new("sender", 0, Role::Sender)
        }
    }

    /// Attaches as `request` says, to something of `hub`.
    pub(super) async fn attach_as(
        shared: &Arc<Shared>,
        hub: &str,
        request: Attach,
    ) -> Result<Sender, ClientError> {
        shared.tokens.ensure(shared, hub).await?;
        let link = LinkOut::attach(&shared.commands, request).await?;
        Ok(Sender { link, _connection: Arc::clone(shared) })
    }

    /// What the hub has answered to the attach.
    pub(super) fn answer(&self) -> &Attach {
        self.link.answer()
    }

    /// An empty batch, as large as the hub takes. Events with a partition key go to the partition
    /// that the key belongs to.
    pub fn batch(&self, partition_key: Option<&str>) -> EventBatch {
        EventBatch {
            partition_key: partition_key.map(str::to_owned),
            events: self.envelope(partition_key),
        }
    }

    /// An empty envelope, as large as the hub takes.
    pub(super) fn envelope(&self, partition_key: Option<&str>) -> BatchBuilder {
        let limit = self.link.max_message_bytes().and_then(|bytes| usize::try_from(bytes).ok());
        BatchBuilder::new(partition_key, limit.unwrap_or(BATCH_BYTES_MAX))
    }

    /// Sends a batch and waits until the hub has accepted it. An empty one is not sent.
    ///
    /// When the wait is cancelled the batch may be sent or not.
    ///
    /// # Errors
    /// When the hub refuses the batch, or the connection or link has ended; then it may have
    /// arrived nevertheless.
    pub async fn send(&self, batch: EventBatch) -> Result<(), ClientError> {
        self.send_envelope(batch.events).await
    }

    pub(super) async fn send_envelope(&self, envelope: BatchBuilder) -> Result<(), ClientError> {
        if envelope.is_empty() {
            return Ok(());
        }
        self.link.send(BATCH_FORMAT, envelope.finish().into()).await
    }

    /// A batch of as many of the first `events` as fit, at least one, and how many they are.
    pub(super) fn batch_of(
        &self,
        events: &[EventData],
        partition_key: Option<&str>,
    ) -> Result<(EventBatch, usize), ClientError> {
        let mut batch = self.batch(partition_key);
        let len = events.iter().take_while(|event| batch.try_add(event)).count();
        if let (0, Some(event)) = (len, events.first()) {
            let message = format!("an event of {} bytes fits no batch", event.body.len());
            let error = AmqpError::new(condition::MESSAGE_SIZE_EXCEEDED, message);
            return Err(ClientError::Refused { place: "events", error });
        }
        Ok((batch, len))
    }

    /// Sends `events`, in as many batches as they need, each after the one before was accepted.
    ///
    /// # Errors
    /// As [`Sender::send`], and when an event is larger than the hub takes. Batches before the
    /// failing one have arrived.
    pub async fn send_all(
        &self,
        mut events: &[EventData],
        partition_key: Option<&str>,
    ) -> Result<(), ClientError> {
        while !events.is_empty() {
            let (batch, len) = self.batch_of(events, partition_key)?;
            self.send(batch).await?;
            events = events.get(len..).unwrap_or_default();
        }
        Ok(())
    }

    /// Detaches the link and waits for the peer to agree.
    ///
    /// # Errors
    /// When the connection has ended before.
    pub async fn close(self) -> Result<(), ClientError> {
        self.link.detach().await
    }
}
