//! Connection strings, as the Azure portal and the emulator hand them out.
//!
//! ```text
//!  Endpoint=sb://localhost:5672;SharedAccessKeyName=RootManageSharedAccessKey;
//!  SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;EntityPath=activations
//! ```

/// Why a text is no connection string. No message shows the key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// A part that must be there is not.
    #[error("the connection string has no {0}: expected {0}=…;")]
    Missing(&'static str),
    /// Something that is no `name=value`.
    #[error("part {position} of the connection string is not of the form name=value")]
    NoValue {
        /// Its place among the parts, from 1.
        position: usize,
    },
    /// An endpoint that names no host.
    #[error("Endpoint is \"{0}\", expected sb://host or sb://host:port")]
    Endpoint(String),
}

/// Where a namespace is and how to prove oneself there. Its debug output does not show the key.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    host: String,
    port: Option<u16>,
    policy: String,
    key: String,
    entity_path: Option<String>,
    emulator: bool,
    websocket: bool,
}

impl ConnectionString {
    /// Reads a connection string. Names count in any case; parts that are not known are ignored,
    /// as Azure adds some that only other clients need.
    ///
    /// # Errors
    /// When a part is missing or malformed; the error names it.
    pub fn parse(text: &str) -> Result<ConnectionString, ConnectionStringError> {
        let mut parts = Vec::new();
        for (index, part) in text.trim().split(';').enumerate() {
            if part.trim().is_empty() {
                continue;
            }
            let no_value = ConnectionStringError::NoValue { position: index + 1 };
            let (name, value) = part.split_once('=').ok_or(no_value)?;
            parts.push((name.trim(), value.trim()));
        }
        let optional = |name: &str| {
            let mut found = parts.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
            found.next().map(|(_, value)| *value).filter(|value| !value.is_empty())
        };
        let required =
            |name: &'static str| optional(name).ok_or(ConnectionStringError::Missing(name));
        let (host, port) = authority(required("Endpoint")?)?;
        let says = |name: &str, value: &str| {
            optional(name).is_some_and(|text| text.eq_ignore_ascii_case(value))
        };
        Ok(ConnectionString {
            host,
            port,
            policy: required("SharedAccessKeyName")?.to_owned(),
            key: required("SharedAccessKey")?.to_owned(),
            entity_path: optional("EntityPath").map(str::to_owned),
            emulator: says("UseDevelopmentEmulator", "true"),
            websocket: says("TransportType", "AmqpWebSockets"),
        })
    }

    /// Host of the namespace.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port of the endpoint, if it names one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Name of the authorization rule.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Its key. Never log it.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The hub that the string is limited to, if any.
    pub fn entity_path(&self) -> Option<&str> {
        self.entity_path.as_deref()
    }

    /// True when the string asks for AMQP in WebSockets: `TransportType=AmqpWebSockets`.
    pub fn is_over_websocket(&self) -> bool {
        self.websocket
    }

    /// True for an emulator, which is reached without TLS.
    pub fn is_emulator(&self) -> bool {
        self.emulator
    }
}

impl std::fmt::Debug for ConnectionString {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ConnectionString")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("policy", &self.policy)
            .field("key", &"(hidden)")
            .field("entity_path", &self.entity_path)
            .field("emulator", &self.emulator)
            .field("websocket", &self.websocket)
            .finish()
    }
}

/// Host and port of an endpoint; an IPv6 host keeps its brackets.
fn authority(endpoint: &str) -> Result<(String, Option<u16>), ConnectionStringError> {
    let error = || ConnectionStringError::Endpoint(endpoint.to_owned());
    let (_, behind_scheme) = endpoint.split_once("://").ok_or_else(error)?;
    let authority = behind_scheme.split('/').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            (host, Some(port.parse().map_err(|_| error())?))
        }
        _ => (authority, None),
    };
    if host.is_empty() { Err(error()) } else { Ok((host.to_owned(), port)) }
}
