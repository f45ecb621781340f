//! One profile by itself: for whoever keeps profiles apart and knows already whose an input is,
//! such as a worker of a distributed runtime.

use std::collections::BTreeSet;
use std::sync::Arc;

use segue_xdm::{Identity, Timestamp};

use super::{ProfileState, Slot};
use crate::activation::Activation;
use crate::archive::{Archive, Events};
use crate::ids::ProfileId;
use crate::input::Input;
use crate::membership::{Change, Membership};
use crate::process::{Context, Effects, ProfileInput, What, process};
use crate::program::Program;

/// One profile by itself, with all that its audiences need.
#[derive(Debug)]
pub struct Profile {
    id: ProfileId,
    identities: BTreeSet<Identity>,
    state: ProfileState,
    archive: Arc<dyn Archive>,
}

/// What an input did to a profile.
#[derive(Debug, Default)]
pub struct ProfileOutcome {
    /// The changes of status, in the order in which they happened.
    pub changes: Vec<Change>,
    /// The messages to send, in the order of their causes.
    pub activations: Vec<Activation>,
}

impl Profile {
    /// A profile of which nothing is known but who it is. The archive has its events, or is given
    /// them to keep.
    #[must_use]
    pub fn new(
        id: ProfileId,
        identities: BTreeSet<Identity>,
        archive: Arc<dyn Archive>,
    ) -> Profile {
        Profile { id, identities, state: ProfileState::default(), archive }
    }

    /// Applies the event or record at a log position, after the timers that are due by `now`.
    /// Other inputs are not about one profile: of them only the time counts.
    pub fn apply(
        &mut self,
        program: &Program,
        position: u64,
        now: Timestamp,
        input: &Input,
    ) -> ProfileOutcome {
        let mut outcome = ProfileOutcome::default();
        while let Some(wake) = self.state.next_wake.filter(|wake| *wake <= now) {
            outcome.add(self.process(program, wake, What::Timer(None)));
        }
        match input {
            Input::Event(event) => {
                self.archive.keep(position, &event.body);
                outcome.add(self.process(program, now, What::Event(position, event)));
            }
            Input::Record(record) => {
                let stamp = (record.timestamp.unwrap_or(now), position);
                outcome.add(self.process(program, now, What::Record(stamp, record)));
            }
            _ => {}
        }
        outcome
    }

    fn process(&mut self, program: &Program, now: Timestamp, what: What<'_>) -> Effects {
        let input = ProfileInput {
            profile: self.id,
            identities: &self.identities,
            identities_changed: false,
            absorbed: Vec::new(),
            attributes_before: None,
            what,
        };
        process(
            Context { program, events: Events::new(&*self.archive, 0), now },
            &mut self.state,
            input,
        )
    }

    /// When the profile must be given an input, a tick at least; `None` when nothing is due ever.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.state.next_wake
    }

    /// The membership in an audience, held or left in the last 30 days.
    #[must_use]
    pub fn membership(&self, audience: &str) -> Option<&Membership> {
        self.state.memberships.get(audience)
    }

    /// Bytes of its state as it is stored; its events and records are the log's.
    #[must_use]
    pub fn state_bytes(&self) -> usize {
        let slots = [Slot::Attributes, Slot::Audiences].into_iter();
        slots.filter_map(|slot| self.state.encode(slot)).map(|bytes| bytes.len()).sum()
    }
}

impl ProfileOutcome {
    fn add(&mut self, effects: Effects) {
        self.changes.extend(effects.changes);
        self.activations.extend(effects.activations);
    }
}
