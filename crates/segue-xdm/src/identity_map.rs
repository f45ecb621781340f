//! How `identityMap` holds identities.
//!
//! ```text
//! "identityMap": {
//!   "ECID":  [{"id": "38-digits", "authenticatedState": "ambiguous", "primary": true}],
//!   "Email": [{"id": "a@example.com"}]
//! }
//! ```

use crate::checks::{Checks, Place};
use crate::document::{Fields, Slice, View};
use crate::identity::Identity;

/// Identities in one event or record, as Adobe's guardrail has it: each of them links all others,
/// so that a longer list is nearly always a defect of the sender.
pub const IDENTITIES_PER_INPUT_MAX: usize = 20;
/// Characters of an id, as Adobe's guardrail has it; ids are keys of the store.
pub const IDENTITY_ID_CHARS_MAX: usize = 1024;
/// Characters of a namespace code; codes are chosen by hand and are part of every key.
pub const NAMESPACE_CHARS_MAX: usize = 128;

const AUTHENTICATED_STATES: [&str; 3] = ["ambiguous", "authenticated", "loggedOut"];

/// The identities of an `identityMap`, sorted and each once. The sound ones are returned also when
/// something is wrong with others.
pub(crate) fn read(map: Slice<'_>, place: Place<'_>, checks: &mut Checks) -> Vec<Identity> {
    let View::Object(namespaces) = map.view() else {
        checks.wrong_type(place, map, r#"an object such as {"ECID": [{"id": "123"}]}"#);
        return Vec::new();
    };
    // Counted first: a hostile map must not be answered with a violation for each of its entries.
    let count = count(namespaces.clone());
    if count == 0 {
        let message = "found no identity; send at least one, such as {\"ECID\": [{\"id\": \"1\"}]}";
        checks.violate(place, "required", message);
    }
    if count > IDENTITIES_PER_INPUT_MAX {
        let message =
            format!("found {count} identities; send at most {IDENTITIES_PER_INPUT_MAX} of them");
        checks.violate(place, "limit", message);
        return Vec::new();
    }
    let mut identities = Vec::with_capacity(count);
    for (namespace, items) in namespaces {
        let Ok(namespace) = std::str::from_utf8(namespace) else { continue };
        let place = Place::Field(&place, namespace);
        check_namespace(namespace, place, checks);
        let View::Array(items) = items.view() else {
            checks.wrong_type(place, items, r#"an array such as [{"id": "123"}]"#);
            continue;
        };
        for (index, item) in items.enumerate() {
            let id = read_item(item, Place::Item(&place, index), checks);
            identities.extend(id.map(|id| Identity::new(namespace, id)));
        }
    }
    identities.sort_unstable();
    identities.dedup();
    identities
}

fn count(namespaces: Fields<'_>) -> usize {
    let counts = namespaces.map(|(_, items)| match items.view() {
        View::Array(items) => items.count(),
        _ => 1,
    });
    counts.sum()
}

fn check_namespace(namespace: &str, place: Place<'_>, checks: &mut Checks) {
    if namespace.trim().is_empty() || namespace.contains(':') {
        let message = "a namespace code must not be empty nor hold a colon; send one such as ECID";
        checks.violate(place, "format", message);
    }
    let chars = namespace.chars().count();
    if chars > NAMESPACE_CHARS_MAX {
        let message = format!(
            "found a namespace code of {chars} characters; send at most {NAMESPACE_CHARS_MAX}"
        );
        checks.violate(place, "limit", message);
    }
}

/// The id of one item of a namespace's list; the item's other fields are checked and not kept.
fn read_item<'a>(item: Slice<'a>, place: Place<'_>, checks: &mut Checks) -> Option<&'a str> {
    let View::Object(fields) = item.view() else {
        checks.wrong_type(place, item, r#"an object such as {"id": "123"}"#);
        return None;
    };
    if let Some(state) = fields.get("authenticatedState")
        && !state.as_text().is_some_and(|state| AUTHENTICATED_STATES.contains(&state))
    {
        let known = AUTHENTICATED_STATES.join(", ");
        let message = format!("found {}; send one of {known}", state.to_value());
        checks.violate(Place::Field(&place, "authenticatedState"), "format", message);
    }
    if let Some(primary) = fields.get("primary")
        && !matches!(primary.view(), View::Boolean(_))
    {
        checks.wrong_type(Place::Field(&place, "primary"), primary, "true or false");
    }
    checks.required_text(&fields, "id", place, IDENTITY_ID_CHARS_MAX)
}
