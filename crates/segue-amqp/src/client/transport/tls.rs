//! TLS, with the certificates that the machine trusts and those that the program adds.

use std::io::ErrorKind;
use std::sync::Arc;

use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, crypto};

use crate::client::error::ClientError;
use crate::client::namespace::Namespace;
use crate::stream::ByteStream;

/// Agrees with the server on keys, having checked that it is who the namespace names.
pub(super) async fn connect<S: ByteStream>(
    namespace: &Namespace,
    stream: S,
) -> Result<TlsStream<S>, ClientError> {
    let failed =
        |source| ClientError::Tls { host: namespace.host().to_owned(), source: Arc::new(source) };
    let host = namespace.host().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host)
        .map_err(|error| failed(std::io::Error::new(ErrorKind::InvalidInput, error)))?;
    let config = config(namespace.roots())
        .map_err(|error| failed(std::io::Error::new(ErrorKind::InvalidInput, error)))?;
    let connected = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    connected.map_err(failed)
}

/// What a TLS client accepts: the machine's certificates and `roots`.
pub(in crate::client) fn config(
    roots: &[CertificateDer<'static>],
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(roots.iter().cloned(), Arc::clone(&provider))?;
    let versions =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    // Not dangerous: the verifier is the one that asks the machine.
    let config = versions.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(config.with_no_client_auth())
}
