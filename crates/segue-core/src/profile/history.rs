//! What a profile is known by: every event and record that belongs to it, and whom each named.
//!
//! ```text
//! events    (timestamp, arrival) ─▶ event          in the order in which definitions see them
//! records   (timestamp, arrival) ─▶ attributes     a record's stamp is that of its fields
//! names     arrival ─▶ timestamp | identities      the arrival is the log position
//! ```
//!
//! Names are kept because profiles can come apart: an input belongs to the profile that holds the
//! one of its identities that decides, and moves when that one does. Attributes are made of the
//! records, so they follow.

use std::collections::BTreeMap;

use segue_pql::EventFact;
use segue_xdm::{Event, Identity, Record, Timestamp};
use serde_json::Value;

use super::{Slot, Stamp};
use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::ProfileId;

/// The events and records of one profile.
#[derive(Default, Debug)]
pub(crate) struct History {
    events: BTreeMap<Stamp, EventFact>,
    records: BTreeMap<Stamp, Value>,
    names: BTreeMap<u64, Names>,
}

#[derive(Clone, PartialEq, Debug)]
struct Names {
    timestamp: Timestamp,
    identities: Vec<Identity>,
}

/// One event or record, on its way from one history to another.
pub(crate) struct Known {
    stamp: Stamp,
    identities: Vec<Identity>,
    said: Said,
}

enum Said {
    Event(Value),
    Record(Value),
}

impl Known {
    /// Where it is stored.
    pub(crate) fn slot(&self) -> Slot {
        match self.said {
            Said::Event(_) => Slot::Event(self.stamp.1),
            Said::Record(_) => Slot::Record(self.stamp.1),
        }
    }
}

impl History {
    pub(crate) fn add(&mut self, arrival: u64, event: &Event) {
        self.insert(Known {
            stamp: (event.timestamp, arrival),
            identities: event.identities.clone(),
            said: Said::Event(event.body.clone()),
        });
    }

    pub(crate) fn add_record(&mut self, stamp: Stamp, record: &Record) {
        self.insert(Known {
            stamp,
            identities: record.identities.clone(),
            said: Said::Record(record.attributes.clone()),
        });
    }

    pub(crate) fn insert(&mut self, known: Known) {
        let Known { stamp: (timestamp, arrival), identities, said } = known;
        self.names.insert(arrival, Names { timestamp, identities });
        match said {
            Said::Event(body) => {
                self.events.insert((timestamp, arrival), EventFact { timestamp, body });
            }
            Said::Record(attributes) => {
                self.records.insert((timestamp, arrival), attributes);
            }
        }
    }

    fn remove(&mut self, arrival: u64) -> Option<Known> {
        let Names { timestamp, identities } = self.names.remove(&arrival)?;
        let stamp = (timestamp, arrival);
        let event = self.events.remove(&stamp).map(|event| Said::Event(event.body));
        let said = event.or_else(|| self.records.remove(&stamp).map(Said::Record))?;
        Some(Known { stamp, identities, said })
    }

    /// Takes out the inputs that do not belong to `own`, each with whose it is now. `owner_of`
    /// takes whom an input named, and when it arrived.
    pub(crate) fn take_foreign(
        &mut self,
        own: ProfileId,
        owner_of: impl Fn(&[Identity], u64) -> ProfileId,
    ) -> Vec<(ProfileId, Known)> {
        let owners = self
            .names
            .iter()
            .map(|(arrival, names)| (owner_of(&names.identities, *arrival), *arrival));
        let foreign: Vec<(ProfileId, u64)> = owners.filter(|(owner, _)| *owner != own).collect();
        let take = |(owner, arrival)| Some((owner, self.remove(arrival)?));
        foreign.into_iter().filter_map(take).collect()
    }

    /// Takes in everything of a profile that became one with this one.
    pub(crate) fn absorb(&mut self, other: History) {
        self.events.extend(other.events);
        self.records.extend(other.records);
        self.names.extend(other.names);
    }

    /// The events in order.
    pub(crate) fn events(&self) -> impl Iterator<Item = &EventFact> {
        self.events.values()
    }

    /// The attributes of the records, in order.
    pub(super) fn records(&self) -> impl Iterator<Item = (Stamp, &Value)> {
        self.records.iter().map(|(stamp, attributes)| (*stamp, attributes))
    }

    /// The stamp of the first input.
    pub(crate) fn first(&self) -> Option<Stamp> {
        let firsts = [self.events.keys().next(), self.records.keys().next()];
        firsts.into_iter().flatten().min().copied()
    }

    /// When the newest input that named an identity happened.
    pub(crate) fn last_named(&self, identity: &Identity) -> Option<Timestamp> {
        let names = self.names.values().filter(|names| names.identities.contains(identity));
        names.map(|names| names.timestamp).max()
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        let events = self.events.keys().map(|(_, arrival)| Slot::Event(*arrival));
        events.chain(self.records.keys().map(|(_, arrival)| Slot::Record(*arrival)))
    }

    /// Writes the input that arrived at this position; nothing when it is not here.
    pub(super) fn write(&self, arrival: u64, writer: &mut Writer) -> Option<()> {
        let names = self.names.get(&arrival)?;
        let stamp = (names.timestamp, arrival);
        let event = self.events.get(&stamp).map(|event| &event.body);
        writer.timestamp(names.timestamp);
        writer.identities(&names.identities);
        writer.json(event.or_else(|| self.records.get(&stamp))?);
        Some(())
    }

    /// Puts back the event that arrived at this position.
    pub(super) fn read_event(
        &mut self,
        arrival: u64,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        self.read(arrival, reader, Said::Event)
    }

    /// Puts back the record that arrived at this position.
    pub(super) fn read_record(
        &mut self,
        arrival: u64,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        self.read(arrival, reader, Said::Record)
    }

    fn read(
        &mut self,
        arrival: u64,
        reader: &mut Reader<'_>,
        said: fn(Value) -> Said,
    ) -> Result<(), DecodeError> {
        let stamp = (reader.timestamp()?, arrival);
        let identities = reader.list(Reader::identity)?;
        self.insert(Known { stamp, identities, said: said(reader.json()?) });
        Ok(())
    }
}

/// Equal when they hold the same inputs; how an `EventFact` compares is its own business.
impl PartialEq for History {
    fn eq(&self, other: &History) -> bool {
        let bodies = |history: &History| {
            let events = history.events.iter();
            events.map(|(key, event)| (*key, event.body.clone())).collect::<Vec<_>>()
        };
        self.names == other.names && self.records == other.records && bodies(self) == bodies(other)
    }
}
