//! Sending numbered events, of which the hub stores none twice.

use std::sync::Arc;

use super::connection::Shared;
use super::error::ClientError;
use super::sender::{EventData, Sender};
use crate::frame::{Attach, Target};
use crate::message::{BatchBuilder, EventNumber, IDEMPOTENT_PRODUCER, Numbering, ProducerIdentity};

/// Sends to one partition as an idempotent producer: each event has the number after the one
/// before, and what is sent again with its numbers is accepted, but stored once.
///
/// Who sends counts the numbers. A batch must be accepted before the next one leaves: a hub that
/// sees a number too high refuses it (`com.microsoft:out-of-order-sequence`).
pub struct NumberedSender {
    sender: Sender,
    last: EventNumber,
}

impl NumberedSender {
    pub(super) async fn attach(
        shared: &Arc<Shared>,
        hub: &str,
        partition: &str,
        producer: Option<ProducerIdentity>,
    ) -> Result<Option<NumberedSender>, ClientError> {
        let request = Attach {
            target: Some(Target::at(format!("{hub}/Partitions/{partition}"))),
            desired_capabilities: vec![IDEMPOTENT_PRODUCER.to_owned()],
            properties: producer.map(Numbering::of).unwrap_or_default().properties(),
            ..Sender::request()
        };
        let sender = Sender::attach_as(shared, hub, request).await?;
        let Attach { offered_capabilities, properties, .. } = sender.answer();
        let is_offered = offered_capabilities.iter().any(|offer| offer == IDEMPOTENT_PRODUCER);
        let last = Numbering::of_properties(properties).last_event();
        Ok(last.filter(|_| is_offered).map(|last| NumberedSender { sender, last }))
    }

    /// The last event of this producer, as far as the hub knew when the link was attached.
    pub fn last(&self) -> EventNumber {
        self.last
    }

    /// An empty batch, as large as the hub takes, whose first event will have the number `first`
    /// of this producer.
    pub fn batch(&self, first: i32) -> NumberedBatch {
        NumberedBatch {
            next: EventNumber { sequence: first, ..self.last },
            envelope: self.sender.envelope(None),
        }
    }

    /// Sends a batch and waits until the hub has accepted it. An empty one is not sent.
    ///
    /// # Errors
    /// As [`Sender::send`]. What may have arrived can be sent again.
    pub async fn send(&self, batch: NumberedBatch) -> Result<(), ClientError> {
        self.sender.send_envelope(batch.envelope).await
    }
}

/// Numbered events that go to one partition together: all of them are taken, or none. Each may have
/// a key of its own, as the partition is chosen already.
#[derive(Clone, Debug)]
pub struct NumberedBatch {
    next: EventNumber,
    envelope: BatchBuilder,
}

impl NumberedBatch {
    /// Adds an event, or leaves the batch as it is and returns false when it does not fit.
    #[must_use = "an event that does not fit is not in the batch"]
    pub fn try_add(&mut self, event: &EventData, partition_key: Option<&str>) -> bool {
        let is_added = self.envelope.try_add(&event.encode(partition_key, Some(self.next)));
        if is_added {
            self.next = self.next.after(1);
        }
        is_added
    }
}
