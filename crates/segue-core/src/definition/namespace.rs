//! A namespace: what kind of identity its ids are.

use serde_json::{Value, json};

use super::keys::Keys;

const KEYS: [&str; 6] = ["kind", "code", "type", "unique", "priority", "exclude"];
const TYPES: [(&str, NamespaceType); 6] = [
    ("person", NamespaceType::Person),
    ("device", NamespaceType::Device),
    ("cookie", NamespaceType::Cookie),
    ("phone", NamespaceType::Phone),
    ("partner", NamespaceType::Partner),
    ("non_people", NamespaceType::NonPeople),
];

/// A namespace's definition.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Namespace {
    /// Its code, in lower case: codes compare case-insensitively.
    pub code: String,
    /// What its ids identify.
    pub namespace_type: NamespaceType,
}

/// What the ids of a namespace identify. The order is that in which identities leave a profile
/// that has too many (the reference, 5.3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NamespaceType {
    /// A partner's own id.
    Partner,
    /// Something that is no person, such as a product.
    NonPeople,
    /// A browser.
    Cookie,
    /// A device, such as a telephone's advertising id.
    Device,
    /// A telephone number.
    Phone,
    /// A person, such as an e-mail address or a customer number.
    Person,
}

impl Namespace {
    pub(super) const KNOWN_KEYS: &'static [&'static str] = &KEYS;

    pub(super) fn read(keys: &mut Keys<'_>) -> Option<Namespace> {
        for key in ["unique", "priority", "exclude"] {
            keys.not_yet(key, "identities that occur together are linked; leave the key out");
        }
        keys.require("code", "the namespace's code, such as Email");
        let code = keys.name("code");
        keys.require("type", "what an id of it identifies, such as person or cookie");
        let namespace_type = keys.choice("type", &TYPES);
        if code.is_some_and(|code| code.contains(':')) {
            keys.refuse("code", "format", "a namespace code holds no colon; leave it out");
        }
        Some(Namespace { code: code?.to_lowercase(), namespace_type: namespace_type? })
    }

    pub(super) fn to_value(&self) -> Value {
        let namespace_type = TYPES.iter().find(|(_, meaning)| *meaning == self.namespace_type);
        json!({
            "kind": "Namespace",
            "code": self.code,
            "type": namespace_type.map(|(word, _)| *word),
        })
    }
}
