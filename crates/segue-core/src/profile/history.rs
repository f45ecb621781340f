//! What a profile is known by: every event and record that belongs to it, and whom each named.
//!
//! ```text
//! inputs    by arrival, which is the log position: what was said | when | whom it named
//! events    (timestamp, arrival)       in the order in which definitions see them
//! ```
//!
//! Names are kept because profiles can come apart: an input belongs to the profile that holds the
//! one of its identities that decides, and moves when that one does. Attributes are made of the
//! records, so they follow.
//!
//! Both are in order, and nearly everything that comes in comes last.

use segue_pql::EventFact;
use segue_xdm::{Document, Event, Identity, Record, Timestamp};
use serde_json::Value;

use super::{Slot, Stamp};
use crate::codec::{DecodeError, Reader, Writer};
use crate::evaluation::EventView;
use crate::ids::ProfileId;
use crate::in_order;

/// The events and records of one profile.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct History {
    /// By arrival.
    inputs: Vec<Known>,
    /// The stamps of the events among them, in order.
    events: Vec<Stamp>,
}

/// One event or record.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Known {
    stamp: Stamp,
    identities: Vec<Identity>,
    said: Said,
}

#[derive(Clone, PartialEq, Debug)]
enum Said {
    Event(Document),
    Record(Recorded),
}

/// What a record wrote.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Recorded {
    pub(super) dataset: Option<String>,
    pub(super) attributes: Value,
}

impl Known {
    fn arrival(&self) -> u64 {
        self.stamp.1
    }

    fn event(&self) -> Option<&Document> {
        match &self.said {
            Said::Event(body) => Some(body),
            Said::Record(_) => None,
        }
    }

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
        if known.event().is_some() {
            in_order::insert(&mut self.events, known.stamp, |one, other| one < other);
        }
        in_order::insert(&mut self.inputs, known, |one, other| one.arrival() < other.arrival());
    }

    fn find(&self, arrival: u64) -> Option<&Known> {
        let at = self.inputs.binary_search_by_key(&arrival, Known::arrival).ok()?;
        self.inputs.get(at)
    }

    /// Puts the stamps of the events in order, after inputs came and went.
    fn order_events(&mut self) {
        let events = self.inputs.iter().filter(|known| known.event().is_some());
        self.events = events.map(|known| known.stamp).collect();
        self.events.sort_unstable();
    }

    /// Takes out the inputs that do not belong to `own`, each with whose it is now. `owner_of`
    /// takes whom an input named, and when it arrived.
    pub(crate) fn take_foreign(
        &mut self,
        own: ProfileId,
        owner_of: impl Fn(&[Identity], u64) -> ProfileId,
    ) -> Vec<(ProfileId, Known)> {
        let mut foreign = Vec::new();
        for known in std::mem::take(&mut self.inputs) {
            match owner_of(&known.identities, known.arrival()) {
                owner if owner == own => self.inputs.push(known),
                owner => foreign.push((owner, known)),
            }
        }
        self.order_events();
        foreign
    }

    /// Takes in everything of a profile that became one with this one.
    pub(crate) fn absorb(&mut self, other: History) {
        self.inputs.extend(other.inputs);
        self.inputs.sort_unstable_by_key(Known::arrival);
        self.order_events();
    }

    /// Whom the inputs named, as often as they did.
    pub(crate) fn named(&self) -> impl Iterator<Item = &Identity> {
        self.inputs.iter().flat_map(|known| &known.identities)
    }

    /// How many events there are.
    pub(crate) fn event_count(&self) -> usize {
        self.events.len()
    }

    fn events(&self) -> impl Iterator<Item = (Stamp, &Document)> {
        let event = |stamp: &Stamp| Some((*stamp, self.find(stamp.1)?.event()?));
        self.events.iter().filter_map(event)
    }

    /// The events in order, as evaluation sees them.
    pub(crate) fn views(&self) -> impl Iterator<Item = EventView<'_>> {
        self.events().map(|((at, arrival), body)| EventView::new(at, arrival, body))
    }

    /// The events in order, as the interpreter reads them.
    pub(crate) fn facts(&self) -> Vec<EventFact> {
        self.events().map(|((timestamp, _), body)| fact(timestamp, body)).collect()
    }

    /// The event that arrived at this position, as the interpreter reads it.
    pub(crate) fn fact(&self, arrival: u64) -> Option<EventFact> {
        let known = self.find(arrival)?;
        known.event().map(|body| fact(known.stamp.0, body))
    }

    /// What the records wrote.
    pub(super) fn records(&self) -> impl Iterator<Item = (Stamp, &Recorded)> {
        self.inputs.iter().filter_map(|known| match &known.said {
            Said::Event(_) => None,
            Said::Record(recorded) => Some((known.stamp, recorded)),
        })
    }

    /// The stamp of the first input.
    pub(crate) fn first(&self) -> Option<Stamp> {
        self.inputs.iter().map(|known| known.stamp).min()
    }

    /// When the newest input that named an identity happened.
    pub(crate) fn last_named(&self, identity: &Identity) -> Option<Timestamp> {
        let inputs = self.inputs.iter().filter(|known| known.identities.contains(identity));
        inputs.map(|known| known.stamp.0).max()
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = Slot> {
        self.inputs.iter().map(Known::slot)
    }

    /// Writes the input that arrived at this position; nothing when it is not here.
    pub(super) fn write(&self, arrival: u64, writer: &mut Writer) -> Option<()> {
        let Known { stamp: (timestamp, _), identities, said } = self.find(arrival)?;
        writer.timestamp(*timestamp);
        writer.identities(identities);
        match said {
            Said::Event(body) => writer.bytes(body.as_bytes()),
            Said::Record(Recorded { dataset, attributes }) => {
                writer.option(dataset.as_deref(), Writer::text);
                writer.tree(attributes);
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
        let said = Said::Event(Document::from_stored(reader.bytes()?));
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
        let said = Said::Record(Recorded { dataset, attributes: reader.tree()? });
        self.insert(Known { stamp: (timestamp, arrival), identities, said });
        Ok(())
    }
}

fn read_names(reader: &mut Reader<'_>) -> Result<(Timestamp, Vec<Identity>), DecodeError> {
    Ok((reader.timestamp()?, reader.list(Reader::identity)?))
}

fn fact(timestamp: Timestamp, body: &Document) -> EventFact {
    EventFact { timestamp, body: body.to_value() }
}
