//! Reading the hub as any consumer would, and how long each message took to get there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::Mutex;
use segue_amqp::client::{ClientError, Connection, Position, ReceivedEvent};
use segue_amqp::sas::ConnectionString;

use super::batches::event_number;
use super::latencies::Latencies;
use super::{Arrivals, SentTimes};

const GROUP: &str = "$Default";
const BATCH_EVENTS_MAX: usize = 500;
const READ_WAIT: Duration = Duration::from_secs(5);

/// What has arrived so far.
pub(crate) struct Listener {
    sent: Arc<SentTimes>,
    arrivals: Mutex<Arrivals>,
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
        let listener =
            Arc::new(Listener { sent, arrivals: Mutex::default(), latencies: Latencies::new() });
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
        self.arrivals.lock().messages()
    }

    /// Different activations that arrived.
    pub(crate) fn activations(&self) -> u64 {
        self.arrivals.lock().activations()
    }

    /// All that arrived until now.
    pub(crate) fn arrivals(&self) -> Arrivals {
        self.arrivals.lock().clone()
    }

    /// The latencies of messages since the last call; those that a timer or a definition caused
    /// have none.
    pub(crate) fn take_latencies(&self) -> Histogram<u64> {
        self.latencies.take()
    }

    fn see(&self, events: &[ReceivedEvent]) {
        let now = Instant::now();
        let mut arrivals = self.arrivals.lock();
        for event in events {
            let property = |name: &str| event.properties.get(name).and_then(|value| value.as_str());
            arrivals.add(property);
            let sent = property("segue-cause")
                .and_then(event_number)
                .and_then(|event| self.sent.of(event));
            if let Some(sent) = sent {
                self.latencies.record(now.saturating_duration_since(sent));
            }
        }
    }
}
