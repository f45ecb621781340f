//! What applying one input did.

use segue_xdm::{Identity, Timestamp, Violation};

use super::erasing::Erased;
use crate::activation::Activation;
use crate::identity::{Link, Regrouping};
use crate::ids::ProfileId;
use crate::membership::{Change, Status};
use crate::process::Effects;
use crate::profile::Slot;

/// What applying one input did, with the timers that were due before it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Outcome {
    /// The input was an event whose `_id` was seen within the window; it had no effect.
    pub duplicate: bool,
    /// The input was a definition, or the removal of one, that no longer fits; it had no effect.
    pub refused: Vec<Violation>,
    /// Whose the input was: of an event, a record, or the profile that was erased.
    pub profile: Option<ProfileId>,
    /// Who was erased, also when the identity was nobody's; none for any other input.
    pub erased: Option<Erased>,
    /// The identities in the input that identify nobody: patterns of their namespaces say so. An
    /// event or record that names nobody else has no effect.
    pub excluded: Vec<Identity>,
    /// The links that were not there before, also those that were cut at once.
    pub linked: Vec<Link>,
    /// The links that were cut, because newer ones contradict them.
    pub cut: Vec<Link>,
    /// The profiles that the input made one with others; their ids resolve to those.
    pub merged: Vec<ProfileId>,
    /// The identities that belong to nobody any more, because a profile had too many.
    pub evicted: Vec<Identity>,
    /// The changes of status, in the order in which they happened.
    pub changes: Vec<MembershipChange>,
    /// The messages to send, in the order of their causes.
    pub activations: Vec<Activation>,
}

/// One profile's change of status in one audience.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MembershipChange {
    /// Whose status.
    pub profile: ProfileId,
    /// When, in logical time.
    pub at: Timestamp,
    /// An event's `_id`, or `record`, `timer` or `definition`.
    pub cause: String,
    /// The audience's id.
    pub audience: String,
    /// The status before; none at the first entry.
    pub from: Option<Status>,
    /// The status after.
    pub to: Status,
}

impl Outcome {
    /// Whether the input named nobody, so that it had no effect.
    #[must_use]
    pub fn names_nobody(&self) -> bool {
        !self.excluded.is_empty() && self.profile.is_none()
    }

    /// Adds what changed in the identity graph.
    pub(super) fn add_links(&mut self, regrouping: &Regrouping) {
        self.linked.extend(regrouping.linked.iter().cloned());
        self.cut.extend(regrouping.cut.iter().cloned());
        self.merged.extend(regrouping.absorbed().map(|(absorbed, _)| absorbed));
        self.evicted.extend(regrouping.evicted.keys().cloned());
    }
}

/// What one input, or one timer, did to one profile.
#[derive(Debug)]
pub(super) struct Done {
    /// Which of the inputs that are applied together it was, or came before.
    pub(super) input: usize,
    /// When it was due, if it was a timer, and whose.
    pub(super) wake: Option<(Timestamp, ProfileId)>,
    pub(super) profile: ProfileId,
    pub(super) changes: Vec<MembershipChange>,
    pub(super) activations: Vec<Activation>,
    /// The slots of the profile whose bytes are other ones now.
    pub(super) touched: Vec<Slot>,
}

impl Done {
    pub(super) fn of(
        input: usize,
        wake: Option<Timestamp>,
        profile: ProfileId,
        at: Timestamp,
        cause: &str,
        effects: Effects,
    ) -> Done {
        let Effects { changes, activations, touched } = effects;
        let changes = changes.into_iter().map(|Change { audience, from, to }| {
            let cause = cause.to_owned();
            MembershipChange { profile, at, cause, audience, from, to }
        });
        let wake = wake.map(|wake| (wake, profile));
        Done { input, wake, profile, changes: changes.collect(), activations, touched }
    }

    /// Whether anybody is told of it.
    pub(super) fn is_told(&self) -> bool {
        !self.changes.is_empty() || !self.activations.is_empty()
    }
}
