//! The HTTP client of one destination: its certificates, its timeout.

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Identity};
use segue_core::connection::{ClientCertificate, Http};

use super::timeout;
use crate::senders::OpenError;

/// What all HTTP clients here have in common.
pub(in crate::senders) fn builder() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("segue/", env!("CARGO_PKG_VERSION")))
        // A redirect could take a secret elsewhere.
        .redirect(Policy::none())
}

/// A client that trusts the machine's certificates and those of `ca_file`.
pub(super) fn client(http: &Http) -> Result<Client, OpenError> {
    let mut builder = builder().timeout(timeout(http));
    if let Some(file) = &http.ca_file {
        let roots = Certificate::from_pem_bundle(&read(file)?);
        builder = builder.tls_certs_merge(roots.map_err(|error| unusable(file, &error))?);
    }
    if let Some(ClientCertificate { certificate_file, key_file }) = &http.auth.mtls {
        let pem = [read(certificate_file)?, b"\n".to_vec(), read(key_file)?].concat();
        let identity = Identity::from_pem(&pem).map_err(|error| unusable(key_file, &error))?;
        builder = builder.identity(identity);
    }
    builder.build().map_err(|error| OpenError::Connection(super::answer::in_words(&error)))
}

fn read(file: &str) -> Result<Vec<u8>, OpenError> {
    std::fs::read(file).map_err(|error| unusable(file, &error))
}

fn unusable(file: &str, error: &dyn ToString) -> OpenError {
    OpenError::Certificate { file: file.to_owned(), problem: error.to_string() }
}
