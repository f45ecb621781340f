//! Signing and verifying tokens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::Sha256;

const PREFIX: &str = "SharedAccessSignature ";

/// Unreserved characters of RFC 3986 stay as they are; everything else is encoded.
const ENCODED: &percent_encoding::AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a token does not authorize anything.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SasError {
    /// Not the format of a token.
    #[error("no shared access signature: it must begin with \"SharedAccessSignature \"")]
    NoSignature,
    /// One of the parts is not there.
    #[error("the shared access signature has no \"{0}\" part")]
    MissingPart(&'static str),
    /// A part that cannot be read.
    #[error("the \"{0}\" part of the shared access signature is malformed")]
    MalformedPart(&'static str),
    /// Signed with another key, or not what was signed.
    #[error("the signature does not match the key of policy \"{policy}\"")]
    WrongSignature {
        /// Policy that the token names.
        policy: String,
    },
    /// No longer valid.
    #[error("the token expired at {expiry_s} s since the Unix epoch; sign a new one")]
    Expired {
        /// Its last second.
        expiry_s: u64,
    },
}

/// Signs a token for `audience` that is valid until `expiry_s`, in seconds since the Unix epoch.
pub fn sign(audience: &str, policy: &str, key: &str, expiry_s: u64) -> String {
    let resource = utf8_percent_encode(audience, ENCODED).to_string();
    let mac = mac(key, &resource, &expiry_s.to_string()).finalize().into_bytes();
    let mac = STANDARD.encode(mac);
    let signature = utf8_percent_encode(&mac, ENCODED);
    let policy = utf8_percent_encode(policy, ENCODED);
    format!("{PREFIX}sr={resource}&sig={signature}&se={expiry_s}&skn={policy}")
}

/// A token as received: read, not yet believed. Its debug output leaves out the signature.
#[derive(Clone, PartialEq, Eq)]
pub struct SasToken {
    /// `sr` as written in the token, which is what was signed.
    resource_encoded: String,
    /// `se` as written in the token, which is what was signed.
    expiry_text: String,
    audience: String,
    policy: String,
    expiry_s: u64,
    mac: Vec<u8>,
}

impl SasToken {
    /// Reads a token; its parts may come in any order.
    ///
    /// # Errors
    /// When a part is missing or malformed.
    pub fn parse(token: &str) -> Result<SasToken, SasError> {
        let parts = token.trim().strip_prefix(PREFIX).ok_or(SasError::NoSignature)?;
        let part = |name: &'static str| {
            let mut parts = parts.split('&').filter_map(|part| part.split_once('='));
            let found = parts.find(|(key, _)| key.trim() == name);
            found.map(|(_, value)| value).ok_or(SasError::MissingPart(name))
        };
        let decoded = |name: &'static str| {
            let text = percent_decode_str(part(name)?).decode_utf8();
            text.map(String::from).map_err(|_| SasError::MalformedPart(name))
        };
        let mac = STANDARD.decode(decoded("sig")?);
        Ok(SasToken {
            resource_encoded: part("sr")?.to_owned(),
            expiry_text: part("se")?.to_owned(),
            audience: decoded("sr")?,
            policy: decoded("skn")?,
            expiry_s: part("se")?.parse().map_err(|_| SasError::MalformedPart("se"))?,
            mac: mac.map_err(|_| SasError::MalformedPart("sig"))?,
        })
    }

    /// The policy whose key has signed the token, as it says.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// What the token is for, decoded.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Last second in which the token is valid, since the Unix epoch.
    pub fn expiry_s(&self) -> u64 {
        self.expiry_s
    }

    /// Checks, in constant time, that `key` has signed the token, and that it is still valid at
    /// `now_s` seconds since the Unix epoch.
    ///
    /// # Errors
    /// When it is not.
    pub fn verify(&self, key: &str, now_s: u64) -> Result<(), SasError> {
        mac(key, &self.resource_encoded, &self.expiry_text)
            .verify_slice(&self.mac)
            .map_err(|_| SasError::WrongSignature { policy: self.policy.clone() })?;
        if now_s > self.expiry_s {
            return Err(SasError::Expired { expiry_s: self.expiry_s });
        }
        Ok(())
    }

    /// True when the token is for the node at `path` (as `hub/ConsumerGroups/$Default`), or for one
    /// above it. Scheme, host and port do not count, nor does case; an audience of a host alone is
    /// for the whole namespace.
    pub fn covers(&self, path: &str) -> bool {
        let mut wanted = segments(path);
        segments(audience_path(&self.audience)).all(|segment| {
            wanted.next().is_some_and(|wanted| wanted.to_lowercase() == segment.to_lowercase())
        })
    }
}

impl std::fmt::Debug for SasToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SasToken")
            .field("audience", &self.audience)
            .field("policy", &self.policy)
            .field("expiry_s", &self.expiry_s)
            .finish_non_exhaustive()
    }
}

/// The path behind scheme and host.
fn audience_path(audience: &str) -> &str {
    let authority = audience.split_once("://").map_or(audience, |(_, behind)| behind);
    authority.split_once('/').map_or("", |(_, path)| path)
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

fn mac(key: &str, resource_encoded: &str, expiry: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes any key");
    mac.update(resource_encoded.as_bytes());
    mac.update(b"\n");
    mac.update(expiry.as_bytes());
    mac
}
