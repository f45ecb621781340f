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
use segue_xdm::{Body, Event, Identity, Record, Timestamp};
use serde_json::Value;

use super::{Slot, Stamp};
use crate::codec::{DecodeError, Reader, Writer};
use crate::evaluation::EventView;
use crate::ids::ProfileId;

/// The events and records of one profile.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct History {
    events: BTreeMap<Stamp, Body>,
    records: BTreeMap<Stamp, Recorded>,
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
    Event(Body),
    Record(Recorded),
}

/// What a record wrote.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Recorded {
    pub(super) dataset: Option<String>,
    pub(super) attributes: Value,
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
            said: Said::Record(Recorded {
                dataset: record.dataset.clone(),
                attributes: record.attributes.clone(),
            }),
        });
    }

    pub(crate) fn insert(&mut self, known: Known) {
        let Known { stamp: (timestamp, arrival), identities, said } = known;
        self.names.insert(arrival, Names { timestamp, identities });
        match said {
            Said::Event(body) => {
                self.events.insert((timestamp, arrival), body);
            }
            Said::Record(recorded) => {
                self.records.insert((timestamp, arrival), recorded);
            }
        }
    }

    fn remove(&mut self, arrival: u64) -> Option<Known> {
        let Names { timestamp, identities } = self.names.remove(&arrival)?;
        let stamp = (timestamp, arrival);
        let event = self.events.remove(&stamp).map(Said::Event);
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

    /// Whom the inputs named, as often as they did.
    pub(crate) fn named(&self) -> impl Iterator<Item = &Identity> {
        self.names.values().flat_map(|names| &names.identities)
    }

    /// How many events there are.
    pub(crate) fn event_count(&self) -> usize {
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

    /// The event that arrived at this position, as the interpreter reads it.
    pub(crate) fn fact(&self, arrival: u64) -> Option<EventFact> {
        let timestamp = self.names.get(&arrival)?.timestamp;
        self.events.get(&(timestamp, arrival)).map(|body| fact(timestamp, body))
    }

    /// What the records wrote, in order.
    pub(super) fn records(&self) -> impl Iterator<Item = (Stamp, &Recorded)> {
        self.records.iter().map(|(stamp, recorded)| (*stamp, recorded))
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
        writer.timestamp(names.timestamp);
        writer.identities(&names.identities);
        match self.events.get(&stamp) {
            Some(body) => writer.text(body.as_str()),
            None => {
                let Recorded { dataset, attributes } = self.records.get(&stamp)?;
                writer.option(dataset.as_deref(), Writer::text);
                writer.json(attributes);
            }
        }
        Some(())
    }

    /// Puts back the event that arrived at this position.
    pub(super) fn read_event(
        &mut self,
        arrival: u64,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let (timestamp, identities) = read_names(reader)?;
        let said = Said::Event(Body::from_stored(reader.text()?));
        self.insert(Known { stamp: (timestamp, arrival), identities, said });
        Ok(())
    }

    /// Puts back the record that arrived at this position.
    pub(super) fn read_record(
        &mut self,
        arrival: u64,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let (timestamp, identities) = read_names(reader)?;
        let dataset = reader.option(|reader| reader.text().map(str::to_owned))?;
        let said = Said::Record(Recorded { dataset, attributes: reader.json()? });
        self.insert(Known { stamp: (timestamp, arrival), identities, said });
        Ok(())
    }
}

fn read_names(reader: &mut Reader<'_>) -> Result<(Timestamp, Vec<Identity>), DecodeError> {
    Ok((reader.timestamp()?, reader.list(Reader::identity)?))
}

fn fact(timestamp: Timestamp, body: &Body) -> EventFact {
    EventFact { timestamp, body: body.to_value() }
}
