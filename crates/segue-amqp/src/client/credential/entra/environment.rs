//! The identity that the environment describes, in the order of `DefaultAzureCredential`.

use super::Source;
use super::authority::{Application, Proof};
use super::certificate::Certificate;
use super::error::CredentialError;
use super::machine::ManagedIdentity;

/// The sources that `variable` tells of; the machine is always the last.
pub(super) fn sources(
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<Vec<Source>, CredentialError> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let (tenant, client_id) = (set("AZURE_TENANT_ID"), set("AZURE_CLIENT_ID"));
    let secret = set("AZURE_CLIENT_SECRET").map(Proof::Secret);
    let certificate = set("AZURE_CLIENT_CERTIFICATE_PATH").map(|file| certificate(&file));
    let federated = set("AZURE_FEDERATED_TOKEN_FILE");
    let federated = federated.map(|file| Proof::FederatedTokenFile(file.into()));
    // A secret is preferred to a certificate.
    let own = secret.map(Ok).or(certificate).transpose()?;
    let mut sources = Vec::new();
    if let (Some(tenant), Some(client_id)) = (&tenant, &client_id) {
        for proof in [own, federated].into_iter().flatten() {
            let application = Application::new(tenant, client_id, proof);
            let application = match set("AZURE_AUTHORITY_HOST") {
                Some(authority) => application.at(&authority)?,
                None => application,
            };
            sources.push(Source::Application(Box::new(application)));
        }
    } else if own.is_some() || federated.is_some() {
        let setting = if tenant.is_none() { "AZURE_TENANT_ID" } else { "AZURE_CLIENT_ID" };
        let problem = "it is not set, but a secret, certificate or token file is".to_owned();
        return Err(CredentialError::Setting { setting, problem });
    }
    sources.push(Source::Machine(ManagedIdentity::of(variable, client_id.as_deref())));
    Ok(sources)
}

fn certificate(file: &str) -> Result<Proof, CredentialError> {
    let pem = std::fs::read(file).map_err(|error| CredentialError::Setting {
        setting: "AZURE_CLIENT_CERTIFICATE_PATH",
        problem: format!("cannot read {file}: {error}"),
    })?;
    Ok(Proof::Certificate(Box::new(Certificate::from_pem(&pem)?)))
}
