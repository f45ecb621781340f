//! Reading the hub as any consumer would, and how long each message took to get there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hdrhistogram::Histogram;
use parking_lot::Mutex;
use segue_amqp::client::{Connection, Position};
use segue_amqp::message::Sections;
use segue_amqp::sas::ConnectionString;

use super::activation_ids::{ActivationIds, different};
use super::arrivals::ACTIVATION_ID;
use super::batches::event_number;
use super::latencies::Latencies;
use super::{Activations, Arrivals, SentTimes, Worker};

const GROUP: &str = "$Default";
const BATCH_EVENTS_MAX: usize = 500;
const READ_WAIT: Duration = Duration::from_secs(5);

/// Reads a hub on a thread of its own, for as long as this value is there.
pub(crate) struct Listener {
    seen: Arc<Seen>,
    thread: Worker,
}

/// What has arrived so far.
struct Seen {
    sent: Arc<SentTimes>,
    heard: Mutex<Heard>,
    latencies: Latencies,
}

/// The messages that have arrived so far.
struct Heard {
    messages: u64,
    activations: ActivationIds,
    /// What happened to each profile, if anybody wants to know.
    arrivals: Option<Arrivals>,
}

impl Listener {
    /// Follows every partition of a hub, from its end on. Notes what happens to each profile only
    /// where it is asked to.
    ///
    /// # Errors
    /// The hub cannot be reached.
    pub(crate) async fn start(
        target: ConnectionString,
        hub: &'static str,
        sent: Arc<SentTimes>,
        notes_arrivals: bool,
    ) -> anyhow::Result<Listener> {
        let arrivals = notes_arrivals.then(Arrivals::default);
        let heard = Heard { messages: 0, activations: ActivationIds::default(), arrivals };
        let latencies = Latencies::new();
        let seen = Arc::new(Seen { sent, heard: Mutex::new(heard), latencies });
        let thread = Worker::start("bench-reader", 1)?;
        thread.run(follow(target, hub, Arc::clone(&seen))).await?;
        Ok(Listener { seen, thread })
    }

    /// Messages that arrived.
    pub(crate) fn messages(&self) -> u64 {
        self.seen.heard.lock().messages
    }

    /// Messages that arrived, and the different activations among them.
    pub(crate) fn count(&self) -> Activations {
        let heard = self.seen.heard.lock();
        let (messages, ids) = (heard.messages, heard.activations.all());
        drop(heard);
        Activations { made: 0, messages, arrived: different(ids) }
    }

    /// All that arrived until now, where it is noted.
    pub(crate) fn arrivals(&self) -> Option<Arrivals> {
        self.seen.heard.lock().arrivals.clone()
    }

    /// The latencies of messages since the last call; those that a timer or a definition caused
    /// have none.
    pub(crate) fn take_latencies(&self) -> Histogram<u64> {
        self.seen.latencies.take()
    }

    /// CPU time that reading has used so far.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        self.thread.cpu_seconds()
    }
}

async fn follow(target: ConnectionString, hub: &str, seen: Arc<Seen>) -> anyhow::Result<()> {
    let connection = Connection::connect(&target).await?;
    for partition in connection.hub_info(hub).await?.partition_ids {
        let connection = Connection::connect(&target).await?;
        let position = Position::Latest;
        let mut receiver = connection.receiver(hub, GROUP, &partition, &position).await?;
        let seen = Arc::clone(&seen);
        tokio::spawn(async move {
            // The connection is this task's, and ends with it.
            let _connection = connection;
            while let Ok(messages) = receiver.next_encoded(BATCH_EVENTS_MAX, READ_WAIT).await {
                seen.add(&messages);
            }
        });
    }
    Ok(connection.close().await?)
}

impl Seen {
    /// Adds messages; of each it reads no more than it needs.
    fn add(&self, messages: &[Bytes]) {
        let now = Instant::now();
        let mut heard = self.heard.lock();
        heard.messages += messages.len() as u64;
        for message in messages {
            let Ok(sections) = Sections::slice(message) else { continue };
            let property = |name: &str| sections.application_property(name).ok().flatten();
            if let Some(id) = property(ACTIVATION_ID).and_then(|id| id.parse().ok()) {
                heard.activations.add(id);
            }
            if let Some(arrivals) = &mut heard.arrivals {
                arrivals.add(property);
            }
            let sent = property("segue-cause").and_then(event_number);
            if let Some(sent) = sent.and_then(|event| self.sent.of(event)) {
                self.latencies.record(now.saturating_duration_since(sent));
            }
        }
    }
}
