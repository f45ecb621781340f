//! Delivery to destinations outside: which there are, and their workers.
//!
//! ```text
//!   runtime ─▶ outbox of crm ──▶ workers ─▶ crm            each on its own: one that is down
//!          └─▶ outbox of files ▶ workers ─▶ a file         slows nothing but itself
//!                                    └─▶ dead letters
//! ```
//! Destinations are told by the runtime, once the replay is over and whenever definitions change.
//! Whatever waits for one that is removed is given up then.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use segue_core::Destination;
use segue_core::connection::Connection;
use segue_core::variables::Lookup;
use segue_runtime::{Clock, SystemClock};
use segue_telemetry::Tracer;
use segue_xdm::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::breaker::BreakerOptions;
use crate::dead_letters::{DeadLetters, Fate, LETTERS_DIRECTORY};
use crate::error::DeliveryError;
use crate::lane::{Lane, RunningLane};
use crate::observer::DeliveryObserver;
use crate::outbox::OUTBOXES;
use crate::outboxes::Outboxes;
use crate::retry::RetryOptions;
use crate::sender::{Exchange, Sender};
use crate::senders::{self, OpenError};
use crate::status::{DeliveryStatus, Report};
use crate::test_message;
use crate::tls::install_tls;

/// How long a batch under way may take to end when its workers are stopped.
const GRACE: Duration = Duration::from_secs(5);

/// Where secrets come from: the value of an environment variable.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What opens the sender of a connection.
pub type OpenSender =
    Arc<dyn Fn(&Connection, Lookup<'_>) -> Result<Arc<dyn Sender>, OpenError> + Send + Sync>;

/// How delivery is set up.
#[derive(Clone)]
pub struct DeliveryOptions {
    /// The data directory; everything is in `delivery/` below it.
    pub data_dir: PathBuf,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// Where secrets come from.
    pub environment: Environment,
    /// What opens the sender of a connection.
    pub open_sender: OpenSender,
    /// Who watches.
    pub observer: Arc<dyn DeliveryObserver>,
    /// When what failed is tried again.
    pub retry: RetryOptions,
    /// When a destination is left alone for a while.
    pub breaker: BreakerOptions,
    /// How long a batch under way may take to end when its workers are stopped.
    pub grace: Duration,
    /// What records spans.
    pub tracer: Tracer,
}

impl DeliveryOptions {
    /// Opens the sender of a destination.
    pub(crate) fn open(&self, destination: &Destination) -> Result<Arc<dyn Sender>, OpenError> {
        (self.open_sender)(&destination.connection, &*self.environment)
    }

    /// The defaults, for a data directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> DeliveryOptions {
        DeliveryOptions {
            data_dir: data_dir.into(),
            clock: Arc::new(SystemClock),
            environment: Arc::new(|name| std::env::var(name).ok()),
            open_sender: Arc::new(senders::open),
            observer: Arc::new(()),
            retry: RetryOptions::default(),
            breaker: BreakerOptions::default(),
            grace: GRACE,
            tracer: Tracer::default(),
        }
    }
}

/// Delivery to all destinations outside; clones share it.
#[derive(Clone)]
pub struct Delivery(Arc<Inner>);

struct Inner {
    options: Arc<DeliveryOptions>,
    outboxes: Outboxes,
    dead_letters: Arc<DeadLetters>,
    /// The destinations outside; none before the runtime has told them.
    followed: watch::Sender<Option<Vec<Destination>>>,
    /// What the workers of each destination tell, by its id.
    reports: Mutex<BTreeMap<String, Arc<Report>>>,
    stop: watch::Sender<bool>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl Delivery {
    /// Opens the outboxes and the dead letters. Nothing is sent before [`Delivery::start`].
    ///
    /// # Errors
    /// A directory that cannot be used or is used by another, and damaged files.
    pub fn open(options: DeliveryOptions) -> Result<Delivery, DeliveryError> {
        install_tls();
        Ok(Delivery(Arc::new(Inner {
            outboxes: Outboxes::open(&options.data_dir.join(OUTBOXES))?,
            dead_letters: Arc::new(DeadLetters::open(&options.data_dir.join(LETTERS_DIRECTORY))?),
            options: Arc::new(options),
            followed: watch::Sender::new(None),
            reports: Mutex::default(),
            stop: watch::Sender::new(false),
            supervisor: Mutex::new(None),
        })))
    }

    /// Starts to deliver, on the tokio runtime that this is called on.
    pub fn start(&self) {
        let task = tokio::spawn(supervise(self.clone(), self.0.stop.subscribe()));
        *self.0.supervisor.lock() = Some(task);
    }

    /// Stops: what is under way may end within [`DeliveryOptions::grace`], and how far everything
    /// has got is made durable.
    pub async fn stop(&self) {
        self.0.stop.send_replace(true);
        let supervisor = self.0.supervisor.lock().take();
        if let Some(supervisor) = supervisor
            && supervisor.await.is_err()
        {
            tracing::error!("the supervisor of deliveries had panicked");
        }
        for outbox in self.0.outboxes.all() {
            if let Err(error) = outbox.save_cursor() {
                tracing::warn!(destination = outbox.id(), %error, "some will be sent again");
            }
            outbox.close();
        }
    }

    /// How delivery to a destination goes; `None` when there is no such destination outside.
    #[must_use]
    pub fn status(&self, destination: &str) -> Option<DeliveryStatus> {
        let followed = self.0.followed.borrow();
        let is_there = followed.iter().flatten().any(|one| one.id == destination);
        is_there.then(|| self.status_of(destination))
    }

    /// How delivery goes, by the ids of the destinations outside.
    #[must_use]
    pub fn statuses(&self) -> Vec<(String, DeliveryStatus)> {
        let followed = self.0.followed.borrow();
        let ids = followed.iter().flatten().map(|one| one.id.clone());
        ids.map(|id| (id.clone(), self.status_of(&id))).collect()
    }

    /// When what has waited longest for a destination was caused; `None` while nothing waits.
    /// Blocks on the disk.
    #[must_use]
    pub fn waiting_since(&self, destination: &str) -> Option<Timestamp> {
        self.0.outboxes.get(destination)?.waiting_since()
    }

    fn status_of(&self, id: &str) -> DeliveryStatus {
        let backlog = self.0.outboxes.get(id).map_or(0, |outbox| outbox.backlog());
        self.report(id).status(backlog, self.0.dead_letters.count(id))
    }

    /// The dead letters of all destinations outside.
    #[must_use]
    pub fn dead_letters(&self) -> &DeadLetters {
        &self.0.dead_letters
    }

    /// Puts the message of a dead letter behind everything that waits for its destination.
    ///
    /// # Errors
    /// When there is no such letter, its destination is gone, or the disk fails.
    pub async fn replay(&self, id: u64) -> Result<(), DeliveryError> {
        let letter = self.0.dead_letters.read(id)?;
        let is_there = self.status(&letter.destination).is_some();
        let gone = || DeliveryError::NoDestination { id: letter.destination.clone() };
        let outbox = self.0.outboxes.get(&letter.destination).filter(|_| is_there);
        let outbox = outbox.ok_or_else(gone)?;
        let unreadable = || DeliveryError::Unreadable {
            id,
            problem: "it does not say which profile it is about".to_owned(),
        };
        let profile = letter.profile().ok_or_else(unreadable)?;
        let now = self.0.options.clock.now();
        // Before the workers can have it: they may be back with it at once.
        self.0.dead_letters.release(id);
        outbox.append(profile, now.as_millis(), &letter.stored)?.await?;
        self.0.dead_letters.remove(id, Fate::Replayed, now).await
    }

    /// Drops a dead letter.
    ///
    /// # Errors
    /// When there is no such letter, or the disk fails.
    pub async fn drop_letter(&self, id: u64) -> Result<(), DeliveryError> {
        self.0.dead_letters.read(id)?;
        self.0.dead_letters.remove(id, Fate::Dropped, self.0.options.clock.now()).await
    }

    /// Sends one sample message to a destination, whether it is defined or not.
    ///
    /// # Errors
    /// When the destination is embedded, cannot be opened, or its template fits no activation.
    pub async fn test(&self, destination: &Destination) -> Result<Exchange, DeliveryError> {
        let followed = self.0.followed.borrow().clone().unwrap_or_default();
        let is_running = |one: &Destination| {
            one.id == destination.id && one.connection == destination.connection
        };
        // The one that runs has what it sends to open already, such as a file.
        let running = followed.iter().find(|one| is_running(one));
        let running = running.and_then(|one| self.report(&one.id).open());
        let now = self.0.options.clock.now();
        let opened = match running {
            Some(open) => Ok(open.sender),
            None => self.0.options.open(destination),
        };
        test_message::send(destination, opened, now).await
    }

    pub(crate) fn outboxes(&self) -> &Outboxes {
        &self.0.outboxes
    }

    /// These are all destinations now.
    pub(crate) fn follow(&self, destinations: &[Destination]) {
        let is_outside =
            |one: &&Destination| !matches!(one.connection, Connection::EmbeddedHub { .. });
        let outside: Vec<Destination> = destinations.iter().filter(is_outside).cloned().collect();
        for outbox in self.0.outboxes.all() {
            let backlog = outbox.backlog();
            if backlog > 0 && !outside.iter().any(|one| one.id == outbox.id()) {
                let destination = outbox.id();
                tracing::warn!(destination, backlog, "given up: the destination was removed");
                self.report(destination).count_discarded(backlog);
                if let Err(error) = outbox.discard() {
                    tracing::error!(destination, %error, "given up again at the next start");
                }
            }
        }
        self.0.followed.send_replace(Some(outside));
    }

    fn report(&self, id: &str) -> Arc<Report> {
        Arc::clone(self.0.reports.lock().entry(id.to_owned()).or_default())
    }

    fn lane(&self, destination: &Destination) -> Result<Lane, DeliveryError> {
        Ok(Lane {
            outbox: self.0.outboxes.ensure(&destination.id)?,
            dead_letters: Arc::clone(&self.0.dead_letters),
            report: self.report(&destination.id),
            options: Arc::clone(&self.0.options),
            destination: destination.clone(),
        })
    }
}

/// Starts and stops workers as destinations come, change and go.
async fn supervise(delivery: Delivery, mut stop: watch::Receiver<bool>) {
    let mut followed = delivery.0.followed.subscribe();
    let mut lanes: BTreeMap<String, RunningLane> = BTreeMap::new();
    loop {
        let wanted = followed.borrow_and_update().clone().unwrap_or_default();
        let stale = |id: &String, lane: &mut RunningLane| {
            !wanted.iter().any(|one| one.id == *id && lane.serves(one))
        };
        let stopped = lanes.extract_if(.., stale).map(|(_, lane)| lane.stop());
        // Before those that take their place are started, so that no batch overtakes another.
        join_all(stopped.collect::<Vec<_>>()).await;
        for destination in &wanted {
            if lanes.contains_key(&destination.id) {
                continue;
            }
            match delivery.lane(destination) {
                Ok(lane) => drop(lanes.insert(destination.id.clone(), lane.start())),
                Err(error) => {
                    delivery.report(&destination.id).trouble(&destination.id, &error.to_string());
                }
            }
        }
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            changed = followed.changed() => if changed.is_err() { break },
        }
    }
    join_all(lanes.into_values().map(RunningLane::stop)).await;
}
