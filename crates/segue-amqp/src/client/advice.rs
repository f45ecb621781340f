//! What to do after a failure: give up, or try again, at once or later.
//!
//! Waits are those of Microsoft's clients. What a condition means does not depend on where it comes
//! from; whether a message may have arrived nevertheless does.

use std::io::ErrorKind;
use std::time::Duration;

use super::error::ClientError;
use crate::frame::condition;

/// What to do after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Trying again cannot help: somebody has to change something first.
    GiveUp,
    /// Try again, on a new link or connection if this one has ended.
    Retry,
    /// Try again, but not before this has passed.
    RetryAfter(Duration),
}

/// Conditions that will not go away by themselves.
const PERMANENT: [&str; 15] = [
    condition::UNAUTHORIZED_ACCESS,
    condition::NOT_FOUND,
    condition::NOT_ALLOWED,
    condition::NOT_IMPLEMENTED,
    condition::DECODE_ERROR,
    condition::INVALID_FIELD,
    condition::MESSAGE_SIZE_EXCEEDED,
    condition::STOLEN,
    condition::ARGUMENT_ERROR,
    condition::ARGUMENT_OUT_OF_RANGE,
    condition::ENTITY_DISABLED,
    condition::AUTH_FAILED,
    condition::OUT_OF_ORDER_SEQUENCE,
    condition::PRODUCER_EPOCH_STOLEN,
    condition::INVALID_OFFSET,
];

/// How long a namespace that is busy, or moves its load, is left alone.
const BUSY_WAIT: Duration = Duration::from_secs(4);

/// How long one that was too slow is left alone.
const TIMEOUT_WAIT: Duration = Duration::from_secs(2);

impl ClientError {
    /// What to do now.
    pub fn advice(&self) -> Advice {
        match self {
            ClientError::Connect { .. }
            | ClientError::Proxy { .. }
            | ClientError::Broken(_)
            | ClientError::Timeout { .. }
            | ClientError::Closed => Advice::Retry,
            // What TLS itself objects to stays so; a handshake may also just break off.
            ClientError::Tls { source, .. } => match source.kind() {
                ErrorKind::InvalidData | ErrorKind::InvalidInput => Advice::GiveUp,
                _ => Advice::Retry,
            },
            ClientError::Refused { error, .. } => of_condition(&error.condition),
            ClientError::Request { status: 429 | 503, .. } => Advice::RetryAfter(BUSY_WAIT),
            ClientError::Request { status: 408 | 500.., .. } => Advice::Retry,
            ClientError::Credential(error) if error.is_retryable() => Advice::Retry,
            ClientError::Credential(_)
            | ClientError::Request { .. }
            | ClientError::Unauthorized { .. }
            | ClientError::Protocol(_) => Advice::GiveUp,
        }
    }

    /// True when the same call may succeed later, on a new connection or link.
    pub fn is_retryable(&self) -> bool {
        self.advice() != Advice::GiveUp
    }

    /// True when a message whose sending failed so may have arrived: nobody has said that it was
    /// not taken.
    pub fn leaves_in_doubt(&self) -> bool {
        let said_no = match self {
            ClientError::Refused { place: "events", .. } => true,
            // The one condition about a message that ends its link.
            _ => self.condition() == Some(condition::MESSAGE_SIZE_EXCEEDED),
        };
        !said_no
    }
}

fn of_condition(name: &str) -> Advice {
    match name {
        condition::SERVER_BUSY | condition::CONTAINER_CLOSE => Advice::RetryAfter(BUSY_WAIT),
        condition::TIMEOUT => Advice::RetryAfter(TIMEOUT_WAIT),
        permanent if PERMANENT.contains(&permanent) => Advice::GiveUp,
        _ => Advice::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::AmqpError;

    #[track_caller]
    fn check(place: &'static str, name: &str, advice: Advice, in_doubt: bool) {
        let refused = ClientError::Refused { place, error: AmqpError::new(name, "because") };
        assert_eq!((refused.advice(), refused.leaves_in_doubt()), (advice, in_doubt), "{name}");
    }

    #[test]
    fn every_outcome_says_what_to_do_and_whether_it_is_known() {
        let after = |seconds| Advice::RetryAfter(Duration::from_secs(seconds));
        check("events", "amqp:link:message-size-exceeded", Advice::GiveUp, false);
        check("link", "amqp:link:message-size-exceeded", Advice::GiveUp, false);
        check("events", "amqp:unauthorized-access", Advice::GiveUp, false);
        check("link", "amqp:not-found", Advice::GiveUp, true);
        check("events", "com.microsoft:server-busy", after(4), false);
        check("link", "com.microsoft:server-busy", after(4), true);
        check("link", "com.microsoft:container-close", after(4), true);
        check("events", "com.microsoft:timeout", after(2), false);
        check("link", "amqp:link:stolen", Advice::GiveUp, true);
        check("link", "amqp:link:detach-forced", Advice::Retry, true);
        check("connection", "amqp:connection:forced", Advice::Retry, true);
        check("events", "com.example:never-heard-of", Advice::Retry, false);
    }
}
