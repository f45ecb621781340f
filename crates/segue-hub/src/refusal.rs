//! What a client is told when it cannot have its way: every condition and text in one place.
//!
//! Links and connections carry condition and description; `$cbs` and `$management` answer with
//! status and description. SDKs decide by condition and status whether to retry, and their
//! tests match on some of the texts, so those are Event Hubs' own (`docs/hub.md`).

use std::fmt;

use segue_amqp::frame::{AmqpError, condition};
use segue_log::LogError;

/// Why a client's request was turned down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    /// The AMQP error condition.
    pub(crate) condition: &'static str,
    /// The same as an HTTP status, for the request-response nodes.
    pub(crate) status: i32,
    /// What was found and what would do.
    pub(crate) description: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.condition, self.description)
    }
}

impl From<&Refusal> for AmqpError {
    fn from(refusal: &Refusal) -> AmqpError {
        AmqpError::new(refusal.condition, refusal.description.as_str())
    }
}

/// What a client is told when the log does not take its events.
impl From<&LogError> for Refusal {
    fn from(error: &LogError) -> Refusal {
        match error {
            LogError::Busy { .. } => Refusal::server_busy(format!("{error}.")),
            LogError::Closed => Refusal::shutting_down(),
            LogError::TooLarge { bytes, limit_bytes, .. } => {
                Refusal::message_too_large(*bytes, *limit_bytes)
            }
            _ => {
                tracing::error!(%error, "a hub's log failed");
                Refusal::internal("The event hub's log failed; the broker's own log says why.")
            }
        }
    }
}

impl Refusal {
    fn new(status: i32, condition: &'static str, description: impl Into<String>) -> Refusal {
        Refusal { condition, status, description: description.into() }
    }

    /// There is no hub or consumer group at this path.
    pub(crate) fn not_found(path: &str) -> Refusal {
        let text = format!("The messaging entity 'sb://localhost/{path}' could not be found.");
        Refusal::new(404, condition::NOT_FOUND, text)
    }

    /// The hub has only `count` partitions.
    pub(crate) fn no_such_partition(count: u16) -> Refusal {
        Refusal::new(
            400,
            condition::ARGUMENT_OUT_OF_RANGE,
            format!(
                "The specified partition is invalid for an EventHub partition sender or \
                 receiver. It should be between 0 and {}.",
                count.saturating_sub(1)
            ),
        )
    }

    /// No valid token grants this.
    pub(crate) fn claim_required(claim: &str, path: &str) -> Refusal {
        Refusal::unauthorized(format!(
            "Unauthorized access. '{claim}' claim(s) are required to perform this operation. \
             Resource: 'sb://localhost/{path}'."
        ))
    }

    /// A token or credential that does not hold.
    pub(crate) fn unauthorized(description: impl Into<String>) -> Refusal {
        Refusal::new(401, condition::UNAUTHORIZED_ACCESS, description)
    }

    /// A request that is not understood.
    pub(crate) fn invalid_argument(description: impl Into<String>) -> Refusal {
        Refusal::new(400, condition::ARGUMENT_ERROR, description)
    }

    /// A selector that is no position.
    pub(crate) fn invalid_selector(selector: &str) -> Refusal {
        Refusal::invalid_argument(format!(
            "The filter {selector:?} is no event position. Expected \
             amqp.annotation.<x-opt-offset|x-opt-sequence-number|x-opt-enqueued-time> \
             <'>'|'>='> '<value>'."
        ))
    }

    /// A position that the partition has not reached.
    pub(crate) fn position_after_end(number: u64, end: u64) -> Refusal {
        let last = i128::from(end) - 1;
        Refusal::invalid_argument(format!(
            "The supplied sequence number '{number}' is invalid. \
             The last sequence number in the system is '{last}'."
        ))
    }

    /// Bytes that are not what they should be.
    pub(crate) fn decode_error(description: impl Into<String>) -> Refusal {
        Refusal::new(400, condition::DECODE_ERROR, description)
    }

    /// Something that this broker does not do.
    pub(crate) fn not_implemented(description: impl Into<String>) -> Refusal {
        Refusal::new(501, condition::NOT_IMPLEMENTED, description)
    }

    /// Something that is not done at this node.
    pub(crate) fn not_allowed(description: impl Into<String>) -> Refusal {
        Refusal::new(403, condition::NOT_ALLOWED, description)
    }

    /// A peer that broke the rules of frames, windows or handles.
    pub(crate) fn framing_error(description: impl Into<String>) -> Refusal {
        Refusal::new(400, condition::FRAMING_ERROR, description)
    }

    /// More than the broker keeps for one client.
    pub(crate) fn limit_exceeded(description: impl Into<String>) -> Refusal {
        Refusal::new(403, condition::RESOURCE_LIMIT_EXCEEDED, description)
    }

    /// A message above the link's limit.
    pub(crate) fn message_too_large(size: usize, max: usize) -> Refusal {
        Refusal::new(
            403,
            condition::MESSAGE_SIZE_EXCEEDED,
            format!(
                "The received message (size:{size} bytes) exceeds the limit ({max} bytes) \
                 currently allowed on the link."
            ),
        )
    }

    /// The log cannot take it now; clients back off and retry.
    pub(crate) fn server_busy(description: impl Into<String>) -> Refusal {
        Refusal::new(503, condition::SERVER_BUSY, description)
    }

    /// The broker's own fault.
    pub(crate) fn internal(description: impl Into<String>) -> Refusal {
        Refusal::new(500, condition::INTERNAL_ERROR, description)
    }

    /// The broker goes away; clients reconnect.
    pub(crate) fn shutting_down() -> Refusal {
        Refusal::new(503, condition::CONNECTION_FORCED, "The broker is shutting down.")
    }

    /// The client was silent for too long.
    pub(crate) fn idle() -> Refusal {
        Refusal::new(
            408,
            condition::CONNECTION_FORCED,
            "The connection was inactive for more than the allowed period of time.",
        )
    }

    /// A receiver of higher or equal epoch takes the place of this one.
    pub(crate) fn displaced(newcomer: &str, new_epoch: i64, name: &str, epoch: &str) -> Refusal {
        Refusal::stolen(format!(
            "New receiver '{newcomer}' with higher epoch of '{new_epoch}' is created hence \
             current receiver '{name}' with epoch '{epoch}' is getting disconnected. If you are \
             recreating the receiver, make sure a higher epoch is used."
        ))
    }

    /// A receiver of higher epoch is there already.
    pub(crate) fn lower_epoch(owner: &str, owner_epoch: i64, name: &str, epoch: i64) -> Refusal {
        Refusal::stolen(format!(
            "Receiver '{owner}' with a higher epoch '{owner_epoch}' already exists. Receiver \
             '{name}' with epoch {epoch} cannot be created. Make sure you are creating receiver \
             with increasing epoch value to ensure connectivity, or ensure all old epoch \
             receivers are closed or disconnected."
        ))
    }

    /// A receiver with an epoch is there, so none without may be.
    pub(crate) fn epoch_required(owner_epoch: i64) -> Refusal {
        Refusal::stolen(format!(
            "At least one receiver for the endpoint is created with epoch of '{owner_epoch}', \
             and so non-epoch receiver is not allowed. Either reconnect with a higher epoch, or \
             make sure all epoch receivers are closed or disconnected."
        ))
    }

    /// The places for receivers without epoch are taken.
    pub(crate) fn too_many_receivers(max: usize, names: &[&str]) -> Refusal {
        Refusal::limit_exceeded(format!(
            "Exceeded the maximum number of allowed receivers per partition in a consumer group \
             which is {max}. List of connected receivers - {}.",
            names.join(", ")
        ))
    }

    /// A producer whose events have another number than the one that comes next.
    pub(crate) fn out_of_order(producer: i64, sequence: i32, expected: i32) -> Refusal {
        Refusal::new(
            400,
            condition::OUT_OF_ORDER_SEQUENCE,
            format!(
                "Events of producer '{producer}' begin with the sequence number '{sequence}', \
                 which is neither the expected '{expected}' nor that of a repetition. Send what \
                 is missing, or begin anew without a producer id."
            ),
        )
    }

    /// A producer of which there is one with a higher epoch.
    pub(crate) fn producer_displaced(producer: i64, epoch: i16, owner_epoch: i16) -> Refusal {
        Refusal::new(
            410,
            condition::PRODUCER_EPOCH_STOLEN,
            format!(
                "Producer '{producer}' with epoch '{epoch}' is displaced by one with the higher \
                 epoch '{owner_epoch}'. Begin anew without a producer id, or with a higher epoch."
            ),
        )
    }

    fn stolen(description: String) -> Refusal {
        Refusal::new(410, condition::STOLEN, description)
    }
}
