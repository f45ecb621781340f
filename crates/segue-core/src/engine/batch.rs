//! Inputs that are applied together: whose each one is, is found out in their order; what it does
//! to its profile waits, and is done for many profiles side by side.
//!
//! ```text
//! inputs            1: a    2: b    3: a    4: links b and c    5: a
//!
//! waits for a       1 ───────────── 3 ───────────────────────── 5 ──▶ at the end of the batch
//! waits for b               2 ───────────── ▶ before 4, which is applied at once
//! ```
//!
//! Whose an input is depends on those before it, but not on what they did to profiles. That is the
//! affair of each profile alone, and most of the work. Its own timers are, too: they fire at their
//! moments between its inputs, whatever other profiles do meanwhile. Only inputs that make several
//! profiles one, or take one apart, and those that concern all of them, need them as they are.
//!
//! Invariants:
//! - what comes out is the same, byte for byte, as if each input had been applied for itself;
//! - nothing but [settling](super::shards) touches a profile that something waits for, and its
//!   identities stay what they are until then.

use rustc_hash::FxHashMap;
use segue_xdm::{Event, Record, Timestamp};

use super::outcome::Done;
use super::read_ahead::ReadAhead;
use super::{Engine, Outcome};
use crate::ids::ProfileId;
use crate::process::What;
use crate::profile::Stamp;

/// The inputs that are being applied together.
#[derive(Default, Debug)]
pub(super) struct Batch {
    /// When each of them is applied.
    pub(super) moments: Vec<Moment>,
    /// What waits for each profile; also for those of which only timers are due.
    pub(super) waiting: FxHashMap<ProfileId, Vec<Step>>,
    /// How far the queue of timers was looked through.
    looked_at: Option<(Timestamp, ProfileId)>,
    /// What was done.
    pub(super) done: Vec<Done>,
    /// What was read for these inputs before they were applied.
    pub(super) ahead: ReadAhead,
}

/// When an input is applied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Logical time.
    pub(super) now: Timestamp,
    /// The position of the first event that can be read, when the timers before it fire.
    pub(super) events_before: u64,
    /// The same, when it is applied itself.
    pub(super) events_from: u64,
}

/// An input that waits for its profile.
#[derive(Debug)]
pub(super) struct Step {
    /// Which of the batch it is.
    pub(super) input: usize,
    pub(super) identities_changed: bool,
    pub(super) given: Given,
}

/// What an input says of its profile.
#[derive(Debug)]
pub(super) enum Given {
    /// An event, at this log position.
    Event(u64, Event),
    /// A record, with the stamp of its fields.
    Record(Stamp, Record),
}

impl Given {
    pub(super) fn what(&self) -> What<'_> {
        match self {
            Given::Event(position, event) => What::Event(*position, event),
            Given::Record(stamp, record) => What::Record(*stamp, record),
        }
    }
}

impl Batch {
    /// The next input comes at this time; events can be read from a position on.
    pub(super) fn begin_input(&mut self, now: Timestamp, events_from: u64) {
        self.moments.push(Moment { now, events_before: events_from, events_from });
    }

    /// The input at hand has events be read from a position on.
    pub(super) fn read_from(&mut self, position: u64) {
        if let Some(moment) = self.moments.last_mut() {
            moment.events_from = position;
        }
    }

    /// Which input is at hand.
    pub(super) fn input(&self) -> usize {
        self.moments.len().saturating_sub(1)
    }

    /// When the input at hand is applied.
    pub(super) fn now(&self) -> Timestamp {
        self.moments.last().map_or(Timestamp::MIN, |moment| moment.now)
    }

    /// Has the input at hand wait for its profile.
    pub(super) fn wait(&mut self, profile: ProfileId, identities_changed: bool, given: Given) {
        let step = Step { input: self.input(), identities_changed, given };
        self.waiting.entry(profile).or_default().push(step);
    }

    /// Ends the batch; adds to the outcome of each input what was done.
    pub(super) fn end(&mut self, outcomes: &mut [Outcome]) {
        let Batch { mut done, .. } = std::mem::take(self);
        // Of one input: timers in the order of their time and profile, the rest as it was done.
        done.sort_by_key(|done| (done.input, done.wake.is_none(), done.wake));
        for Done { input, changes, activations, .. } in done {
            if let Some(outcome) = outcomes.get_mut(input) {
                outcome.changes.extend(changes);
                outcome.activations.extend(activations);
            }
        }
    }
}

impl Engine {
    /// Has every profile wait that has a timer which is due by `now`, to be settled.
    pub(super) fn note_due(&mut self, now: Timestamp) {
        while let Some((queued_at, profile)) = self.timers.next_by(self.batch.looked_at, now) {
            self.batch.looked_at = Some((queued_at, profile));
            if self.batch.waiting.contains_key(&profile) {
                continue;
            }
            self.bring_in(profile);
            match self.profiles.get(profile).and_then(|state| state.next_wake) {
                Some(wake) if wake <= now => drop(self.batch.waiting.entry(profile).or_default()),
                // A restart found it in the queue where it was before it moved.
                wake => self.queue(profile, wake),
            }
        }
    }
}
