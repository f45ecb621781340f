//! Activations: one message about one profile to one destination, and when there is one.

use std::collections::BTreeSet;
use std::fmt;

use segue_xdm::{Identity, Path, Timestamp};
use serde_json::{Value, json};

use crate::body::Contents;
use crate::definition::{Destination, StatusModel};
use crate::ids::{ActivationId, ProfileId};
use crate::membership::{Change, Status};
use crate::profile::ProfileState;
use crate::program::Program;

/// Why an activation was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// A mapped attribute changed.
    Attribute,
    /// An audience was published or mapped, and the profile was in it already.
    Backfill,
    /// The set of identities changed.
    Identity,
    /// The status of a mapped audience changed.
    Membership,
}

impl Reason {
    /// The word for it in messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Attribute => "attribute",
            Reason::Backfill => "backfill",
            Reason::Identity => "identity",
            Reason::Membership => "membership",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One message about one profile to one destination.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Activation {
    /// The same again when the same inputs are replayed.
    pub id: ActivationId,
    /// The destination's id.
    pub destination: String,
    /// Whom it is about; also the partition key.
    pub profile: ProfileId,
    /// The logical time of its cause.
    pub at: Timestamp,
    /// The message: UTF-8 JSON.
    pub body: Vec<u8>,
    /// Why it was made: sorted, each once, at least one.
    pub reasons: Vec<Reason>,
    /// The changes of status that its cause brought, as the destination's status model shows
    /// them; by audience id.
    pub changes: Vec<Change>,
    /// An event's `_id`, or `record`, `timer` or `definition`.
    pub cause: String,
    /// The version of the program that made it.
    pub definition_version: u64,
}

impl Activation {
    /// The reasons with commas between, as in `segue-reason`.
    #[must_use]
    pub fn reasons_text(&self) -> String {
        let words: Vec<&str> = self.reasons.iter().map(|reason| reason.as_str()).collect();
        words.join(",")
    }

    /// The changes as JSON, as in `segue-changes`: `[{"audience": …, "from": …, "to": …}]`.
    #[must_use]
    pub fn changes_json(&self) -> String {
        let changes = self.changes.iter().map(|change| {
            let from = change.from.map(Status::as_str);
            json!({"audience": change.audience, "from": from, "to": change.to.as_str()})
        });
        Value::Array(changes.collect()).to_string()
    }
}

/// What one input did to one profile.
pub(crate) struct Happening<'a> {
    pub(crate) program: &'a Program,
    pub(crate) profile: ProfileId,
    pub(crate) identities: &'a BTreeSet<Identity>,
    /// The state after the input.
    pub(crate) state: &'a ProfileState,
    pub(crate) at: Timestamp,
    pub(crate) cause: &'a str,
    pub(crate) changes: &'a [Change],
    /// The reason that a change of status stands for.
    pub(crate) change_reason: Reason,
    pub(crate) identities_changed: bool,
    pub(crate) attributes_written: Option<Written>,
    /// Audiences whose members are to be sent to a destination that just mapped them.
    pub(crate) newly_mapped: Option<(&'a str, &'a BTreeSet<String>)>,
}

/// What an input wrote to the attributes.
pub(crate) struct Written {
    /// The attributes before.
    pub(crate) before: Value,
    /// The paths that were written, with whatever value.
    pub(crate) paths: Vec<Path>,
}

impl Happening<'_> {
    /// The activations that follow, by destination id; one a destination at most.
    pub(crate) fn activations(&self) -> Vec<Activation> {
        let mut activations = Vec::new();
        for (destination, mappings) in self.program.published_destinations() {
            let changes = visible(self.changes, destination.status_model);
            let reasons = self.reasons(destination, &changes);
            if reasons.is_empty() {
                continue;
            }
            let contents = Contents {
                program: self.program,
                destination,
                mappings,
                state: self.state,
                identities: self.identities,
                changes: self.changes,
            };
            let number = self.state.change_number;
            activations.push(Activation {
                id: ActivationId::of(self.profile, number, &destination.id),
                destination: destination.id.clone(),
                profile: self.profile,
                at: self.at,
                body: contents.to_bytes(),
                reasons: reasons.into_iter().collect(),
                changes,
                cause: self.cause.to_owned(),
                definition_version: self.program.version(),
            });
        }
        activations
    }

    fn reasons(&self, destination: &Destination, changes: &[Change]) -> BTreeSet<Reason> {
        let mut reasons = BTreeSet::new();
        let is_mapped = |change: &Change| destination.audiences.contains(&change.audience);
        if destination.triggers.membership && changes.iter().any(is_mapped) {
            reasons.insert(self.change_reason);
        }
        if self
            .newly_mapped
            .is_some_and(|(id, audiences)| id == destination.id && self.is_member_of_any(audiences))
        {
            reasons.insert(Reason::Backfill);
        }
        if self.is_member_of_any(&destination.audiences) {
            if destination.triggers.attribute && self.attributes_changed(destination) {
                reasons.insert(Reason::Attribute);
            }
            if destination.triggers.identity && self.identities_changed {
                reasons.insert(Reason::Identity);
            }
        }
        reasons
    }

    fn is_member_of_any(&self, audiences: &BTreeSet<String>) -> bool {
        audiences.iter().any(|audience| self.state.memberships.is_member(audience))
    }

    fn attributes_changed(&self, destination: &Destination) -> bool {
        let Some(written) = &self.attributes_written else {
            return false;
        };
        let after = self.state.attributes.as_value();
        destination.attributes.iter().any(|mapped| {
            let rewritten = || written.paths.iter().any(|path| path.overlaps(mapped));
            mapped.get(&written.before) != mapped.get(after)
                || (destination.same_value_is_change && rewritten())
        })
    }
}

/// The changes as a status model shows them: in two states, to qualify again is none.
fn visible(changes: &[Change], model: StatusModel) -> Vec<Change> {
    let two_state = |status| match status {
        Status::Existing => Status::Realized,
        other => other,
    };
    let mut visible: Vec<Change> = match model {
        StatusModel::ThreeState => changes.to_vec(),
        StatusModel::TwoState => changes
            .iter()
            .map(|change| Change {
                audience: change.audience.clone(),
                from: change.from.map(two_state),
                to: two_state(change.to),
            })
            .filter(|change| change.from != Some(change.to))
            .collect(),
    };
    visible.sort_by(|a, b| a.audience.cmp(&b.audience));
    visible
}
