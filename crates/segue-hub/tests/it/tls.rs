//! TLS and WebSockets, against the crate's own client: real certificates, real sockets.

use std::path::PathBuf;

use segue_amqp::client::{ClientError, Connection, EventData, Namespace, Position, SharedKey};
use segue_hub::{Hub, HubConfig, ServerHandle, ServerTls, bind};

const HUB: &str = "activations";

/// An authority that only the tests trust.
pub(crate) struct Authority {
    certificate: rcgen::Certificate,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Authority { certificate, issuer: rcgen::Issuer::new(params, key) }
    }

    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Files of a certificate for `host`, and of its key.
    pub(crate) fn issue(&self, host: &str, directory: &tempfile::TempDir) -> (PathBuf, PathBuf) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = |name| directory.path().join(name);
        let files = (path("hub.crt"), path("hub.key"));
        std::fs::write(&files.0, certificate.pem()).unwrap();
        std::fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }
}

/// A hub that is reached over TLS only; it ends with the value.
pub(crate) struct SecureHub {
    pub(crate) server: ServerHandle,
    pub(crate) authority: Authority,
    _data: tempfile::TempDir,
}

impl SecureHub {
    pub(crate) async fn start() -> SecureHub {
        SecureHub::start_as("localhost").await
    }

    async fn start_as(host: &str) -> SecureHub {
        let (data, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let (certificate, key) = authority.issue(host, &data);
        let tls = ServerTls::from_files(&certificate, &key).unwrap();
        let config = HubConfig { data_dir: data.path().to_owned(), ..HubConfig::default() };
        let listener = bind("127.0.0.1:0".parse().unwrap(), &config).unwrap();
        let hub = Hub::open(config).unwrap();
        let server = hub.serve_tls(listener, &tls).await.unwrap();
        SecureHub { server, authority, _data: data }
    }

    /// The namespace as its clients see it, at another port when something lies between.
    pub(crate) fn namespace_at(&self, port: u16) -> Namespace {
        let key = SharedKey::new("RootManageSharedAccessKey", "SAS_KEY_VALUE");
        Namespace::new("localhost", key).at_port(port)
    }

    pub(crate) fn namespace(&self) -> Namespace {
        let namespace = self.namespace_at(self.server.local_addr().port());
        namespace.trusting(self.authority.pem().as_bytes()).unwrap()
    }
}

/// Sends an event larger than a frame, and reads it back.
pub(crate) async fn round_trip(namespace: Namespace) {
    let connection = Connection::connect(namespace).await.unwrap();
    let sender = connection.sender(HUB, Some("0")).await.unwrap();
    let body = "segue ".repeat(50_000);
    sender.send_all(&[EventData::new(body.clone())], None).await.unwrap();
    let receiver = connection.receiver(HUB, "$Default", "0", &Position::Earliest);
    let events = receiver.await.unwrap().next_batch(1, std::time::Duration::from_secs(20)).await;
    assert_eq!(events.unwrap()[0].body, body);
    connection.close().await.unwrap();
}

#[tokio::test]
async fn events_travel_over_tls() {
    let secure = SecureHub::start().await;
    round_trip(secure.namespace()).await;
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_not_trusted() {
    let secure = SecureHub::start().await;
    let untrusting = secure.namespace_at(secure.server.local_addr().port());
    let error = Connection::connect(untrusting).await.err().unwrap();
    assert!(matches!(error, ClientError::Tls { .. }), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn a_certificate_for_another_host_is_not_trusted() {
    let secure = SecureHub::start_as("hub.example").await;
    let error = Connection::connect(secure.namespace()).await.err().unwrap();
    assert!(matches!(error, ClientError::Tls { .. }), "{error}");
}

#[tokio::test]
async fn a_port_without_tls_is_named_so() {
    let broker = super::client::Broker::start().await;
    let key = SharedKey::new("all", "all-key");
    let namespace = Namespace::new("localhost", key).at_port(broker.server.local_addr().port());
    let error = Connection::connect(namespace).await.err().unwrap();
    assert!(error.to_string().contains("emulator without TLS"), "{error}");
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let data = tempfile::tempdir().unwrap();
    let (certificate, key) = Authority::new().issue("localhost", &data);
    let error = ServerTls::from_files(&key, &certificate).unwrap_err().to_string();
    assert!(error.contains("hub."), "{error}");
    std::fs::write(&certificate, "no certificate").unwrap();
    let error = ServerTls::from_files(&certificate, &key).unwrap_err().to_string();
    assert!(error.contains("hub.crt"), "{error}");
}
