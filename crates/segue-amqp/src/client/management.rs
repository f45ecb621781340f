//! What a hub and its partitions are: READ requests to `$management`.

use super::connection::Shared;
use super::error::ClientError;
use super::request::Answer;
use crate::codec::{Map, Value};
use crate::message::{Body, Message};

/// The node that answers.
pub(super) const NODE: &str = "$management";

/// A hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubInfo {
    /// Its name.
    pub name: String,
    /// When it was created, in milliseconds since the Unix epoch.
    pub created_at_ms: i64,
    /// Its partitions; the ids are opaque.
    pub partition_ids: Vec<String>,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionInfo {
    /// Its id.
    pub id: String,
    /// Number of the oldest event that is kept.
    pub beginning_sequence_number: i64,
    /// Number of the newest event.
    pub last_enqueued_sequence_number: i64,
    /// Offset of the newest event; opaque.
    pub last_enqueued_offset: String,
    /// When the newest event was taken, in milliseconds since the Unix epoch.
    pub last_enqueued_time_ms: i64,
    /// True when it holds no event.
    pub is_empty: bool,
}

pub(super) async fn hub_info(shared: &Shared, hub: &str) -> Result<HubInfo, ClientError> {
    let request = Map::new().with_string("type", "com.microsoft:eventhub");
    let hub = read(shared, hub, request, "reading the hub").await?;
    let ids = field(&hub, "partition_ids", Value::as_list)?;
    Ok(HubInfo {
        name: field(&hub, "name", Value::as_str)?.to_owned(),
        created_at_ms: field(&hub, "created_at", Value::as_timestamp_ms)?,
        partition_ids: ids.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
    })
}

pub(super) async fn partition_info(
    shared: &Shared,
    hub: &str,
    partition: &str,
) -> Result<PartitionInfo, ClientError> {
    let request = Map::new()
        .with_string("type", "com.microsoft:partition")
        .with_string("partition", partition);
    let partition = read(shared, hub, request, "reading the partition").await?;
    let number = |name| field(&partition, name, Value::as_i64);
    let text = |name| field(&partition, name, Value::as_str).map(str::to_owned);
    Ok(PartitionInfo {
        id: text("partition")?,
        beginning_sequence_number: number("begin_sequence_number")?,
        last_enqueued_sequence_number: number("last_enqueued_sequence_number")?,
        last_enqueued_offset: text("last_enqueued_offset")?,
        last_enqueued_time_ms: field(&partition, "last_enqueued_time_utc", Value::as_timestamp_ms)?,
        is_empty: field(&partition, "is_partition_empty", Value::as_bool)?,
    })
}

/// Asks about `hub` with the request's own properties besides the usual ones.
async fn read(
    shared: &Shared,
    hub: &str,
    request: Map,
    operation: &'static str,
) -> Result<Map, ClientError> {
    shared.tokens.ensure(shared, hub).await?;
    let audience = shared.namespace.audience(hub);
    let token = shared.namespace.credential().token(&shared.namespace, &audience).await?;
    let request = Message {
        application_properties: request
            .with_string("operation", "READ")
            .with_string("name", hub)
            .with_string("security_token", token.text),
        ..Message::default()
    };
    let answer = shared.management.lock().await.call(&shared.commands, request).await?;
    match answer {
        Answer { status: 200..300, body: Body::Value(Value::Map(map)), .. } => Ok(map),
        Answer { status, description, .. } => {
            Err(ClientError::Request { operation, status, description })
        }
    }
}

fn field<'a, T>(
    answer: &'a Map,
    name: &'static str,
    read: impl FnOnce(&'a Value) -> Option<T>,
) -> Result<T, ClientError> {
    let missing = || ClientError::Protocol(format!("{name} is missing from a {NODE} answer"));
    answer.get(name).and_then(read).ok_or_else(missing)
}
