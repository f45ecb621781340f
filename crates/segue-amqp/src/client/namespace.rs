//! Where a namespace is, how to get there, and how to prove oneself: all that a connection needs.

use std::sync::Arc;

use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};

use super::credential::{Credential, SharedKey};
use crate::sas::ConnectionString;

const AMQP_PORT: u16 = 5672;
const AMQPS_PORT: u16 = 5671;

/// A namespace of event hubs, and how to reach it. Clones share what is large.
///
/// ```
/// use segue_amqp::client::{Namespace, SharedKey};
///
/// let key = SharedKey::new("sender", "secret");
/// let namespace = Namespace::new("shop.servicebus.windows.net", key);
/// assert_eq!(namespace.port(), 5671);
/// ```
#[derive(Clone, Debug)]
pub struct Namespace {
    host: String,
    port: Option<u16>,
    plain: bool,
    credential: Credential,
    roots: Arc<[CertificateDer<'static>]>,
}

impl Namespace {
    /// The namespace at `host`, reached over TLS.
    pub fn new(host: impl Into<String>, credential: impl Into<Credential>) -> Namespace {
        Namespace {
            host: host.into(),
            port: None,
            plain: false,
            credential: credential.into(),
            roots: Arc::default(),
        }
    }

    /// The same at another port than the usual one.
    #[must_use]
    pub fn at_port(self, port: u16) -> Namespace {
        Namespace { port: Some(port), ..self }
    }

    /// The same without TLS: everything can be read and changed on the way. For emulators.
    #[must_use]
    pub fn without_tls(self) -> Namespace {
        Namespace { plain: true, ..self }
    }

    /// The same, trusting also the certificates in `pem`, besides those that the machine trusts:
    /// for private endpoints and proxies that look into what passes.
    ///
    /// # Errors
    /// When the text holds no certificate, or a broken one.
    pub fn trusting(self, pem: &[u8]) -> Result<Namespace, pem::Error> {
        let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
        if found.is_empty() {
            return Err(pem::Error::NoItemsFound);
        }
        let roots = self.roots.iter().cloned().chain(found).collect();
        Ok(Namespace { roots, ..self })
    }

    /// Its host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.plain { AMQP_PORT } else { AMQPS_PORT })
    }

    /// True when connections go without TLS.
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// How to prove oneself there.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// What is trusted besides the certificates of the machine.
    pub(super) fn roots(&self) -> &[CertificateDer<'static>] {
        &self.roots
    }

    /// The audience that tokens for `path` are made for.
    pub(super) fn audience(&self, path: &str) -> String {
        format!("sb://{}/{path}", self.host)
    }
}

impl From<&ConnectionString> for Namespace {
    fn from(text: &ConnectionString) -> Namespace {
        let key = SharedKey::new(text.policy(), text.key());
        Namespace {
            port: text.port(),
            plain: text.is_emulator(),
            ..Namespace::new(text.host(), key)
        }
    }
}

impl From<&Namespace> for Namespace {
    fn from(namespace: &Namespace) -> Namespace {
        namespace.clone()
    }
}
