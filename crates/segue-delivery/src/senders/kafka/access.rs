//! Which brokers to begin with, how connections to them are protected, and who signs in, with the
//! secrets filled in.

use std::io::{Error, ErrorKind, Result as IoResult};
use std::sync::Arc;

use segue_amqp::client::{certificates, tls_config};
use segue_amqp::stream::ByteStream;
use segue_core::connection::{Kafka, KafkaMechanism, KafkaSecurity};
use segue_core::variables::Lookup;
use segue_xdm::{Violation, child_pointer};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::senders::OpenError;

/// Kafka's own limit of a topic's name.
const TOPIC_CHARS_MAX: usize = 249;

/// What is wrong with a connection that only shows when it is used.
pub(in crate::senders) fn check(kafka: &Kafka) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (index, broker) in kafka.brokers.iter().enumerate() {
        if host_and_port(broker).is_none() {
            let pointer = child_pointer("/connection/brokers", index);
            let message = format!("found `{broker}`; write host:port, such as broker-1:9092");
            violations.push(Violation::new(pointer, "format", message));
        }
    }
    let topic = kafka.topic.as_str();
    let is_legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let is_name = topic.chars().all(is_legal) && !matches!(topic, "." | "..");
    if topic.len() > TOPIC_CHARS_MAX || !is_name {
        let message = format!(
            "found `{topic}`; a topic's name has letters, digits, `.`, `_` and `-`, at most \
             {TOPIC_CHARS_MAX}"
        );
        violations.push(Violation::new("/connection/topic", "format", message));
    }
    violations
}

/// How brokers are reached.
pub(super) struct Access {
    pub(super) brokers: Vec<String>,
    tls: Option<TlsConnector>,
    pub(super) sasl: Option<Sasl>,
}

/// Who signs in.
pub(super) struct Sasl {
    pub(super) mechanism: KafkaMechanism,
    pub(super) username: String,
    pub(super) password: String,
}

impl Access {
    /// Looks up the secrets and reads the certificates.
    pub(super) fn open(kafka: &Kafka, lookup: Lookup<'_>) -> Result<Access, OpenError> {
        let KafkaSecurity { is_encrypted, ca_file, sasl } = &kafka.security;
        let tls = is_encrypted.then(|| tls(ca_file.as_deref())).transpose()?;
        let sasl = sasl.as_ref().map(|sasl| {
            let password = sasl.password.reveal(lookup)?;
            Ok::<_, OpenError>(Sasl {
                mechanism: sasl.mechanism,
                username: sasl.username.clone(),
                password,
            })
        });
        Ok(Access { brokers: kafka.brokers.clone(), tls, sasl: sasl.transpose()? })
    }

    /// A stream of bytes to a broker.
    pub(super) async fn connect(&self, broker: &str) -> IoResult<Box<dyn ByteStream>> {
        let stream = TcpStream::connect(broker).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let host = host_and_port(broker).map_or(broker, |(host, _)| host);
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
        let name = name.map_err(|error| Error::new(ErrorKind::InvalidInput, error))?;
        Ok(Box::new(tls.connect(name, stream).await?))
    }
}

fn tls(ca_file: Option<&str>) -> Result<TlsConnector, OpenError> {
    let roots = match ca_file {
        Some(file) => {
            let unusable =
                |problem: String| OpenError::Certificate { file: file.to_owned(), problem };
            let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
            certificates(&pem).map_err(|error| unusable(error.to_string()))?
        }
        None => Vec::new(),
    };
    let config = tls_config(&roots).map_err(|error| OpenError::Connection(error.to_string()))?;
    Ok(TlsConnector::from(Arc::new(config)))
}

fn host_and_port(broker: &str) -> Option<(&str, u16)> {
    let (host, port) = broker.rsplit_once(':')?;
    let is_host = !host.is_empty() && !host.contains(['/', ' ', '@']);
    let port = port.parse().ok().filter(|port| *port > 0)?;
    is_host.then_some((host, port))
}
