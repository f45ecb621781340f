//! The state of one profile.
//!
//! ```text
//! slot            bytes (see codec)
//! Attributes      what each dataset wrote
//! Audiences       change number | next wake-up | memberships | traces | moments
//! Event(arrival)  timestamp | body
//! ```
//!
//! Identities are not in here: the [`IdentityGraph`](crate::identity::IdentityGraph) has them.

mod attributes;
mod fragment;

use std::collections::BTreeMap;

use segue_pql::EventFact;
use segue_xdm::{Body, Event, Timestamp};

use crate::codec::{DecodeError, Reader, Writer};
use crate::evaluation::{EventView, Moments, Traces};
use crate::membership::Memberships;
pub(crate) use attributes::{Attributes, Stamp};

const VERSION: u8 = 2;

/// The parts in which a profile's state is stored; each is written only when it changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Slot {
    /// Its attributes.
    Attributes,
    /// Its memberships, what decides them, change number and next wake-up.
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
    /// What its audiences need of its events.
    pub(crate) traces: Traces,
    /// When its audiences have to be looked at again.
    pub(crate) moments: Moments,
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
                self.traces.write(&mut writer);
                self.moments.write(&mut writer);
            }
            Slot::Event(arrival) => {
                let (timestamp, body) = self.history.get(arrival)?;
                writer.timestamp(timestamp);
                writer.text(body.as_str());
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
                self.traces = Traces::read(&mut reader)?;
                self.moments = Moments::read(&mut reader)?;
            }
            Slot::Event(arrival) => {
                let timestamp = reader.timestamp()?;
                let body = Body::from_stored(reader.text()?);
                self.history.insert(arrival, timestamp, body);
            }
        }
        reader.finish()
    }
}

/// A profile's events, ordered by their timestamps and, among equals, by arrival.
#[derive(Default, PartialEq, Debug)]
pub(crate) struct History {
    events: BTreeMap<(Timestamp, u64), Body>,
    /// Where each arrival is found above.
    timestamps: BTreeMap<u64, Timestamp>,
}

impl History {
    pub(crate) fn add(&mut self, arrival: u64, event: &Event) {
        self.insert(arrival, event.timestamp, event.body.clone());
    }

    fn insert(&mut self, arrival: u64, timestamp: Timestamp, body: Body) {
        self.timestamps.insert(arrival, timestamp);
        self.events.insert((timestamp, arrival), body);
    }

    fn get(&self, arrival: u64) -> Option<(Timestamp, &Body)> {
        let timestamp = *self.timestamps.get(&arrival)?;
        Some((timestamp, self.events.get(&(timestamp, arrival))?))
    }

    /// Takes in the events of a profile that became one with this one.
    pub(crate) fn absorb(&mut self, other: History) {
        self.timestamps.extend(other.timestamps);
        self.events.extend(other.events);
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The events in order, as evaluation sees them.
    pub(crate) fn views(&self) -> impl Iterator<Item = EventView<'_>> {
        let events = self.events.iter();
        events.map(|((at, arrival), body)| EventView::new(*at, *arrival, body.as_str()))
    }

    /// The events in order, as the interpreter reads them.
    pub(crate) fn facts(&self) -> Vec<EventFact> {
        self.events.iter().map(|((timestamp, _), body)| fact(*timestamp, body)).collect()
    }

    /// The event that came in at a position, as the interpreter reads it.
    pub(crate) fn fact(&self, arrival: u64) -> Option<EventFact> {
        self.get(arrival).map(|(timestamp, body)| fact(timestamp, body))
    }

    fn arrivals(&self) -> impl Iterator<Item = u64> {
        self.timestamps.keys().copied()
    }
}

fn fact(timestamp: Timestamp, body: &Body) -> EventFact {
    EventFact { timestamp, body: body.to_value() }
}
