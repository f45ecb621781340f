//! Activations: one message about one profile to one destination, and when there is one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use segue_xdm::{Identity, Path, Timestamp};
use serde_json::{Value, json};

use crate::body::Contents;
use crate::consent::{Before, Sight, is_opted_out};
use crate::definition::{Destination, StatusModel};
use crate::ids::{ActivationId, ProfileId};
use crate::membership::{Change, Status};
use crate::profile::ProfileState;
use crate::program::{DestinationEdit, Due, Mapping, Program, Retired};
use crate::trace_context::TraceContext;

/// Why an activation was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Reason {
    /// A mapped attribute changed.
    Attribute,
    /// A definition was published that tells of a profile what was so already.
    Backfill,
    /// The profile opted out of what the destination sends, or in again.
    Consent,
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
            Reason::Consent => "consent",
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
    /// The trace of the input that caused it, if it has one: whoever reads the input knows.
    pub trace: Option<TraceContext>,
}

impl Activation {
    /// Its place in a trace: that of its cause, or one of its own. Its id makes the span, so that
    /// whoever handles a message that a replay made again continues the same trace.
    #[must_use]
    pub fn trace_context(&self) -> TraceContext {
        let own = self.id.own_trace();
        let halves = [own >> 64, own & u128::from(u64::MAX)];
        let [high, low] = halves.map(|half| half as u64);
        TraceContext {
            trace: self.trace.map_or(own, |cause| cause.trace),
            span: (high ^ low).max(1),
            is_sampled: self.trace.is_none_or(|cause| cause.is_sampled),
        }
    }

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
    /// The profile and those that became one with it, as the input met them; none where consent
    /// and attributes cannot have changed.
    pub(crate) before: &'a [Before],
    /// The attributes that were written, with whatever value.
    pub(crate) written: &'a [Path],
    /// The definitions that the profile follows now.
    pub(crate) due: Option<&'a Due>,
    /// The removed audience that the profile leaves now.
    pub(crate) retired: Option<&'a Retired>,
}

impl Happening<'_> {
    /// The activations that follow, by destination id; one a destination at most.
    pub(crate) fn activations(&self) -> Vec<Activation> {
        let destinations = self.program.published_destinations();
        destinations.filter_map(|(one, mappings)| self.activation(one, mappings)).collect()
    }

    fn activation(
        &self,
        destination: &Destination,
        mappings: &BTreeMap<String, Mapping>,
    ) -> Option<Activation> {
        let sight = self.sight(destination);
        let changes = sight.changes();
        let reasons = self.reasons(destination, &sight, &changes);
        if reasons.is_empty() {
            return None;
        }
        let contents = Contents {
            program: self.program,
            destination,
            mappings,
            state: self.state,
            identities: self.identities,
            changes: &changes,
            retired: self.retired,
            is_excluded: sight.is_excluded,
        };
        Some(Activation {
            id: ActivationId::of(self.profile, self.state.change_number, &destination.id),
            destination: destination.id.clone(),
            profile: self.profile,
            at: self.at,
            body: contents.to_bytes(),
            reasons: reasons.into_iter().collect(),
            changes: visible(&changes, destination.status_model),
            cause: self.cause.to_owned(),
            definition_version: self.program.version(),
            trace: None,
        })
    }

    /// How the profile looks to a destination, through what it consented to.
    fn sight(&self, destination: &Destination) -> Sight<'_> {
        let edit = self.edit_of(destination);
        let channel_before = edit.map_or(&destination.channel, |edit| &edit.channel_before);
        let was_excluded =
            |before: &Before| is_opted_out(&before.attributes, channel_before.as_deref());
        let attributes = self.state.attributes.as_value();
        Sight {
            before: self.before.iter().map(|before| (before, was_excluded(before))).collect(),
            after: &self.state.memberships,
            is_excluded: is_opted_out(attributes, destination.channel.as_deref()),
            own_changes: self.changes,
        }
    }

    fn reasons(
        &self,
        destination: &Destination,
        sight: &Sight<'_>,
        changes: &[Change],
    ) -> BTreeSet<Reason> {
        let mapped = changes.iter().filter(|change| self.tells_of(destination, &change.audience));
        if sight.is_excluded {
            // All that can be told is that it left, and whatever else came of the input, it left
            // for want of consent.
            return mapped.map(|_| Reason::Consent).collect();
        }
        let (own, by_consent): (Vec<Change>, Vec<Change>) =
            mapped.cloned().partition(|change| sight.own_changes.contains(change));
        let mut reasons = BTreeSet::new();
        if !by_consent.is_empty() {
            reasons.insert(Reason::Consent);
        }
        if destination.triggers.membership && !visible(&own, destination.status_model).is_empty() {
            reasons.insert(self.change_reason);
        }
        let memberships = &self.state.memberships;
        let edit = self.edit_of(destination);
        if edit.is_some_and(|edit| memberships.is_member_of_any(&edit.newly_mapped)) {
            reasons.insert(Reason::Backfill);
        }
        let changed = [
            (
                Reason::Attribute,
                destination.triggers.attribute && self.attributes_changed(destination),
            ),
            (Reason::Identity, destination.triggers.identity && self.identities_changed),
        ];
        let changed = changed.into_iter().filter(|(_, is_so)| *is_so).map(|(reason, _)| reason);
        reasons.extend(changed.filter(|_| memberships.is_member_of_any(&destination.audiences)));
        reasons
    }

    fn edit_of(&self, destination: &Destination) -> Option<&DestinationEdit> {
        self.due?.edits.get(&destination.id)
    }

    /// Whether a change of this audience's status is to be told to a destination.
    fn tells_of(&self, destination: &Destination, audience: &str) -> bool {
        if let Some(retired) = self.retired {
            return retired.mappings.contains_key(&destination.id);
        }
        let edit = self.edit_of(destination);
        destination.audiences.contains(audience)
            && !edit.is_some_and(|edit| edit.mapped_silently.contains(audience))
    }

    fn attributes_changed(&self, destination: &Destination) -> bool {
        let Some(before) = self.before.first() else {
            return false;
        };
        let after = self.state.attributes.as_value();
        destination.attributes.iter().any(|mapped| {
            let rewritten = || self.written.iter().any(|path| path.overlaps(mapped));
            mapped.get(&before.attributes) != mapped.get(after)
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
