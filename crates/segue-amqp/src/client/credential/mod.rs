//! How a client proves who it is.
//!
//! | Credential | Token | Valid |
//! |---|---|---|
//! | [`SharedKey`] | signed here, for one hub | an hour |
//! | [`Entra`] | given out by Microsoft Entra ID, for all event hubs | as it says |
//!
//! Either way the namespace sees a token, at `$cbs`, and a new one before the old one ends.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::ClientError;
use super::namespace::Namespace;

mod entra;
mod shared_key;

pub use entra::{CredentialError, Entra};
pub use shared_key::SharedKey;

/// A token that ends within less than this is replaced, as Microsoft's clients do.
const RENEWAL_MARGIN: Duration = Duration::from_secs(300);

/// What a client proves itself with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// A key of the namespace or of one hub.
    SharedKey(SharedKey),
    /// An identity in Microsoft Entra ID.
    Entra(Entra),
}

/// Proof for `$cbs`.
pub(super) struct Token {
    /// Its type, as `$cbs` calls it.
    pub(super) kind: &'static str,
    pub(super) text: String,
    /// Its last moment, since the Unix epoch.
    pub(super) expiry: Duration,
    /// When to put the next one.
    pub(super) renew_in: Duration,
}

impl Credential {
    /// A token for `audience` of the namespace.
    pub(super) async fn token(
        &self,
        namespace: &Namespace,
        audience: &str,
    ) -> Result<Token, ClientError> {
        match self {
            Credential::SharedKey(key) => Ok(key.token(audience)),
            Credential::Entra(entra) => Ok(entra.token(namespace).await?),
        }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credential::SharedKey(key) => write!(formatter, "policy \"{}\"", key.policy()),
            Credential::Entra(entra) => write!(formatter, "{entra}"),
        }
    }
}

impl From<SharedKey> for Credential {
    fn from(key: SharedKey) -> Credential {
        Credential::SharedKey(key)
    }
}

impl From<Entra> for Credential {
    fn from(entra: Entra) -> Credential {
        Credential::Entra(entra)
    }
}

/// Time since the Unix epoch.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// How long to keep a token that is valid for `left`: to its last minutes, or, when it has only
/// minutes, to its half.
fn renewal(left: Duration) -> Duration {
    left.saturating_sub(RENEWAL_MARGIN).max(left / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_in_its_last_minutes_or_at_half() {
        assert_eq!(renewal(Duration::from_secs(3600)), Duration::from_secs(3300));
        assert_eq!(renewal(Duration::from_secs(60)), Duration::from_secs(30));
        assert_eq!(renewal(Duration::ZERO), Duration::ZERO);
    }
}
