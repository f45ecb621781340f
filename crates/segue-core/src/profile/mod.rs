//! The state of one profile.
//!
//! ```text
//! slot            bytes (see codec)
//! Attributes      what each dataset wrote
//! Audiences       change number | next wake-up | memberships
//! Event(arrival)  timestamp | body
//! ```
//!
//! Identities are not in here: the [`IdentityGraph`](crate::identity::IdentityGraph) has them.

mod attributes;
mod fragment;

use std::collections::BTreeMap;

use segue_pql::EventFact;
use segue_xdm::{Event, Timestamp};

use crate::codec::{DecodeError, Reader, Writer};
use crate::membership::Memberships;
pub(crate) use attributes::{Attributes, Stamp};

const VERSION: u8 = 2;

/// The parts in which a profile's state is stored; each is written only when it changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Slot {
    /// Its attributes.
    Attributes,
    /// Its memberships, change number and next wake-up.
    Audiences,
    /// The event that came in at this log position.
    Event(u64),
}

/// Everything that is known of one profile, except its identities.
#[derive(Default, PartialEq, Debug)]
pub(crate) struct ProfileState {
    pub(crate) attributes: Attributes,
    pub(crate) memberships: Memberships,
    pub(crate) history: History,
    /// Counts what was applied to the profile; never goes back.
    pub(crate) change_number: u64,
    /// When the profile must be looked at again, if nothing comes in before.
    pub(crate) next_wake: Option<Timestamp>,
}

impl ProfileState {
    /// The slots that hold something.
    pub(crate) fn slots(&self) -> Vec<Slot> {
        let events = self.history.arrivals().map(Slot::Event);
        [Slot::Attributes, Slot::Audiences].into_iter().chain(events).collect()
    }

    /// The bytes of one slot; none when there is nothing to hold.
    pub(crate) fn encode(&self, slot: Slot) -> Option<Vec<u8>> {
        let mut writer = Writer::new(VERSION);
        match slot {
            Slot::Attributes => self.attributes.write_to(&mut writer),
            Slot::Audiences => {
                writer.u64(self.change_number);
                writer.option(self.next_wake, Writer::timestamp);
                self.memberships.write(&mut writer);
            }
            Slot::Event(arrival) => {
                let event = self.history.get(arrival)?;
                writer.timestamp(event.timestamp);
                writer.json(&event.body);
            }
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
                self.memberships = Memberships::read(&mut reader)?;
            }
            Slot::Event(arrival) => {
                let timestamp = reader.timestamp()?;
                let body = reader.json()?;
                self.history.insert(arrival, EventFact { timestamp, body });
            }
        }
        reader.finish()
    }
}

/// A profile's events, ordered by their timestamps and, among equals, by arrival.
#[derive(Default, Debug)]
pub(crate) struct History {
    events: BTreeMap<(Timestamp, u64), EventFact>,
    /// Where each arrival is found above.
    timestamps: BTreeMap<u64, Timestamp>,
}

impl History {
    pub(crate) fn add(&mut self, arrival: u64, event: &Event) {
        let fact = EventFact { timestamp: event.timestamp, body: event.body.clone() };
        self.insert(arrival, fact);
    }

    fn insert(&mut self, arrival: u64, event: EventFact) {
        self.timestamps.insert(arrival, event.timestamp);
        self.events.insert((event.timestamp, arrival), event);
    }

    fn get(&self, arrival: u64) -> Option<&EventFact> {
        let timestamp = *self.timestamps.get(&arrival)?;
        self.events.get(&(timestamp, arrival))
    }

    /// Takes in the events of a profile that became one with this one.
    pub(crate) fn absorb(&mut self, other: History) {
        self.timestamps.extend(other.timestamps);
        self.events.extend(other.events);
    }

    /// The events in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = &EventFact> {
        self.events.values()
    }

    fn arrivals(&self) -> impl Iterator<Item = u64> {
        self.timestamps.keys().copied()
    }
}

/// Equal when they hold the same events; how an `EventFact` compares is its own business.
impl PartialEq for History {
    fn eq(&self, other: &History) -> bool {
        let fields = |history: &History| {
            let events = history.events.iter();
            events.map(|(key, event)| (*key, event.body.clone())).collect::<Vec<_>>()
        };
        fields(self) == fields(other)
    }
}
