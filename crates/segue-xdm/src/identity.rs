//! Identities, and how `identityMap` holds them.
//!
//! ```text
//! "identityMap": {
//!   "ECID":  [{"id": "38-digits", "authenticatedState": "ambiguous", "primary": true}],
//!   "Email": [{"id": "a@example.com"}]
//! }
//! ```
//!
//! Invariant: a namespace code is kept in lower case, because codes compare case-insensitively.
//! Ids are kept as sent: whether two spellings are one person is for namespaces to say.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use crate::nearest::nearest;
use crate::violation::{Violation, child_pointer};

/// Identities in one event or record, as Adobe's guardrail has it: each of them links all others,
/// so that a longer list is nearly always a defect of the sender.
pub const IDENTITIES_PER_INPUT_MAX: usize = 20;
/// Characters of an id, as Adobe's guardrail has it; ids are keys of the store.
pub const IDENTITY_ID_CHARS_MAX: usize = 1024;
/// Characters of a namespace code; codes are chosen by hand and are part of every key.
pub const NAMESPACE_CHARS_MAX: usize = 128;

const AUTHENTICATED_STATES: [&str; 3] = ["ambiguous", "authenticated", "loggedOut"];

/// Who: an id within a namespace. Prints and parses as `ecid:123`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Identity {
    namespace: String,
    id: String,
}

impl Identity {
    /// The identity `id` in the namespace with this code, in any letter case.
    pub fn new(namespace: &str, id: impl Into<String>) -> Identity {
        Identity { namespace: namespace.to_lowercase(), id: id.into() }
    }

    /// The namespace's code, in lower case.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The id, as it was sent.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.namespace, self.id)
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

/// The identities of an `identityMap` found at `pointer`, sorted and each once. What is wrong with
/// it is added to `violations`; the sound ones are returned all the same.
pub fn parse_identity_map(
    map: &Value,
    pointer: &str,
    violations: &mut Vec<Violation>,
) -> Vec<Identity> {
    let Value::Object(namespaces) = map else {
        let wanted = r#"an object such as {"ECID": [{"id": "123"}]}"#;
        violations.push(Violation::wrong_type(pointer, map, wanted));
        return Vec::new();
    };
    // Counted first: a hostile map must not be answered with a violation for each of its entries.
    let entries = namespaces.values().map(|items| items.as_array().map_or(1, Vec::len));
    let count: usize = entries.sum();
    if count == 0 {
        let message = "found no identity; send at least one, such as {\"ECID\": [{\"id\": \"1\"}]}";
        violations.push(Violation::new(pointer, "required", message));
    }
    if count > IDENTITIES_PER_INPUT_MAX {
        let message =
            format!("found {count} identities; send at most {IDENTITIES_PER_INPUT_MAX} of them");
        violations.push(Violation::new(pointer, "limit", message));
        return Vec::new();
    }
    let mut identities = Vec::with_capacity(count);
    for (namespace, items) in namespaces {
        let pointer = child_pointer(pointer, namespace);
        check_namespace(namespace, &pointer, violations);
        let Value::Array(items) = items else {
            let wanted = r#"an array such as [{"id": "123"}]"#;
            violations.push(Violation::wrong_type(&pointer, items, wanted));
            continue;
        };
        for (index, item) in items.iter().enumerate() {
            let pointer = child_pointer(&pointer, index);
            if let Some(id) = parse_item(item, &pointer, violations) {
                identities.push(Identity::new(namespace, id));
            }
        }
    }
    identities.sort();
    identities.dedup();
    identities
}

fn check_namespace(namespace: &str, pointer: &str, violations: &mut Vec<Violation>) {
    if namespace.trim().is_empty() || namespace.contains(':') {
        let message = "a namespace code must not be empty nor hold a colon; send one such as ECID";
        violations.push(Violation::new(pointer, "format", message));
    }
    let chars = namespace.chars().count();
    if chars > NAMESPACE_CHARS_MAX {
        let message = format!(
            "found a namespace code of {chars} characters; send at most {NAMESPACE_CHARS_MAX}"
        );
        violations.push(Violation::new(pointer, "limit", message));
    }
}

/// The id of one item of a namespace's list; the item's other fields are checked and not kept.
fn parse_item(item: &Value, pointer: &str, violations: &mut Vec<Violation>) -> Option<String> {
    let Value::Object(fields) = item else {
        violations.push(Violation::wrong_type(pointer, item, r#"an object such as {"id": "123"}"#));
        return None;
    };
    if let Some(state) = fields.get("authenticatedState")
        && !state.as_str().is_some_and(|state| AUTHENTICATED_STATES.contains(&state))
    {
        let message = format!("found {state}; send one of {}", AUTHENTICATED_STATES.join(", "));
        let pointer = child_pointer(pointer, "authenticatedState");
        violations.push(Violation::new(pointer, "format", message));
    }
    if let Some(primary) = fields.get("primary")
        && !primary.is_boolean()
    {
        let pointer = child_pointer(pointer, "primary");
        violations.push(Violation::wrong_type(&pointer, primary, "true or false"));
    }
    let id = required_string(fields, "id", pointer, IDENTITY_ID_CHARS_MAX, violations)?;
    Some(id.to_owned())
}

/// The text of a field that must be there, not blank, and not longer than `chars_max`.
pub(crate) fn required_string<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
    parent: &str,
    chars_max: usize,
    violations: &mut Vec<Violation>,
) -> Option<&'a str> {
    let value = required(fields, name, parent, violations)?;
    let pointer = child_pointer(parent, name);
    let Value::String(text) = value else {
        violations.push(Violation::wrong_type(&pointer, value, "a string"));
        return None;
    };
    if text.trim().is_empty() {
        let message = "found a string without characters; send one that has some";
        violations.push(Violation::new(pointer, "required", message));
        return None;
    }
    let chars = text.chars().count();
    if chars > chars_max {
        let message = format!("found {chars} characters; send at most {chars_max}");
        violations.push(Violation::new(pointer, "limit", message));
        return None;
    }
    Some(text)
}

/// The value of a field that must be there; names the field that was perhaps meant when it is not.
pub(crate) fn required<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
    parent: &str,
    violations: &mut Vec<Violation>,
) -> Option<&'a Value> {
    let value = fields.get(name);
    if value.is_none() {
        let message = match nearest(name, fields.keys().map(String::as_str)) {
            Some(found) => format!("found no `{name}`; if `{found}` was meant, rename it"),
            None => format!("found no `{name}`; send one"),
        };
        violations.push(Violation::new(child_pointer(parent, name), "required", message));
    }
    value
}
