//! Deliveries coming in: put together from their frames, handed on, accepted.

use bytes::Bytes;
use tokio::sync::mpsc;

use super::error::ClientError;
use super::link::CREDIT;
use crate::frame::{Flow, Transfer};

/// Largest message put together: the 20 MB that dedicated clusters allow, and what the hub adds.
pub(super) const MESSAGE_BYTES_MAX: usize = 21 << 20;

/// A link's state while messages come in.
pub(super) struct ReceivingLink {
    handle: u32,
    delivery_count: u32,
    credit: u32,
    /// The delivery whose frames are coming in.
    partial: Option<Partial>,
    deliveries: mpsc::UnboundedSender<Result<Bytes, ClientError>>,
}

struct Partial {
    delivery_id: u32,
    settled: bool,
    message: Vec<u8>,
}

/// What became of a transfer frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// The delivery is not complete, or was given up by the peer.
    Nothing,
    /// A message was handed on; its number, when the peer waits for a disposition.
    Message {
        /// Number of the delivery, unless it is settled already.
        unsettled: Option<u32>,
    },
    /// The program has dropped the receiver.
    Abandoned,
    /// The message is larger than [`MESSAGE_BYTES_MAX`].
    TooLarge,
}

impl ReceivingLink {
    pub(super) fn new(
        handle: u32,
        delivery_count: u32,
        deliveries: mpsc::UnboundedSender<Result<Bytes, ClientError>>,
    ) -> ReceivingLink {
        ReceivingLink { handle, delivery_count, credit: CREDIT, partial: None, deliveries }
    }

    /// Lets the peer send `count` messages more.
    pub(super) fn grant(&mut self, count: u32) {
        self.credit = self.credit.saturating_add(count).min(CREDIT);
    }

    /// The link's numbers, for a flow.
    pub(super) fn flow(&self) -> Flow {
        Flow {
            handle: Some(self.handle),
            delivery_count: Some(self.delivery_count),
            link_credit: Some(self.credit),
            ..Flow::default()
        }
    }

    /// Takes one frame. A message that comes in one frame is not copied.
    pub(super) fn receive(&mut self, transfer: &Transfer, payload: Bytes) -> Received {
        if transfer.aborted {
            self.partial = None;
            return Received::Nothing;
        }
        let mut partial = self.partial.take().unwrap_or_else(|| Partial {
            delivery_id: transfer.delivery_id.unwrap_or_default(),
            settled: false,
            message: Vec::new(),
        });
        partial.settled |= transfer.settled.unwrap_or_default();
        let message = if transfer.more || !partial.message.is_empty() {
            if partial.message.len() + payload.len() > MESSAGE_BYTES_MAX {
                return Received::TooLarge;
            }
            partial.message.extend_from_slice(&payload);
            if transfer.more {
                self.partial = Some(partial);
                return Received::Nothing;
            }
            Bytes::from(partial.message)
        } else {
            payload
        };
        self.delivery_count = self.delivery_count.wrapping_add(1);
        self.credit = self.credit.saturating_sub(1);
        match self.deliveries.send(Ok(message)) {
            Ok(()) => {
                Received::Message { unsettled: (!partial.settled).then_some(partial.delivery_id) }
            }
            Err(_) => Received::Abandoned,
        }
    }

    /// Tells the program that the link has ended.
    pub(super) fn end(self, error: &ClientError) {
        let _ = self.deliveries.send(Err(error.clone()));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::sync::mpsc;

    use super::{MESSAGE_BYTES_MAX, Received, ReceivingLink};
    use crate::frame::Transfer;

    fn chunk(delivery_id: Option<u32>, more: bool) -> Transfer {
        Transfer { delivery_id, more, ..Transfer::default() }
    }

    #[test]
    fn frames_of_a_delivery_are_put_together() {
        let (deliveries, mut received) = mpsc::unbounded_channel();
        let mut link = ReceivingLink::new(0, 0, deliveries);
        let first = link.receive(&chunk(Some(7), true), Bytes::from("he"));
        assert_eq!(first, Received::Nothing);
        let last = link.receive(&chunk(None, false), Bytes::from("llo"));
        assert_eq!(last, Received::Message { unsettled: Some(7) });
        assert_eq!(received.try_recv().unwrap().unwrap(), "hello");
    }

    #[test]
    fn an_aborted_delivery_leaves_nothing_behind() {
        let (deliveries, mut received) = mpsc::unbounded_channel();
        let mut link = ReceivingLink::new(0, 0, deliveries);
        link.receive(&chunk(Some(7), true), Bytes::from("lost"));
        link.receive(&Transfer { aborted: true, ..Transfer::default() }, Bytes::new());
        link.receive(&chunk(Some(8), false), Bytes::from("kept"));
        assert_eq!(received.try_recv().unwrap().unwrap(), "kept");
    }

    #[test]
    fn messages_are_limited() {
        let (deliveries, _received) = mpsc::unbounded_channel();
        let mut link = ReceivingLink::new(0, 0, deliveries);
        let half = Bytes::from(vec![0; MESSAGE_BYTES_MAX / 2 + 1]);
        assert_eq!(link.receive(&chunk(Some(1), true), half.clone()), Received::Nothing);
        assert_eq!(link.receive(&chunk(None, true), half), Received::TooLarge);
    }
}
