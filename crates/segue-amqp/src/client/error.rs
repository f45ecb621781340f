//! What can go wrong for a client.

use std::sync::Arc;
use std::time::Duration;

use super::credential::CredentialError;
use crate::codec::DecodeError;
use crate::frame::{AmqpError, FrameError, condition};
use crate::message::MessageError;

/// Why the client could not do what it was asked to. Cheap to clone: one broken connection ends
/// many waits.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers there.
    #[error("cannot connect to {address}: {source}; is the hub running, and is this its port?")]
    Connect {
        /// Host and port.
        address: String,
        /// What the operating system says.
        source: Arc<std::io::Error>,
    },
    /// The proxy makes no tunnel.
    #[error("the proxy {proxy} does not let us through: {problem}; see HTTPS_PROXY and NO_PROXY")]
    Proxy {
        /// Its host and port.
        proxy: String,
        /// What it says.
        problem: String,
    },
    /// TLS does not come about: the certificate is not trusted, or the port speaks something else.
    #[error(
        "no TLS with {host}: {source}; trust its certificate, \
         or say UseDevelopmentEmulator=true if it is an emulator without TLS"
    )]
    Tls {
        /// Host of the namespace.
        host: String,
        /// What is wrong.
        source: Arc<std::io::Error>,
    },
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(Arc<std::io::Error>),
    /// The peer has not been heard of for too long, or not answered in time.
    #[error("{waited_for} did not come within {} ms", after.as_millis())]
    Timeout {
        /// What was waited for.
        waited_for: &'static str,
        /// For how long.
        after: Duration,
    },
    /// The peer says no.
    #[error("{place} refused: {error}")]
    Refused {
        /// What was refused or closed: connection, session, link, or events.
        place: &'static str,
        /// What the peer says.
        error: AmqpError,
    },
    /// A request was answered with another status than success.
    #[error("{operation} failed with status {status}: {description}")]
    Request {
        /// What was asked.
        operation: &'static str,
        /// Status in the manner of HTTP.
        status: i64,
        /// What the peer says.
        description: String,
    },
    /// The peer does not accept the credentials.
    #[error("the hub does not accept the credentials of {who}: {description}")]
    Unauthorized {
        /// Whose they are, as `policy "sender"`.
        who: String,
        /// What the peer says.
        description: String,
    },
    /// There is no token to prove oneself with.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The peer's bytes are no AMQP, or not what must come at this point.
    #[error("the peer breaks the protocol: {0}")]
    Protocol(String),
    /// Closed from this side.
    #[error("the connection or link is closed")]
    Closed,
}

impl ClientError {
    /// The condition that the peer gave, as those of [`crate::frame::condition`].
    pub fn condition(&self) -> Option<&str> {
        match self {
            ClientError::Refused { error, .. } => Some(&error.condition),
            _ => None,
        }
    }

    /// What a link or connection that the peer closed ends with.
    pub(super) fn closed_by_peer(place: &'static str, error: Option<AmqpError>) -> ClientError {
        let without_reason = || AmqpError::new(condition::DETACH_FORCED, "closed without a reason");
        ClientError::Refused { place, error: error.unwrap_or_else(without_reason) }
    }
}

impl From<std::io::Error> for ClientError {
    fn from(error: std::io::Error) -> ClientError {
        ClientError::Broken(Arc::new(error))
    }
}

impl From<FrameError> for ClientError {
    fn from(error: FrameError) -> ClientError {
        ClientError::Protocol(error.to_string())
    }
}

impl From<MessageError> for ClientError {
    fn from(error: MessageError) -> ClientError {
        ClientError::Protocol(error.to_string())
    }
}

impl From<DecodeError> for ClientError {
    fn from(error: DecodeError) -> ClientError {
        ClientError::Protocol(error.to_string())
    }
}
