//! Errors as AMQP carries them: a condition that programs act on, a description for people.

use super::fields::{Fields, put_map, put_text};
use crate::codec::{DecodeError, Decoder, Map, put};

/// The token is missing, wrong or expired.
pub const UNAUTHORIZED_ACCESS: &str = "amqp:unauthorized-access";
/// No such hub, consumer group or node.
pub const NOT_FOUND: &str = "amqp:not-found";
/// Not possible in this state, as a second `$cbs` link pair.
pub const NOT_ALLOWED: &str = "amqp:not-allowed";
/// Not supported.
pub const NOT_IMPLEMENTED: &str = "amqp:not-implemented";
/// Bytes that are no AMQP.
pub const DECODE_ERROR: &str = "amqp:decode-error";
/// A field with an impossible value.
pub const INVALID_FIELD: &str = "amqp:invalid-field";
/// Something failed inside the peer.
pub const INTERNAL_ERROR: &str = "amqp:internal-error";
/// A quota is used up, as a sixth receiver on one partition.
pub const RESOURCE_LIMIT_EXCEEDED: &str = "amqp:resource-limit-exceeded";
/// The operator or a time limit closed the connection.
pub const CONNECTION_FORCED: &str = "amqp:connection:forced";
/// The peer's frames cannot be cut.
pub const FRAMING_ERROR: &str = "amqp:connection:framing-error";
/// A handle that is not attached.
pub const UNATTACHED_HANDLE: &str = "amqp:session:unattached-handle";
/// A handle that is attached already.
pub const HANDLE_IN_USE: &str = "amqp:session:handle-in-use";
/// More frames than the session's window allows.
pub const WINDOW_VIOLATION: &str = "amqp:session:window-violation";
/// Closed by force.
pub const DETACH_FORCED: &str = "amqp:link:detach-forced";
/// More transfers than credit.
pub const TRANSFER_LIMIT_EXCEEDED: &str = "amqp:link:transfer-limit-exceeded";
/// A message larger than the link takes.
pub const MESSAGE_SIZE_EXCEEDED: &str = "amqp:link:message-size-exceeded";
/// A receiver with a higher epoch took over.
pub const STOLEN: &str = "amqp:link:stolen";
/// Throttled: slow down and try again.
pub const SERVER_BUSY: &str = "com.microsoft:server-busy";
/// The service needed too long.
pub const TIMEOUT: &str = "com.microsoft:timeout";
/// The service moves the hub to another machine.
pub const CONTAINER_CLOSE: &str = "com.microsoft:container-close";
/// A request that makes no sense.
pub const ARGUMENT_ERROR: &str = "com.microsoft:argument-error";
/// A partition that the hub does not have.
pub const ARGUMENT_OUT_OF_RANGE: &str = "com.microsoft:argument-out-of-range";
/// The hub is switched off.
pub const ENTITY_DISABLED: &str = "com.microsoft:entity-disabled";
/// The credentials do not allow this.
pub const AUTH_FAILED: &str = "com.microsoft:auth-failed";
/// An idempotent producer skipped a number.
pub const OUT_OF_ORDER_SEQUENCE: &str = "com.microsoft:out-of-order-sequence";
/// An idempotent producer with a higher epoch took over.
pub const PRODUCER_EPOCH_STOLEN: &str = "com.microsoft:producer-epoch-stolen";
/// An offset that geo-replication does not know.
pub const INVALID_OFFSET: &str = "com.microsoft:georeplication:invalid-offset";

const DESCRIPTOR: u8 = 0x1d;

/// An error told by one peer to the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AmqpError {
    /// What kind of error: one of the constants of this module, usually.
    pub condition: String,
    /// What happened, for people.
    pub description: Option<String>,
    /// Further details.
    pub info: Map,
}

impl AmqpError {
    /// An error with a condition and a description.
    pub fn new(condition: &str, description: impl Into<String>) -> AmqpError {
        AmqpError {
            condition: condition.to_owned(),
            description: Some(description.into()),
            info: Map::new(),
        }
    }

    pub(super) fn put(out: &mut Vec<u8>, error: &AmqpError) {
        put::descriptor(out, DESCRIPTOR);
        put::list(out, 3, |out| {
            put::symbol(out, &error.condition);
            put_text(out, error.description.as_deref());
            put_map(out, &error.info);
        });
    }

    pub(super) fn decode(decoder: &mut Decoder<'_>) -> Result<AmqpError, DecodeError> {
        decoder.descriptor()?;
        let mut fields = Fields::enter(decoder)?;
        Ok(AmqpError {
            condition: fields.text()?.unwrap_or_default(),
            description: fields.text()?,
            info: fields.map()?,
        })
    }
}

impl std::fmt::Display for AmqpError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.condition)?;
        match &self.description {
            Some(description) => write!(formatter, ": {description}"),
            None => Ok(()),
        }
    }
}
