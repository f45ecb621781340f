//! One hub: its partitions, its consumer groups and who reads it.
//!
//! A hub is a [`Log`]. A record of the log is one complete AMQP message; its offset is the
//! event's sequence number (and, as text, its offset) and its time the enqueued time.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use segue_amqp::message::{EventNumber, MESSAGE_FORMAT, Numbering, Publication};
use segue_amqp::partition::partition_for_key;
use segue_log::{Append, Log, LogError, LogOptions, Partition};

use crate::MESSAGE_BYTES_MAX;
use crate::config::EventHubConfig;
use crate::error::HubError;
use crate::machine::{Machine, unix_ms};
use crate::names::DEFAULT_CONSUMER_GROUP;
use crate::producers::Producers;
use crate::receivers::Receivers;
use crate::refusal::Refusal;

/// A hub. Clones are the same hub.
#[derive(Clone)]
pub struct EventHub(Arc<Inner>);

struct Inner {
    name: String,
    /// Lower-cased.
    consumer_groups: HashSet<String>,
    created_at_ms: i64,
    log: Log,
    machine: Machine,
    receivers: Arc<Receivers>,
    /// Who numbers its events, a partition each.
    producers: Vec<Producers>,
    /// Where the next event without key or partition goes.
    round_robin: AtomicU16,
}

impl EventHub {
    /// Opens or creates the hub in `dir`. The configuration has been checked.
    pub(crate) fn open(
        machine: &Machine,
        dir: &Path,
        config: &EventHubConfig,
    ) -> Result<EventHub, HubError> {
        let options = LogOptions {
            partitions: config.partitions,
            retention: config.retention.into(),
            ..LogOptions::default()
        };
        let log = Log::open_on(&machine.host, dir, options)
            .map_err(|source| HubError::Log { hub: config.name.clone(), source })?;
        let producers = log.partitions().iter().map(|_| Producers::default()).collect();
        let groups = config.consumer_groups.iter().map(String::as_str);
        Ok(EventHub(Arc::new(Inner {
            name: config.name.clone(),
            consumer_groups: groups
                .chain([DEFAULT_CONSUMER_GROUP])
                .map(str::to_ascii_lowercase)
                .collect(),
            created_at_ms: created_at_ms(dir).unwrap_or_else(|| machine.now_ms()),
            log,
            machine: machine.clone(),
            receivers: Arc::default(),
            producers,
            round_robin: AtomicU16::new(0),
        })))
    }

    /// Its name, as configured.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// How many partitions it has.
    pub fn partition_count(&self) -> u16 {
        self.0.log.partition_count()
    }

    /// The log under it: offsets are sequence numbers, payloads complete AMQP messages.
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// Where events with this partition key go; the same in every Event Hubs client.
    pub fn partition_for_key(&self, key: &str) -> u16 {
        partition_for_key(key, self.partition_count())
    }

    /// Appends complete AMQP messages to a partition, all of them or none, in order and without
    /// others between them. They are durable, and visible to receivers, once the [`Append`] has
    /// completed.
    ///
    /// # Errors
    /// [`HubError::NoPartition`]; [`HubError::MessageTooLarge`] and [`HubError::NoMessage`] for
    /// what no receiver could be given; [`HubError::Log`] when the log refuses.
    pub fn publish(&self, partition: u16, messages: &[Vec<u8>]) -> Result<Append, HubError> {
        let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
        for message in &messages {
            let size = message.len();
            if size > MESSAGE_BYTES_MAX {
                return Err(HubError::MessageTooLarge { size, max: MESSAGE_BYTES_MAX });
            }
            Publication::open(MESSAGE_FORMAT, message).map_err(HubError::NoMessage)?;
        }
        let partition = self.partition(partition)?;
        let append = partition.append(self.0.machine.now_ms(), &messages);
        append.map_err(|source| HubError::Log { hub: self.name().to_owned(), source })
    }

    /// Appends to a partition that has been checked to exist.
    pub(crate) fn append(&self, partition: u16, messages: &[&[u8]]) -> Result<Append, LogError> {
        let partition = self.0.log.partition(partition).ok_or(LogError::Closed)?;
        partition.append(self.0.machine.now_ms(), messages)
    }

    /// Lets an idempotent producer attach to a partition: what it is told.
    ///
    /// # Errors
    /// When there is one with a higher epoch.
    pub(crate) fn attach_producer(
        &self,
        partition: u16,
        asked: Numbering,
    ) -> Result<EventNumber, Refusal> {
        let (partition, producers) = self.numbered(partition)?;
        producers.attach(partition, asked, self.0.machine.now_ms())
    }

    /// Appends events with consecutive numbers from `first` on; none if they are there already.
    ///
    /// # Errors
    /// When it is not their turn, or the log does not take them.
    pub(crate) fn append_numbered(
        &self,
        partition: u16,
        first: EventNumber,
        messages: &[&[u8]],
    ) -> Result<Option<Append>, Refusal> {
        let (partition, producers) = self.numbered(partition)?;
        producers.publish(partition, first, messages, self.0.machine.now_ms())
    }

    fn numbered(&self, index: u16) -> Result<(&Partition, &Producers), Refusal> {
        let partition = self.0.log.partition(index);
        let no_such = || Refusal::no_such_partition(self.partition_count());
        partition.zip(self.0.producers.get(usize::from(index))).ok_or_else(no_such)
    }

    fn partition(&self, index: u16) -> Result<&Partition, HubError> {
        self.0.log.partition(index).ok_or_else(|| HubError::NoPartition {
            hub: self.name().to_owned(),
            partition: index,
            last: self.partition_count().saturating_sub(1),
        })
    }

    /// The partition that a client calls `id`: its number in decimal, without leading zeros.
    pub(crate) fn partition_index(&self, id: &str) -> Option<u16> {
        let index: u16 = id.parse().ok()?;
        (index < self.partition_count() && index.to_string() == id).then_some(index)
    }

    /// The partition for an event that asks for none.
    pub(crate) fn next_partition(&self) -> u16 {
        self.0.round_robin.fetch_add(1, Ordering::Relaxed) % self.partition_count()
    }

    /// Whether there is such a consumer group, in any case.
    pub(crate) fn has_consumer_group(&self, name: &str) -> bool {
        self.0.consumer_groups.contains(&name.to_ascii_lowercase())
    }

    /// When the hub was first opened.
    pub(crate) fn created_at_ms(&self) -> i64 {
        self.0.created_at_ms
    }

    /// Who reads it.
    pub(crate) fn receivers(&self) -> &Arc<Receivers> {
        &self.0.receivers
    }
}

/// The birth of the directory, or the nearest that the file system remembers.
fn created_at_ms(dir: &Path) -> Option<i64> {
    let dir = dir.metadata().ok()?;
    dir.created().or_else(|_| dir.modified()).ok().map(unix_ms)
}
