//! Connections by identity instead of a key: settings that begin with the connection's name, as
//! Azure Functions has them.
//!
//! ```text
//!  HUB__fullyQualifiedNamespace = shop.servicebus.windows.net
//!  HUB__credential = managedidentity, HUB__clientId = …                (of several identities)
//!  HUB__tenantId, HUB__clientId, HUB__clientSecret = …                 (an application)
//! ```
//! With the first alone, the environment says who we are ([`Entra::from_environment`]).

use segue_amqp::client::{Entra, Namespace};

use super::settings::{SettingError, Settings};

/// The namespace that the settings beginning with `connection` describe, if they do.
pub(super) fn namespace(
    settings: &Settings,
    connection: &str,
) -> Option<Result<Namespace, SettingError>> {
    let part = |name: &str| settings.get(&format!("{connection}:{name}"));
    let host = part("fullyQualifiedNamespace")?;
    let identity = match (part("credential"), part("clientSecret")) {
        (Some(kind), _) if kind.eq_ignore_ascii_case("managedidentity") => {
            Ok(Entra::managed_identity(part("clientId")))
        }
        (Some(kind), _) => Err(SettingError(format!(
            "{connection}__credential is {kind:?}: it can only be \"managedidentity\", or missing"
        ))),
        (None, Some(secret)) => match (part("tenantId"), part("clientId")) {
            (Some(tenant), Some(client)) => Ok(Entra::client_secret(tenant, client, secret)),
            _ => Err(SettingError(format!(
                "{connection}__clientSecret needs {connection}__tenantId and \
                 {connection}__clientId beside it"
            ))),
        },
        (None, None) => Entra::from_environment().map_err(|error| {
            SettingError(format!("{connection}__fullyQualifiedNamespace: {error}"))
        }),
    };
    Some(identity.map(|identity| Namespace::new(host, identity)))
}
