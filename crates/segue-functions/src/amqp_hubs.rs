//! Event hubs over AMQP: Azure's, the emulator's, or the embedded one.
//!
//! Each reader has a connection of its own, so that partitions fail and recover independently.
//! Senders are kept, one per hub, until one fails.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use segue_amqp::client::{
    self, ClientError, Connection, EventData, ReceivedEvent, Receiver, Sender,
};
use segue_amqp::codec;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use crate::clock::utc;
use crate::hub::{
    BoxFuture, EventHubs, HubAddress, HubError, HubEvent, PartitionReader, Position, StartPosition,
};

/// Hubs that are reached by their connection strings.
#[derive(Default)]
pub(crate) struct AmqpHubs {
    senders: Mutex<Vec<(HubAddress, Arc<Sender>)>>,
}

impl AmqpHubs {
    async fn sender(&self, hub: &HubAddress) -> Result<Arc<Sender>, ClientError> {
        let mut senders = self.senders.lock().await;
        if let Some((_, sender)) = senders.iter().find(|(address, _)| address == hub) {
            return Ok(Arc::clone(sender));
        }
        let connection = Connection::connect(&hub.connection).await?;
        let sender = Arc::new(connection.sender(&hub.event_hub, None).await?);
        senders.push((hub.clone(), Arc::clone(&sender)));
        Ok(sender)
    }

    async fn forget_sender(&self, hub: &HubAddress) {
        self.senders.lock().await.retain(|(address, _)| address != hub);
    }
}

impl EventHubs for AmqpHubs {
    fn partitions<'a>(
        &'a self,
        hub: &'a HubAddress,
    ) -> BoxFuture<'a, Result<Vec<String>, HubError>> {
        Box::pin(async move {
            let connection = Connection::connect(&hub.connection).await?;
            Ok(connection.hub_info(&hub.event_hub).await?.partition_ids)
        })
    }

    fn last_position<'a>(
        &'a self,
        hub: &'a HubAddress,
        partition: &'a str,
    ) -> BoxFuture<'a, Result<Option<Position>, HubError>> {
        Box::pin(async move {
            let connection = Connection::connect(&hub.connection).await?;
            let info = connection.partition_info(&hub.event_hub, partition).await?;
            Ok((!info.is_empty).then_some(Position {
                sequence_number: info.last_enqueued_sequence_number,
                offset: info.last_enqueued_offset,
            }))
        })
    }

    fn read<'a>(
        &'a self,
        hub: &'a HubAddress,
        consumer_group: &'a str,
        partition: &'a str,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<Box<dyn PartitionReader>, HubError>> {
        Box::pin(async move {
            let start = match start {
                StartPosition::Earliest => client::Position::Earliest,
                StartPosition::After(position) => client::Position::Offset(position.offset),
                // The client's is "later than".
                StartPosition::EnqueuedAt(time_ms) => {
                    client::Position::EnqueuedTime(time_ms.saturating_sub(1))
                }
            };
            let connection = Connection::connect(&hub.connection).await?;
            let receiver = connection.receiver(&hub.event_hub, consumer_group, partition, &start);
            Ok(Box::new(AmqpReader(receiver.await?)) as Box<dyn PartitionReader>)
        })
    }

    fn send<'a>(
        &'a self,
        hub: &'a HubAddress,
        events: Vec<Bytes>,
    ) -> BoxFuture<'a, Result<(), HubError>> {
        Box::pin(async move {
            let events: Vec<_> = events.into_iter().map(EventData::new).collect();
            let sent = self.sender(hub).await?.send_all(&events, None).await;
            if sent.is_err() {
                self.forget_sender(hub).await;
            }
            Ok(sent?)
        })
    }
}

struct AmqpReader(Receiver);

impl PartitionReader for AmqpReader {
    fn next_batch(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<HubEvent>, HubError>> {
        Box::pin(async move {
            let received = self.0.next_batch(max, wait).await?;
            Ok(received.into_iter().map(hub_event).collect())
        })
    }
}

impl From<ClientError> for HubError {
    fn from(error: ClientError) -> HubError {
        HubError { message: error.to_string(), retryable: error.is_retryable() }
    }
}

fn hub_event(event: ReceivedEvent) -> HubEvent {
    let mut system_properties = json_map(event.system_properties.iter());
    let standard = &event.message_properties;
    for (name, value) in [
        ("message-id", json_value(&standard.message_id)),
        ("correlation-id", json_value(&standard.correlation_id)),
        ("content-type", json!(standard.content_type)),
        ("content-encoding", json!(standard.content_encoding)),
        ("subject", json!(standard.subject)),
    ] {
        if !value.is_null() {
            system_properties.insert(name.to_owned(), value);
        }
    }
    HubEvent {
        position: Position { sequence_number: event.sequence_number, offset: event.offset },
        enqueued_time_ms: event.enqueued_time_ms,
        partition_key: event.partition_key,
        content_type: event.message_properties.content_type,
        properties: json_map(event.properties.iter()),
        system_properties,
        body: event.body,
    }
}

fn json_map<'a>(
    pairs: impl Iterator<Item = &'a (codec::Value, codec::Value)>,
) -> Map<String, Value> {
    pairs.map(|(key, value)| (json_key(key), json_value(value))).collect()
}

/// Keys are text; one that is not shows as its JSON.
fn json_key(key: &codec::Value) -> String {
    key.as_str().map_or_else(|| json_value(key).to_string(), str::to_owned)
}

/// Times as RFC 3339, bytes as base64, UUIDs in their usual form.
fn json_value(value: &codec::Value) -> Value {
    if let Some(number) = value.as_i64() {
        return number.into();
    }
    match value {
        codec::Value::Bool(truth) => (*truth).into(),
        codec::Value::Ulong(number) => (*number).into(),
        codec::Value::Float(number) => (*number).into(),
        codec::Value::Double(number) => (*number).into(),
        codec::Value::Decimal32(bytes) => STANDARD.encode(bytes).into(),
        codec::Value::Decimal64(bytes) => STANDARD.encode(bytes).into(),
        codec::Value::Decimal128(bytes) => STANDARD.encode(bytes).into(),
        codec::Value::Char(code) => char::from_u32(*code).map(String::from).into(),
        codec::Value::Timestamp(time_ms) => utc(*time_ms).into(),
        codec::Value::Uuid(bytes) => uuid::Uuid::from_bytes(*bytes).to_string().into(),
        codec::Value::Binary(bytes) => STANDARD.encode(bytes).into(),
        codec::Value::String(text) | codec::Value::Symbol(text) => text.clone().into(),
        codec::Value::List(items) => items.iter().map(json_value).collect(),
        codec::Value::Array(array) => array.items().iter().map(json_value).collect(),
        codec::Value::Map(map) => json_map(map.iter()).into(),
        codec::Value::Described(_) => json_value(value.undescribed()),
        // The other integers are among the numbers above.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Value as Amqp;

    #[track_caller]
    fn check(value: Amqp, expected: Value) {
        assert_eq!(json_value(&value), expected);
    }

    #[test]
    fn properties_of_every_kind_become_json() {
        check(Amqp::Null, Value::Null);
        check(Amqp::Bool(true), json!(true));
        check(Amqp::Ubyte(7), json!(7));
        check(Amqp::Ulong(u64::MAX), json!(u64::MAX));
        check(Amqp::Long(-7), json!(-7));
        check(Amqp::Double(1.5), json!(1.5));
        check(Amqp::Char(0x41), json!("A"));
        check(Amqp::Timestamp(0), json!("1970-01-01T00:00:00.000Z"));
        check(Amqp::Uuid([0x11; 16]), json!("11111111-1111-1111-1111-111111111111"));
        check(Amqp::Binary(vec![0, 255]), json!("AP8="));
        check(Amqp::symbol("name"), json!("name"));
        check(Amqp::List(vec![Amqp::Int(1), Amqp::Null]), json!([1, null]));
        let map = codec::Map::new().with_string("a", Amqp::Int(1));
        check(Amqp::Map(map), json!({"a": 1}));
        check(Amqp::described(7, Amqp::Bool(false)), json!(false));
    }
}
