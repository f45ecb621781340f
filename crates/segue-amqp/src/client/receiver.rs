//! Receiving the events of a partition.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::connection::Shared;
use super::error::ClientError;
use super::link::LinkIn;
use crate::codec::{Map, Value, put};
use crate::frame::{Attach, Role, SettleMode, Source, Target};
use crate::message::{
    Body, ENQUEUED_TIME, Message, OFFSET, PARTITION_KEY, Properties, SEQUENCE_NUMBER,
};

const FILTER: &str = "apache.org:selector-filter:string";

/// Where to begin in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// With the oldest event that is kept.
    Earliest,
    /// With the first event that comes after the receiver was made.
    Latest,
    /// Behind the event with this offset.
    Offset(String),
    /// At the event with this number, or behind it.
    SequenceNumber {
        /// The number.
        number: i64,
        /// Whether that event is wanted, too.
        inclusive: bool,
    },
    /// Behind this moment, in milliseconds since the Unix epoch.
    EnqueuedTime(i64),
}

impl Position {
    /// The selector that a hub understands.
    fn selector(&self) -> String {
        let (annotation, comparison, value) = match self {
            Position::Earliest => (OFFSET, ">", "-1".to_owned()),
            Position::Latest => (OFFSET, ">", "@latest".to_owned()),
            Position::Offset(offset) => (OFFSET, ">", offset.clone()),
            Position::SequenceNumber { number, inclusive } => {
                (SEQUENCE_NUMBER, if *inclusive { ">=" } else { ">" }, number.to_string())
            }
            Position::EnqueuedTime(time_ms) => (ENQUEUED_TIME, ">", time_ms.to_string()),
        };
        format!("amqp.annotation.{annotation} {comparison} '{value}'")
    }
}

/// An event as received.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedEvent {
    /// Its number within the partition, without gaps.
    pub sequence_number: i64,
    /// Its place within the partition: opaque, to be handed back as [`Position::Offset`].
    pub offset: String,
    /// When the hub took it, in milliseconds since the Unix epoch.
    pub enqueued_time_ms: i64,
    /// The key that chose the partition.
    pub partition_key: Option<String>,
    /// The application's own properties.
    pub properties: Map,
    /// Annotations other than those above.
    pub system_properties: Map,
    /// Standard properties, as content type and message id.
    pub message_properties: Properties,
    /// The content: data as sent, the text of a string value; any other value in AMQP's encoding.
    pub body: Bytes,
}

impl ReceivedEvent {
    fn decode(encoded: &Bytes) -> Result<ReceivedEvent, ClientError> {
        let message = Message::decode(encoded)?;
        let mut event = ReceivedEvent {
            sequence_number: -1,
            offset: String::new(),
            enqueued_time_ms: 0,
            partition_key: None,
            properties: message.application_properties,
            system_properties: Map::new(),
            message_properties: message.properties,
            body: content(message.body),
        };
        for (key, value) in message.message_annotations {
            match (key.as_str().unwrap_or_default(), &value) {
                (SEQUENCE_NUMBER, value) => {
                    event.sequence_number = value.as_i64().unwrap_or(event.sequence_number);
                }
                (ENQUEUED_TIME, Value::Timestamp(time_ms)) => event.enqueued_time_ms = *time_ms,
                (OFFSET, Value::String(offset)) => event.offset.clone_from(offset),
                (PARTITION_KEY, Value::String(key)) => event.partition_key = Some(key.clone()),
                _ => event.system_properties.push(key, value),
            }
        }
        Ok(event)
    }

    /// MIME type of the body.
    pub fn content_type(&self) -> Option<&str> {
        self.message_properties.content_type.as_deref()
    }
}

/// The bytes of a body, see [`ReceivedEvent::body`].
fn content(body: Body) -> Bytes {
    match body {
        Body::Empty => Bytes::new(),
        Body::Data(bytes) => bytes,
        Body::Value(Value::String(text)) => text.into(),
        Body::Value(Value::Binary(bytes)) => bytes.into(),
        Body::Value(value) => encoded(&value),
        Body::Sequence(lists) => encoded(&Value::List(lists)),
    }
}

fn encoded(value: &Value) -> Bytes {
    let mut out = Vec::new();
    put::value(&mut out, value);
    out.into()
}

/// Receives the events of one partition, in order. Dropping it detaches the link.
pub struct Receiver {
    link: LinkIn,
    /// Keeps the connection, and with it its token.
    _connection: Arc<Shared>,
}

impl Receiver {
    pub(super) async fn attach(
        shared: &Arc<Shared>,
        hub: &str,
        consumer_group: &str,
        partition: &str,
        position: &Position,
    ) -> Result<Receiver, ClientError> {
        shared.tokens.ensure(shared, hub).await?;
        let selector = Value::String(position.selector());
        let filter = Value::Described(Box::new((Value::symbol(FILTER), selector)));
        let node = format!("{hub}/ConsumerGroups/{consumer_group}/Partitions/{partition}");
        let source = Source { filter: Map::new().with_symbol(FILTER, filter), ..Source::at(node) };
        let attach = Attach {
            settle_mode: SettleMode::Settled,
            source: Some(source),
            target: Some(Target::default()),
            ..Attach::new("receiver", 0, Role::Receiver)
        };
        let link = LinkIn::attach(&shared.commands, attach).await?;
        Ok(Receiver { link, _connection: Arc::clone(shared) })
    }

    /// Waits at most `wait` for an event, and returns it with those behind it that are here
    /// already, `max` at most (but always the one). Empty when none came in time. Cancelling the
    /// wait loses nothing.
    ///
    /// # Errors
    /// When the link or connection has ended; every later call fails alike.
    pub async fn next_batch(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<ReceivedEvent>, ClientError> {
        let encoded = self.next_encoded(max, wait).await?;
        encoded.iter().map(ReceivedEvent::decode).collect()
    }

    /// The same events as encoded messages: for who wants only a little of each.
    ///
    /// # Errors
    /// When the link or connection has ended; every later call fails alike.
    pub async fn next_encoded(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Bytes>, ClientError> {
        let Ok(first) = timeout(wait, self.link.next()).await else {
            return Ok(Vec::new());
        };
        let mut events = vec![first?];
        while events.len() < max {
            let Some(next) = self.link.ready() else { break };
            events.push(next);
        }
        Ok(events)
    }

    /// Detaches the link and waits for the peer to agree.
    ///
    /// # Errors
    /// When the connection has ended before.
    pub async fn close(self) -> Result<(), ClientError> {
        self.link.detach().await
    }
}

#[cfg(test)]
mod tests {
    use super::Position;

    #[test]
    fn positions_are_selectors() {
        let check = |position: Position, expected: &str| {
            assert_eq!(position.selector(), format!("amqp.annotation.{expected}"));
        };
        let number = |inclusive| Position::SequenceNumber { number: 7, inclusive };
        check(Position::Earliest, "x-opt-offset > '-1'");
        check(Position::Latest, "x-opt-offset > '@latest'");
        check(Position::Offset("42".into()), "x-opt-offset > '42'");
        check(number(true), "x-opt-sequence-number >= '7'");
        check(number(false), "x-opt-sequence-number > '7'");
        check(Position::EnqueuedTime(9), "x-opt-enqueued-time > '9'");
    }
}
