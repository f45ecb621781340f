//! Assertions: short-lived tokens that an application signs with the key of its certificate.
//!
//! ```text
//!  base64url({"alg": "PS256", "typ": "JWT", "x5t#S256": <SHA-256 of the certificate>}) .
//!  base64url({"aud": <token endpoint>, "iss" = "sub": <client id>, "jti", "iat", "nbf", "exp"}) .
//!  base64url(RSASSA-PSS with SHA-256)
//! ```

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::error::CredentialError;
use crate::client::credential::now;

/// How long an assertion is valid, in seconds: the identity platform advises five to ten minutes.
const LIFETIME_S: u64 = 600;

/// A certificate that the application is registered with, and its key.
pub(super) struct Certificate {
    thumbprint: String,
    key: RsaKeyPair,
}

impl Certificate {
    /// Reads certificate and key from one PEM text.
    pub(super) fn from_pem(pem: &[u8]) -> Result<Certificate, CredentialError> {
        let unusable = |problem: String| CredentialError::Setting {
            setting: "the client certificate",
            problem: format!("{problem}; it must be PEM with the certificate and its RSA key"),
        };
        let certificate =
            CertificateDer::from_pem_slice(pem).map_err(|error| unusable(error.to_string()))?;
        let key =
            PrivateKeyDer::from_pem_slice(pem).map_err(|error| unusable(error.to_string()))?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
            other => RsaKeyPair::from_der(other.secret_der()),
        };
        Ok(Certificate {
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)),
            key: key.map_err(|error| unusable(error.to_string()))?,
        })
    }

    /// An assertion by `client_id` for the token endpoint `audience`.
    pub(super) fn assertion(
        &self,
        client_id: &str,
        audience: &str,
    ) -> Result<String, CredentialError> {
        let failed = |_| CredentialError::Setting {
            setting: "the client certificate",
            problem: "its key cannot sign".to_owned(),
        };
        let random = SystemRandom::new();
        let mut id = [0; 16];
        random.fill(&mut id).map_err(failed)?;
        let issued_s = now().as_secs();
        let header = json!({"alg": "PS256", "typ": "JWT", "x5t#S256": self.thumbprint});
        let claims = json!({
            "aud": audience,
            "iss": client_id,
            "sub": client_id,
            "jti": URL_SAFE_NO_PAD.encode(id),
            "iat": issued_s,
            "nbf": issued_s,
            "exp": issued_s + LIFETIME_S,
        });
        let encode = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", encode(header), encode(claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let sign = self.key.sign(&RSA_PSS_SHA256, &random, signed.as_bytes(), &mut signature);
        sign.map_err(failed)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
