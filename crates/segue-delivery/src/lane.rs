//! One destination's workers, from when its definition takes effect until it changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use segue_core::Destination;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::dead_letters::DeadLetters;
use crate::delivery::DeliveryOptions;
use crate::gate::Gate;
use crate::outbox::Outbox;
use crate::rendering::Rendering;
use crate::retry::Retry;
use crate::status::{Open, Report};
use crate::worker::{Work, Worker};

/// Time between two writes of a cursor: what a crash makes a destination get twice.
const CURSOR_INTERVAL: Duration = Duration::from_millis(100);

/// Pause after a cursor could not be written.
const CURSOR_RETRY: Duration = Duration::from_secs(1);

/// Time between two looks for what was delivered long ago.
const RETENTION_INTERVAL: Duration = Duration::from_secs(10 * 60);

/// What a destination's workers need.
pub(crate) struct Lane {
    pub(crate) destination: Destination,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) dead_letters: Arc<DeadLetters>,
    pub(crate) report: Arc<Report>,
    pub(crate) options: Arc<DeliveryOptions>,
}

/// The workers of one destination, running.
pub(crate) struct RunningLane {
    destination: Destination,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    grace: Duration,
}

impl RunningLane {
    /// Whether it sends what the destination says now.
    pub(crate) fn serves(&self, destination: &Destination) -> bool {
        let ours = &self.destination;
        ours.connection == destination.connection
            && ours.template == destination.template
            && ours.fields == destination.fields
    }

    /// Lets what is under way end, for a while, and then breaks it off.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(self.grace, &mut self.task).await.is_err() {
            self.task.abort();
            let _ = self.task.await;
        }
    }
}

impl Lane {
    pub(crate) fn start(self) -> RunningLane {
        let (stop, stopped) = watch::channel(false);
        let (destination, grace) = (self.destination.clone(), self.options.grace);
        RunningLane { destination, stop, task: tokio::spawn(self.run(stopped)), grace }
    }

    async fn run(self, mut stop: watch::Receiver<bool>) {
        let Some(work) = self.open(&mut stop).await else { return };
        let report = Arc::clone(&work.report);
        report.set_open(Some(Open {
            gate: Arc::clone(&work.gate),
            sender: Arc::clone(&work.sender),
        }));
        let mut workers = JoinSet::new();
        for partition in work.outbox.partitions() {
            workers.spawn(Worker::new(Arc::clone(&work), partition, stop.clone()).run());
        }
        tokio::select! {
            () = keep_cursor(&work) => {}
            () = async {
                while let Some(ended) = workers.join_next().await {
                    if let Err(error) = ended {
                        let trouble = format!("a partition stands still: {error}; restart Segue");
                        report.trouble(&work.destination.id, &trouble);
                    }
                }
            } => {}
        }
        save_cursor(&work).await;
        report.set_open(None);
    }

    /// Opens the sender, however often that takes; none when it is stopped before.
    async fn open(self, stop: &mut watch::Receiver<bool>) -> Option<Arc<Work>> {
        let Lane { destination, outbox, dead_letters, report, options } = self;
        let mut retry = Retry::new(options.retry);
        let (sender, rendering) = loop {
            let opened =
                options.open(&destination).map_err(|error| error.to_string()).and_then(|sender| {
                    let rendering = Rendering::new(&destination, sender.terms().payload)?;
                    Ok((sender, rendering))
                });
            match opened {
                Ok(opened) => break opened,
                Err(error) => report.trouble(&destination.id, &error),
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return None,
                () = tokio::time::sleep(retry.next(None)) => {}
            }
        };
        let gate = Arc::new(Gate::new(sender.terms().in_flight, options.breaker));
        Some(Arc::new(Work {
            destination,
            outbox,
            sender,
            gate,
            rendering,
            dead_letters,
            report,
            advanced: Notify::new(),
            options,
        }))
    }
}

/// Writes the cursor when it has moved, and removes what was delivered long ago.
async fn keep_cursor(work: &Arc<Work>) {
    let mut retained = Instant::now();
    loop {
        work.advanced.notified().await;
        while !save_cursor(work).await {
            tokio::time::sleep(CURSOR_RETRY).await;
        }
        if retained.elapsed() >= RETENTION_INTERVAL {
            retained = Instant::now();
            let now_ms = work.options.clock.now().as_millis();
            let outbox = Arc::clone(&work.outbox);
            let _ = tokio::task::spawn_blocking(move || {
                if let Err(error) = outbox.retain(now_ms) {
                    tracing::warn!(destination = outbox.id(), %error, "cannot remove old messages");
                }
            })
            .await;
        }
        tokio::time::sleep(CURSOR_INTERVAL).await;
    }
}

/// Whether it is written.
async fn save_cursor(work: &Arc<Work>) -> bool {
    let outbox = Arc::clone(&work.outbox);
    let saved = tokio::task::spawn_blocking(move || outbox.save_cursor()).await;
    match saved {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            work.report.trouble(&work.destination.id, &error.to_string());
            false
        }
        Err(_) => false,
    }
}
