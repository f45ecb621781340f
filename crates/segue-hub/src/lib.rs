//! An Event Hubs-compatible broker over the partitioned log.
//!
//! Programs written for Azure Event Hubs (or for its emulator) connect over AMQP 1.0, unchanged;
//! programs in this process use [`EventHub`] directly. Both meet in one [`segue_log::Log`] per
//! hub, whose records are complete AMQP messages, as they were sent.
//!
//! ```
//! use segue_hub::{Hub, HubConfig};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # let data_dir = directory.path().to_owned();
//! let hub = Hub::open(HubConfig { data_dir, ..HubConfig::default() })?;
//! let activations = hub.event_hub("activations").expect("part of the default configuration");
//!
//! let message = segue_amqp::message::Message {
//!     body: segue_amqp::message::Body::Data("hello".into()),
//!     ..Default::default()
//! };
//! let partition = activations.partition_for_key("profile 1");
//! activations.publish(partition, &[message.encode()])?.wait()?;
//! assert_eq!(activations.log().partition(partition).map(|log| log.end_offset()), Some(1));
//! # Ok(())
//! # }
//! ```
//! To let clients in: [`bind`] an address, then [`Hub::serve`] it.
//!
//! # Where things are
//! | Question | Module |
//! |---|---|
//! | What may be configured? | `config`, `emulator` (its `Config.json`), `names` |
//! | What is there? | `hub` (the namespace), `event_hub`, `receivers` (epochs, limit of five) |
//! | How do bytes come in? | `server` (listeners), `transport` (TLS, WebSockets), `driver` |
//! | How does a connection go? | `connection`, `sasl`, `session`, `peer` |
//! | What does a link do? | `attach` (may it be?), `sender`, `receiver`, `subscription` |
//! | What can be asked? | `control` (requests, responses), `cbs`, `management` |
//! | How are things named and found? | `address`, `filter` (where a receiver starts) |
//! | Who may do what? | `auth`; and what do they hear if not? `refusal` |
//!
//! # Invariants
//! - A delivery is accepted only after the log has made it durable.
//! - The protocol's core (`connection` and below) does no network I/O, reads no clock and never
//!   waits; `server`, `transport` and `driver` do.
//! - A client without a right learns nothing about what exists.
//! - What a client sent is stored and delivered byte for byte, but for the annotations that the
//!   broker owns.

mod address;
mod attach;
mod auth;
mod cbs;
mod config;
mod connection;
mod control;
mod driver;
mod emulator;
mod error;
mod event_hub;
mod filter;
mod hub;
mod machine;
mod management;
mod names;
mod peer;
mod producers;
mod receiver;
mod receivers;
mod refusal;
mod sasl;
mod sender;
mod server;
mod session;
mod subscription;
mod transport;

pub use config::{
    AuthorizationRule, AutoCreate, EMULATOR_RULE_KEY, EMULATOR_RULE_NAME, EventHubConfig,
    HubConfig, PARTITIONS_MAX, RetentionConfig, Right,
};
pub use error::HubError;
pub use event_hub::EventHub;
pub use hub::{HUBS, Hub};
pub use machine::Machine;
pub use server::{ServerHandle, bind};
pub use transport::ServerTls;

/// The largest message, or batch of messages, that a hub takes: 1 MiB, as the service.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;
