//! Receiving from one partition: batches strictly one after the other, each driven until it is
//! done with ([`crate::batch`]), then the checkpoint.
//!
//! ```text
//!   open at the checkpoint ─▶ next batch ─▶ drive ─▶ checkpoint ─┐
//!        ▲                        ▲                              │
//!        └── hub lost, pause ─────┴──────────────────────────────┘
//! ```
//!
//! No event is passed over: the checkpoint moves behind an event only when the function has
//! succeeded with it, or when it has been kept as a dead letter.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::app::host_json::InitialOffset;
use crate::backoff::{Backoff, Stopped};
use crate::checkpoint::{Attempts, Progress};
use crate::hub::{HubError, HubEvent, PartitionReader, Position, StartPosition};
use crate::listener::{Listener, Surroundings, hub_backoff};
use crate::observer::FunctionEvent;

/// How long one call of a reader waits for an event.
const READ_WAIT: Duration = Duration::from_secs(30);

/// Pauses between tries to write to the data directory.
const SHORTEST_STORE_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_STORE_PAUSE: Duration = Duration::from_secs(10);

pub(crate) struct PartitionLoop {
    pub(crate) listener: Arc<Listener>,
    pub(crate) around: Arc<Surroundings>,
    pub(crate) partition: String,
    pub(crate) progress: Progress,
    /// Batches done with since the last checkpoint.
    unsaved_batches: u64,
    was_opened: bool,
}

/// Why receiving ended.
enum Ended {
    Stopped,
    Hub(HubError),
}

impl From<Stopped> for Ended {
    fn from(_: Stopped) -> Ended {
        Ended::Stopped
    }
}

impl From<HubError> for Ended {
    fn from(error: HubError) -> Ended {
        Ended::Hub(error)
    }
}

impl PartitionLoop {
    pub(crate) fn new(
        listener: Arc<Listener>,
        around: Arc<Surroundings>,
        partition: String,
    ) -> PartitionLoop {
        let progress = listener.checkpoints.get(&listener.source(), &partition);
        PartitionLoop {
            listener,
            around,
            partition,
            progress,
            unsaved_batches: 0,
            was_opened: false,
        }
    }

    /// Receives until the host stops.
    pub(crate) async fn run(mut self) {
        let mut backoff = hub_backoff();
        while let Err(Ended::Hub(error)) = self.receive(&mut backoff).await {
            let hub = &self.listener.hub;
            if self.listener.wait_for_hub(&self.around, hub, error, &mut backoff).await.is_err() {
                break;
            }
        }
        if self.unsaved_batches > 0
            && let Err(error) = self.write_checkpoint().await
        {
            tracing::warn!(%error, "the last checkpoint could not be written");
        }
    }

    /// Never ends well: it receives until something is in the way.
    async fn receive(&mut self, backoff: &mut Backoff) -> Result<Infallible, Ended> {
        let listener = Arc::clone(&self.listener);
        let around = Arc::clone(&self.around);
        let (mut reader, start) = tokio::select! {
            opened = self.open() => opened?,
            () = around.stop.given() => return Err(Ended::Stopped),
        };
        backoff.reset();
        around.observer.observe(&FunctionEvent::Listening {
            function: listener.spec.name.clone(),
            event_hub: listener.hub.to_string(),
            consumer_group: listener.trigger.consumer_group.clone(),
            partition: self.partition.clone(),
            from: start.to_string(),
        });
        if !std::mem::replace(&mut self.was_opened, true) {
            listener.listening.send_modify(|listening| listening.opened += 1);
        }
        loop {
            let events = tokio::select! {
                events = self.next_batch(reader.as_mut()) => events?,
                () = around.stop.given() => return Err(Ended::Stopped),
            };
            self.process(events).await?;
        }
    }

    async fn open(&mut self) -> Result<(Box<dyn PartitionReader>, StartPosition), Ended> {
        let (listener, hubs) = (Arc::clone(&self.listener), Arc::clone(&self.around.hubs));
        if self.progress.position.is_none()
            && listener.options.initial_offset == InitialOffset::End
            && let Some(last) = hubs.last_position(&listener.hub, &self.partition).await?
        {
            // Saved at once: a restart must not skip what comes from here on.
            self.progress.advance(last);
            self.save().await?;
        }
        let start = match (&self.progress.position, listener.options.initial_offset) {
            (Some(position), _) => StartPosition::After(position.clone()),
            (None, InitialOffset::EnqueuedTime(time_ms)) => StartPosition::EnqueuedAt(time_ms),
            (None, InitialOffset::Start | InitialOffset::End) => StartPosition::Earliest,
        };
        let group = &listener.trigger.consumer_group;
        let reader = hubs.read(&listener.hub, group, &self.partition, start.clone()).await?;
        Ok((reader, start))
    }

    /// The next events: as many as there are up to the maximum, waiting for the minimum as long as
    /// `maxWaitTime` says.
    async fn next_batch(
        &self,
        reader: &mut dyn PartitionReader,
    ) -> Result<Vec<HubEvent>, HubError> {
        let options = &self.listener.options;
        let mut events = reader.next_batch(options.max_event_batch_size, READ_WAIT).await?;
        if events.is_empty() {
            return Ok(events);
        }
        let first_at = Instant::now();
        while events.len() < options.min_event_batch_size {
            let left = options.max_wait_time.saturating_sub(first_at.elapsed());
            if left.is_zero() {
                break;
            }
            let room = options.max_event_batch_size.saturating_sub(events.len());
            events.extend(reader.next_batch(room, left).await?);
        }
        Ok(events)
    }

    async fn process(&mut self, events: Vec<HubEvent>) -> Result<(), Stopped> {
        let split = self.progress.split(events);
        if let Some(end) = split.redriven_end {
            let redrive = self.progress.redrive.clone().unwrap_or_default();
            self.drive(split.redriven, &end, redrive.attempts).await?;
            self.done_with(end).await?;
        }
        if let Some(end) = split.new.last().map(|event| event.position.clone()) {
            self.drive(split.new, &end, Attempts::default()).await?;
            self.done_with(end).await?;
        }
        Ok(())
    }

    async fn done_with(&mut self, end: Position) -> Result<(), Stopped> {
        self.progress.advance(end);
        self.unsaved_batches += 1;
        if self.unsaved_batches >= self.listener.options.batch_checkpoint_frequency {
            self.save().await?;
        }
        Ok(())
    }

    /// Writes the progress, however often that takes.
    pub(crate) async fn save(&mut self) -> Result<(), Stopped> {
        let mut backoff = store_backoff();
        while let Err(error) = self.write_checkpoint().await {
            let what = format!("the checkpoint of {}: {error}", self.listener.spec.name);
            self.wait_for_store(what, &mut backoff).await?;
        }
        self.unsaved_batches = 0;
        Ok(())
    }

    pub(crate) async fn wait_for_store(
        &self,
        message: String,
        backoff: &mut Backoff,
    ) -> Result<(), Stopped> {
        let retry_in = backoff.next();
        self.around.observer.observe(&FunctionEvent::StoreFailed { message, retry_in });
        self.around.stop.pause(retry_in).await
    }

    async fn write_checkpoint(&self) -> std::io::Result<()> {
        let checkpoints = Arc::clone(&self.listener.checkpoints);
        let (source, partition) = (self.listener.source(), self.partition.clone());
        let progress = self.progress.clone();
        let write = move || checkpoints.save(&source, &partition, progress);
        tokio::task::spawn_blocking(write).await.map_err(std::io::Error::other)?
    }
}

pub(crate) fn store_backoff() -> Backoff {
    Backoff::new(SHORTEST_STORE_PAUSE, LONGEST_STORE_PAUSE)
}
