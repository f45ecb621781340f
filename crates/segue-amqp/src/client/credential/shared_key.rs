//! The key of a shared access policy. It never travels: tokens are signed with it.

use std::fmt;
use std::time::Duration;

use super::Token;
use crate::sas;

/// How long a token is valid.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// How often tokens are renewed: three attempts may fail before one expires.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(900);

/// A shared access policy and its key; the right to send is enough for a sender. Its debug output
/// does not show the key.
#[derive(Clone, PartialEq, Eq)]
pub struct SharedKey {
    policy: String,
    key: String,
}

impl SharedKey {
    /// The key of a policy, as the text that it is.
    pub fn new(policy: impl Into<String>, key: impl Into<String>) -> SharedKey {
        SharedKey { policy: policy.into(), key: key.into() }
    }

    /// Name of the policy.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The key. Never log it.
    pub(in crate::client) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn token(&self, audience: &str) -> Token {
        let expiry = super::now() + TOKEN_LIFETIME;
        Token {
            kind: "servicebus.windows.net:sastoken",
            text: sas::sign(audience, &self.policy, &self.key, expiry.as_secs()),
            expiry,
            renew_in: RENEWAL_INTERVAL,
        }
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SharedKey").field("policy", &self.policy).finish_non_exhaustive()
    }
}
