//! The state of one profile.
//!
//! ```text
//! slot            bytes (see codec)
//! Attributes      stamps | datasets: name | the leaves that it wrote
//! Audiences       change number | next wake-up | follows | memberships | traces | moments
//! Events(block)   timestamp of the first | lists of identities | events by arrival:
//!                 which list | positions after the one before | milliseconds after it
//! Record(arrival) timestamp | identities | dataset? | attributes
//! ```
//!
//! Identities are not in here: the [`IdentityGraph`](crate::identity::IdentityGraph) has them.
//! Attributes are stored although the records give them, so that a start need not make them.

mod alone;
mod attributes;
mod fragment;
mod history;
mod leaves;
mod names;

use segue_xdm::Timestamp;

use crate::codec::{DecodeError, Reader, Writer};
use crate::evaluation::{Moments, Traces};
use crate::membership::Memberships;
pub use alone::{Profile, ProfileOutcome};
pub(crate) use attributes::{Attributes, Stamp};
pub(crate) use history::{History, Known};

/// 5: bodies of events are not kept.
const VERSION: u8 = 5;

/// The parts in which a profile's state is stored; each is written only when it changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Slot {
    /// Its attributes.
    Attributes,
    /// Its memberships, what decides them, change number and next wake-up.
    Audiences,
    /// The events that came in at the log positions of this block.
    Events(u64),
    /// The record that came in at this log position.
    Record(u64),
}

/// Everything that is known of one profile, except its identities.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct ProfileState {
    pub(crate) attributes: Attributes,
    pub(crate) memberships: Memberships,
    pub(crate) history: History,
    /// What its audiences need of its events.
    pub(crate) traces: Traces,
    /// When its audiences have to be looked at again.
    pub(crate) moments: Moments,
    /// Counts what was applied to the profile; never goes back.
    pub(crate) change_number: u64,
    /// When the profile must be looked at again, if nothing comes in before.
    pub(crate) next_wake: Option<Timestamp>,
    /// The profile was brought up to date with all definitions before this log position. It may
    /// follow later ones too, where a walk over all profiles came by.
    pub(crate) follows: u64,
}

impl ProfileState {
    /// A profile of which nothing is known, by the definitions before a log position.
    pub(crate) fn new(follows: u64) -> ProfileState {
        ProfileState { follows, ..ProfileState::default() }
    }

    /// About how many bytes it takes in memory, with its identities. A guess that is wrong by less
    /// than half for the profiles of `segue bench`.
    pub(crate) fn weight(&self) -> usize {
        const ITSELF: usize = 1536;
        ITSELF
            + self.history.weight()
            + self.attributes.weight()
            + self.memberships.weight()
            + self.traces.weight()
    }

    /// The slots that hold something.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        [Slot::Attributes, Slot::Audiences].into_iter().chain(self.history.slots()).collect()
    }

    /// Makes the attributes anew, after records came or went.
    pub(crate) fn remake_attributes(&mut self, precedence: &[String]) {
        self.attributes = Attributes::of(self.history.records());
        self.attributes.merge(precedence);
    }

    /// The bytes of one slot; none when there is nothing to hold.
    pub(crate) fn encode(&self, slot: Slot) -> Option<Vec<u8>> {
        let mut writer = Writer::new(VERSION);
        match slot {
            Slot::Attributes => self.attributes.write_to(&mut writer),
            Slot::Audiences => {
                writer.u64(self.change_number);
                writer.option(self.next_wake, Writer::timestamp);
                writer.u64(self.follows);
                self.memberships.write(&mut writer);
                self.traces.write(&mut writer);
                self.moments.write(self.next_wake, &mut writer);
            }
            Slot::Events(block) => self.history.write_events(block, &mut writer)?,
            Slot::Record(arrival) => self.history.write_record(arrival, &mut writer)?,
        }
        Some(writer.finish())
    }

    /// Puts the bytes of one slot back.
    pub(crate) fn decode(&mut self, slot: Slot, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new("profile", VERSION, bytes)?;
        match slot {
            Slot::Attributes => self.attributes = Attributes::read_from(&mut reader)?,
            Slot::Audiences => {
                self.change_number = reader.u64()?;
                self.next_wake = reader.option(Reader::timestamp)?;
                self.follows = reader.u64()?;
                self.memberships = Memberships::read(&mut reader)?;
                self.traces = Traces::read(&mut reader)?;
                self.moments = Moments::read(self.next_wake, &mut reader)?;
            }
            Slot::Events(block) => self.history.read_events(block, &mut reader)?,
            Slot::Record(arrival) => self.history.read_record(arrival, &mut reader)?,
        }
        reader.finish()
    }
}
