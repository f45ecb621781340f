//! Destinations: where activations go, and how they get there.
//!
//! One file per type of destination. There is one so far: [`EmbeddedHub`], the event hub in this
//! very process, whose log *is* the activation log, so that nothing needs to be delivered. Others
//! (Azure Event Hubs, Kafka, HTTP) will read that log and send from it, with retries and dead
//! letters of their own.
//!
//! What a message looks like is decided in one place, `message`, for every destination that
//! carries messages with properties.

mod embedded_hub;
mod message;

pub use embedded_hub::{DEAD_LETTERS, EmbeddedHub};
pub use message::{activation_id, application_properties, encode, traceparent};
