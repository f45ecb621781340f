//! Frames: how performatives travel over a connection.
//!
//! ```text
//!  0        4     5     6         8            8+4*(doff-2)                     size
//!  ├────────┼─────┼─────┼─────────┼─ ─ ─ ─ ─ ─ ─┼──────────────┬────────────────┤
//!  │  size  │doff │type │ channel │  extended   │ performative │    payload     │
//!  │  u32   │ u8  │ u8  │   u16   │  (ignored)  │ described list│ (transfers)    │
//!  └────────┴─────┴─────┴─────────┴─ ─ ─ ─ ─ ─ ─┴──────────────┴────────────────┘
//!            = 2   0 AMQP, 1 SASL
//! ```
//!
//! A frame without performative is a heartbeat. A connection starts with an 8-byte
//! [`ProtocolHeader`] in each direction, and again after SASL.
//!
//! # What every encoder here promises
//! - Performatives have all their fields: trailing nulls are never elided, and no list is `list0`.
//!   The Event Hubs client for Python indexes fields without looking at their number.
//! - Descriptors take the two-byte `smallulong` form, for the same client.
//!
//! # What every decoder here tolerates
//! - Missing trailing fields are null; additional ones are ignored; integers may have any width.
//! - Capabilities may be one symbol or an array of them.

mod buffer;
pub mod condition;
mod connection;
pub(crate) mod fields;
mod link;
mod performative;
mod sasl;
mod transfer;

pub use buffer::{Frame, FrameBuffer, FrameError, HEARTBEAT, MIN_MAX_FRAME_SIZE, ProtocolHeader};
pub use condition::AmqpError;
pub use connection::{Begin, Close, End, Open};
pub use link::{Attach, Detach, Flow, Role, SettleMode, Source, Target};
pub use performative::Performative;
pub use sasl::{SaslCode, SaslInit, SaslMechanisms, SaslOutcome};
pub use transfer::{
    DeliveryState, DeliveryTag, Disposition, MAX_DELIVERY_TAG_BYTES, TRANSFER_OVERHEAD_BYTES,
    Transfer,
};
