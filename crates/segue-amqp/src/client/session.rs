//! The one session of a connection: which links it has, and what each frame or call does to them.
//!
//! A state machine without I/O. Calls come in through [`Session::execute`], frames through
//! [`Session::receive`]; what is to be written gathers in its [`Wire`].
//!
//! ```text
//!             attach                    peer's attach
//!  (nothing) ────────▶ Attaching ─────────────────────▶ Sending / Receiving
//!                          │ peer's detach: refused        │ peer's detach   │ detach
//!                          ▼                               ▼                 ▼
//!                       (nothing) ◀──────────────────── (nothing) ◀──── Detaching
//!                                                              peer's detach
//! ```

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::error::ClientError;
use super::handshake::{CHANNEL, Opened};
use super::link::{Attached, Command, LinkEnd, LinkId, Reply};
use super::receiving::{Received, ReceivingLink};
use super::sending::{SendingLink, Unsettled};
use super::wire::Wire;
use crate::frame::{
    AmqpError, Attach, Close, DeliveryState, Detach, Disposition, Flow, Frame, Performative, Role,
    Transfer, condition,
};

/// Links and numbers of the session.
pub(super) struct Session {
    wire: Wire,
    /// Highest handle that the peer takes.
    handle_max: u32,
    links: BTreeMap<LinkId, Link>,
    /// Links by the numbers that they have in the peer's frames.
    peer_handles: HashMap<u32, LinkId>,
    next_link: u64,
    unsettled: Unsettled,
    closing: Closing,
}

struct Link {
    /// Number of the link in frames to the peer.
    handle: u32,
    name: String,
    /// True once the peer has attached, too.
    answered: bool,
    state: LinkState,
}

enum LinkState {
    Attaching(Role, Opener),
    Sending(SendingLink),
    Receiving(ReceivingLink),
    Detaching { reply: Option<Reply<()>> },
}

/// Who has asked for a link.
struct Opener {
    /// Where the end of the link will send its calls.
    commands: mpsc::Sender<Command>,
    reply: Reply<Attached>,
}

/// How far the connection's end has come.
enum Closing {
    No,
    /// Our close is on its way, and these calls wait for the peer's.
    Sent(Vec<Reply<()>>),
    /// Both sides have closed.
    Done,
}

impl Session {
    pub(super) fn new(opened: &Opened) -> Session {
        let Opened { open, begin, .. } = opened;
        Session {
            wire: Wire::new(open.max_frame_size, begin.incoming_window, begin.next_outgoing_id),
            handle_max: begin.handle_max,
            links: BTreeMap::new(),
            peer_handles: HashMap::new(),
            next_link: 0,
            unsettled: Unsettled::default(),
            closing: Closing::No,
        }
    }

    /// The bytes to write, and room for more.
    pub(super) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// True once our close has been sent: no more calls are taken.
    pub(super) fn is_closing(&self) -> bool {
        !matches!(self.closing, Closing::No)
    }

    /// True once both sides have closed.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.closing, Closing::Done)
    }

    /// Does what a call asks for, or begins to.
    pub(super) fn execute(&mut self, command: Command) {
        match command {
            Command::Attach { attach, commands, reply } => {
                self.attach(*attach, Opener { commands, reply });
            }
            Command::Send { link, format, message, reply } => {
                match self.links.get_mut(&link).map(|link| &mut link.state) {
                    Some(LinkState::Sending(sending)) => sending.push(format, message, reply),
                    _ => drop(reply.send(Err(ClientError::Closed))),
                }
            }
            Command::Credit { link, count } => {
                if let Some(LinkState::Receiving(receiving)) =
                    self.links.get_mut(&link).map(|link| &mut link.state)
                {
                    receiving.grant(count);
                    let flow = receiving.flow();
                    self.wire.flow(flow);
                }
            }
            Command::Detach { link, reply } => {
                self.detach(link, None, &ClientError::Closed, Some(reply));
            }
            Command::Close { reply } => self.close(Some(reply)),
        }
    }

    /// Begins to close the connection.
    pub(super) fn close(&mut self, reply: Option<Reply<()>>) {
        if let Closing::No = self.closing {
            Close::default().encode(CHANNEL, self.wire.out());
            self.closing = Closing::Sent(Vec::new());
        }
        match (&mut self.closing, reply) {
            (Closing::Sent(waiting), Some(reply)) => waiting.push(reply),
            (_, Some(reply)) => drop(reply.send(Ok(()))),
            (_, None) => {}
        }
    }

    /// Sends what credit and windows allow.
    pub(super) fn pump(&mut self) {
        for (id, link) in &mut self.links {
            if let LinkState::Sending(sending) = &mut link.state {
                sending.pump(*id, &mut self.wire, &mut self.unsettled);
            }
        }
    }

    /// Acts on a frame of the peer.
    pub(super) fn receive(&mut self, frame: Frame) -> Result<(), ClientError> {
        let Some(performative) = frame.performative else {
            return Ok(());
        };
        match performative {
            Performative::Attach(attach) => self.attached(attach),
            Performative::Flow(flow) => self.flowed(&flow),
            Performative::Transfer(transfer) => self.transferred(&transfer, frame.payload),
            Performative::Disposition(disposition) => {
                if disposition.role == Role::Receiver {
                    self.unsettled.settle(&disposition, self.wire.out());
                }
            }
            Performative::Detach(detach) => self.detached(detach),
            Performative::End(end) => {
                return Err(ClientError::closed_by_peer("session", end.error));
            }
            Performative::Close(close) => return self.closed(close),
            _ => {
                let message = "it opens the connection or session once more".to_owned();
                return Err(ClientError::Protocol(message));
            }
        }
        Ok(())
    }

    /// Ends everything that waits, because the connection has.
    pub(super) fn end(mut self, error: &ClientError) {
        for (id, link) in std::mem::take(&mut self.links) {
            self.end_state(id, link.state, error);
        }
        if let Closing::Sent(waiting) = self.closing {
            waiting.into_iter().for_each(|reply| drop(reply.send(Ok(()))));
        }
    }

    fn attach(&mut self, attach: Attach, opener: Opener) {
        let taken = |handle: &u32| self.links.values().any(|link| link.handle == *handle);
        let Some(handle) = (0..=self.handle_max).find(|handle| !taken(handle)) else {
            let message = format!("all {} links of the connection are in use", self.links.len());
            let error = AmqpError::new(condition::RESOURCE_LIMIT_EXCEEDED, message);
            let refused = ClientError::Refused { place: "link", error };
            return drop(opener.reply.send(Err(refused)));
        };
        let id = LinkId(self.next_link);
        self.next_link += 1;
        let name = format!("{}-{}", attach.name, id.0);
        let role = attach.role;
        Attach { name: name.clone(), handle, ..attach }.encode(CHANNEL, self.wire.out());
        let state = LinkState::Attaching(role, opener);
        self.links.insert(id, Link { handle, name, answered: false, state });
    }

    /// The peer's answer to our attach. Without source or target it is a refusal, whose reason
    /// follows in a detach.
    fn attached(&mut self, answer: Box<Attach>) {
        let named = |link: &Link| link.name == answer.name && !link.answered;
        let Some((id, link)) = self.links.iter_mut().find(|(_, link)| named(link)) else {
            return;
        };
        link.answered = true;
        self.peer_handles.insert(answer.handle, *id);
        let LinkState::Attaching(role, _) = link.state else {
            return;
        };
        let terminus_is_there = match role {
            Role::Sender => answer.target.is_some(),
            Role::Receiver => answer.source.is_some(),
        };
        if !terminus_is_there {
            return;
        }
        let (messages, deliveries) = mpsc::unbounded_channel();
        let active = match role {
            Role::Sender => LinkState::Sending(SendingLink::new(link.handle)),
            Role::Receiver => {
                let count = answer.initial_delivery_count.unwrap_or_default();
                let receiving = ReceivingLink::new(link.handle, count, messages);
                self.wire.flow(receiving.flow());
                LinkState::Receiving(receiving)
            }
        };
        if let LinkState::Attaching(_, opener) = std::mem::replace(&mut link.state, active) {
            // When the call was given up, the end is dropped here, and so detaches the link.
            let _ = opener.reply.send(Ok(Attached {
                end: LinkEnd::new(*id, opener.commands),
                answer,
                deliveries,
            }));
        }
    }

    fn flowed(&mut self, flow: &Flow) {
        self.wire.learn(flow);
        let link = flow.handle.and_then(|handle| self.peer_handles.get(&handle).copied());
        match link.and_then(|id| self.links.get_mut(&id).map(|link| (id, &mut link.state))) {
            Some((id, LinkState::Sending(sending))) => {
                sending.learn(flow);
                sending.pump(id, &mut self.wire, &mut self.unsettled);
                if flow.drain {
                    sending.drain();
                }
                if flow.drain || flow.echo {
                    self.wire.flow(sending.flow());
                }
            }
            Some((_, LinkState::Receiving(receiving))) if flow.echo => {
                self.wire.flow(receiving.flow());
            }
            None if flow.echo => self.wire.flow(Flow::default()),
            _ => {}
        }
    }

    fn transferred(&mut self, transfer: &Transfer, payload: Bytes) {
        self.wire.received_transfer();
        // Frames may still come for a link that we have detached: they are for nobody.
        let Some(&id) = self.peer_handles.get(&transfer.handle) else {
            return;
        };
        let Some(LinkState::Receiving(receiving)) =
            self.links.get_mut(&id).map(|link| &mut link.state)
        else {
            return;
        };
        match receiving.receive(transfer, payload) {
            Received::Nothing | Received::Message { unsettled: None } => {}
            Received::Message { unsettled: Some(first) } => {
                let accepted = Disposition {
                    role: Role::Receiver,
                    first,
                    last: Some(first),
                    settled: true,
                    state: Some(DeliveryState::Accepted),
                    batchable: false,
                };
                accepted.encode(CHANNEL, self.wire.out());
            }
            Received::Abandoned => self.detach(id, None, &ClientError::Closed, None),
            Received::TooLarge => {
                let error = AmqpError::new(
                    condition::MESSAGE_SIZE_EXCEEDED,
                    "larger than this client takes",
                );
                let refused = ClientError::Refused { place: "link", error: error.clone() };
                self.detach(id, Some(error), &refused, None);
            }
        }
    }

    /// Detaches a link from our side; whoever waits on it is told `reason`.
    fn detach(
        &mut self,
        id: LinkId,
        error: Option<AmqpError>,
        reason: &ClientError,
        reply: Option<Reply<()>>,
    ) {
        let Some(link) = self.links.get_mut(&id) else {
            reply.map(|reply| reply.send(Ok(())));
            return;
        };
        if let LinkState::Detaching { .. } = link.state {
            reply.map(|reply| reply.send(Ok(())));
            return;
        }
        Detach { handle: link.handle, closed: true, error }.encode(CHANNEL, self.wire.out());
        let state = std::mem::replace(&mut link.state, LinkState::Detaching { reply });
        self.end_state(id, state, reason);
    }

    /// The peer detaches a link, or agrees to our doing so.
    fn detached(&mut self, detach: Detach) {
        let Some(id) = self.peer_handles.remove(&detach.handle) else {
            return;
        };
        let Some(link) = self.links.remove(&id) else {
            return;
        };
        if !matches!(link.state, LinkState::Detaching { .. }) {
            let answer = Detach { handle: link.handle, closed: true, error: None };
            answer.encode(CHANNEL, self.wire.out());
        }
        self.end_state(id, link.state, &ClientError::closed_by_peer("link", detach.error));
    }

    fn closed(&mut self, close: Close) -> Result<(), ClientError> {
        match std::mem::replace(&mut self.closing, Closing::Done) {
            Closing::Sent(waiting) => {
                waiting.into_iter().for_each(|reply| drop(reply.send(Ok(()))));
                Ok(())
            }
            Closing::No | Closing::Done => {
                Close::default().encode(CHANNEL, self.wire.out());
                Err(ClientError::closed_by_peer("connection", close.error))
            }
        }
    }

    /// Tells whoever waits on a link that it has ended.
    fn end_state(&mut self, id: LinkId, state: LinkState, error: &ClientError) {
        match state {
            LinkState::Attaching(_, opener) => drop(opener.reply.send(Err(error.clone()))),
            LinkState::Sending(sending) => {
                sending.end(error);
                self.unsettled.end(id, error);
            }
            LinkState::Receiving(receiving) => receiving.end(error),
            LinkState::Detaching { reply } => {
                reply.map(|reply| reply.send(Ok(())));
            }
        }
    }
}
