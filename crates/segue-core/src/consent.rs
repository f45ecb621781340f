//! Consent: whom a destination may be told about.
//!
//! ```text
//! consents.marketing.any.val         of every destination
//! consents.marketing.<channel>.val   of a destination that serves the channel
//!     n, dn                          opted out, by choice or by default
//!     y, dy, p, u, LI, CT, …         not opted out; nor is a profile that says nothing
//! ```
//!
//! These are attributes like others, of Adobe's data type Consents and Preferences. To a
//! destination that must not be told about a profile, the profile has left every audience.
//! Memberships themselves do not depend on consent.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::membership::{Change, Membership, Memberships, Status};
use crate::profile::ProfileState;

/// Whether a profile with these attributes wants nothing of a destination that serves a channel.
pub(crate) fn is_opted_out(attributes: &Value, channel: Option<&str>) -> bool {
    let choice = |what| attributes.get("consents")?.get("marketing")?.get(what)?.get("val");
    let opted_out = |choice: &Value| matches!(choice.as_str(), Some("n" | "dn"));
    ["any"].into_iter().chain(channel).filter_map(choice).any(opted_out)
}

/// A profile as an input met it.
#[derive(Debug)]
pub(crate) struct Before {
    pub(crate) attributes: Value,
    memberships: Memberships,
}

impl Before {
    /// Of a profile with other attributes than it has now, if inputs came or left since.
    pub(crate) fn of(state: &ProfileState, attributes: Option<Value>) -> Before {
        Before {
            attributes: attributes.unwrap_or_else(|| state.attributes.as_value().clone()),
            memberships: state.memberships.clone(),
        }
    }
}

/// What a destination saw of the profiles that an input met, and sees of what became of them.
///
/// What it saw, and so whether it was told that a profile left, follows from the attributes at
/// that time: nothing of it is kept beside them.
pub(crate) struct Sight<'a> {
    /// The profiles, each with whether it was excluded.
    pub(crate) before: Vec<(&'a Before, bool)>,
    pub(crate) after: &'a Memberships,
    /// Whether the profile is excluded now.
    pub(crate) is_excluded: bool,
    /// The changes of the memberships themselves.
    pub(crate) own_changes: &'a [Change],
}

impl Sight<'_> {
    /// The changes as the destination sees them.
    pub(crate) fn changes(&self) -> Vec<Change> {
        let was_excluded = self.before.iter().any(|(_, was_excluded)| *was_excluded);
        if !was_excluded && !self.is_excluded {
            return self.own_changes.to_vec();
        }
        let seen = self.seen_before();
        let change = |(audience, membership): (&str, &Membership)| {
            let from = seen.get(audience).copied();
            let to = match (from.is_some_and(Status::is_member), self.is_excluded) {
                (true, true) => Status::Exited,
                (true, false) => return self.own_change(audience),
                (false, false) if membership.status.is_member() => Status::Realized,
                (false, _) => return None,
            };
            Some(Change { audience: audience.to_owned(), from, to })
        };
        self.after.iter().filter_map(change).collect()
    }

    fn own_change(&self, audience: &str) -> Option<Change> {
        self.own_changes.iter().find(|change| change.audience == audience).cloned()
    }

    /// The statuses that the destination saw before; a membership that any of the profiles held
    /// was held.
    fn seen_before(&self) -> BTreeMap<&str, Status> {
        let mut seen: BTreeMap<&str, Status> = BTreeMap::new();
        for (profile, was_excluded) in &self.before {
            for (audience, membership) in profile.memberships.iter() {
                let status = if *was_excluded { Status::Exited } else { membership.status };
                let known = seen.entry(audience).or_insert(status);
                if !known.is_member() {
                    *known = status;
                }
            }
        }
        seen
    }
}
