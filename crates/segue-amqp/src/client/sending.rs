//! Deliveries on their way out: waiting for credit, then for the peer's verdict.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

use super::error::ClientError;
use super::handshake::CHANNEL;
use super::link::{LinkId, Reply};
use super::wire::Wire;
use crate::frame::{
    AmqpError, DeliveryState, DeliveryTag, Disposition, Flow, Role, Transfer, condition,
};

/// A link's messages that have not been sent completely, in order.
pub(super) struct SendingLink {
    handle: u32,
    delivery_count: u32,
    credit: u32,
    queue: VecDeque<Outgoing>,
}

struct Outgoing {
    format: u32,
    message: Bytes,
    /// Bytes sent, and the number that the delivery got with its first frame.
    begun: Option<(u32, usize)>,
    reply: Reply<()>,
}

impl SendingLink {
    pub(super) fn new(handle: u32) -> SendingLink {
        SendingLink { handle, delivery_count: 0, credit: 0, queue: VecDeque::new() }
    }

    /// Queues a message.
    pub(super) fn push(&mut self, format: u32, message: Bytes, reply: Reply<()>) {
        self.queue.push_back(Outgoing { format, message, begun: None, reply });
    }

    /// Learns from a flow how many messages the peer takes.
    pub(super) fn learn(&mut self, flow: &Flow) {
        let seen = flow.delivery_count.unwrap_or_default();
        let unseen = self.delivery_count.wrapping_sub(seen);
        self.credit = flow.link_credit.unwrap_or_default().saturating_sub(unseen);
    }

    /// Gives back the credit that nothing waits for.
    pub(super) fn drain(&mut self) {
        if self.queue.is_empty() {
            self.delivery_count = self.delivery_count.wrapping_add(self.credit);
            self.credit = 0;
        }
    }

    /// The link's numbers, for a flow.
    pub(super) fn flow(&self) -> Flow {
        Flow {
            handle: Some(self.handle),
            delivery_count: Some(self.delivery_count),
            link_credit: Some(self.credit),
            available: Some(u32::try_from(self.queue.len()).unwrap_or(u32::MAX)),
            ..Flow::default()
        }
    }

    /// Sends what credit and windows allow. A message whose caller has gone is not begun.
    pub(super) fn pump(&mut self, link: LinkId, wire: &mut Wire, unsettled: &mut Unsettled) {
        while wire.takes_transfer() {
            let Some(next) = self.queue.front_mut() else {
                return;
            };
            if next.begun.is_none() && next.reply.is_closed() {
                self.queue.pop_front();
                continue;
            }
            if self.credit == 0 {
                return;
            }
            let (delivery_id, sent) = next.begun.unwrap_or_else(|| (wire.next_delivery_id(), 0));
            let transfer = Transfer {
                handle: self.handle,
                delivery_id: Some(delivery_id),
                delivery_tag: Some(DeliveryTag::from(delivery_id)),
                message_format: Some(next.format),
                settled: Some(false),
                ..Transfer::default()
            };
            let sent = wire.transfer(&transfer, &next.message, sent);
            next.begun = Some((delivery_id, sent));
            if sent == next.message.len() {
                self.delivery_count = self.delivery_count.wrapping_add(1);
                self.credit -= 1;
                if let Some(sent) = self.queue.pop_front() {
                    unsettled.insert(delivery_id, link, sent.reply);
                }
            }
        }
    }

    /// Tells every waiting caller that the link has ended.
    pub(super) fn end(self, error: &ClientError) {
        for outgoing in self.queue {
            let _ = outgoing.reply.send(Err(error.clone()));
        }
    }
}

/// Deliveries that the peer has not settled, by number.
#[derive(Default)]
pub(super) struct Unsettled(BTreeMap<u32, (LinkId, Reply<()>)>);

impl Unsettled {
    fn insert(&mut self, delivery_id: u32, link: LinkId, reply: Reply<()>) {
        self.0.insert(delivery_id, (link, reply));
    }

    /// Tells the callers of these deliveries what became of them, and settles what the peer has
    /// left to us.
    pub(super) fn settle(&mut self, disposition: &Disposition, out: &mut Vec<u8>) {
        let Some(outcome) = outcome(disposition) else {
            return;
        };
        let first = disposition.first;
        let last = disposition.last.unwrap_or(first);
        // Numbers wrap around; and the range, untrusted, may be far larger than what waits.
        let len = last.wrapping_sub(first);
        let meant: Vec<u32> =
            self.0.keys().copied().filter(|id| id.wrapping_sub(first) <= len).collect();
        for (_, reply) in meant.iter().filter_map(|id| self.0.remove(id)) {
            let _ = reply.send(outcome.clone());
        }
        if !disposition.settled {
            let settled = Disposition { role: Role::Sender, settled: true, ..disposition.clone() };
            settled.encode(CHANNEL, out);
        }
    }

    /// Tells the callers on `link` that it has ended; what became of their messages is unknown.
    pub(super) fn end(&mut self, link: LinkId, error: &ClientError) {
        for (_, (_, reply)) in self.0.extract_if(.., |_, (owner, _)| *owner == link) {
            let _ = reply.send(Err(error.clone()));
        }
    }
}

/// The verdict of a disposition, none when it is not final.
fn outcome(disposition: &Disposition) -> Option<Result<(), ClientError>> {
    let refused = |error| Some(Err(ClientError::Refused { place: "events", error }));
    match &disposition.state {
        Some(DeliveryState::Accepted) => Some(Ok(())),
        Some(DeliveryState::Rejected(error)) => {
            let unexplained = || AmqpError::new(condition::INTERNAL_ERROR, "rejected, no reason");
            refused(error.clone().unwrap_or_else(unexplained))
        }
        Some(DeliveryState::Released | DeliveryState::Modified { .. }) => {
            refused(AmqpError::new(condition::SERVER_BUSY, "released, not taken: send again"))
        }
        None if disposition.settled => Some(Ok(())),
        None | Some(DeliveryState::Received { .. } | DeliveryState::Other(_)) => None,
    }
}
