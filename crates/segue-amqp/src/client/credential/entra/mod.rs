//! Microsoft Entra ID: tokens for an application, given out by the identity platform or by the
//! machine that the program runs on.
//!
//! One token opens all event hubs that the identity has a role for (`Azure Event Hubs Data Sender`,
//! `... Data Receiver`). It is kept until its last minutes.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Token;
use crate::client::namespace::Namespace;

mod answer;
mod authority;
mod certificate;
mod environment;
mod error;
mod http;
mod machine;

use authority::{Application, Proof};
use certificate::Certificate;
use machine::ManagedIdentity;

pub use error::CredentialError;

use answer::AccessToken;

/// What tokens are for: all event hubs of Azure.
const RESOURCE: &str = "https://eventhubs.azure.net";

/// An identity in Microsoft Entra ID. Clones share it, and its token. Its debug output shows no
/// secret.
#[derive(Clone)]
pub struct Entra(Arc<Inner>);

struct Inner {
    /// Where tokens may come from, in the order in which they are tried.
    sources: Vec<Source>,
    kept: Mutex<Option<AccessToken>>,
}

/// A way to get a token.
enum Source {
    /// From the identity platform, for an application that proves itself.
    Application(Box<Application>),
    /// From the machine that the program runs on.
    Machine(ManagedIdentity),
}

impl Entra {
    /// What the environment says, as Azure's `DefaultAzureCredential` reads it: an application's
    /// secret or certificate (`AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET` or
    /// `AZURE_CLIENT_CERTIFICATE_PATH`), else a workload identity (`AZURE_FEDERATED_TOKEN_FILE`),
    /// else the machine's managed identity. Sign-ins of people are left out.
    ///
    /// # Errors
    /// When a variable cannot be used; the error names it.
    pub fn from_environment() -> Result<Entra, CredentialError> {
        Entra::from_variables(|name| std::env::var(name).ok())
    }

    /// As [`Entra::from_environment`], with variables from anywhere.
    ///
    /// # Errors
    /// As [`Entra::from_environment`].
    pub fn from_variables(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Entra, CredentialError> {
        Ok(Entra::of(environment::sources(&variable)?))
    }

    /// An application that proves itself with a secret.
    pub fn client_secret(tenant: &str, client_id: &str, secret: &str) -> Entra {
        let proof = Proof::Secret(secret.to_owned());
        Entra::of(vec![Source::Application(Box::new(Application::new(tenant, client_id, proof)))])
    }

    /// An application that proves itself with a certificate; `pem` holds it and its RSA key.
    ///
    /// # Errors
    /// When either is missing or of another kind.
    pub fn client_certificate(
        tenant: &str,
        client_id: &str,
        pem: &[u8],
    ) -> Result<Entra, CredentialError> {
        let proof = Proof::Certificate(Box::new(Certificate::from_pem(pem)?));
        Ok(Entra::of(vec![Source::Application(Box::new(Application::new(
            tenant, client_id, proof,
        )))]))
    }

    /// The identity of the machine, or the one with this client id, of several.
    pub fn managed_identity(client_id: Option<&str>) -> Entra {
        let variable = |name: &str| std::env::var(name).ok();
        Entra::of(vec![Source::Machine(ManagedIdentity::of(&variable, client_id))])
    }

    fn of(sources: Vec<Source>) -> Entra {
        Entra(Arc::new(Inner { sources, kept: Mutex::new(None) }))
    }

    /// The token that is kept, or a new one. Identity services are reached as the namespace is:
    /// through its proxies, trusting what it trusts.
    pub(super) async fn token(&self, namespace: &Namespace) -> Result<Token, CredentialError> {
        let mut kept = self.0.kept.lock().await;
        let token = match &*kept {
            Some(token) if Instant::now() < token.renew_at => token,
            _ => kept.insert(self.new_token(namespace).await?),
        };
        Ok(Token {
            kind: "jwt",
            text: token.text.clone(),
            expiry: token.expiry,
            renew_in: token.renew_at.saturating_duration_since(Instant::now()),
        })
    }

    /// Asks the sources in turn: one that is not there leaves it to the next, one that says no is
    /// believed.
    async fn new_token(&self, namespace: &Namespace) -> Result<AccessToken, CredentialError> {
        let mut absent = Vec::new();
        for source in &self.0.sources {
            let asked = match source {
                Source::Application(application) => application.token(namespace).await,
                Source::Machine(identity) => identity.token(namespace).await,
            };
            match asked {
                Err(CredentialError::NotThere(problem)) => absent.push(problem),
                told => return told,
            }
        }
        Err(CredentialError::NotThere(absent.join("; ")))
    }
}

/// Clones are equal; two that were made alike have tokens of their own.
impl PartialEq for Entra {
    fn eq(&self, other: &Entra) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Entra {}

impl fmt::Display for Entra {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the Entra ID ")?;
        for (index, source) in self.0.sources.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" or ")?;
            }
            match source {
                Source::Application(application) => write!(formatter, "{application}")?,
                Source::Machine(_) => formatter.write_str("managed identity")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Entra {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Entra({self})")
    }
}
