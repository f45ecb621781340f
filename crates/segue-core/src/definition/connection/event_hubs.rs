//! The connection of `type: azure-event-hubs`.

use serde_json::{Value, json};

use super::Connection;
use crate::definition::keys::{Keys, word};
use crate::definition::variables::Secret;

/// An event hub of Azure, or of anything that speaks its protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EventHubs {
    /// The hub's name.
    pub event_hub: String,
    /// Where it is, and who sends.
    pub access: EventHubsAccess,
    /// How it is reached.
    pub transport: EventHubsTransport,
    /// File of the certificates to trust, beside the machine's.
    pub ca_file: Option<String>,
}

/// How an event hub is reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum EventHubsTransport {
    /// AMQP by itself, or as the connection string says.
    Amqp,
    /// AMQP in a WebSocket, which looks like HTTPS from outside.
    WebSockets,
}

/// Where an event hub is, and who sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EventHubsAccess {
    /// A connection string, as the portal shows it.
    ConnectionString(Secret),
    /// A shared access key of a namespace.
    SharedKey {
        /// Host name of the namespace.
        namespace: String,
        /// The key's name.
        key_name: String,
        /// The key.
        key: Secret,
    },
    /// An identity of Entra ID, from the surroundings.
    Default {
        /// Host name of the namespace.
        namespace: String,
    },
}

const TRANSPORTS: [(&str, EventHubsTransport); 2] =
    [("amqp", EventHubsTransport::Amqp), ("websockets", EventHubsTransport::WebSockets)];

const EMBEDDED: &str = "{embedded: true, event_hub: activations}";

impl EventHubs {
    pub(super) const KEYS: &'static [&'static str] = &[
        "embedded",
        "event_hub",
        "connection_string",
        "namespace",
        "sas_key_name",
        "sas_key",
        "credential",
        "transport",
        "ca_file",
    ];

    /// Reads both the embedded hub and one outside.
    pub(super) fn read(keys: &mut Keys<'_>) -> Option<Connection> {
        keys.require("event_hub", "the event hub's name, such as activations");
        let event_hub = keys.name("event_hub").map(str::to_owned);
        if keys.flag("embedded", false) {
            let elsewhere = Self::KEYS.get(2..).unwrap_or_default();
            keys.misplaced(elsewhere, &format!("the embedded hub needs only {EMBEDDED}"));
            return Some(Connection::EmbeddedHub { event_hub: event_hub? });
        }
        let access = EventHubsAccess::read(keys);
        let transport = keys.choice("transport", &TRANSPORTS).unwrap_or(EventHubsTransport::Amqp);
        let ca_file = keys.text("ca_file").map(str::to_owned);
        let event_hubs = EventHubs { event_hub: event_hub?, access: access?, transport, ca_file };
        Some(Connection::EventHubs(Box::new(event_hubs)))
    }

    pub(super) fn to_value(&self) -> Value {
        let mut value = self.access.to_value();
        if let Value::Object(fields) = &mut value {
            let mut put = |key: &str, text: &str| drop(fields.insert(key.to_owned(), json!(text)));
            put("event_hub", &self.event_hub);
            put("transport", word(&TRANSPORTS, &self.transport));
            if let Some(ca_file) = &self.ca_file {
                put("ca_file", ca_file);
            }
        }
        value
    }
}

impl EventHubsAccess {
    fn read(keys: &mut Keys<'_>) -> Option<EventHubsAccess> {
        let connection_string = keys.secret("connection_string");
        let namespace = read_namespace(keys);
        let key_name = keys.name("sas_key_name").map(str::to_owned);
        let key = keys.secret("sas_key");
        let credential = keys.choice("credential", &[("default", ())]);
        if keys.has("connection_string") {
            let said = ["namespace", "sas_key_name", "sas_key", "credential"];
            keys.misplaced(&said, "the connection string says it already; leave one out");
            return connection_string.map(EventHubsAccess::ConnectionString);
        }
        if !keys.has("namespace") {
            let message = format!(
                "it does not say where the hub is; write connection_string: ${{NAME}}, or \
                 namespace with sas_key_name and sas_key or with credential: default, or {EMBEDDED}"
            );
            keys.refuse("namespace", "required", message);
            return None;
        }
        if keys.has("credential") {
            keys.misplaced(&["sas_key_name", "sas_key"], "write a key or `credential`, not both");
            return credential.zip(namespace).map(|((), namespace)| Self::Default { namespace });
        }
        keys.require("sas_key_name", "the name of the key, or credential: default");
        keys.require("sas_key", "${NAME}, the environment variable that holds the key");
        Some(Self::SharedKey { namespace: namespace?, key_name: key_name?, key: key? })
    }

    fn to_value(&self) -> Value {
        match self {
            Self::ConnectionString(secret) => json!({"connection_string": secret.to_string()}),
            Self::SharedKey { namespace, key_name, key } => json!({
                "namespace": namespace, "sas_key_name": key_name, "sas_key": key.to_string(),
            }),
            Self::Default { namespace } => {
                json!({"namespace": namespace, "credential": "default"})
            }
        }
    }
}

/// The host of the namespace, as it stands in the portal.
fn read_namespace(keys: &mut Keys<'_>) -> Option<String> {
    let namespace = keys.name("namespace")?;
    if namespace.contains(['/', ':']) {
        let message = format!(
            "found `{namespace}`; write the host alone, such as mine.servicebus.windows.net"
        );
        keys.refuse("namespace", "format", message);
        return None;
    }
    Some(namespace.to_owned())
}
