//! A profile as readers see it.

use std::collections::BTreeMap;

use segue_xdm::{Identity, Timestamp};
use serde_json::Value;

use crate::ids::ProfileId;
use crate::membership::Membership;

/// A profile as it is at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct ProfileView {
    /// Its id.
    pub id: ProfileId,
    /// Its identities, sorted.
    pub identities: Vec<Identity>,
    /// Its attributes, an object.
    pub attributes: Value,
    /// Its memberships by audience id, with those that it left in the last 30 days.
    pub memberships: BTreeMap<String, Membership>,
    /// How many events are known of it.
    pub event_count: u64,
    /// When a membership may change with no further input.
    pub next_wake: Option<Timestamp>,
}
