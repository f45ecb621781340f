//! The types of destinations outside, one file each.
//!
//! To add one: write its file with a [`Sender`], [`check`] its connection and [`open`] it here, and
//! give it a section in `docs/destinations.md`.

mod event_hubs;
mod file;
mod http;
mod json_lines;
mod kafka;
mod kinesis;
mod records;
mod sequence;
mod stdout;

use std::sync::Arc;

use segue_core::Destination;
use segue_core::connection::Connection;
use segue_core::variables::{Lookup, UnsetVariable};
use segue_xdm::Violation;

use crate::rendering::Rendering;
use crate::sender::{PayloadForm, Sender};

/// Why nothing can be sent to a destination at the moment.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A secret is not there.
    #[error("{0} where Segue runs, and start it again")]
    Unset(#[from] UnsetVariable),
    /// A certificate or a key is not there or cannot be used.
    #[error("cannot use {file}: {problem}")]
    Certificate {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Anything else.
    #[error("{0}")]
    Connection(String),
}

/// Everything that is wrong with a destination outside, as far as it can be told without a
/// connection.
pub(crate) fn check(destination: &Destination) -> Vec<Violation> {
    let mut violations = match &destination.connection {
        Connection::Http(http) => http::check(http),
        Connection::Kafka(kafka) => kafka::check(kafka),
        Connection::Kinesis(kinesis) => kinesis::check(kinesis),
        Connection::EventHubs(_)
        | Connection::File(_)
        | Connection::Stdout
        | Connection::EmbeddedHub { .. } => Vec::new(),
    };
    // Which form the payload has makes no difference here.
    if let Err(problem) = Rendering::new(destination, PayloadForm::Body) {
        violations.push(Violation::new("/template", "format", problem));
    }
    violations
}

/// What sends to a destination, with its secrets.
///
/// # Errors
/// When a secret or a certificate is not there, or nothing sends to that type.
pub fn open(connection: &Connection, lookup: Lookup<'_>) -> Result<Arc<dyn Sender>, OpenError> {
    match connection {
        Connection::EventHubs(event_hubs) => {
            Ok(Arc::new(event_hubs::EventHubsSender::open(event_hubs, lookup)?))
        }
        Connection::Http(http) => Ok(Arc::new(http::HttpSender::open(http, lookup)?)),
        Connection::File(file) => Ok(Arc::new(file::FileSender::new(file))),
        Connection::Kafka(kafka) => Ok(Arc::new(kafka::KafkaSender::open(kafka, lookup)?)),
        Connection::Kinesis(kinesis) => {
            Ok(Arc::new(kinesis::KinesisSender::open(kinesis, lookup)?))
        }
        Connection::Stdout => Ok(Arc::new(stdout::StdoutSender)),
        Connection::EmbeddedHub { event_hub } => {
            Err(OpenError::Connection(format!("the hub {event_hub} is in this process")))
        }
    }
}
