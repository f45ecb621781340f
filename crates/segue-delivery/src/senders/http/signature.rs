//! A signature by which the receiver knows that a request is ours, whole, and not an old one.
//!
//! ```text
//!   segue-signature: t=1767261600,v1=5257a869…
//!                      │            └ hex of HMAC-SHA256(secret, "1767261600." + body)
//!                      └ when it was signed, in seconds since 1970: refuse what is old
//! ```

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::{HeaderName, HeaderValue};
use segue_core::connection;
use segue_core::variables::Lookup;
use sha2::Sha256;

use crate::senders::OpenError;

pub(super) struct Signature {
    keyed: Hmac<Sha256>,
    header: HeaderName,
}

impl Signature {
    pub(super) fn new(hmac: &connection::Hmac, lookup: Lookup<'_>) -> Result<Signature, OpenError> {
        let secret = hmac.secret.reveal(lookup)?;
        let invalid = |error: &dyn ToString| OpenError::Connection(error.to_string());
        Ok(Signature {
            keyed: Hmac::new_from_slice(secret.as_bytes()).map_err(|error| invalid(&error))?,
            header: hmac.header.parse().map_err(|error| invalid(&error))?,
        })
    }

    /// The header of a body that is sent at a moment.
    pub(super) fn header(&self, body: &[u8], seconds: i64) -> (HeaderName, HeaderValue) {
        let mut keyed = self.keyed.clone();
        keyed.update(format!("{seconds}.").as_bytes());
        keyed.update(body);
        let mut value = format!("t={seconds},v1=");
        for byte in keyed.finalize().into_bytes() {
            // Writing into a string cannot fail.
            let _ = write!(value, "{byte:02x}");
        }
        // Digits and letters fit into every header.
        let value = HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""));
        (self.header.clone(), value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_other_tools_compute() {
        let definition = segue_core::Definition::from_value(serde_json::json!({
            "kind": "Destination", "id": "d", "type": "http",
            "connection": {"url": "http://x/", "auth": {"hmac": {"secret": "${S}"}}},
        }));
        let Ok(segue_core::Definition::Destination(destination)) = definition else { panic!() };
        let connection::Connection::Http(http) = destination.connection else { panic!() };
        let lookup = |_: &str| Some("key".to_owned());
        let signature = Signature::new(&http.auth.hmac.unwrap(), &lookup).unwrap();
        let (name, value) = signature.header(b"{}", 1_767_261_600);
        assert_eq!(name, "segue-signature");
        // printf '1767261600.{}' | openssl dgst -sha256 -hmac key
        assert_eq!(
            value,
            "t=1767261600,v1=e7d2c4547c884f8e13f52c9abd81c8e44cdda6bd690ed378ff15b093a4a86c3d"
        );
    }
}
