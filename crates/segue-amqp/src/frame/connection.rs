//! Connections and sessions: open, begin, end, close.

use super::condition::AmqpError;
use super::fields::{Fields, put_frame, put_map, put_text};
use super::performative::{AMQP, code};
use crate::codec::{DecodeError, Map, put};

/// Opens a connection and says what its sender can take.
#[derive(Clone, Debug, PartialEq)]
pub struct Open {
    /// Name of the sender's container.
    pub container_id: String,
    /// Host that the client wants to reach.
    pub hostname: Option<String>,
    /// Largest frame, in bytes, that the sender takes.
    pub max_frame_size: u32,
    /// Highest channel number that the sender takes.
    pub channel_max: u16,
    /// Milliseconds of silence after which the sender gives the connection up.
    pub idle_timeout_ms: Option<u32>,
    /// Extensions that the sender supports.
    pub offered_capabilities: Vec<String>,
    /// Extensions that the sender would use.
    pub desired_capabilities: Vec<String>,
    /// Anything else that the sender tells about itself.
    pub properties: Map,
}

impl Default for Open {
    /// The protocol's defaults: no limits.
    fn default() -> Open {
        Open {
            container_id: String::new(),
            hostname: None,
            max_frame_size: u32::MAX,
            channel_max: u16::MAX,
            idle_timeout_ms: None,
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: Map::new(),
        }
    }
}

impl Open {
    /// Appends the frame to `out`.
    pub fn encode(&self, channel: u16, out: &mut Vec<u8>) {
        put_frame(out, (AMQP, channel), (code::OPEN, 10), |out| {
            put::string(out, &self.container_id);
            put_text(out, self.hostname.as_deref());
            put::uint(out, self.max_frame_size);
            put::ushort(out, self.channel_max);
            put::optional(out, self.idle_timeout_ms, put::uint);
            put::null(out); // outgoing-locales
            put::null(out); // incoming-locales
            put::symbols(out, &self.offered_capabilities);
            put::symbols(out, &self.desired_capabilities);
            put_map(out, &self.properties);
        });
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Open, DecodeError> {
        let container_id = fields.text()?.unwrap_or_default();
        let hostname = fields.text()?;
        let max_frame_size = fields.integer()?.unwrap_or(u32::MAX);
        let channel_max = fields.integer()?.unwrap_or(u16::MAX);
        let idle_timeout_ms = fields.integer()?;
        fields.skip()?; // outgoing-locales
        fields.skip()?; // incoming-locales
        Ok(Open {
            container_id,
            hostname,
            max_frame_size,
            channel_max,
            idle_timeout_ms,
            offered_capabilities: fields.names()?,
            desired_capabilities: fields.names()?,
            properties: fields.map()?,
        })
    }
}

/// Begins a session, or answers the peer's begin.
#[derive(Clone, Debug, PartialEq)]
pub struct Begin {
    /// In an answer: the channel of the begin that is answered.
    pub remote_channel: Option<u16>,
    /// Transfer id of the next frame that the sender sends.
    pub next_outgoing_id: u32,
    /// Transfer frames that the sender takes before it must be asked again.
    pub incoming_window: u32,
    /// Transfer frames that the sender means to send.
    pub outgoing_window: u32,
    /// Highest link handle that the sender takes.
    pub handle_max: u32,
    /// Extensions that the sender supports.
    pub offered_capabilities: Vec<String>,
    /// Extensions that the sender would use.
    pub desired_capabilities: Vec<String>,
    /// Anything else about the session.
    pub properties: Map,
}

impl Default for Begin {
    fn default() -> Begin {
        Begin {
            remote_channel: None,
            next_outgoing_id: 0,
            incoming_window: 0,
            outgoing_window: 0,
            handle_max: u32::MAX,
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: Map::new(),
        }
    }
}

impl Begin {
    /// Appends the frame to `out`.
    pub fn encode(&self, channel: u16, out: &mut Vec<u8>) {
        put_frame(out, (AMQP, channel), (code::BEGIN, 8), |out| {
            put::optional(out, self.remote_channel, put::ushort);
            put::uint(out, self.next_outgoing_id);
            put::uint(out, self.incoming_window);
            put::uint(out, self.outgoing_window);
            put::uint(out, self.handle_max);
            put::symbols(out, &self.offered_capabilities);
            put::symbols(out, &self.desired_capabilities);
            put_map(out, &self.properties);
        });
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Begin, DecodeError> {
        Ok(Begin {
            remote_channel: fields.integer()?,
            next_outgoing_id: fields.required("next-outgoing-id")?,
            incoming_window: fields.required("incoming-window")?,
            outgoing_window: fields.required("outgoing-window")?,
            handle_max: fields.integer()?.unwrap_or(u32::MAX),
            offered_capabilities: fields.names()?,
            desired_capabilities: fields.names()?,
            properties: fields.map()?,
        })
    }
}

/// Ends a session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct End {
    /// Why, when something went wrong.
    pub error: Option<AmqpError>,
}

impl End {
    /// Appends the frame to `out`.
    pub fn encode(&self, channel: u16, out: &mut Vec<u8>) {
        put_frame(out, (AMQP, channel), (code::END, 1), |out| {
            put::optional(out, self.error.as_ref(), AmqpError::put);
        });
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<End, DecodeError> {
        Ok(End { error: fields.optional(AmqpError::decode)? })
    }
}

/// Closes a connection.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Close {
    /// Why, when something went wrong.
    pub error: Option<AmqpError>,
}

impl Close {
    /// Appends the frame to `out`.
    pub fn encode(&self, channel: u16, out: &mut Vec<u8>) {
        put_frame(out, (AMQP, channel), (code::CLOSE, 1), |out| {
            put::optional(out, self.error.as_ref(), AmqpError::put);
        });
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Close, DecodeError> {
        Ok(Close { error: fields.optional(AmqpError::decode)? })
    }
}
