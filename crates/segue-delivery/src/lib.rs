//! Destinations: where activations go, and how they get there.
//!
//! ```text
//!            ┌─ EmbeddedHub: the event hub in this process, whose log *is* the activation log
//!   runtime ─┤
//!            └─ Outboxes ─▶ Lane (a destination's workers) ─▶ Sender (a type of destination)
//!                 durable      batches, retries, breaker,       file, http, stdout, …
//!                              cursor, dead letters
//! ```
//! [`ActivationLogs`] is both as the runtime sees them; [`Delivery`] empties the outboxes. Types of
//! destinations are in `senders`, one file each.
//!
//! Invariants:
//! - a cursor moves over a message only after it was taken, or its dead letter is durable;
//! - the messages of a profile are taken in their order, however often some are sent again;
//! - memory is bounded: a batch and what was read for the next one, per partition.
//!
//! What a message looks like is decided in one place, `message`, for every destination that
//! carries messages with properties; `rendering` makes the payload.

mod activation_logs;
mod breaker;
mod cursor;
mod dead_letters;
mod delivery;
mod embedded_hub;
mod erasure;
mod error;
mod gate;
mod lane;
mod message;
mod observer;
mod outbox;
mod outboxes;
mod rendering;
mod retry;
mod sender;
mod senders;
mod spans;
mod status;
mod test_message;
mod tls;
mod worker;

pub use activation_logs::ActivationLogs;
pub use breaker::{BreakerOptions, BreakerState};
pub use dead_letters::{DeadLetter, DeadLetters};
pub use delivery::{Delivery, DeliveryOptions, Environment, OpenSender};
pub use embedded_hub::{DEAD_LETTERS, EmbeddedHub};
pub use error::DeliveryError;
pub use message::{activation_id, application_properties, encode};
pub use observer::{DeliveryEvent, DeliveryObserver};
pub use retry::{ASKED_PAUSE_MAX, RetryOptions};
pub use sender::{Exchange, OutboundMessage, PayloadForm, SendError, Sender, Sent, Terms, Verdict};
pub use senders::{OpenError, open as open_sender};
pub use status::DeliveryStatus;
pub use tls::install_tls;
