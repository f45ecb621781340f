//! Identities: a namespace code and an id.
//!
//! Invariant: a namespace code is kept in lower case, because codes compare case-insensitively.
//! Ids are kept as sent: whether two spellings are one person is for namespaces to say.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Who: an id within a namespace. Prints and parses as `ecid:123`; ordered by namespace, then by
/// id. Cloning it copies no text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Namespace, colon, id.
    text: Arc<str>,
    /// Where the colon is.
    colon: usize,
}

impl Identity {
    /// The identity `id` in the namespace with this code, in any letter case.
    pub fn new(namespace: &str, id: impl AsRef<str>) -> Identity {
        let id = id.as_ref();
        let mut text = String::with_capacity(namespace.len() + 1 + id.len());
        if namespace.is_ascii() {
            text.push_str(namespace);
            text.make_ascii_lowercase();
        } else {
            text.push_str(&namespace.to_lowercase());
        }
        let colon = text.len();
        text.push(':');
        text.push_str(id);
        Identity { text: text.into(), colon }
    }

    /// The namespace's code, in lower case.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.text.get(..self.colon).unwrap_or_default()
    }

    /// The id, as it was sent.
    #[must_use]
    pub fn id(&self) -> &str {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }

    /// Namespace and id with a colon between.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Ord for Identity {
    fn cmp(&self, other: &Identity) -> Ordering {
        (self.namespace(), self.id()).cmp(&(other.namespace(), other.id()))
    }
}

impl PartialOrd for Identity {
    fn partial_cmp(&self, other: &Identity) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.text)
    }
}

/// The text names no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no identity; write namespace and id with a colon between, such as ECID:123")]
pub struct IdentityError(String);

impl FromStr for Identity {
    type Err = IdentityError;

    /// `NAMESPACE:ID`; the first colon divides, so that an id may hold more of them.
    fn from_str(text: &str) -> Result<Identity, IdentityError> {
        match text.split_once(':') {
            Some((namespace, id)) if !namespace.is_empty() && !id.is_empty() => {
                Ok(Identity::new(namespace, id))
            }
            _ => Err(IdentityError(text.to_owned())),
        }
    }
}
