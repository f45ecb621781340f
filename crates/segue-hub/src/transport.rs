//! What lies between a socket and AMQP: TLS, when the listener has it, and a WebSocket, when the
//! client asks for one.
//!
//! A WebSocket begins as an HTTP request and AMQP with its own name, so the first bytes tell which
//! it is, and one port serves both.

use std::fmt;
use std::io::{Cursor, Error, ErrorKind};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use segue_amqp::stream::ByteStream;
use segue_amqp::websocket;
use tokio::io::{AsyncReadExt, join, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::HubError;

/// How long a client may take until it speaks AMQP; as the service gives it for its token.
const OPENING_PATIENCE: Duration = Duration::from_secs(20);

/// How a WebSocket's request begins. AMQP begins with `AMQP`.
const HTTP_GET: [u8; 4] = *b"GET ";

/// The certificate of a server, with its key. Clones share it.
#[derive(Clone)]
pub struct ServerTls(Arc<ServerConfig>);

impl ServerTls {
    /// Reads a certificate, followed by those that vouch for it, and its private key; both PEM.
    ///
    /// # Errors
    /// [`HubError::Certificate`], naming the file.
    pub fn from_files(certificate: &Path, key: &Path) -> Result<ServerTls, HubError> {
        let unusable =
            |file: &Path, problem: String| HubError::Certificate { file: file.to_owned(), problem };
        let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
            .and_then(Iterator::collect)
            .map_err(|error| unusable(certificate, error.to_string()))?;
        let secret =
            PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, error.to_string()))?;
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, secret))
            .map_err(|error| unusable(certificate, error.to_string()))?;
        Ok(ServerTls(Arc::new(config)))
    }
}

/// Never shows the key.
impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").finish_non_exhaustive()
    }
}

/// Brings a fresh socket to the point where AMQP begins.
pub(crate) async fn open(
    stream: TcpStream,
    tls: Option<&ServerTls>,
) -> Result<Box<dyn ByteStream>, Error> {
    let opening = async {
        let mut stream: Box<dyn ByteStream> = match tls {
            Some(tls) => Box::new(TlsAcceptor::from(Arc::clone(&tls.0)).accept(stream).await?),
            None => Box::new(stream),
        };
        let mut first = [0; HTTP_GET.len()];
        stream.read_exact(&mut first).await?;
        let (reader, writer) = split(stream);
        let stream = join(Cursor::new(first).chain(reader), writer);
        if first == HTTP_GET {
            return Ok(Box::new(websocket::accept(stream).await?) as Box<dyn ByteStream>);
        }
        Ok(Box::new(stream) as Box<dyn ByteStream>)
    };
    timeout(OPENING_PATIENCE, opening).await.map_err(|_| Error::from(ErrorKind::TimedOut))?
}
