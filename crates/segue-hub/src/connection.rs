//! A connection, without its socket: frames in, frames out.
//!
//! ```text
//!  header ─▶ SASL ─▶ header ─▶ open ─▶ frames … ─▶ close
//!    └────────────────────▲ (clients without SASL, who then need a token)
//! ```
//! [`Connection::receive`] takes what has arrived; what is to be sent gathers in
//! [`Connection::output`]. Nothing here waits: what must be waited for (an append to become
//! durable, a partition to grow) is polled by [`Connection::poll_progress`], and
//! [`Connection::pump`] sends what receivers are owed. `server` puts a socket around it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use segue_amqp::frame::{
    AmqpError, Begin, Close, End, Frame, FrameBuffer, FrameError, MIN_MAX_FRAME_SIZE, Open,
    Performative, ProtocolHeader,
};

use crate::hub::Hub;
use crate::peer::Peer;
use crate::receivers::Mailbox;
use crate::refusal::Refusal;
use crate::sasl::{self, Verdict};
use crate::session::Session;

/// The largest frame that the broker takes; the service's number.
pub(crate) const FRAME_BYTES_MAX: u32 = 65_536;
/// Sessions of a connection; the service's number.
const CHANNEL_MAX: u16 = 4999;
/// Silence of a client that the broker admits to tolerate; the service's number.
pub(crate) const IDLE_TIMEOUT_MS: u32 = 240_000;

/// What the client must say next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Header,
    SaslInit,
    HeaderAfterSasl,
    Open,
    Opened,
    /// Nothing: the connection is over once its output is written.
    Closed,
}

/// One client's connection.
pub(crate) struct Connection {
    peer: Peer,
    phase: Phase,
    sessions: BTreeMap<u16, Session>,
    client_idle_timeout_ms: Option<u32>,
}

impl Connection {
    /// A connection of which nothing is known yet.
    pub(crate) fn new(hub: Hub) -> Connection {
        Connection {
            peer: Peer::new(hub, FRAME_BYTES_MAX),
            phase: Phase::Header,
            sessions: BTreeMap::new(),
            client_idle_timeout_ms: None,
        }
    }

    /// Takes in everything complete that has arrived.
    pub(crate) fn receive(&mut self, input: &mut FrameBuffer, now_ms: i64) {
        self.peer.now_ms = now_ms;
        loop {
            match self.receive_next(input) {
                Ok(true) => {}
                Ok(false) => return,
                Err(refusal) => return self.close(Some(&refusal)),
            }
        }
    }

    /// Takes in the next header or frame; false if none is complete, or none is wanted.
    fn receive_next(&mut self, input: &mut FrameBuffer) -> Result<bool, Refusal> {
        let malformed = |error: FrameError| Refusal::framing_error(format!("{error}."));
        match self.phase {
            Phase::Closed => return Ok(false),
            Phase::Header | Phase::HeaderAfterSasl => {
                match input.next_header().map_err(malformed)? {
                    Some(header) => self.header(header)?,
                    None => return Ok(false),
                }
            }
            Phase::SaslInit | Phase::Open | Phase::Opened => {
                match input.next_frame().map_err(malformed)? {
                    Some(frame) => self.frame(frame)?,
                    None => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    fn header(&mut self, header: ProtocolHeader) -> Result<(), Refusal> {
        self.peer.output.extend_from_slice(&header.bytes());
        self.phase = match (self.phase, header) {
            (Phase::Header, ProtocolHeader::Sasl) => {
                sasl::offer(&mut self.peer.output);
                Phase::SaslInit
            }
            (_, ProtocolHeader::Amqp) => Phase::Open,
            (_, ProtocolHeader::Sasl) => return Err(Refusal::framing_error("SASL comes once.")),
        };
        Ok(())
    }

    fn frame(&mut self, Frame { channel, performative, payload }: Frame) -> Result<(), Refusal> {
        match (self.phase, performative) {
            (_, None) => Ok(()),
            (Phase::SaslInit, Some(Performative::SaslInit(init))) => {
                let verdict = sasl::judge(&init, self.peer.hub.config());
                sasl::tell(&verdict, &mut self.peer.output);
                self.phase = Phase::HeaderAfterSasl;
                match verdict {
                    Verdict::Welcome(grant) => {
                        grant.map_or(Ok(()), |grant| self.peer.grants.add(grant, self.peer.now_ms))
                    }
                    Verdict::Refused => Err(Refusal::unauthorized("SASL failed.")),
                }
            }
            (Phase::Open, Some(Performative::Open(open))) => {
                self.open(&open);
                Ok(())
            }
            (Phase::Opened, Some(performative)) => self.dispatch(channel, performative, payload),
            (_, Some(_)) => Err(Refusal::framing_error("This performative is out of turn.")),
        }
    }

    fn open(&mut self, open: &Open) {
        let wanted = open.max_frame_size.max(MIN_MAX_FRAME_SIZE);
        self.peer.frame_bytes_max = FRAME_BYTES_MAX.min(wanted);
        self.client_idle_timeout_ms = open.idle_timeout_ms.filter(|timeout| *timeout > 0);
        self.phase = Phase::Opened;
        let reply = Open {
            container_id: "segue".into(),
            max_frame_size: FRAME_BYTES_MAX,
            channel_max: CHANNEL_MAX,
            idle_timeout_ms: Some(IDLE_TIMEOUT_MS),
            ..Open::default()
        };
        reply.encode(0, &mut self.peer.output);
    }

    fn dispatch(
        &mut self,
        channel: u16,
        performative: Performative,
        payload: Bytes,
    ) -> Result<(), Refusal> {
        match performative {
            Performative::Begin(begin) => return self.begin(channel, &begin),
            Performative::End(_) => {
                self.end(channel);
                return Ok(());
            }
            Performative::Close(_) => {
                self.close(None);
                return Ok(());
            }
            _ => {}
        }
        // Frames for a session that was just ended may still be on their way.
        let Some(session) = self.sessions.get_mut(&channel) else {
            return Ok(());
        };
        let peer = &mut self.peer;
        match performative {
            Performative::Attach(attach) => session.attach(&attach, peer)?,
            Performative::Flow(flow) => session.flow(&flow, peer),
            Performative::Transfer(transfer) => session.transfer(&transfer, payload, peer),
            Performative::Disposition(disposition) => session.disposition(disposition, peer),
            Performative::Detach(detach) => session.detach(detach.handle, peer),
            _ => return Err(Refusal::framing_error("This performative is out of turn.")),
        }
        Ok(())
    }

    fn begin(&mut self, channel: u16, begin: &Begin) -> Result<(), Refusal> {
        if channel > CHANNEL_MAX || self.sessions.contains_key(&channel) {
            let text = format!("Channel {channel} is in use or over {CHANNEL_MAX}.");
            return Err(Refusal::framing_error(text));
        }
        let session = Session::begin(channel, begin, &mut self.peer);
        self.sessions.insert(channel, session);
        Ok(())
    }

    fn end(&mut self, channel: u16) {
        if self.sessions.remove(&channel).is_some() {
            self.peer.forget_deliveries(channel);
            End { error: None }.encode(channel, &mut self.peer.output);
        }
    }

    /// Closes the connection, saying why; once its output is written, it is over.
    pub(crate) fn close(&mut self, refusal: Option<&Refusal>) {
        if let Some(refusal) = refusal {
            tracing::debug!(%refusal, "connection closed");
        }
        if self.phase == Phase::Opened {
            Close { error: refusal.map(AmqpError::from) }.encode(0, &mut self.peer.output);
        }
        self.phase = Phase::Closed;
        self.sessions.clear();
        self.peer.forget_all_deliveries();
    }

    /// Sends what receivers are owed, each its share.
    pub(crate) fn pump(&mut self, now_ms: i64) {
        self.peer.now_ms = now_ms;
        for session in self.sessions.values_mut() {
            session.pump(&mut self.peer);
        }
    }

    /// Ready when something has happened that the client should hear of: deliveries have become
    /// durable, or there are new events for a receiver (which [`Connection::pump`] sends).
    pub(crate) fn poll_progress(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut progress = self.peer.poll_durable(context);
        for session in self.sessions.values_mut() {
            if session.poll_ready(context).is_ready() {
                progress = Poll::Ready(());
            }
        }
        progress
    }

    /// Ready when every delivery has been settled.
    pub(crate) fn poll_settled(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let _ = self.peer.poll_durable(context);
        if self.peer.is_settled() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Detaches the receivers that were displaced.
    pub(crate) fn displace_receivers(&mut self) {
        for (receiver, refusal) in self.peer.mailbox.take() {
            for session in self.sessions.values_mut() {
                if session.displace(receiver, &refusal, &mut self.peer) {
                    break;
                }
            }
        }
    }

    /// Detaches the links whose tokens have run out.
    pub(crate) fn expire(&mut self, now_ms: i64) {
        self.peer.now_ms = now_ms;
        if self.peer.grants.drop_void(now_ms) {
            for session in self.sessions.values_mut() {
                session.expel_unauthorized(&mut self.peer);
            }
        }
    }

    /// When [`Connection::expire`] has something to do next.
    pub(crate) fn next_expiry_ms(&self) -> Option<i64> {
        self.peer.grants.next_end_ms()
    }

    /// How long the client tolerates silence.
    pub(crate) fn client_idle_timeout_ms(&self) -> Option<u32> {
        self.client_idle_timeout_ms
    }

    /// Whether the client may be sent a heartbeat.
    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Opened
    }

    /// Whether it is over, but for what is to be written.
    pub(crate) fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Whether so much waits for the disk that no more should be read.
    pub(crate) fn is_saturated(&self) -> bool {
        self.peer.is_saturated()
    }

    /// What is to be written.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.peer.output
    }

    /// Where news of displaced receivers come in.
    pub(crate) fn mailbox(&self) -> Arc<Mailbox> {
        Arc::clone(&self.peer.mailbox)
    }
}
