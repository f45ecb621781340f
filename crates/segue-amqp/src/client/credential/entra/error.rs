//! Why there is no token.

/// Why an identity gets no token.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CredentialError {
    /// A setting is missing or cannot be used.
    #[error("{setting}: {problem}")]
    Setting {
        /// The variable or argument.
        setting: &'static str,
        /// What is wrong, and what would do.
        problem: String,
    },
    /// Nothing gives out tokens here.
    #[error(
        "no identity is to be found: {0}; set AZURE_TENANT_ID, AZURE_CLIENT_ID and \
         AZURE_CLIENT_SECRET, or give the machine a managed identity"
    )]
    NotThere(String),
    /// The identity service says no.
    #[error("no token from {host}, which answers {status}: {description}")]
    Refused {
        /// Its host.
        host: String,
        /// Status of HTTP.
        status: u16,
        /// What it says.
        description: String,
    },
    /// The identity service cannot be reached or understood for now.
    #[error("no token from {host}: {problem}")]
    Unreachable {
        /// Its host.
        host: String,
        /// What went wrong.
        problem: String,
    },
}

impl CredentialError {
    /// True when the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            CredentialError::Setting { .. } | CredentialError::NotThere(_) => false,
            CredentialError::Refused { status, .. } => matches!(status, 408 | 429 | 500..),
            CredentialError::Unreachable { .. } => true,
        }
    }
}
