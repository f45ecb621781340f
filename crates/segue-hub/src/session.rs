//! A session: links, and the two windows that limit how many frames are on their way.
//!
//! Channels and handles of the two directions are numbered alike: the broker answers on the
//! number that the client chose, so neither needs a table.
//!
//! ```text
//! client ── transfer ─▶ incoming window (5000, renewed at half) ─▶ SenderLink ─▶ log, node
//! client ◀─ transfer ── outgoing window (the client's)         ◀── ReceiverLink ◀─ log, node
//! ```

use std::collections::BTreeMap;
use std::task::{Context, Poll};

use bytes::Bytes;
use segue_amqp::frame::{AmqpError, Attach, Begin, Detach, Disposition, Flow, Role, Transfer};

use crate::address::Address;
use crate::attach::{self, End, Link};
use crate::control::{Request, Response};
use crate::peer::Peer;
use crate::receiver::ReceiverLink;
use crate::receivers::ReceiverId;
use crate::refusal::Refusal;
use crate::sender::{self, Delivery, Destination, SenderLink};
use crate::{cbs, management};

/// Frames that the client may send ahead; the service's number.
const INCOMING_WINDOW: u32 = 5000;
/// Links of a session; the service's number.
const HANDLE_MAX: u32 = 255;
/// The number of the first transfer; the service's number.
const FIRST_TRANSFER_ID: u32 = 1;

/// One session of a connection.
pub(crate) struct Session {
    outgoing: Outgoing,
    next_incoming_id: u32,
    /// What the client has left of [`INCOMING_WINDOW`].
    incoming_window: u32,
    /// By the client's handle, which is also ours.
    links: BTreeMap<u32, Link>,
}

/// The sending side of a session.
pub(crate) struct Outgoing {
    channel: u16,
    next_transfer_id: u32,
    next_delivery_id: u32,
    /// Frames that the client still takes.
    window: u32,
}

impl Outgoing {
    /// The session's channel.
    pub(crate) fn channel(&self) -> u16 {
        self.channel
    }

    /// Whether the client takes another frame.
    pub(crate) fn is_open(&self) -> bool {
        self.window > 0
    }

    /// Counts a frame that goes out now; false if the client takes none.
    pub(crate) fn take_frame(&mut self) -> bool {
        if self.window == 0 {
            return false;
        }
        self.window -= 1;
        self.next_transfer_id = self.next_transfer_id.wrapping_add(1);
        true
    }

    /// The number of the next delivery.
    pub(crate) fn next_delivery(&mut self) -> u32 {
        let id = self.next_delivery_id;
        self.next_delivery_id = id.wrapping_add(1);
        id
    }
}

impl Session {
    /// Answers a begin.
    pub(crate) fn begin(channel: u16, begin: &Begin, peer: &mut Peer) -> Session {
        let reply = Begin {
            remote_channel: Some(channel),
            next_outgoing_id: FIRST_TRANSFER_ID,
            incoming_window: INCOMING_WINDOW,
            outgoing_window: INCOMING_WINDOW,
            handle_max: HANDLE_MAX,
            ..Begin::default()
        };
        reply.encode(channel, &mut peer.output);
        Session {
            outgoing: Outgoing {
                channel,
                next_transfer_id: FIRST_TRANSFER_ID,
                next_delivery_id: 0,
                window: begin.incoming_window,
            },
            next_incoming_id: begin.next_outgoing_id,
            incoming_window: INCOMING_WINDOW,
            links: BTreeMap::new(),
        }
    }

    /// Attaches a link, or refuses to.
    ///
    /// # Errors
    /// A handle that is out of range or taken: the connection must go.
    pub(crate) fn attach(&mut self, attach: &Attach, peer: &mut Peer) -> Result<(), Refusal> {
        if attach.handle > HANDLE_MAX || self.links.contains_key(&attach.handle) {
            let text = format!("Handle {} is in use or over {HANDLE_MAX}.", attach.handle);
            return Err(Refusal::framing_error(text));
        }
        let made = attach::link(attach, peer);
        attach::reply(attach, made.as_ref().ok()).encode(self.outgoing.channel, &mut peer.output);
        match made {
            Ok(mut link) => {
                if let End::Sender(sender) = &mut link.end {
                    let flow = sender.grant_credit();
                    self.send_flow(flow, peer);
                }
                self.links.insert(attach.handle, link);
            }
            Err(refusal) => {
                tracing::debug!(link = attach.name, %refusal, "link refused");
                self.send_detach(attach.handle, Some(&refusal), peer);
            }
        }
        Ok(())
    }

    /// The client closes a link; frames for one that is gone already are ignored.
    pub(crate) fn detach(&mut self, handle: u32, peer: &mut Peer) {
        if self.links.remove(&handle).is_some() {
            self.send_detach(handle, None, peer);
        }
    }

    /// The client opens its window, gives credit, or asks for either.
    pub(crate) fn flow(&mut self, flow: &Flow, peer: &mut Peer) {
        let seen = flow.next_incoming_id.unwrap_or(FIRST_TRANSFER_ID);
        let in_flight = self.outgoing.next_transfer_id.wrapping_sub(seen);
        self.outgoing.window = flow.incoming_window.saturating_sub(in_flight);
        let end = match flow.handle {
            Some(handle) => match self.links.get_mut(&handle) {
                Some(link) => Some(&mut link.end),
                None => return,
            },
            None => None,
        };
        let state = match end {
            Some(End::Receiver(receiver)) => {
                receiver.take_credit(flow);
                receiver.flow()
            }
            Some(End::Sender(sender)) if flow.echo => sender.grant_credit(),
            Some(End::Sender(_)) | None => Flow::default(),
        };
        if flow.echo {
            self.send_flow(state, peer);
        }
    }

    /// The client settles deliveries; it hears that the broker has settled them too.
    pub(crate) fn disposition(&self, disposition: Disposition, peer: &mut Peer) {
        if disposition.role == Role::Receiver && !disposition.settled {
            let answer = Disposition { role: Role::Sender, settled: true, ..disposition };
            answer.encode(self.outgoing.channel, &mut peer.output);
        }
    }

    /// The client sends a frame of a delivery.
    pub(crate) fn transfer(&mut self, transfer: &Transfer, payload: Bytes, peer: &mut Peer) {
        self.next_incoming_id = self.next_incoming_id.wrapping_add(1);
        self.incoming_window = self.incoming_window.saturating_sub(1);
        // Frames for a link that was just detached may still be on their way.
        if let Some(sender) = self.sender(transfer.handle) {
            match sender.receive(transfer, payload) {
                Ok(Some(delivery)) => self.deliver(transfer.handle, &delivery, peer),
                Ok(None) => {}
                Err(refusal) => return self.expel(transfer.handle, &refusal, peer),
            }
        }
        let window_is_low = self.incoming_window < INCOMING_WINDOW / 2;
        let flow = match self.sender(transfer.handle) {
            Some(sender) if sender.needs_credit() => sender.grant_credit(),
            _ if window_is_low => Flow::default(),
            _ => return,
        };
        self.send_flow(flow, peer);
    }

    /// Brings a complete delivery to where the link leads.
    fn deliver(&mut self, handle: u32, delivery: &Delivery, peer: &mut Peer) {
        let channel = self.outgoing.channel;
        let Some(sender) = self.sender(handle) else {
            return;
        };
        let taken = match sender.destination() {
            Destination::EventHub { hub, route } => match sender::publish(hub, *route, delivery) {
                Ok(Some(append)) => {
                    let bytes = delivery.message.len();
                    peer.settle_when_durable(channel, delivery.id, bytes, append);
                    return;
                }
                Ok(None) => Ok(()),
                Err(refusal) => Err(refusal),
            },
            Destination::Cbs => self.answer(&Address::Cbs, delivery, peer, cbs::answer),
            Destination::Management => {
                self.answer(&Address::Management, delivery, peer, |request, peer| {
                    management::answer(request, peer)
                })
            }
        };
        if let Some(id) = delivery.id {
            peer.settle(channel, id, taken);
        }
    }

    /// Answers a request on the link that receives from the same node.
    fn answer(
        &mut self,
        node: &Address,
        delivery: &Delivery,
        peer: &mut Peer,
        answer: impl FnOnce(&Request, &mut Peer) -> Response,
    ) -> Result<(), Refusal> {
        let request = Request::parse(&delivery.message)?;
        let response = request.respond(&answer(&request, peer));
        receivers(&mut self.links).find(|(_, receiver)| receiver.receives_from(node)).map_or_else(
            || {
                let text = "No link of this session receives the node's responses.";
                Err(Refusal::not_allowed(text))
            },
            |(_, receiver)| receiver.respond(response),
        )
    }

    /// Lets every receiver send what it can.
    pub(crate) fn pump(&mut self, peer: &mut Peer) {
        let mut flows = Vec::new();
        let mut failed = Vec::new();
        for (handle, receiver) in receivers(&mut self.links) {
            match receiver.pump(&mut self.outgoing, peer) {
                Ok(flow) => flows.extend(flow),
                Err(refusal) => failed.push((handle, refusal)),
            }
        }
        for flow in flows {
            self.send_flow(flow, peer);
        }
        for (handle, refusal) in failed {
            self.expel(handle, &refusal, peer);
        }
    }

    /// Ready when some receiver has something to send that was not there before.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut progress = Poll::Pending;
        for (_, receiver) in receivers(&mut self.links) {
            if receiver.poll_ready(context).is_ready() {
                progress = Poll::Ready(());
            }
        }
        progress
    }

    /// Detaches a receiver that was displaced; false if it is none of this session's.
    pub(crate) fn displace(
        &mut self,
        displaced: ReceiverId,
        refusal: &Refusal,
        peer: &mut Peer,
    ) -> bool {
        let found = receivers(&mut self.links)
            .find(|(_, receiver)| receiver.receiver() == Some(displaced))
            .map(|(handle, _)| handle);
        if let Some(handle) = found {
            self.expel(handle, refusal, peer);
        }
        found.is_some()
    }

    /// Detaches the links that no valid token allows any more.
    pub(crate) fn expel_unauthorized(&mut self, peer: &mut Peer) {
        let refused = |(handle, link): (&u32, &Link)| {
            let refusal = link.access.as_ref()?.check(peer).err()?;
            Some((*handle, refusal))
        };
        let unauthorized: Vec<_> = self.links.iter().filter_map(refused).collect();
        for (handle, refusal) in unauthorized {
            self.expel(handle, &refusal, peer);
        }
    }

    fn sender(&mut self, handle: u32) -> Option<&mut SenderLink> {
        match &mut self.links.get_mut(&handle)?.end {
            End::Sender(sender) => Some(sender),
            End::Receiver(_) => None,
        }
    }

    /// Detaches a link, saying why.
    fn expel(&mut self, handle: u32, refusal: &Refusal, peer: &mut Peer) {
        tracing::debug!(handle, %refusal, "link closed");
        self.links.remove(&handle);
        self.send_detach(handle, Some(refusal), peer);
    }

    fn send_detach(&self, handle: u32, refusal: Option<&Refusal>, peer: &mut Peer) {
        let detach = Detach { handle, closed: true, error: refusal.map(AmqpError::from) };
        detach.encode(self.outgoing.channel, &mut peer.output);
    }

    /// Sends a link's part of a flow with the session's, which also renews the incoming window.
    fn send_flow(&mut self, link: Flow, peer: &mut Peer) {
        self.incoming_window = INCOMING_WINDOW;
        let flow = Flow {
            next_incoming_id: Some(self.next_incoming_id),
            incoming_window: self.incoming_window,
            next_outgoing_id: self.outgoing.next_transfer_id,
            outgoing_window: INCOMING_WINDOW,
            ..link
        };
        flow.encode(self.outgoing.channel, &mut peer.output);
    }
}

/// The links on which the client receives, by handle.
fn receivers(links: &mut BTreeMap<u32, Link>) -> impl Iterator<Item = (u32, &mut ReceiverLink)> {
    links.iter_mut().filter_map(|(handle, link)| match &mut link.end {
        End::Receiver(receiver) => Some((*handle, receiver.as_mut())),
        End::Sender(_) => None,
    })
}
