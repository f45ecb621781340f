//! Delivers one partition of one outbox: reads, makes messages, sends them in batches, moves the
//! cursor.
//!
//! ```text
//!   read ─▶ render ─▶ batch ─▶ gate ─▶ send ─┬─ taken ────────────────▶ cursor moves
//!                       ▲                    ├─ refused, several ─▶ halves ─┐
//!                       │                    ├─ refused, one ─▶ dead letter │ ─▶ cursor moves
//!                       └──── pause ◀────────┴─ not now                     │
//!                       └───────────────────────────────────────────────────┘
//! ```
//! One batch is under way at a time and the next one begins after it, so that the messages of a
//! profile arrive in order also when some are sent again. The cursor moves over a message only
//! after the destination took it or its dead letter is durable.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use segue_core::Destination;
use segue_log::{LogError, LogRecord, Partition, Reader};
use segue_xdm::Timestamp;
use tokio::sync::{Notify, watch};

use crate::dead_letters::DeadLetters;
use crate::delivery::DeliveryOptions;
use crate::gate::Gate;
use crate::message::{activation_id, profile_id};
use crate::observer::DeliveryEvent;
use crate::outbox::Outbox;
use crate::rendering::Rendering;
use crate::retry::Retry;
use crate::sender::{OutboundMessage, SendError, Sender, Sent, Terms, Verdict};
use crate::spans::AttemptSpans;
use crate::status::Report;

/// Bytes that are read from the outbox at once.
const READ_BYTES: usize = 256 << 10;

/// What all workers of a destination share.
pub(crate) struct Work {
    pub(crate) destination: Destination,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) sender: Arc<dyn Sender>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) rendering: Rendering,
    pub(crate) dead_letters: Arc<DeadLetters>,
    pub(crate) report: Arc<Report>,
    /// Notified when a cursor moved.
    pub(crate) advanced: Notify,
    pub(crate) options: Arc<DeliveryOptions>,
}

/// The workers are to stop.
#[derive(Debug, PartialEq, Eq)]
struct Stopped;

/// A record of the outbox.
enum Item {
    Message(OutboundMessage),
    /// No message can be made of it.
    Flawed {
        offset: u64,
        stored: Bytes,
        error: String,
    },
}

pub(crate) struct Worker {
    work: Arc<Work>,
    partition: u16,
    terms: Terms,
    reader: Reader,
    pending: VecDeque<Item>,
    retry: Retry,
    stop: watch::Receiver<bool>,
}

impl Worker {
    pub(crate) fn new(
        work: Arc<Work>,
        partition: &Partition,
        stop: watch::Receiver<bool>,
    ) -> Worker {
        Worker {
            partition: partition.number(),
            terms: work.sender.terms(),
            reader: partition.reader(work.outbox.next(partition.number())),
            pending: VecDeque::new(),
            retry: Retry::new(work.options.retry),
            work,
            stop,
        }
    }

    /// Delivers until it is stopped.
    pub(crate) async fn run(mut self) {
        while self.step().await.is_ok() {}
    }

    async fn step(&mut self) -> Result<(), Stopped> {
        self.fill().await?;
        if let Some(Item::Flawed { .. }) = self.pending.front()
            && let Some(Item::Flawed { offset, stored, error }) = self.pending.pop_front()
        {
            self.bury(&stored, &error).await?;
            self.advance(offset + 1);
            return Ok(());
        }
        let batch = self.next_batch();
        self.deliver(batch).await
    }

    /// Waits for something to deliver, and reads on while a batch is not full.
    async fn fill(&mut self) -> Result<(), Stopped> {
        if self.pending.is_empty() {
            let reader = &self.reader;
            tokio::select! {
                biased;
                _ = self.stop.wait_for(|stop| *stop) => return Err(Stopped),
                is_readable = reader.ready() => if !is_readable { return Err(Stopped) },
            }
        }
        while !self.is_full() {
            match self.reader.read(READ_BYTES) {
                Ok(records) if records.is_empty() => break,
                Ok(records) => self.pending.extend(
                    records
                        .into_iter()
                        .filter(|record| !record.is_erased)
                        .map(|record| render(&self.work, self.terms, record)),
                ),
                Err(error) if self.pending.is_empty() => self.unreadable(&error).await?,
                Err(_) => break,
            }
        }
        if self.pending.is_empty() {
            // All that was read is erased: an export can hold such records behind its cursors.
            self.advance(self.reader.offset());
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let bytes = self.pending.iter().map(|item| match item {
            Item::Message(message) => message.payload.len(),
            Item::Flawed { .. } => 0,
        });
        self.pending.len() >= self.terms.messages || bytes.sum::<usize>() >= self.terms.batch_bytes
    }

    /// The messages to send next, in order: as many as fit, at least one if the first is none that
    /// is flawed.
    fn next_batch(&mut self) -> VecDeque<OutboundMessage> {
        let mut batch = VecDeque::new();
        let mut bytes = 0;
        while let Some(Item::Message(message)) = self.pending.front() {
            bytes += message.payload.len();
            let is_over = batch.len() >= self.terms.messages || bytes > self.terms.batch_bytes;
            if is_over && !batch.is_empty() {
                break;
            }
            if let Some(Item::Message(message)) = self.pending.pop_front() {
                batch.push_back(message);
            }
        }
        batch
    }

    /// Sends a batch until each of its messages is taken or a dead letter.
    async fn deliver(&mut self, mut batch: VecDeque<OutboundMessage>) -> Result<(), Stopped> {
        // How many go in one attempt: fewer, while one of them is looked for that is refused.
        let mut size = batch.len();
        let end = batch.back().map_or(0, |last| last.offset + 1);
        while !batch.is_empty() {
            size = size.clamp(1, batch.len());
            let attempt = batch.make_contiguous().get(..size).unwrap_or_default();
            match self.attempt(attempt).await? {
                Ok(verdicts) => self.settle(&mut batch, verdicts, end).await?,
                Err(SendError::Refused { error }) if size == 1 => {
                    let verdicts = vec![Verdict::Refused(error)];
                    self.settle(&mut batch, verdicts, end).await?;
                    size = batch.len();
                }
                Err(SendError::Refused { .. }) => size /= 2,
                Err(SendError::Unavailable { error, .. }) => {
                    self.work.report.count_retried(size);
                    // What it asks for is kept at the gate, for all partitions.
                    self.pause(&error).await?;
                }
            }
        }
        Ok(())
    }

    /// Sends some messages once, as soon as the gate is open.
    async fn attempt(&mut self, batch: &[OutboundMessage]) -> Result<Sent, Stopped> {
        let work = Arc::clone(&self.work);
        let pass = tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => return Err(Stopped),
            pass = work.gate.enter() => pass,
        };
        let tracer = &work.options.tracer;
        let spans = AttemptSpans::begin(tracer, &work.destination.id, batch);
        let sent = work.sender.send(batch).await;
        spans.end(tracer, &sent);
        match &sent {
            Err(SendError::Unavailable { retry_after, .. }) => pass.failed(*retry_after),
            Ok(_) | Err(SendError::Refused { .. }) => pass.succeeded(),
        }
        Ok(sent)
    }

    /// Takes what was answered out of the batch, and moves the cursor up to what is left of it, or
    /// to its end.
    async fn settle(
        &mut self,
        batch: &mut VecDeque<OutboundMessage>,
        verdicts: Vec<Verdict>,
        end: u64,
    ) -> Result<(), Stopped> {
        let answered: Vec<OutboundMessage> =
            batch.drain(..verdicts.len().min(batch.len())).collect();
        let now = self.work.options.clock.now();
        let mut later = None;
        let mut left = Vec::new();
        for (message, verdict) in answered.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Taken => {
                    self.work.report.count_delivered(time_between(message.at, now));
                    self.observe(&message.stored, None);
                }
                Verdict::Refused(error) => self.bury(&message.stored, &error).await?,
                Verdict::Later(error) => {
                    later = Some(error);
                    left.push(message);
                }
            }
        }
        self.work.report.count_retried(left.len());
        left.into_iter().rev().for_each(|message| batch.push_front(message));
        self.advance(batch.front().map_or(end, |first| first.offset));
        match later {
            Some(error) => self.pause(&error).await,
            None => {
                self.retry.reset();
                self.work.report.well(&self.work.destination.id);
                Ok(())
            }
        }
    }

    /// Makes a dead letter of a message, however often that takes.
    async fn bury(&mut self, stored: &Bytes, error: &str) -> Result<(), Stopped> {
        let work = Arc::clone(&self.work);
        let id = &work.destination.id;
        tracing::warn!(destination = id, error, "to the dead letters");
        while let Err(problem) =
            work.dead_letters.bury(id, stored, error, work.options.clock.now()).await
        {
            self.pause(&format!("a dead letter cannot be written: {problem}")).await?;
        }
        work.report.count_refused();
        self.observe(stored, Some(error));
        Ok(())
    }

    fn observe(&self, stored: &Bytes, error: Option<&str>) {
        self.work.options.observer.observe(&DeliveryEvent {
            destination: &self.work.destination.id,
            activation: activation_id(stored),
            profile: profile_id(stored),
            error,
        });
    }

    async fn unreadable(&mut self, error: &LogError) -> Result<(), Stopped> {
        self.pause(&format!("the outbox cannot be read: {error}")).await
    }

    /// Waits before the next attempt.
    async fn pause(&mut self, trouble: &str) -> Result<(), Stopped> {
        self.work.report.trouble(&self.work.destination.id, trouble);
        let pause = self.retry.next(None);
        tokio::select! {
            biased;
            _ = self.stop.wait_for(|stop| *stop) => Err(Stopped),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }

    fn advance(&self, offset: u64) {
        self.work.outbox.advance(self.partition, offset);
        self.work.advanced.notify_one();
    }
}

/// Zero where the clock was set back meanwhile.
fn time_between(from: Timestamp, to: Timestamp) -> Duration {
    let millis = to.as_millis().saturating_sub(from.as_millis());
    Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

fn render(work: &Work, terms: Terms, record: LogRecord) -> Item {
    let (offset, stored) = (record.offset, Bytes::from(record.payload));
    let error = match work.rendering.message(offset, record.time_ms, stored.clone()) {
        Ok(message) if message.payload.len() <= terms.message_bytes => {
            return Item::Message(message);
        }
        Ok(message) => format!(
            "the message has {} bytes, over the limit of {}; map fewer attributes, select fewer \
             fields, or raise the limit of the destination",
            message.payload.len(),
            terms.message_bytes
        ),
        Err(error) => error.to_string(),
    };
    Item::Flawed { offset, stored, error }
}
