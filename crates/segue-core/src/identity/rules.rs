//! What the namespaces say about linking: who decides, who leaves first, what is unique.
//!
//! ```text
//! layer        namespaces                              decides     leaves a full profile
//! 0 people     person, phone                              first     last
//! 1 devices    device, as IDFA                              │        ▲
//! 2 cookies    cookie, as ECID                              │        │
//! 3            non_people                                   ▼        │
//! 4            partner                                    last     first
//! ```
//!
//! Within a layer the `priority` of the namespace decides, 1 first, then those without one; then
//! the identity that comes first in the alphabet, so that the order is total.

use std::collections::{BTreeMap, BTreeSet};

use segue_xdm::Identity;

use crate::definition::{NAMESPACE_PRIORITY_MAX, Namespace, NamespaceType};

/// The rules of linking. A namespace that nobody defined is not unique and excludes nothing.
#[derive(Clone, Default, Debug)]
pub(crate) struct Rules {
    /// By code, in lower case.
    namespaces: BTreeMap<String, Namespace>,
}

impl Rules {
    pub(crate) fn new<'a>(namespaces: impl Iterator<Item = &'a Namespace>) -> Rules {
        let by_code = namespaces.map(|namespace| (namespace.code.clone(), namespace.clone()));
        Rules { namespaces: by_code.collect() }
    }

    fn namespace(&self, identity: &Identity) -> Option<&Namespace> {
        self.namespaces.get(identity.namespace())
    }

    /// Whether an identity identifies nobody.
    pub(crate) fn is_excluded(&self, identity: &Identity) -> bool {
        self.namespace(identity).is_some_and(|namespace| namespace.excludes(identity.id()))
    }

    /// Whether a profile has at most one identity of this one's namespace.
    pub(super) fn is_unique(&self, identity: &Identity) -> bool {
        self.namespace(identity).is_some_and(|namespace| namespace.unique)
    }

    /// Whether these may be one profile: no unique namespace occurs twice.
    pub(super) fn allow(&self, identities: &BTreeSet<Identity>) -> bool {
        let mut codes = BTreeSet::new();
        let mut unique = identities.iter().filter(|identity| self.is_unique(identity));
        unique.all(|identity| codes.insert(identity.namespace()))
    }

    /// How near an identity is to a person, as drawn in the module's head.
    pub(super) fn layer(&self, identity: &Identity) -> u32 {
        let defined = self.namespace(identity).map(|namespace| namespace.namespace_type);
        defined.unwrap_or_else(|| well_known_type(identity.namespace())).layer()
    }

    /// The priority of an identity among all: the smaller one decides.
    pub(super) fn rank(&self, identity: &Identity) -> u32 {
        let priority = self.namespace(identity).and_then(|namespace| namespace.priority);
        let lowest = NAMESPACE_PRIORITY_MAX + 1;
        self.layer(identity) * (lowest + 1) + priority.unwrap_or(lowest)
    }

    /// The identity that decides, of several.
    pub(super) fn first_of<'a>(
        &self,
        identities: impl IntoIterator<Item = &'a Identity>,
    ) -> Option<&'a Identity> {
        identities.into_iter().min_by_key(|identity| (self.rank(identity), *identity))
    }
}

/// The type of a namespace that nobody defined: the standard ones, and a person for the rest, so
/// that what is unknown is kept longest.
fn well_known_type(code: &str) -> NamespaceType {
    match code {
        "ecid" | "aaid" | "adcloud" | "tntid" => NamespaceType::Cookie,
        "idfa" | "gaid" | "waid" | "apns" | "fcm" => NamespaceType::Device,
        "phone" => NamespaceType::Phone,
        _ => NamespaceType::Person,
    }
}
