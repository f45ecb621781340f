//! Where a destination is and how it is reached: one type of connection a file.

mod event_hubs;
mod file;
mod http;
mod kafka;
mod kinesis;

use serde_json::{Value, json};

pub use self::event_hubs::{EventHubs, EventHubsAccess, EventHubsTransport};
pub use self::file::FileTarget;
pub use self::http::{
    ClientCertificate, HTTP_BATCH_BYTES_MAX, HTTP_BATCH_SIZE_MAX, HTTP_IN_FLIGHT_MAX,
    HTTP_TIMEOUT_SECONDS_MAX, Hmac, Http, HttpAuth, HttpMethod, OAuth2,
};
pub use self::kafka::{KAFKA_BROKERS_MAX, Kafka, KafkaMechanism, KafkaSasl, KafkaSecurity};
pub use self::kinesis::{Kinesis, KinesisCredentials};
use super::keys::Keys;

/// How a destination is reached, by its `type`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Connection {
    /// `azure-event-hubs` with `embedded: true`: an event hub of this very process.
    EmbeddedHub {
        /// The hub's name.
        event_hub: String,
    },
    /// `azure-event-hubs` anywhere else.
    EventHubs(Box<EventHubs>),
    /// `kafka`.
    Kafka(Box<Kafka>),
    /// `http`.
    Http(Box<Http>),
    /// `kinesis`.
    Kinesis(Box<Kinesis>),
    /// `file`.
    File(FileTarget),
    /// `stdout`: the standard output of the server.
    Stdout,
}

/// What `type` may say.
#[derive(Clone, Copy)]
enum Type {
    EventHubs,
    Kafka,
    Http,
    Kinesis,
    File,
    Stdout,
}

const TYPES: [(&str, Type); 6] = [
    ("azure-event-hubs", Type::EventHubs),
    ("kafka", Type::Kafka),
    ("http", Type::Http),
    ("kinesis", Type::Kinesis),
    ("file", Type::File),
    ("stdout", Type::Stdout),
];

impl Connection {
    /// The word in `type`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Connection::EmbeddedHub { .. } | Connection::EventHubs(_) => "azure-event-hubs",
            Connection::Kafka(_) => "kafka",
            Connection::Http(_) => "http",
            Connection::Kinesis(_) => "kinesis",
            Connection::File(_) => "file",
            Connection::Stdout => "stdout",
        }
    }

    /// Reads `type` and `connection`.
    pub(super) fn read(keys: &mut Keys<'_>) -> Option<Connection> {
        keys.require("type", "one such as azure-event-hubs or http");
        let found = keys.choice("type", &TYPES);
        if !matches!(found, Some(Type::Stdout)) {
            keys.require("connection", "how the destination is reached, such as {url: …}");
        }
        match found? {
            Type::EventHubs => EventHubs::read(&mut keys.section("connection", EventHubs::KEYS)?),
            Type::Kafka => {
                let kafka = Kafka::read(&mut keys.section("connection", Kafka::KEYS)?);
                kafka.map(|kafka| Connection::Kafka(Box::new(kafka)))
            }
            Type::Http => {
                let http = Http::read(&mut keys.section("connection", Http::KEYS)?);
                http.map(|http| Connection::Http(Box::new(http)))
            }
            Type::Kinesis => {
                let kinesis = Kinesis::read(&mut keys.section("connection", Kinesis::KEYS)?);
                kinesis.map(|kinesis| Connection::Kinesis(Box::new(kinesis)))
            }
            Type::File => FileTarget::read(&mut keys.section("connection", FileTarget::KEYS)?)
                .map(Connection::File),
            Type::Stdout => {
                keys.section("connection", &[]);
                Some(Connection::Stdout)
            }
        }
    }

    /// The object in `connection`, every key written out.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Connection::EmbeddedHub { event_hub } => {
                json!({"embedded": true, "event_hub": event_hub})
            }
            Connection::EventHubs(event_hubs) => event_hubs.to_value(),
            Connection::Kafka(kafka) => kafka.to_value(),
            Connection::Http(http) => http.to_value(),
            Connection::Kinesis(kinesis) => kinesis.to_value(),
            Connection::File(file) => file.to_value(),
            Connection::Stdout => json!({}),
        }
    }
}
