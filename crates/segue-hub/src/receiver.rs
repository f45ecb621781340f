//! A link on which the client receives: events of a partition, or responses of a control node.
//!
//! A delivery leaves as soon as there is one, the client has given credit, and the session's
//! window is open. The window counts frames, credit counts deliveries, so a large delivery may
//! get stuck half-way; it goes on when the window opens again.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use segue_amqp::frame::{Flow, Transfer};
use segue_amqp::message::{self, MESSAGE_FORMAT, Stamp};
use segue_log::LogRecord;

use crate::address::Address;
use crate::peer::Peer;
use crate::receivers::ReceiverId;
use crate::refusal::Refusal;
use crate::session::Outgoing;
use crate::subscription::Subscription;

/// Bytes that one link may put out before the others have their turn.
const TURN_BYTES: usize = 256 << 10;
/// Responses that may wait for a client's credit: as many as it has credit for requests.
const RESPONSES_MAX: usize = 1000;

/// Where a link's deliveries come from.
pub(crate) enum Origin {
    /// A partition.
    Events {
        /// The place in it.
        subscription: Box<Subscription>,
        /// Whether each delivery tells where the partition ends.
        metrics: bool,
    },
    /// A control node.
    Responses {
        /// Which one.
        node: Address,
        /// What it has answered.
        queue: VecDeque<Vec<u8>>,
    },
}

/// One such link.
pub(crate) struct ReceiverLink {
    handle: u32,
    origin: Origin,
    /// Deliveries go out settled; otherwise the client settles them.
    settled: bool,
    delivery_count: u32,
    credit: u32,
    drain: bool,
    unfinished: Option<Unfinished>,
}

/// A delivery that the session's window has cut.
struct Unfinished {
    transfer: Transfer,
    message: Vec<u8>,
    sent: usize,
}

impl ReceiverLink {
    /// A link without credit yet.
    pub(crate) fn new(handle: u32, origin: Origin, settled: bool) -> ReceiverLink {
        ReceiverLink {
            handle,
            origin,
            settled,
            delivery_count: 0,
            credit: 0,
            drain: false,
            unfinished: None,
        }
    }

    /// The receiver that it belongs to, if it reads a partition.
    pub(crate) fn receiver(&self) -> Option<ReceiverId> {
        match &self.origin {
            Origin::Events { subscription, .. } => Some(subscription.receiver()),
            Origin::Responses { .. } => None,
        }
    }

    /// Whether it receives what `node` answers.
    pub(crate) fn receives_from(&self, node: &Address) -> bool {
        matches!(&self.origin, Origin::Responses { node: origin, .. } if origin == node)
    }

    /// Queues a response.
    ///
    /// # Errors
    /// When too many wait already for a client that gives no credit.
    pub(crate) fn respond(&mut self, response: Vec<u8>) -> Result<(), Refusal> {
        match &mut self.origin {
            Origin::Responses { queue, .. } if queue.len() < RESPONSES_MAX => {
                queue.push_back(response);
                Ok(())
            }
            _ => Err(Refusal::limit_exceeded(format!(
                "{RESPONSES_MAX} responses wait for credit already."
            ))),
        }
    }

    /// Takes over the credit that the client gives.
    pub(crate) fn take_credit(&mut self, flow: &Flow) {
        let seen = flow.delivery_count.unwrap_or(0);
        let in_flight = self.delivery_count.wrapping_sub(seen);
        self.credit = flow.link_credit.unwrap_or(0).saturating_sub(in_flight);
        self.drain = flow.drain;
    }

    /// The link's part of a flow.
    pub(crate) fn flow(&self) -> Flow {
        Flow {
            handle: Some(self.handle),
            delivery_count: Some(self.delivery_count),
            link_credit: Some(self.credit),
            available: Some(0),
            drain: self.drain,
            ..Flow::default()
        }
    }

    /// Sends what can be sent now, at most [`TURN_BYTES`]; a flow if the client had asked to use
    /// up its credit and it is used up or given back.
    ///
    /// # Errors
    /// When there is nothing more to come: the link must go.
    pub(crate) fn pump(
        &mut self,
        outgoing: &mut Outgoing,
        peer: &mut Peer,
    ) -> Result<Option<Flow>, Refusal> {
        let turn_end = peer.output.len() + TURN_BYTES;
        if let Some(unfinished) = self.unfinished.take() {
            let Unfinished { transfer, message, sent } = unfinished;
            self.transmit(transfer, &[&message], sent, outgoing, peer);
        }
        let mut is_exhausted = false;
        while self.credit > 0 && self.unfinished.is_none() && peer.output.len() < turn_end {
            if !outgoing.is_open() || !self.send_next(outgoing, peer)? {
                is_exhausted = outgoing.is_open();
                break;
            }
        }
        let is_drained = self.credit == 0 || is_exhausted;
        if !self.drain || !is_drained || self.unfinished.is_some() {
            return Ok(None);
        }
        self.delivery_count = self.delivery_count.wrapping_add(self.credit);
        self.credit = 0;
        let flow = self.flow();
        self.drain = false;
        Ok(Some(flow))
    }

    /// Sends one delivery; false if there is none.
    fn send_next(&mut self, outgoing: &mut Outgoing, peer: &mut Peer) -> Result<bool, Refusal> {
        match &mut self.origin {
            Origin::Responses { queue, .. } => {
                let Some(response) = queue.pop_front() else {
                    return Ok(false);
                };
                self.begin_delivery(&[&response], outgoing, peer);
            }
            Origin::Events { subscription, metrics } => {
                let Some(record) = subscription.next()? else {
                    return Ok(false);
                };
                let metrics = metrics.then(|| subscription.metrics(peer.now_ms));
                let mut prefix = Vec::new();
                let stored = message::deliver(
                    &record.payload,
                    &stamp(&record),
                    metrics.as_ref(),
                    &mut prefix,
                );
                let bare = stored.map_err(|error| {
                    tracing::error!(offset = record.offset, %error, "cannot deliver an event");
                    Refusal::internal("An event of this partition is no AMQP message.")
                })?;
                self.begin_delivery(&[&prefix, bare], outgoing, peer);
            }
        }
        Ok(true)
    }

    fn begin_delivery(&mut self, message: &[&[u8]], outgoing: &mut Outgoing, peer: &mut Peer) {
        let transfer = Transfer {
            handle: self.handle,
            delivery_id: Some(outgoing.next_delivery()),
            delivery_tag: Some(self.delivery_count.into()),
            message_format: Some(MESSAGE_FORMAT),
            settled: Some(self.settled),
            batchable: true,
            ..Transfer::default()
        };
        self.delivery_count = self.delivery_count.wrapping_add(1);
        self.credit -= 1;
        self.transmit(transfer, message, 0, outgoing, peer);
    }

    /// Sends frames until the message is complete or the window closes.
    fn transmit(
        &mut self,
        transfer: Transfer,
        message: &[&[u8]],
        mut sent: usize,
        outgoing: &mut Outgoing,
        peer: &mut Peer,
    ) {
        let size: usize = message.iter().map(|part| part.len()).sum();
        while sent < size {
            if !outgoing.take_frame() {
                self.unfinished = Some(Unfinished { transfer, message: message.concat(), sent });
                return;
            }
            let output = &mut peer.output;
            let (channel, frame_bytes_max) = (outgoing.channel(), peer.frame_bytes_max);
            sent = transfer.encode_chunk(channel, frame_bytes_max, message, sent, output);
        }
    }

    /// Ready when there is something to send that was not there before.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.origin {
            Origin::Events { subscription, .. } => subscription.poll_ready(context),
            Origin::Responses { .. } => Poll::Pending,
        }
    }
}

fn stamp(record: &LogRecord) -> Stamp {
    Stamp { sequence_number: record.offset, enqueued_time_ms: record.time_ms }
}
