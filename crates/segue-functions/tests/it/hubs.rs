//! Event hubs in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use segue_functions::{
    BoxFuture, EventHubs, HubAddress, HubError, HubEvent, PartitionReader, Position, StartPosition,
};
use serde_json::json;
use tokio::sync::watch;

/// When every event is enqueued: 2026-01-01T10:00:00Z, plus a second per sequence number.
const EPOCH_MS: i64 = 1_767_261_600_000;

#[derive(Clone, Default)]
pub(crate) struct MemoryHubs {
    /// By name of the hub: partitions of events.
    hubs: Arc<Mutex<BTreeMap<String, Vec<Vec<HubEvent>>>>>,
    changed: Arc<watch::Sender<()>>,
}

impl MemoryHubs {
    /// The hub `in` with this many partitions.
    pub(crate) fn with_partitions(partitions: usize) -> MemoryHubs {
        let hubs = MemoryHubs::default();
        hubs.create("in", partitions);
        hubs
    }

    pub(crate) fn create(&self, hub: &str, partitions: usize) {
        self.hubs.lock().unwrap().insert(hub.to_owned(), vec![Vec::new(); partitions]);
        self.changed.send_replace(());
    }

    /// Appends to a partition of the hub `in`; the events of one call come in one batch.
    pub(crate) fn publish(&self, partition: usize, bodies: &[&str]) {
        let bodies: Vec<_> =
            bodies.iter().map(|body| Bytes::copy_from_slice(body.as_bytes())).collect();
        self.append("in", partition, bodies);
    }

    /// Appends events with properties of their own to partition 0 of the hub `in`, in one batch.
    pub(crate) fn publish_with(&self, properties: &[serde_json::Value]) {
        self.append_with("in", 0, properties.iter().map(|these| (Bytes::new(), these.clone())));
    }

    pub(crate) fn append(&self, hub: &str, partition: usize, bodies: Vec<Bytes>) {
        let properties = json!({"segue-reason": "membership", "Destination": "d"});
        self.append_with(hub, partition, bodies.into_iter().map(|body| (body, properties.clone())));
    }

    fn append_with(
        &self,
        hub: &str,
        partition: usize,
        added: impl Iterator<Item = (Bytes, serde_json::Value)>,
    ) {
        let mut hubs = self.hubs.lock().unwrap();
        let events = &mut hubs.get_mut(hub).unwrap()[partition];
        for (body, properties) in added {
            let sequence_number = i64::try_from(events.len()).unwrap();
            events.push(HubEvent {
                position: Position { sequence_number, offset: (100 * sequence_number).to_string() },
                enqueued_time_ms: EPOCH_MS + 1000 * sequence_number,
                partition_key: Some(format!("key-{sequence_number}")),
                content_type: Some("application/json".to_owned()),
                properties: properties.as_object().unwrap().clone(),
                system_properties: serde_json::Map::new(),
                body,
            });
        }
        drop(hubs);
        self.changed.send_replace(());
    }

    /// The bodies in a hub of one partition, once there are this many.
    pub(crate) async fn bodies(&self, hub: &str, count: usize) -> Vec<String> {
        let mut changed = self.changed.subscribe();
        let deadline = Duration::from_secs(30);
        let wait = async {
            loop {
                let events = self.hubs.lock().unwrap()[hub][0].clone();
                if events.len() >= count {
                    let text = |event: &HubEvent| String::from_utf8(event.body.to_vec()).unwrap();
                    return events.iter().map(text).collect();
                }
                changed.changed().await.unwrap();
            }
        };
        tokio::time::timeout(deadline, wait).await.expect("events in the hub")
    }

    fn find(&self, hub: &HubAddress) -> Result<Vec<Vec<HubEvent>>, HubError> {
        let hubs = self.hubs.lock().unwrap();
        hubs.get(&hub.event_hub).cloned().ok_or_else(|| HubError {
            message: format!("there is no event hub {}", hub.event_hub),
            retryable: false,
        })
    }
}

impl EventHubs for MemoryHubs {
    fn partitions<'a>(
        &'a self,
        hub: &'a HubAddress,
    ) -> BoxFuture<'a, Result<Vec<String>, HubError>> {
        let found = self.find(hub);
        Box::pin(async { Ok((0..found?.len()).map(|number| number.to_string()).collect()) })
    }

    fn last_position<'a>(
        &'a self,
        hub: &'a HubAddress,
        partition: &'a str,
    ) -> BoxFuture<'a, Result<Option<Position>, HubError>> {
        let found = self.find(hub);
        Box::pin(async move {
            let events = &found?[partition.parse::<usize>().unwrap()];
            Ok(events.last().map(|event| event.position.clone()))
        })
    }

    fn read<'a>(
        &'a self,
        hub: &'a HubAddress,
        _: &'a str,
        partition: &'a str,
        start: StartPosition,
    ) -> BoxFuture<'a, Result<Box<dyn PartitionReader>, HubError>> {
        let found = self.find(hub);
        Box::pin(async move {
            let partition = partition.parse::<usize>().unwrap();
            let is_before = |event: &&HubEvent| match &start {
                StartPosition::Earliest => false,
                StartPosition::After(position) => {
                    event.position.sequence_number <= position.sequence_number
                }
                StartPosition::EnqueuedAt(time_ms) => event.enqueued_time_ms < *time_ms,
            };
            let next = found?[partition].iter().take_while(is_before).count();
            let (hubs, hub) = (self.clone(), hub.clone());
            let changed = self.changed.subscribe();
            Ok(Box::new(MemoryReader { hubs, hub, partition, next, changed }) as Box<_>)
        })
    }

    fn send<'a>(
        &'a self,
        hub: &'a HubAddress,
        events: Vec<Bytes>,
    ) -> BoxFuture<'a, Result<(), HubError>> {
        let found = self.find(hub);
        Box::pin(async move {
            found?;
            self.append(&hub.event_hub, 0, events);
            Ok(())
        })
    }
}

struct MemoryReader {
    hubs: MemoryHubs,
    hub: HubAddress,
    partition: usize,
    next: usize,
    changed: watch::Receiver<()>,
}

impl PartitionReader for MemoryReader {
    fn next_batch(
        &mut self,
        max: usize,
        wait: Duration,
    ) -> BoxFuture<'_, Result<Vec<HubEvent>, HubError>> {
        Box::pin(async move {
            let deadline = tokio::time::Instant::now() + wait;
            loop {
                self.changed.mark_unchanged();
                let events = &self.hubs.find(&self.hub)?[self.partition];
                let batch: Vec<_> = events.iter().skip(self.next).take(max).cloned().collect();
                if !batch.is_empty() {
                    self.next += batch.len();
                    return Ok(batch);
                }
                if tokio::time::timeout_at(deadline, self.changed.changed()).await.is_err() {
                    return Ok(Vec::new());
                }
            }
        })
    }
}
