//! Managed identities: the platform that the program runs on vouches for it.
//!
//! App Service and Functions say in `IDENTITY_ENDPOINT` and `IDENTITY_HEADER` whom to ask; a
//! virtual machine has its metadata service at a fixed address of the local link.

use std::time::Duration;

use super::answer::AccessToken;
use super::error::CredentialError;
use super::{RESOURCE, http};
use crate::client::namespace::Namespace;

/// Where a virtual machine's metadata service is.
const METADATA_SERVICE: &str = "http://169.254.169.254";

/// How long to wait for a metadata service, which answers at once where there is one.
const METADATA_PATIENCE: Duration = Duration::from_secs(3);

/// The identity of the machine.
pub(super) struct ManagedIdentity {
    endpoint: Endpoint,
    /// Which of several.
    client_id: Option<String>,
}

enum Endpoint {
    AppService { url: String, header: String },
    MetadataService { host: String },
}

impl ManagedIdentity {
    /// What the environment says of the platform.
    pub(super) fn of(
        variable: &impl Fn(&str) -> Option<String>,
        client_id: Option<&str>,
    ) -> ManagedIdentity {
        let endpoint = match (variable("IDENTITY_ENDPOINT"), variable("IDENTITY_HEADER")) {
            (Some(url), Some(header)) => Endpoint::AppService { url, header },
            _ => Endpoint::MetadataService {
                host: variable("AZURE_POD_IDENTITY_AUTHORITY_HOST")
                    .unwrap_or_else(|| METADATA_SERVICE.to_owned()),
            },
        };
        ManagedIdentity { endpoint, client_id: client_id.map(str::to_owned) }
    }

    pub(super) async fn token(
        &self,
        namespace: &Namespace,
    ) -> Result<AccessToken, CredentialError> {
        let mut query = vec![("resource", RESOURCE)];
        query.extend(self.client_id.as_deref().map(|id| ("client_id", id)));
        let answer = match &self.endpoint {
            Endpoint::AppService { url, header } => {
                query.push(("api-version", "2019-08-01"));
                let header = ("X-IDENTITY-HEADER", header.as_str());
                http::get(namespace, url, &query, header, http::PATIENCE).await?
            }
            Endpoint::MetadataService { host } => {
                query.push(("api-version", "2018-02-01"));
                let url = format!("{}/metadata/identity/oauth2/token", host.trim_end_matches('/'));
                let header = ("Metadata", "true");
                let asked = http::get(namespace, &url, &query, header, METADATA_PATIENCE).await;
                asked.map_err(|error| match error {
                    CredentialError::Unreachable { host, problem } => CredentialError::NotThere(
                        format!("this machine has no metadata service at {host} ({problem})"),
                    ),
                    other => other,
                })?
            }
        };
        AccessToken::read(&answer)
    }
}
