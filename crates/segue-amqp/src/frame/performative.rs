//! All performatives in one type, and their descriptors.

use super::buffer::FrameError;
use super::connection::{Begin, Close, End, Open};
use super::fields::Fields;
use super::link::{Attach, Detach, Flow};
use super::sasl::{SaslInit, SaslMechanisms, SaslOutcome};
use super::transfer::{Disposition, Transfer};
use crate::codec::{DecodeError, Decoder};

/// Descriptor codes (AMQP 1.0, part 2, section 2.7, and part 5, section 5.3.3).
pub(super) mod code {
    pub(crate) const OPEN: u8 = 0x10;
    pub(crate) const BEGIN: u8 = 0x11;
    pub(crate) const ATTACH: u8 = 0x12;
    pub(crate) const FLOW: u8 = 0x13;
    pub(crate) const TRANSFER: u8 = 0x14;
    pub(crate) const DISPOSITION: u8 = 0x15;
    pub(crate) const DETACH: u8 = 0x16;
    pub(crate) const END: u8 = 0x17;
    pub(crate) const CLOSE: u8 = 0x18;
    pub(crate) const SASL_MECHANISMS: u8 = 0x40;
    pub(crate) const SASL_INIT: u8 = 0x41;
    pub(crate) const SASL_OUTCOME: u8 = 0x44;
}

/// Frame type of AMQP performatives.
pub(super) const AMQP: u8 = 0;
/// Frame type of SASL performatives.
pub(super) const SASL: u8 = 1;

/// What a frame says.
#[derive(Clone, Debug, PartialEq)]
pub enum Performative {
    /// Opens the connection.
    Open(Box<Open>),
    /// Begins a session.
    Begin(Box<Begin>),
    /// Attaches a link.
    Attach(Box<Attach>),
    /// Grants credit, updates windows.
    Flow(Flow),
    /// Carries a message, or a part of one.
    Transfer(Transfer),
    /// Settles deliveries, or tells their state.
    Disposition(Disposition),
    /// Detaches a link.
    Detach(Detach),
    /// Ends a session.
    End(End),
    /// Closes the connection.
    Close(Close),
    /// The server's ways to authenticate.
    SaslMechanisms(SaslMechanisms),
    /// The client's choice among them.
    SaslInit(SaslInit),
    /// Whether the client may go on.
    SaslOutcome(SaslOutcome),
}

impl Performative {
    /// Reads the performative at the front of a frame's body; also how many bytes it takes.
    pub(super) fn decode(frame_type: u8, body: &[u8]) -> Result<(Performative, usize), FrameError> {
        let mut decoder = Decoder::new(body);
        let descriptor = decoder
            .descriptor()
            .map_err(|source| FrameError::Malformed { performative: "performative", source })?;
        let unknown = FrameError::UnknownPerformative { code: descriptor, frame_type };
        let Ok(code) = u8::try_from(descriptor) else {
            return Err(unknown);
        };
        let Some((performative, read)) = reader(frame_type, code) else {
            return Err(unknown);
        };
        let read = Fields::enter(&mut decoder).and_then(|mut fields| read(&mut fields));
        let read = read.map_err(|source| FrameError::Malformed { performative, source })?;
        Ok((read, body.len() - decoder.rest().len()))
    }
}

type Read = fn(&mut Fields<'_>) -> Result<Performative, DecodeError>;

/// Name and reader of the performative with this descriptor in a frame of this type.
fn reader(frame_type: u8, code: u8) -> Option<(&'static str, Read)> {
    Some(match (frame_type, code) {
        (AMQP, code::OPEN) => {
            ("open", |fields| Ok(Performative::Open(Box::new(Open::read(fields)?))))
        }
        (AMQP, code::BEGIN) => {
            ("begin", |fields| Ok(Performative::Begin(Box::new(Begin::read(fields)?))))
        }
        (AMQP, code::ATTACH) => {
            ("attach", |fields| Ok(Performative::Attach(Box::new(Attach::read(fields)?))))
        }
        (AMQP, code::FLOW) => ("flow", |fields| Flow::read(fields).map(Performative::Flow)),
        (AMQP, code::TRANSFER) => {
            ("transfer", |fields| Transfer::read(fields).map(Performative::Transfer))
        }
        (AMQP, code::DISPOSITION) => {
            ("disposition", |fields| Disposition::read(fields).map(Performative::Disposition))
        }
        (AMQP, code::DETACH) => ("detach", |fields| Detach::read(fields).map(Performative::Detach)),
        (AMQP, code::END) => ("end", |fields| End::read(fields).map(Performative::End)),
        (AMQP, code::CLOSE) => ("close", |fields| Close::read(fields).map(Performative::Close)),
        (SASL, code::SASL_MECHANISMS) => ("sasl-mechanisms", |fields| {
            SaslMechanisms::read(fields).map(Performative::SaslMechanisms)
        }),
        (SASL, code::SASL_INIT) => {
            ("sasl-init", |fields| SaslInit::read(fields).map(Performative::SaslInit))
        }
        (SASL, code::SASL_OUTCOME) => {
            ("sasl-outcome", |fields| SaslOutcome::read(fields).map(Performative::SaslOutcome))
        }
        _ => return None,
    })
}
