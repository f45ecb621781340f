//! What can go wrong for who runs or embeds the broker. What a client did wrong is a
//! [`crate::refusal::Refusal`].

use std::net::SocketAddr;
use std::path::PathBuf;

use segue_amqp::message::MessageError;
use segue_log::LogError;

/// Why the broker could not start or publish.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// A setting cannot be used.
    #[error("{setting}: {problem}")]
    Config {
        /// The setting, as a path into the configuration.
        setting: String,
        /// What was found and what would do.
        problem: String,
    },
    /// The data directory cannot be used.
    #[error(
        "data directory {}: {source}; make it writable or set another with --data",
        path.display()
    )]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The port is taken, or the address is not this machine's.
    #[error(
        "cannot listen on {address} for AMQP: {source}; \
         stop what uses it or set another address with listen.amqp"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The runtime does not take the listener.
    #[error("cannot serve AMQP clients: {0}")]
    Listener(std::io::Error),
    /// Others could reach a broker whose key is public.
    #[error(
        "refusing to listen on {address}: the emulator's key SAS_KEY_VALUE is public; \
         set hub.authorization_rules to keys of your own, or listen on 127.0.0.1"
    )]
    Exposed {
        /// The address.
        address: SocketAddr,
    },
    /// The certificate for TLS cannot be used.
    #[error("{}: {problem}; it must be PEM, the certificate before its chain", file.display())]
    Certificate {
        /// The file of the certificate, or of its key.
        file: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A hub's log failed.
    #[error("event hub {hub}: {source}")]
    Log {
        /// The hub.
        hub: String,
        /// What the log says.
        source: LogError,
    },
    /// There is no such partition.
    #[error("event hub {hub} has partitions 0 to {last}, not {partition}")]
    NoPartition {
        /// The hub.
        hub: String,
        /// What was asked for.
        partition: u16,
        /// The highest that exists.
        last: u16,
    },
    /// A message is larger than a client could receive.
    #[error("a message of {size} bytes is over the limit of {max} bytes")]
    MessageTooLarge {
        /// Its encoded size.
        size: usize,
        /// [`crate::MESSAGE_BYTES_MAX`].
        max: usize,
    },
    /// Bytes that are not one encoded AMQP message.
    #[error("not an AMQP message: {0}")]
    NoMessage(MessageError),
}
