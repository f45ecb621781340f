//! How a client proves who it is.

use std::fmt;

mod shared_key;

pub use shared_key::SharedKey;

/// What a client proves itself with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Credential {
    /// A key of the namespace or of one hub.
    SharedKey(SharedKey),
}

impl fmt::Display for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credential::SharedKey(key) => write!(formatter, "policy \"{}\"", key.policy()),
        }
    }
}

impl From<SharedKey> for Credential {
    fn from(key: SharedKey) -> Credential {
        Credential::SharedKey(key)
    }
}
