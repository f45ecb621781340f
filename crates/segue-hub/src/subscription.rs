//! What a receiver reads: the events of one partition, from a position on, for ever.
//!
//! ```text
//!  Reading ──nothing left──▶ Waiting ──an append became durable──▶ Reading
//!                               └──the log was closed──▶ Ended
//! ```

use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

use segue_amqp::message::RuntimeMetrics;
use segue_log::{LogError, LogRecord, Partition, Reader};

use crate::receivers::{ReceiverId, Registration};
use crate::refusal::Refusal;

/// Bytes read from the log at a time; what the client's credit does not cover waits in memory.
const READ_BYTES: usize = 128 << 10;

/// A receiver's place in a partition.
pub(crate) struct Subscription {
    partition: Partition,
    feed: Feed,
    read_ahead: vec::IntoIter<LogRecord>,
    registration: Registration,
}

enum Feed {
    Reading(Reader),
    /// Gives the reader back when it can read on; nothing if the log was closed.
    Waiting(Pin<Box<dyn Future<Output = Option<Reader>> + Send>>),
    Ended,
}

impl Subscription {
    /// Reads `partition` from `offset` on, for as long as the registration is held.
    pub(crate) fn new(
        partition: &Partition,
        offset: u64,
        registration: Registration,
    ) -> Subscription {
        Subscription {
            partition: partition.clone(),
            feed: Feed::Reading(partition.reader(offset)),
            read_ahead: Vec::new().into_iter(),
            registration,
        }
    }

    /// Whose it is.
    pub(crate) fn receiver(&self) -> ReceiverId {
        self.registration.id()
    }

    /// The next event, if there is one yet. If not, [`Subscription::poll_ready`] tells when.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub(crate) fn next(&mut self) -> Result<Option<LogRecord>, Refusal> {
        loop {
            if let Some(record) = self.read_ahead.find(|record| !record.is_erased) {
                return Ok(Some(record));
            }
            let Feed::Reading(reader) = &mut self.feed else {
                return Ok(None);
            };
            match reader.read(READ_BYTES) {
                Ok(records) if records.is_empty() => {
                    self.wait();
                    return Ok(None);
                }
                Ok(records) => self.read_ahead = records.into_iter(),
                // Retention has overtaken a slow receiver: it goes on with the oldest there is.
                Err(LogError::Removed { start_offset, .. }) => reader.seek(start_offset),
                Err(error) => return Err(Refusal::from(&error)),
            }
        }
    }

    fn wait(&mut self) {
        if let Feed::Reading(reader) = std::mem::replace(&mut self.feed, Feed::Ended) {
            let ready = async move { reader.ready().await.then_some(reader) };
            self.feed = Feed::Waiting(Box::pin(ready));
        }
    }

    /// Ready when there is something to read that was not there before.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Feed::Waiting(reader) = &mut self.feed else {
            return Poll::Pending;
        };
        reader.as_mut().poll(context).map(|reader| {
            self.feed = reader.map_or(Feed::Ended, Feed::Reading);
        })
    }

    /// The end of the partition, as of now.
    pub(crate) fn metrics(&self, now_ms: i64) -> RuntimeMetrics {
        RuntimeMetrics {
            last_sequence_number: self.partition.end_offset().saturating_sub(1),
            last_enqueued_time_ms: self.partition.last_time_ms().unwrap_or(now_ms),
            retrieved_time_ms: now_ms,
        }
    }
}
