//! What every type of destination must be able to do. The types are in `senders`, a file each.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use segue_xdm::Timestamp;

/// A message on its way out, as it will be sent.
#[derive(Clone, Debug)]
pub struct OutboundMessage {
    /// Its place in the partition of the outbox.
    pub offset: u64,
    /// The activation as it lies in the outbox: a complete AMQP message.
    pub stored: Bytes,
    /// When what it tells of was caused.
    pub at: Timestamp,
    /// Id of the profile, and key to partition by.
    pub profile: String,
    /// What stands beside the payload, by name.
    pub properties: Vec<(String, String)>,
    /// What is sent.
    pub payload: Bytes,
}

/// What a sender takes at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Messages in one batch, at least 1.
    pub messages: usize,
    /// Bytes of the payloads of a batch; a single larger one is sent alone.
    pub batch_bytes: usize,
    /// Bytes of one payload. What is larger becomes a dead letter.
    pub message_bytes: usize,
    /// Batches that may be under way at the same time, each of other profiles.
    pub in_flight: usize,
    /// How a payload is made.
    pub payload: PayloadForm,
}

/// How a payload is made of an activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadForm {
    /// The body alone: the destination has a place of its own for the properties.
    Body,
    /// One JSON value on one line, with the properties in it.
    JsonLine,
}

/// What became of one message of a batch that the destination answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is there.
    Taken,
    /// It never will be.
    Refused(String),
    /// Not this time.
    Later(String),
}

/// A batch as a whole came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The destination cannot be reached, is busy, or lets nobody in: try again later.
    #[error("{error}")]
    Unavailable {
        /// What happened, and what to do.
        error: String,
        /// How long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// It answered that it will never take this. Of several messages one may be to blame.
    #[error("{error}")]
    Refused {
        /// What it said.
        error: String,
    },
}

impl SendError {
    /// Something that may pass by itself.
    pub fn unavailable(error: impl Into<String>) -> SendError {
        SendError::Unavailable { error: error.into(), retry_after: None }
    }
}

/// One verdict a message, in their order.
pub type Sent = Result<Vec<Verdict>, SendError>;

/// The request and the answer of a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What was sent, with the names of secrets in place of secrets.
    pub request: String,
    /// What came back.
    pub answer: String,
    /// Whether the message was taken.
    pub is_taken: bool,
}

impl Exchange {
    /// What a batch of one message came to.
    pub(crate) fn of(request: String, sent: Sent) -> Exchange {
        let (is_taken, answer) = match sent.as_deref() {
            Ok([Verdict::Refused(error) | Verdict::Later(error), ..]) => (false, error.clone()),
            Ok(_) => (true, "accepted".to_owned()),
            Err(error) => (false, error.to_string()),
        };
        Exchange { request, answer, is_taken }
    }
}

/// Sends to one destination.
///
/// - A batch holds messages of one partition in their order. It is never sent again while an
///   earlier sending of it is under way.
/// - If a message of a profile is not taken, later ones of that profile must not be either:
///   verdicts after [`Verdict::Later`] are that too, unless they are of another profile.
/// - What was answered with [`Verdict::Taken`] is as durable as the destination can make it.
/// - Dropping the future gives up: the batch may or may not have arrived.
pub trait Sender: Send + Sync {
    /// What it takes at a time.
    fn terms(&self) -> Terms;

    /// Sends a batch.
    fn send<'a>(&'a self, batch: &'a [OutboundMessage]) -> BoxFuture<'a, Sent>;

    /// Sends one message and tells what was said.
    fn test<'a>(&'a self, message: &'a OutboundMessage) -> BoxFuture<'a, Exchange>;
}
