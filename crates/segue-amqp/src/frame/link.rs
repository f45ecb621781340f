//! Links: attach, flow, detach.

use super::condition::AmqpError;
use super::fields::{Fields, put_frame, put_map, put_text};
use super::performative::{AMQP, code};
use crate::codec::{DecodeError, Decoder, Map, Value, put};

const SOURCE: u8 = 0x28;
const TARGET: u8 = 0x29;

/// Which end of a link speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The end that sends messages.
    Sender,
    /// The end that receives them.
    Receiver,
}

impl Role {
    pub(super) fn put(self, out: &mut Vec<u8>) {
        put::boolean(out, self == Role::Receiver);
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Role, DecodeError> {
        match fields.optional(Decoder::boolean)? {
            Some(true) => Ok(Role::Receiver),
            Some(false) => Ok(Role::Sender),
            None => Err(DecodeError::Missing("role")),
        }
    }
}

/// Whether the sender of a link settles its deliveries at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SettleMode {
    /// Deliveries wait for the receiver's disposition.
    Unsettled,
    /// Deliveries are sent settled.
    Settled,
    /// Each delivery says.
    #[default]
    Mixed,
}

impl SettleMode {
    fn number(self) -> u8 {
        match self {
            SettleMode::Unsettled => 0,
            SettleMode::Settled => 1,
            SettleMode::Mixed => 2,
        }
    }

    fn from_number(number: u8) -> SettleMode {
        match number {
            0 => SettleMode::Unsettled,
            1 => SettleMode::Settled,
            _ => SettleMode::Mixed,
        }
    }
}

/// Where a link's messages come from. All fields are kept, so that an attach can be answered with
/// exactly the source that was asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// The node, as `hub/ConsumerGroups/group/Partitions/0`.
    pub address: Option<String>,
    /// What survives of the terminus: 0 nothing, 1 configuration, 2 also unsettled state.
    pub durable: Option<u32>,
    /// When the terminus expires.
    pub expiry_policy: Option<String>,
    /// Seconds until it does.
    pub timeout_s: Option<u32>,
    /// Asks the peer to create the node.
    pub dynamic: Option<bool>,
    /// Properties of such a node.
    pub dynamic_node_properties: Map,
    /// `move` or `copy`.
    pub distribution_mode: Option<String>,
    /// Filters by name; see [`Source::filter_text`].
    pub filter: Map,
    /// Outcome of deliveries that settle without one.
    pub default_outcome: Value,
    /// Outcomes that may be used.
    pub outcomes: Vec<String>,
    /// Extensions of the source.
    pub capabilities: Vec<String>,
}

impl Source {
    /// A source of which only the address matters.
    pub fn at(address: impl Into<String>) -> Source {
        Source { address: Some(address.into()), ..Source::default() }
    }

    /// The text of the filter whose name starts with `name`, whatever descriptor it carries:
    /// clients use a symbol, two different numbers, or none at all.
    pub fn filter_text(&self, name: &str) -> Option<&str> {
        let named = |key: &Value| key.as_str().is_some_and(|key| key.starts_with(name));
        let filter = self.filter.iter().find(|(key, _)| named(key)).map(|(_, value)| value)?;
        filter.undescribed().as_str()
    }

    fn put(out: &mut Vec<u8>, source: &Source) {
        put::descriptor(out, SOURCE);
        put::list(out, 11, |out| {
            put_text(out, source.address.as_deref());
            put::optional(out, source.durable, put::uint);
            put::optional(out, source.expiry_policy.as_deref(), put::symbol);
            put::optional(out, source.timeout_s, put::uint);
            put::optional(out, source.dynamic, put::boolean);
            put_map(out, &source.dynamic_node_properties);
            put::optional(out, source.distribution_mode.as_deref(), put::symbol);
            put_map(out, &source.filter);
            put::value(out, &source.default_outcome);
            put::symbols(out, &source.outcomes);
            put::symbols(out, &source.capabilities);
        });
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Source, DecodeError> {
        decoder.descriptor()?;
        let mut fields = Fields::enter(decoder)?;
        Ok(Source {
            address: fields.text()?,
            durable: fields.integer()?,
            expiry_policy: fields.text()?,
            timeout_s: fields.integer()?,
            dynamic: fields.optional(Decoder::boolean)?,
            dynamic_node_properties: fields.map()?,
            distribution_mode: fields.text()?,
            filter: fields.map()?,
            default_outcome: fields.value()?,
            outcomes: fields.names()?,
            capabilities: fields.names()?,
        })
    }
}

/// Where a link's messages go. All fields are kept, as in [`Source`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// The node, as `hub` or `hub/Partitions/0`.
    pub address: Option<String>,
    /// What survives of the terminus: 0 nothing, 1 configuration, 2 also unsettled state.
    pub durable: Option<u32>,
    /// When the terminus expires.
    pub expiry_policy: Option<String>,
    /// Seconds until it does.
    pub timeout_s: Option<u32>,
    /// Asks the peer to create the node.
    pub dynamic: Option<bool>,
    /// Properties of such a node.
    pub dynamic_node_properties: Map,
    /// Extensions of the target.
    pub capabilities: Vec<String>,
}

impl Target {
    /// A target of which only the address matters.
    pub fn at(address: impl Into<String>) -> Target {
        Target { address: Some(address.into()), ..Target::default() }
    }

    fn put(out: &mut Vec<u8>, target: &Target) {
        put::descriptor(out, TARGET);
        put::list(out, 7, |out| {
            put_text(out, target.address.as_deref());
            put::optional(out, target.durable, put::uint);
            put::optional(out, target.expiry_policy.as_deref(), put::symbol);
            put::optional(out, target.timeout_s, put::uint);
            put::optional(out, target.dynamic, put::boolean);
            put_map(out, &target.dynamic_node_properties);
            put::symbols(out, &target.capabilities);
        });
    }

    fn decode(decoder: &mut Decoder<'_>) -> Result<Target, DecodeError> {
        if decoder.descriptor()? != u64::from(TARGET) {
            // A transaction coordinator, the only other kind, has no address to send to.
            decoder.skip()?;
            return Ok(Target::default());
        }
        let mut fields = Fields::enter(decoder)?;
        Ok(Target {
            address: fields.text()?,
            durable: fields.integer()?,
            expiry_policy: fields.text()?,
            timeout_s: fields.integer()?,
            dynamic: fields.optional(Decoder::boolean)?,
            dynamic_node_properties: fields.map()?,
            capabilities: fields.names()?,
        })
    }
}

/// Attaches a link, or answers the peer's attach. A refusal is an answer without source (to a
/// receiver) or target (to a sender), followed by a [`Detach`] with the reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Attach {
    /// Name of the link, unique among those of one direction between two containers.
    pub name: String,
    /// Number of the link in the sender's frames.
    pub handle: u32,
    /// What the sender of this frame is on the link.
    pub role: Role,
    /// How the sending end settles.
    pub settle_mode: SettleMode,
    /// True when the receiving end settles only after the sender has.
    pub receiver_settles_second: bool,
    /// Where messages come from.
    pub source: Option<Source>,
    /// Where messages go.
    pub target: Option<Target>,
    /// The sending end's first delivery count; must be there when `role` is [`Role::Sender`].
    pub initial_delivery_count: Option<u32>,
    /// Largest message in bytes; none or 0 for no limit.
    pub max_message_size: Option<u64>,
    /// Extensions that the sender supports.
    pub offered_capabilities: Vec<String>,
    /// Extensions that the sender would use.
    pub desired_capabilities: Vec<String>,
    /// Anything else about the link, as an epoch.
    pub properties: Map,
}

impl Attach {
    /// A link with default settings.
    pub fn new(name: impl Into<String>, handle: u32, role: Role) -> Attach {
        Attach {
            name: name.into(),
            handle,
            role,
            settle_mode: SettleMode::Mixed,
            receiver_settles_second: false,
            source: None,
            target: None,
            initial_delivery_count: (role == Role::Sender).then_some(0),
            max_message_size: None,
            offered_capabilities: Vec::new(),
            desired_capabilities: Vec::new(),
            properties: Map::new(),
        }
    }

    /// Appends the frame to `out`.
    pub fn encode(&self, channel: u16, out: &mut Vec<u8>) {
        put_frame(out, (AMQP, channel), (code::ATTACH, 14), |out| {
            put::string(out, &self.name);
            put::uint(out, self.handle);
            self.role.put(out);
            put::ubyte(out, self.settle_mode.number());
            put::ubyte(out, self.receiver_settles_second.into());
            put::optional(out, self.source.as_ref(), Source::put);
            put::optional(out, self.target.as_ref(), Target::put);
            put::null(out); // unsettled: links are never resumed
            put::null(out); // incomplete-unsettled
            put::optional(out, self.initial_delivery_count, put::uint);
            put::optional(out, self.max_message_size, put::ulong);
            put::symbols(out, &self.offered_capabilities);
            put::symbols(out, &self.desired_capabilities);
            put_map(out, &self.properties);
        });
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Attach, DecodeError> {
        let name = fields.text()?.ok_or(DecodeError::Missing("name"))?;
        let handle = fields.required("handle")?;
        let role = Role::read(fields)?;
        let settle_mode = fields.integer()?.map(SettleMode::from_number).unwrap_or_default();
        let receiver_settles_second = fields.integer::<u8>()? == Some(1);
        let source = fields.optional(Source::decode)?;
        let target = fields.optional(Target::decode)?;
        fields.skip()?; // unsettled
        fields.skip()?; // incomplete-unsettled
        Ok(Attach {
            name,
            handle,
            role,
            settle_mode,
            receiver_settles_second,
            source,
            target,
            initial_delivery_count: fields.integer()?,
            max_message_size: fields.integer()?,
            offered_capabilities: fields.names()?,
            desired_capabilities: fields.names()?,
            properties: fields.map()?,
        })
    }
}

/// Updates a session's windows and, when `handle` is set, a link's credit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Flow {
    /// Transfer id that the sender expects next; none before the peer's begin has arrived.
    pub next_incoming_id: Option<u32>,
    /// Transfer frames that the sender takes.
    pub incoming_window: u32,
    /// Transfer id of the next frame that the sender sends.
    pub next_outgoing_id: u32,
    /// Transfer frames that the sender means to send.
    pub outgoing_window: u32,
    /// The link, in the sender's numbering; none for the session alone.
    pub handle: Option<u32>,
    /// Deliveries sent so far, as the sender of this frame knows it.
    pub delivery_count: Option<u32>,
    /// Deliveries that the receiving end takes beyond `delivery_count`.
    pub link_credit: Option<u32>,
    /// Deliveries that wait at the sending end.
    pub available: Option<u32>,
    /// Asks the sending end to use up the credit, or give it back, at once.
    pub drain: bool,
    /// Asks for a flow in return.
    pub echo: bool,
    /// Anything else about the link.
    pub properties: Map,
}

impl Flow {
    /// Appends the frame to `out`.
    pub fn encode(&self, channel: u16, out: &mut Vec<u8>) {
        put_frame(out, (AMQP, channel), (code::FLOW, 11), |out| {
            put::optional(out, self.next_incoming_id, put::uint);
            put::uint(out, self.incoming_window);
            put::uint(out, self.next_outgoing_id);
            put::uint(out, self.outgoing_window);
            put::optional(out, self.handle, put::uint);
            put::optional(out, self.delivery_count, put::uint);
            put::optional(out, self.link_credit, put::uint);
            put::optional(out, self.available, put::uint);
            put::boolean(out, self.drain);
            put::boolean(out, self.echo);
            put_map(out, &self.properties);
        });
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Flow, DecodeError> {
        Ok(Flow {
            next_incoming_id: fields.integer()?,
            incoming_window: fields.required("incoming-window")?,
            next_outgoing_id: fields.required("next-outgoing-id")?,
            outgoing_window: fields.required("outgoing-window")?,
            handle: fields.integer()?,
            delivery_count: fields.integer()?,
            link_credit: fields.integer()?,
            available: fields.integer()?,
            drain: fields.flag()?,
            echo: fields.flag()?,
            properties: fields.map()?,
        })
    }
}

/// Detaches a link.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detach {
    /// The link, in the sender's numbering.
    pub handle: u32,
    /// True when the link is gone for good; Event Hubs never resumes one.
    pub closed: bool,
    /// Why, when something went wrong.
    pub error: Option<AmqpError>,
}

impl Detach {
    /// Appends the frame to `out`.
    pub fn encode(&self, channel: u16, out: &mut Vec<u8>) {
        put_frame(out, (AMQP, channel), (code::DETACH, 3), |out| {
            put::uint(out, self.handle);
            put::boolean(out, self.closed);
            put::optional(out, self.error.as_ref(), AmqpError::put);
        });
    }

    pub(super) fn read(fields: &mut Fields<'_>) -> Result<Detach, DecodeError> {
        Ok(Detach {
            handle: fields.required("handle")?,
            closed: fields.flag()?,
            error: fields.optional(AmqpError::decode)?,
        })
    }
}
