//! A client for event hubs: Azure's, the emulator's, and our own.
//!
//! ```no_run
//! # async fn example() -> Result<(), segue_amqp::client::ClientError> {
//! use std::time::Duration;
//! use segue_amqp::client::{Connection, EventData, Position};
//! use segue_amqp::sas::ConnectionString;
//!
//! let target = ConnectionString::parse(
//!     "Endpoint=sb://localhost;SharedAccessKeyName=RootManageSharedAccessKey;\
//!      SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;",
//! )
//! .expect("a complete connection string");
//! let connection = Connection::connect(&target).await?;
//!
//! let sender = connection.sender("activations", None).await?;
//! let mut batch = sender.batch(Some("profile-1"));
//! batch.try_add(&EventData::new("hello"));
//! sender.send(batch).await?;
//!
//! let mut receiver =
//!     connection.receiver("activations", "$Default", "0", &Position::Earliest).await?;
//! for event in receiver.next_batch(100, Duration::from_secs(1)).await? {
//!     println!("{} {:?}", event.sequence_number, event.body);
//! }
//! connection.close().await
//! # }
//! ```
//!
//! # Promises
//! - [`Sender::send`] returns when the hub has accepted the batch: from then on it is durable. When
//!   it fails with a retryable error, the batch may or may not have arrived.
//! - [`Receiver::next_batch`] may be cancelled at any time without losing an event.
//! - A [`NumberedSender`] may send a batch again, also over another connection, and the hub stores
//!   it once. Not every hub offers that.
//! - Nothing reconnects by itself but a [`Producer`]. Every error says whether trying again may
//!   help ([`ClientError::advice`]); after one, make a new sender or receiver, or, if that fails,
//!   too, a new connection.
//!
//! # How it is built
//! One task per connection owns the socket and the `session` with its links; senders, receivers
//! and requests talk to it over channels (`link`). Tokens are put before a link is attached and
//! renewed in the background (`cbs`).

use std::time::Duration;

mod advice;
mod cbs;
mod connection;
mod credential;
mod driver;
mod error;
mod handshake;
mod link;
mod management;
mod namespace;
mod numbered;
mod producer;
mod receiver;
mod receiving;
mod request;
mod sender;
mod sending;
mod session;
mod transport;
mod wire;

pub use advice::Advice;
pub use connection::{Authentication, Connection};
pub use credential::{Credential, CredentialError, Entra, SharedKey};
pub use error::ClientError;
pub use management::{HubInfo, PartitionInfo};
pub use namespace::Namespace;
pub use numbered::{NumberedBatch, NumberedSender};
pub use producer::{Producer, Receipt, RetryPolicy, SendError};
pub use receiver::{Position, ReceivedEvent, Receiver};
pub use sender::{EventBatch, EventData, Sender};
pub use transport::{certificates, tls_config};

/// How long a hub may take to answer anything but a send.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a hub may take to accept a batch, throttling included.
const SEND_TIMEOUT: Duration = Duration::from_secs(60);
