//! TLS, with the certificates that the machine trusts and those that the program adds.

use std::io::{Error, ErrorKind};
use std::sync::{Arc, OnceLock};

use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, crypto};

use crate::client::error::ClientError;
use crate::stream::ByteStream;

/// Whom a client trusts. Clones share what was read of the machine's certificates.
#[derive(Clone, Debug, Default)]
pub(in crate::client) struct Trust(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Besides the certificates of the machine.
    roots: Vec<CertificateDer<'static>>,
    /// Made when first needed: an emulator needs none.
    config: OnceLock<Result<Arc<ClientConfig>, rustls::Error>>,
}

impl Trust {
    /// The same, trusting `roots`, too.
    pub(in crate::client) fn and(&self, roots: Vec<CertificateDer<'static>>) -> Trust {
        let roots = self.0.roots.iter().cloned().chain(roots).collect();
        Trust(Arc::new(Inner { roots, config: OnceLock::new() }))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        self.0.config.get_or_init(|| tls_config(&self.0.roots).map(Arc::new)).clone()
    }
}

/// Agrees with the server on keys, having checked that it is `host`.
pub(super) async fn connect<S: ByteStream>(
    trust: &Trust,
    host: &str,
    stream: S,
) -> Result<TlsStream<S>, ClientError> {
    let failed = |source| ClientError::Tls { host: host.to_owned(), source: Arc::new(source) };
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
    let name = name.map_err(|error| failed(Error::new(ErrorKind::InvalidInput, error)))?;
    let config = trust.config();
    let config = config.map_err(|error| failed(Error::new(ErrorKind::InvalidInput, error)))?;
    TlsConnector::from(config).connect(name, stream).await.map_err(failed)
}

/// Equal when the same certificates were added.
impl PartialEq for Trust {
    fn eq(&self, other: &Trust) -> bool {
        self.0.roots == other.0.roots
    }
}

impl Eq for Trust {}

/// The certificates of a PEM file.
///
/// # Errors
/// When the text holds none, or a broken one.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, pem::Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>()?;
    if found.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(found) }
}

/// TLS that trusts the machine's certificates and `roots`: what every client here uses, whatever
/// it speaks in it.
///
/// # Errors
/// When the machine's certificates cannot be read, or a root is none.
pub fn tls_config(roots: &[CertificateDer<'static>]) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots.iter().cloned(), Arc::clone(&provider))?;
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    // Not dangerous: this verifier is the one that asks the machine.
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(config.with_no_client_auth())
}
