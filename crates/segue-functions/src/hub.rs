//! The event hubs that functions listen to and send to, behind a trait: the real ones speak AMQP
//! ([`crate::amqp_hubs`]), tests keep theirs in memory.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use segue_amqp::client::Namespace;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock;

/// A boxed future, so that the traits here can be used as objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Event hubs, named by connection string.
///
/// Every failure is either passing or for good ([`HubError::retryable`]); waiting and trying again
/// is the caller's business.
pub trait EventHubs: Send + Sync {
    /// The ids of the hub's partitions.
    fn partitions<'a>(
        &'a self,
        hub: &'a HubAddress,
    ) -> BoxFuture<'a, Result<Vec<String>, HubError>>;

    /// Where the last event of a partition is; `None` when it never had one.
    fn last_position<'a>(
        &'a self,
        hub: &'a HubAddress,
        partition: &'a str,
    ) -> BoxFuture<'a, Result<Option<Position>, HubError>>;

    /// Reads a partition on behalf of `consumer_group`, from `start` on.
    fn read<'a>(
        &'a self,
        hub: &'a HubAddress,
        consumer_group: &'a str,
        partition: &'a str,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<Box<dyn PartitionReader>, HubError>>;

    /// Sends events, in order; done when the hub has accepted all of them.
    fn send<'a>(
        &'a self,
        hub: &'a HubAddress,
        events: Vec<Bytes>,
    ) -> BoxFuture<'a, Result<(), HubError>>;
}

/// A reader of one partition, in order, from where it was opened.
pub trait PartitionReader: Send {
    /// At most `max` events; waits up to `wait` for the first one and for no further one. Empty
    /// when none came. Dropping the future loses no event: they come with the next call.
    fn next_batch(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<HubEvent>, HubError>>;
}

/// An event hub and how to reach it. Shows as `namespace/hub`, never the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubAddress {
    /// Where the namespace is, and how to prove oneself there.
    pub connection: Namespace,
    /// The event hub's name within the namespace.
    pub event_hub: String,
}

impl HubAddress {
    /// The namespace's host, as in `contoso.servicebus.windows.net`.
    pub fn namespace(&self) -> &str {
        self.connection.host()
    }
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace(), self.event_hub)
    }
}

/// The place of an event in its partition. Both numbers are the hub's; Azure's offsets are text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// Ascending, not always without gaps.
    pub sequence_number: i64,
    /// Opaque to everyone but the hub.
    pub offset: String,
}

/// Where reading a partition starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartPosition {
    /// The oldest event that the hub still has.
    Earliest,
    /// The first event behind this one.
    After(Position),
    /// The first event enqueued at or after this time, in milliseconds since the Unix epoch.
    EnqueuedAt(i64),
}

impl fmt::Display for StartPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartPosition::Earliest => f.write_str("the start"),
            StartPosition::After(position) => {
                write!(f, "sequence number {}", position.sequence_number.saturating_add(1))
            }
            StartPosition::EnqueuedAt(time_ms) => f.write_str(&clock::utc(*time_ms)),
        }
    }
}

/// An event as a hub delivers it.
#[derive(Debug, Clone, PartialEq)]
pub struct HubEvent {
    /// Where it is.
    pub position: Position,
    /// When the hub took it, in milliseconds since the Unix epoch.
    pub enqueued_time_ms: i64,
    /// What the sender partitioned by.
    pub partition_key: Option<String>,
    /// What the sender says the body is.
    pub content_type: Option<String>,
    /// The sender's own properties (application properties in AMQP).
    pub properties: Map<String, Value>,
    /// Everything else that came with it, by AMQP name.
    pub system_properties: Map<String, Value>,
    /// The event itself.
    pub body: Bytes,
}

/// A hub that cannot be reached or that refuses.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct HubError {
    /// What happened, where, and what to do.
    pub message: String,
    /// Whether the same call can succeed later without anybody changing anything.
    pub retryable: bool,
}
