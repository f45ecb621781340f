//! Reading the hub as any consumer would, and how long each message took to get there.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use segue_amqp::client::{ClientError, Connection, Position, ReceivedEvent};
use segue_amqp::sas::ConnectionString;
use segue_core::ActivationId;

use super::SentTimes;
use super::batches::event_number;
use super::latencies::Latencies;

const GROUP: &str = "$Default";
const BATCH_EVENTS_MAX: usize = 500;
const READ_WAIT: Duration = Duration::from_secs(5);

/// What has arrived so far.
pub(crate) struct Listener {
    sent: Arc<SentTimes>,
    messages: AtomicU64,
    /// The activations that they are.
    activations: Mutex<HashSet<ActivationId>>,
    latencies: Latencies,
}

impl Listener {
    /// Follows every partition of a hub, from its end on, for as long as the program runs.
    ///
    /// # Errors
    /// The hub cannot be reached.
    pub(crate) async fn start(
        target: &ConnectionString,
        hub: &str,
        sent: Arc<SentTimes>,
    ) -> Result<Arc<Listener>, ClientError> {
        let listener = Arc::new(Listener {
            sent,
            messages: AtomicU64::new(0),
            activations: Mutex::default(),
            latencies: Latencies::new(),
        });
        let connection = Connection::connect(target).await?;
        for partition in connection.hub_info(hub).await?.partition_ids {
            let connection = Connection::connect(target).await?;
            let position = Position::Latest;
            let mut receiver = connection.receiver(hub, GROUP, &partition, &position).await?;
            let listener = Arc::clone(&listener);
            tokio::spawn(async move {
                // The connection is this task's, and ends with it.
                let _connection = connection;
                while let Ok(events) = receiver.next_batch(BATCH_EVENTS_MAX, READ_WAIT).await {
                    listener.see(&events);
                }
            });
        }
        connection.close().await?;
        Ok(listener)
    }

    /// Messages that arrived.
    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Different activations that arrived.
    pub(crate) fn activations(&self) -> u64 {
        self.activations.lock().len() as u64
    }

    /// The latencies of messages since the last call; those that a timer or a definition caused
    /// have none.
    pub(crate) fn take_latencies(&self) -> Histogram<u64> {
        self.latencies.take()
    }

    fn see(&self, events: &[ReceivedEvent]) {
        let now = Instant::now();
        self.messages.fetch_add(events.len() as u64, Ordering::Relaxed);
        let mut activations = self.activations.lock();
        for event in events {
            let id = event.properties.get("segue-activation-id").and_then(|id| id.as_str());
            activations.extend(id.and_then(|id| id.parse::<ActivationId>().ok()));
            let cause = event.properties.get("segue-cause").and_then(|cause| cause.as_str());
            let sent = cause.and_then(event_number).and_then(|event| self.sent.of(event));
            if let Some(sent) = sent {
                self.latencies.record(now.saturating_duration_since(sent));
            }
        }
    }
}
