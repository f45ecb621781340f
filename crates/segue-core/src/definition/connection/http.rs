//! The connection of `type: http`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::definition::keys::{Keys, word};
use crate::definition::variables::Secret;

/// Messages that one request may hold.
pub const HTTP_BATCH_SIZE_MAX: u32 = 1000;
/// Bytes that one body may have: what a server takes at most, as a rule, is far less.
pub const HTTP_BATCH_BYTES_MAX: u32 = 16 << 20;
/// Seconds that an answer may take.
pub const HTTP_TIMEOUT_SECONDS_MAX: u32 = 300;
/// Requests that may be under way at a time.
pub const HTTP_IN_FLIGHT_MAX: u32 = 8;

const BATCH_BYTES_DEFAULT: u32 = 1 << 20;
const TIMEOUT_SECONDS_DEFAULT: u32 = 30;
const IN_FLIGHT_DEFAULT: u32 = 4;
const SIGNATURE_HEADER_DEFAULT: &str = "segue-signature";

/// Parts of the names of headers that carry secrets.
const SECRET_HEADERS: [&str; 6] = ["authorization", "cookie", "key", "password", "secret", "token"];

/// Requests to a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Http {
    /// Where they go.
    pub url: String,
    /// How.
    pub method: HttpMethod,
    /// Headers of each, with `${NAME}` where a secret stands.
    pub headers: BTreeMap<String, String>,
    /// Who sends.
    pub auth: HttpAuth,
    /// File of the certificates to trust, beside the machine's.
    pub ca_file: Option<String>,
    /// Messages that one may hold: from two on, a JSON array.
    pub batch_size: u32,
    /// Bytes that a body may have.
    pub batch_bytes: u32,
    /// Seconds that an answer may take.
    pub timeout_seconds: u32,
    /// How many may be under way at a time.
    pub in_flight: u32,
}

/// How a request is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HttpMethod {
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
}

/// What tells who sends; several may be there.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct HttpAuth {
    /// A token in the header `authorization`.
    pub bearer: Option<Secret>,
    /// The same, got from a token server.
    pub oauth2: Option<OAuth2>,
    /// A certificate of the client.
    pub mtls: Option<ClientCertificate>,
    /// A signature of time and body.
    pub hmac: Option<Hmac>,
}

/// OAuth 2 client credentials (RFC 6749, 4.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OAuth2 {
    /// The token server.
    pub token_url: String,
    /// The client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// What it asks for.
    pub scope: Option<String>,
}

/// PEM files of a client's certificate and its key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCertificate {
    /// The certificate, and those between it and the root.
    pub certificate_file: String,
    /// Its private key.
    pub key_file: String,
}

/// A signature of time and body with HMAC-SHA256.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hmac {
    /// The key that both sides know.
    pub secret: Secret,
    /// The header that it stands in.
    pub header: String,
}

const METHODS: [(&str, HttpMethod); 3] =
    [("POST", HttpMethod::Post), ("PUT", HttpMethod::Put), ("PATCH", HttpMethod::Patch)];

impl HttpMethod {
    /// The word in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        word(&METHODS, &self)
    }
}

impl Http {
    pub(super) const KEYS: &'static [&'static str] = &[
        "url",
        "method",
        "headers",
        "auth",
        "ca_file",
        "batch_size",
        "batch_bytes",
        "timeout_seconds",
        "in_flight",
    ];

    pub(super) fn read(keys: &mut Keys<'_>) -> Option<Http> {
        keys.require("url", "the address to send to, such as https://example.com/activations");
        let url = keys.address("url").map(str::to_owned);
        let method = keys.choice("method", &METHODS);
        let headers = read_headers(keys);
        let ca_file = keys.text("ca_file").map(str::to_owned);
        let batch_size = keys.number("batch_size", HTTP_BATCH_SIZE_MAX);
        let batch_bytes = keys.number("batch_bytes", HTTP_BATCH_BYTES_MAX);
        let timeout_seconds = keys.number("timeout_seconds", HTTP_TIMEOUT_SECONDS_MAX);
        let in_flight = keys.number("in_flight", HTTP_IN_FLIGHT_MAX);
        let auth = match keys.section("auth", &["bearer", "oauth2", "mtls", "hmac"]) {
            Some(mut auth) => HttpAuth::read(&mut auth),
            None => HttpAuth::default(),
        };
        Some(Http {
            url: url?,
            method: method.unwrap_or(HttpMethod::Post),
            headers,
            auth,
            ca_file,
            batch_size: batch_size.unwrap_or(1),
            batch_bytes: batch_bytes.unwrap_or(BATCH_BYTES_DEFAULT),
            timeout_seconds: timeout_seconds.unwrap_or(TIMEOUT_SECONDS_DEFAULT),
            in_flight: in_flight.unwrap_or(IN_FLIGHT_DEFAULT),
        })
    }

    pub(super) fn to_value(&self) -> Value {
        let mut value = json!({
            "url": self.url,
            "method": self.method.as_str(),
            "headers": self.headers,
            "auth": self.auth.to_value(),
            "batch_size": self.batch_size,
            "batch_bytes": self.batch_bytes,
            "timeout_seconds": self.timeout_seconds,
            "in_flight": self.in_flight,
        });
        if let (Some(ca_file), Value::Object(fields)) = (&self.ca_file, &mut value) {
            fields.insert("ca_file".to_owned(), json!(ca_file));
        }
        value
    }
}

/// The headers; one whose name tells that it carries a secret takes it from the environment.
fn read_headers(keys: &mut Keys<'_>) -> BTreeMap<String, String> {
    let Some(mut headers) = keys.map("headers") else {
        return BTreeMap::new();
    };
    let names: Vec<String> = headers.names().map(str::to_owned).collect();
    let mut read = BTreeMap::new();
    for name in names {
        let Some(value) = headers.text(&name) else { continue };
        let lower = name.to_ascii_lowercase();
        let is_secret = SECRET_HEADERS.iter().any(|part| lower.contains(part));
        // `Bearer ${TOKEN}`: a word before it tells how it is to be read.
        let last = value.split_whitespace().last().unwrap_or_default();
        if is_secret && (Secret::parse(last).is_none() || value.split_whitespace().count() > 2) {
            headers.refuse_literal(&name);
        }
        read.insert(name, value.to_owned());
    }
    read
}

impl HttpAuth {
    fn read(keys: &mut Keys<'_>) -> HttpAuth {
        let bearer = keys.secret("bearer");
        if keys.has("bearer") {
            keys.misplaced(&["oauth2"], "`bearer` writes the same header; leave one out");
        }
        let known = ["token_url", "client_id", "client_secret", "scope"];
        let oauth2 = keys.section("oauth2", &known).and_then(|mut keys| OAuth2::read(&mut keys));
        let known = ["certificate_file", "key_file"];
        let mtls = keys.section("mtls", &known);
        let mtls = mtls.and_then(|mut keys| ClientCertificate::read(&mut keys));
        let hmac = keys.section("hmac", &["secret", "header"]);
        let hmac = hmac.and_then(|mut keys| Hmac::read(&mut keys));
        HttpAuth { bearer, oauth2, mtls, hmac }
    }

    fn to_value(&self) -> Value {
        let mut fields = Map::new();
        let mut put = |key: &str, value: Value| drop(fields.insert(key.to_owned(), value));
        if let Some(bearer) = &self.bearer {
            put("bearer", json!(bearer.to_string()));
        }
        if let Some(OAuth2 { token_url, client_id, client_secret, scope }) = &self.oauth2 {
            let mut value = json!({
                "token_url": token_url, "client_id": client_id,
                "client_secret": client_secret.to_string(),
            });
            if let (Some(scope), Value::Object(fields)) = (scope, &mut value) {
                fields.insert("scope".to_owned(), json!(scope));
            }
            put("oauth2", value);
        }
        if let Some(ClientCertificate { certificate_file, key_file }) = &self.mtls {
            put("mtls", json!({"certificate_file": certificate_file, "key_file": key_file}));
        }
        if let Some(Hmac { secret, header }) = &self.hmac {
            put("hmac", json!({"secret": secret.to_string(), "header": header}));
        }
        Value::Object(fields)
    }
}

impl OAuth2 {
    fn read(keys: &mut Keys<'_>) -> Option<OAuth2> {
        keys.require("token_url", "the address of the token server");
        let token_url = keys.address("token_url").map(str::to_owned);
        keys.require("client_id", "the client's id");
        let client_id = keys.text("client_id").map(str::to_owned);
        keys.require("client_secret", "${NAME}, the environment variable that holds the secret");
        let client_secret = keys.secret("client_secret");
        let scope = keys.text("scope").map(str::to_owned);
        Some(OAuth2 {
            token_url: token_url?,
            client_id: client_id?,
            client_secret: client_secret?,
            scope,
        })
    }
}

impl ClientCertificate {
    fn read(keys: &mut Keys<'_>) -> Option<ClientCertificate> {
        keys.require("certificate_file", "the PEM file of the certificate");
        let certificate_file = keys.text("certificate_file").map(str::to_owned);
        keys.require("key_file", "the PEM file of the private key");
        let key_file = keys.text("key_file")?.to_owned();
        Some(ClientCertificate { certificate_file: certificate_file?, key_file })
    }
}

impl Hmac {
    fn read(keys: &mut Keys<'_>) -> Option<Hmac> {
        keys.require("secret", "${NAME}, the environment variable that holds the key");
        let secret = keys.secret("secret");
        let header = keys.name("header").unwrap_or(SIGNATURE_HEADER_DEFAULT).to_owned();
        Some(Hmac { secret: secret?, header })
    }
}
