//! Where a namespace is, how to get there, and how to prove oneself: all that a connection needs.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use tokio_rustls::rustls::pki_types::pem;

use super::credential::{Credential, SharedKey};
use super::transport::{Trust, certificates};
use crate::sas::ConnectionString;

const AMQP_PORT: u16 = 5672;
const AMQPS_PORT: u16 = 5671;
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// A namespace of event hubs, and how to reach it. Clones share what is large; its debug output
/// shows no secret.
///
/// ```
/// use segue_amqp::client::{Namespace, SharedKey};
///
/// let key = SharedKey::new("sender", "secret");
/// let namespace = Namespace::new("shop.servicebus.windows.net", key);
/// assert_eq!(namespace.port(), 5671);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Namespace {
    host: String,
    port: Option<u16>,
    plain: bool,
    websocket: bool,
    proxy: Option<String>,
    credential: Credential,
    trust: Trust,
}

impl Namespace {
    /// The namespace at `host`, reached over TLS.
    pub fn new(host: impl Into<String>, credential: impl Into<Credential>) -> Namespace {
        Namespace {
            host: host.into(),
            port: None,
            plain: false,
            websocket: false,
            proxy: None,
            credential: credential.into(),
            trust: Trust::default(),
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

    /// The same, with AMQP in a WebSocket, which looks like HTTPS from outside. It goes through the
    /// proxy that the environment names, if any.
    #[must_use]
    pub fn over_websocket(self) -> Namespace {
        Namespace { websocket: true, ..self }
    }

    /// The same, its WebSockets through this proxy (`http://user:password@host:port`), whatever the
    /// environment says.
    #[must_use]
    pub fn through(self, proxy: &str) -> Namespace {
        Namespace { proxy: Some(proxy.to_owned()), ..self }
    }

    /// The same, trusting also the certificates in `pem`, besides those that the machine trusts:
    /// for private endpoints and proxies that look into what passes.
    ///
    /// # Errors
    /// When the text holds no certificate, or a broken one.
    pub fn trusting(self, pem: &[u8]) -> Result<Namespace, pem::Error> {
        Ok(Namespace { trust: self.trust.and(certificates(pem)?), ..self })
    }

    /// Its host.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match (self.websocket, self.plain) {
            (false, false) => AMQPS_PORT,
            (false, true) => AMQP_PORT,
            (true, false) => HTTPS_PORT,
            (true, true) => HTTP_PORT,
        })
    }

    /// True when connections go without TLS.
    pub fn is_plain(&self) -> bool {
        self.plain
    }

    /// True when AMQP goes inside a WebSocket.
    pub fn is_over_websocket(&self) -> bool {
        self.websocket
    }

    /// Which hosts are reached through which proxy.
    pub(super) fn proxies(&self) -> Matcher {
        match &self.proxy {
            Some(proxy) => Matcher::builder().all(proxy.clone()).build(),
            None => Matcher::from_env(),
        }
    }

    /// How to prove oneself there.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Whose certificates are trusted.
    pub(super) fn trust(&self) -> &Trust {
        &self.trust
    }

    /// The audience that tokens for `path` are made for.
    pub(super) fn audience(&self, path: &str) -> String {
        format!("sb://{}/{path}", self.host)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Namespace")
            .field("host", &self.host)
            .field("port", &self.port())
            .field("plain", &self.plain)
            .field("websocket", &self.websocket)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

impl From<&ConnectionString> for Namespace {
    fn from(text: &ConnectionString) -> Namespace {
        let key = SharedKey::new(text.policy(), text.key());
        Namespace {
            port: text.port(),
            plain: text.is_emulator(),
            websocket: text.is_over_websocket(),
            ..Namespace::new(text.host(), key)
        }
    }
}

impl From<&Namespace> for Namespace {
    fn from(namespace: &Namespace) -> Namespace {
        namespace.clone()
    }
}
