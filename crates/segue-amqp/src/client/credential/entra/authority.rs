//! The identity platform: tokens for applications that prove themselves, by the flow of client
//! credentials of OAuth 2.0.
//!
//! ```text
//!  POST <authority>/<tenant>/oauth2/v2.0/token
//!  client_id, scope, grant_type=client_credentials, and
//!    client_secret                                  (a secret)
//!    client_assertion_type=…jwt-bearer, client_assertion   (a signed or a federated token)
//! ```

use std::fmt;
use std::path::PathBuf;

use super::answer::AccessToken;
use super::certificate::Certificate;
use super::error::CredentialError;
use super::{RESOURCE, http};
use crate::client::namespace::Namespace;

/// Where the identity platform is, but for national clouds.
const AUTHORITY: &str = "https://login.microsoftonline.com";

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// An application in a tenant.
pub(super) struct Application {
    authority: String,
    tenant: String,
    client_id: String,
    proof: Proof,
}

/// What an application proves itself with.
pub(super) enum Proof {
    /// A password.
    Secret(String),
    /// A certificate, whose key signs an assertion.
    Certificate(Box<Certificate>),
    /// A token of another authority, as of a Kubernetes cluster, in a file that is kept fresh.
    FederatedTokenFile(PathBuf),
}

impl Application {
    pub(super) fn new(tenant: &str, client_id: &str, proof: Proof) -> Application {
        Application {
            authority: AUTHORITY.to_owned(),
            tenant: tenant.to_owned(),
            client_id: client_id.to_owned(),
            proof,
        }
    }

    /// The same at another authority, for national clouds.
    ///
    /// # Errors
    /// When the address would send secrets unprotected.
    pub(super) fn at(self, authority: &str) -> Result<Application, CredentialError> {
        let authority = authority.trim_end_matches('/').to_owned();
        let is_local = authority.starts_with("http://127.0.0.1:");
        if !authority.starts_with("https://") && !is_local {
            let problem = format!("{authority:?} is no address that begins with https://");
            return Err(CredentialError::Setting { setting: "AZURE_AUTHORITY_HOST", problem });
        }
        Ok(Application { authority, ..self })
    }

    pub(super) async fn token(
        &self,
        namespace: &Namespace,
    ) -> Result<AccessToken, CredentialError> {
        let url = format!("{}/{}/oauth2/v2.0/token", self.authority, self.tenant);
        let scope = format!("{RESOURCE}/.default");
        let mut form = vec![
            ("client_id", self.client_id.as_str()),
            ("scope", &scope),
            ("grant_type", "client_credentials"),
        ];
        let assertion = match &self.proof {
            Proof::Secret(secret) => {
                form.push(("client_secret", secret));
                None
            }
            Proof::Certificate(certificate) => Some(certificate.assertion(&self.client_id, &url)?),
            Proof::FederatedTokenFile(file) => {
                Some(tokio::fs::read_to_string(file).await.map_err(|error| {
                    CredentialError::Setting {
                        setting: "AZURE_FEDERATED_TOKEN_FILE",
                        problem: format!("cannot read {}: {error}", file.display()),
                    }
                })?)
            }
        };
        if let Some(assertion) = &assertion {
            form.push(("client_assertion_type", JWT_BEARER));
            form.push(("client_assertion", assertion.trim()));
        }
        AccessToken::read(&http::post(namespace, &url, &form).await?)
    }
}

impl fmt::Display for Application {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "application {}", self.client_id)
    }
}
