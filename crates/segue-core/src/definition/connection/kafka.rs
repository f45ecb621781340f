//! The connection of `type: kafka`.

use serde_json::{Map, Value, json};

use crate::definition::keys::{Keys, word};
use crate::definition::variables::Secret;

/// Brokers that a definition may name: a client needs one that answers.
pub const KAFKA_BROKERS_MAX: usize = 16;

/// A topic of a Kafka cluster.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kafka {
    /// `host:port` of the brokers to begin with.
    pub brokers: Vec<String>,
    /// The topic.
    pub topic: String,
    /// How the connection is protected, and who sends.
    pub security: KafkaSecurity,
}

/// How connections to brokers are protected, and who sends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KafkaSecurity {
    /// Whether they are encrypted.
    pub is_encrypted: bool,
    /// File of the certificates to trust beside the machine's.
    pub ca_file: Option<String>,
    /// Who sends; nobody in particular when absent.
    pub sasl: Option<KafkaSasl>,
}

/// A name and a password.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KafkaSasl {
    /// How they are told.
    pub mechanism: KafkaMechanism,
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// How a name and a password are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum KafkaMechanism {
    /// As they are.
    Plain,
    /// By a proof with SHA-256.
    ScramSha256,
    /// By a proof with SHA-512.
    ScramSha512,
}

const MECHANISMS: [(&str, KafkaMechanism); 3] = [
    ("plain", KafkaMechanism::Plain),
    ("scram-sha-256", KafkaMechanism::ScramSha256),
    ("scram-sha-512", KafkaMechanism::ScramSha512),
];

/// Kafka's own words: whether encrypted, and whether with a name and a password.
const PROTOCOLS: [(&str, (bool, bool)); 4] = [
    ("plaintext", (false, false)),
    ("ssl", (true, false)),
    ("sasl_plaintext", (false, true)),
    ("sasl_ssl", (true, true)),
];

const SECURITY_KEYS: [&str; 5] = ["protocol", "ca_file", "mechanism", "username", "password"];

impl Kafka {
    pub(super) const KEYS: &'static [&'static str] = &["brokers", "topic", "security"];

    pub(super) fn read(keys: &mut Keys<'_>) -> Option<Kafka> {
        keys.require("brokers", "a list such as [broker-1:9092, broker-2:9092]");
        let brokers = keys.texts("brokers", KAFKA_BROKERS_MAX).unwrap_or_default();
        if keys.has("brokers") && brokers.is_empty() {
            keys.refuse("brokers", "required", "found no broker; write at least one host:port");
        }
        keys.require("topic", "the topic's name, such as activations");
        let topic = keys.name("topic").map(str::to_owned);
        let security = match keys.section("security", &SECURITY_KEYS) {
            Some(mut security) => KafkaSecurity::read(&mut security),
            None => Some(KafkaSecurity::default()),
        };
        let brokers = brokers.into_iter().map(str::to_owned).collect();
        Some(Kafka { brokers, topic: topic?, security: security? })
    }

    pub(super) fn to_value(&self) -> Value {
        json!({
            "brokers": self.brokers, "topic": self.topic, "security": self.security.to_value(),
        })
    }
}

impl KafkaSecurity {
    fn read(keys: &mut Keys<'_>) -> Option<KafkaSecurity> {
        let ca_file = keys.text("ca_file").map(str::to_owned);
        let mechanism = keys.choice("mechanism", &MECHANISMS);
        let username = keys.text("username").map(str::to_owned);
        let password = keys.secret("password");
        keys.require("protocol", "plaintext, ssl, sasl_plaintext or sasl_ssl");
        let (is_encrypted, has_sasl) = keys.choice("protocol", &PROTOCOLS)?;
        if !has_sasl {
            let message = "it belongs to protocol: sasl_ssl or sasl_plaintext";
            keys.misplaced(&["mechanism", "username", "password"], message);
            return Some(KafkaSecurity { is_encrypted, ca_file, sasl: None });
        }
        keys.require("username", "who sends");
        keys.require("password", "${NAME}, the environment variable that holds the password");
        let mechanism = mechanism.unwrap_or(KafkaMechanism::Plain);
        let sasl = KafkaSasl { mechanism, username: username?, password: password? };
        Some(KafkaSecurity { is_encrypted, ca_file, sasl: Some(sasl) })
    }

    fn to_value(&self) -> Value {
        let wanted = (self.is_encrypted, self.sasl.is_some());
        let mut fields = Map::new();
        let mut put = |key: &str, value: String| drop(fields.insert(key.to_owned(), value.into()));
        put("protocol", word(&PROTOCOLS, &wanted).to_owned());
        if let Some(ca_file) = &self.ca_file {
            put("ca_file", ca_file.clone());
        }
        if let Some(sasl) = &self.sasl {
            put("mechanism", word(&MECHANISMS, &sasl.mechanism).to_owned());
            put("username", sasl.username.clone());
            put("password", sasl.password.to_string());
        }
        Value::Object(fields)
    }
}
