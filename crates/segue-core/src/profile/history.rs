//! What a profile is known by: every event and record that belongs to it, and whom each named.
//!
//! ```text
//! inputs    by arrival, which is the log position: when | whom it named | what a record wrote
//! ```
//!
//! The bodies of events are not in here: an [`Archive`](crate::Archive) gives them back by their
//! arrival. Names are kept because profiles can come apart: an input belongs to the profile that
//! holds the one of its identities that decides, and moves when that one does. What records wrote
//! is kept because attributes are made of it, so they follow.
//!
//! Of an event that has left the log, nothing is asked any more: it belongs for ever to whom it
//! belonged last, and is dropped with the others of its block. So a profile does not grow with all
//! that ever came in.
//!
//! Nearly everything that comes in comes last.

use std::sync::Arc;

use segue_pql::EventFact;
use segue_xdm::{Document, Event, Identity, Record, Timestamp};
use serde_json::Value;

use super::{Slot, Stamp};
use crate::archive::Events;
use crate::codec::{DecodeError, Reader, Writer};
use crate::ids::ProfileId;
use crate::in_order;

/// Log positions of which the events of one profile are stored together, as a power of two: as
/// many as arrive in some minutes of a busy day. An event is then a few bytes in an entry that is
/// written anyway, or a small entry of its own.
const BLOCK_BITS: u32 = 20;
const BLOCK_MASK: u64 = (1 << BLOCK_BITS) - 1;

/// Inputs that are looked at for the same names. Most of a profile's inputs name the same few.
const NAMES_LOOKED_AT: usize = 8;

/// The events and records of one profile, by arrival.
#[derive(Clone, Default, PartialEq, Debug)]
pub(crate) struct History(Vec<Known>);

/// One event or record.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Known {
    stamp: Stamp,
    /// Shared by the inputs that name the same.
    identities: Arc<[Identity]>,
    said: Said,
}

#[derive(Clone, PartialEq, Debug)]
enum Said {
    /// What the archive has at its arrival.
    Event,
    Record(Box<Recorded>),
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

    fn is_event(&self) -> bool {
        matches!(self.said, Said::Event)
    }

    /// Where it is stored.
    pub(crate) fn slot(&self) -> Slot {
        match self.said {
            Said::Event => Slot::of_event(self.arrival()),
            Said::Record(_) => Slot::Record(self.arrival()),
        }
    }
}

impl Slot {
    /// Where the event that arrived at this position is stored, among others.
    pub(crate) fn of_event(arrival: u64) -> Slot {
        Slot::Events(arrival >> BLOCK_BITS)
    }
}

impl History {
    pub(crate) fn add(&mut self, event: &Event, arrival: u64) {
        let stamp = (event.timestamp, arrival);
        let identities = self.share(&event.identities);
        self.insert(Known { stamp, identities, said: Said::Event });
    }

    pub(crate) fn add_record(&mut self, record: &Record, stamp: Stamp) {
        let Record { dataset, attributes, .. } = record.clone();
        let identities = self.share(&record.identities);
        let said = Said::Record(Box::new(Recorded { dataset, attributes }));
        self.insert(Known { stamp, identities, said });
    }

    /// The names as a recent input has them, if one has the same.
    fn share(&self, identities: &[Identity]) -> Arc<[Identity]> {
        let recent = self.0.iter().rev().take(NAMES_LOOKED_AT).map(|known| &known.identities);
        let same = recent.into_iter().find(|recent| ***recent == *identities);
        same.cloned().unwrap_or_else(|| identities.into())
    }

    pub(crate) fn insert(&mut self, known: Known) {
        in_order::insert(&mut self.0, known, |one, other| one.arrival() < other.arrival());
    }

    fn find(&self, arrival: u64) -> Option<&Known> {
        let at = self.0.binary_search_by_key(&arrival, Known::arrival).ok()?;
        self.0.get(at)
    }

    /// Whether an event that arrives now is the first input of its block: when to look for what
    /// has [left the log](History::drop_unreadable), which is more work the more records there are.
    pub(crate) fn begins_block(&self, arrival: u64) -> bool {
        let last = self.0.last().map(|last| Slot::of_event(last.arrival()));
        last != Some(Slot::of_event(arrival))
    }

    /// Drops the events of blocks that have left the log altogether; gives the slots that changed.
    /// The first input stays, in either order: by when it happened, a profile is known to be older
    /// than another one, and by when it arrived, that it had events before.
    pub(crate) fn drop_unreadable(&mut self, events: Events<'_>) -> Vec<Slot> {
        const FIRST_ONES: usize = 2;
        let is_old = |known: &Known| !events.reach(known.arrival() | BLOCK_MASK);
        let old = self.0.iter().take_while(|known| is_old(known));
        if old.filter(|known| known.is_event()).nth(FIRST_ONES).is_none() {
            return Vec::new();
        }
        let first = [self.first(), self.0.first().map(|known| known.stamp)];
        let mut gone = Vec::new();
        self.0.retain(|known| {
            let stays = !known.is_event() || !is_old(known) || first.contains(&Some(known.stamp));
            if !stays {
                gone.push(known.slot());
            }
            stays
        });
        self.0.shrink_to_fit();
        gone.dedup();
        gone
    }

    /// Takes out the inputs that do not belong to `own`, each with whose it is now. `owner_of`
    /// takes whom an input named, and when it arrived. Events that cannot be read stay.
    pub(crate) fn take_foreign(
        &mut self,
        own: ProfileId,
        events: Events<'_>,
        owner_of: impl Fn(&[Identity], u64) -> ProfileId,
    ) -> Vec<(ProfileId, Known)> {
        let mut foreign = Vec::new();
        for known in std::mem::take(&mut self.0) {
            if known.is_event() && !events.reach(known.arrival()) {
                self.0.push(known);
                continue;
            }
            match owner_of(&known.identities, known.arrival()) {
                owner if owner == own => self.0.push(known),
                owner => foreign.push((owner, known)),
            }
        }
        foreign
    }

    /// Takes in everything of a profile that became one with this one.
    pub(crate) fn absorb(&mut self, other: History) {
        self.0.extend(other.0);
        self.0.sort_unstable_by_key(Known::arrival);
    }

    /// Whom the inputs named, mostly once each.
    pub(crate) fn named(&self) -> impl Iterator<Item = &Identity> {
        let lists = self.0.chunk_by(|one, next| Arc::ptr_eq(&one.identities, &next.identities));
        let lists = lists.filter_map(|inputs| Some(&inputs.first()?.identities));
        lists.flat_map(|identities| identities.iter())
    }

    /// How many events there are.
    pub(crate) fn event_count(&self) -> usize {
        self.0.iter().filter(|known| known.is_event()).count()
    }

    /// Where the inputs are in the log.
    pub(crate) fn arrivals(&self) -> Vec<u64> {
        self.0.iter().map(Known::arrival).collect()
    }

    /// The events in the order in which definitions see them: by timestamp, then by arrival.
    pub(crate) fn events<'a>(
        &self,
        events: Events<'a>,
    ) -> impl Iterator<Item = (Stamp, Document)> + use<'a> {
        let own = self.0.iter().filter(|known| known.is_event());
        let mut stamps: Vec<Stamp> = own.map(|known| known.stamp).collect();
        stamps.sort_unstable();
        stamps.into_iter().filter_map(move |stamp| Some((stamp, events.body(stamp.1)?)))
    }

    /// Whether an event of it can no longer be read.
    pub(crate) fn goes_back_beyond(&self, events: Events<'_>) -> bool {
        self.0.first().is_some_and(|first| !events.reach(first.arrival()))
    }

    /// Whether the input that arrived at this position belongs to it.
    pub(crate) fn has(&self, arrival: u64) -> bool {
        self.find(arrival).is_some()
    }

    /// The events in order, as the interpreter reads them.
    pub(crate) fn facts(&self, events: Events<'_>) -> Vec<EventFact> {
        let fact = |((timestamp, _), body): (Stamp, Document)| EventFact {
            timestamp,
            body: body.to_value(),
        };
        self.events(events).map(fact).collect()
    }

    /// What the records wrote.
    pub(super) fn records(&self) -> impl Iterator<Item = (Stamp, &Recorded)> {
        self.0.iter().filter_map(|known| match &known.said {
            Said::Event => None,
            Said::Record(recorded) => Some((known.stamp, recorded.as_ref())),
        })
    }

    /// The stamp of the first input.
    pub(crate) fn first(&self) -> Option<Stamp> {
        self.0.iter().map(|known| known.stamp).min()
    }

    /// When the newest input that named an identity happened.
    pub(crate) fn last_named(&self, identity: &Identity) -> Option<Timestamp> {
        let inputs = self.0.iter().filter(|known| known.identities.contains(identity));
        inputs.map(|known| known.stamp.0).max()
    }

    /// About how many bytes it takes in memory.
    pub(super) fn weight(&self) -> usize {
        self.0.capacity() * size_of::<Known>()
    }

    /// The slots that hold something, each once.
    pub(super) fn slots(&self) -> Vec<Slot> {
        let mut slots: Vec<Slot> = self.0.iter().map(Known::slot).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Writes the events of a block; nothing when there are none.
    pub(super) fn write_events(&self, block: u64, writer: &mut Writer) -> Option<()> {
        let from = self.0.partition_point(|known| known.arrival() >> BLOCK_BITS < block);
        let rest = self.0.get(from..)?;
        let inside = rest.iter().take_while(|known| known.arrival() >> BLOCK_BITS == block);
        let events: Vec<&Known> = inside.filter(|known| known.is_event()).collect();
        let mut names: Vec<&[Identity]> = events.iter().map(|known| &*known.identities).collect();
        names.sort_unstable();
        names.dedup();
        let mut before = (events.first()?.stamp.0, block << BLOCK_BITS);
        writer.timestamp(before.0);
        writer.count(names.len());
        names.iter().for_each(|identities| writer.identities(identities));
        writer.count(events.len());
        for known in events {
            let (timestamp, arrival) = known.stamp;
            let (Ok(name) | Err(name)) = names.binary_search(&&*known.identities);
            writer.count(name);
            writer.u64(arrival - before.1);
            writer.i128((timestamp.as_millis() - before.0.as_millis()).into());
            before = known.stamp;
        }
        Some(())
    }

    /// Puts back the events of a block.
    pub(super) fn read_events(
        &mut self,
        block: u64,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let mut before = (reader.timestamp()?, block << BLOCK_BITS);
        let names: Vec<Arc<[Identity]>> = reader
            .list(|reader| Ok(self.share(&reader.list::<_, Vec<Identity>>(Reader::identity)?)))?;
        let events: Vec<Known> = reader.list(|reader| {
            let name = usize::try_from(reader.u64()?).ok().and_then(|name| names.get(name));
            let identities = name.ok_or_else(|| reader.invalid("an event without names"))?.clone();
            before = read_stamp_after(before, reader)?;
            Ok(Known { stamp: before, identities, said: Said::Event })
        })?;
        events.into_iter().for_each(|known| self.insert(known));
        Ok(())
    }

    /// Writes the record that arrived at this position; nothing when it is not here.
    pub(super) fn write_record(&self, arrival: u64, writer: &mut Writer) -> Option<()> {
        let Known { stamp: (timestamp, _), identities, said } = self.find(arrival)?;
        let Said::Record(recorded) = said else { return None };
        writer.timestamp(*timestamp);
        writer.identities(identities);
        writer.option(recorded.dataset.as_deref(), Writer::text);
        writer.tree(&recorded.attributes);
        Some(())
    }

    /// Puts back the record that arrived at this position.
    pub(super) fn read_record(
        &mut self,
        arrival: u64,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let timestamp = reader.timestamp()?;
        let identities: Vec<Identity> = reader.list(Reader::identity)?;
        let dataset = reader.option(|reader| reader.text().map(str::to_owned))?;
        let said = Said::Record(Box::new(Recorded { dataset, attributes: reader.tree()? }));
        let identities = self.share(&identities);
        self.insert(Known { stamp: (timestamp, arrival), identities, said });
        Ok(())
    }
}

/// The stamp of an event that was written as what it differs from the one that arrived before.
fn read_stamp_after(before: Stamp, reader: &mut Reader<'_>) -> Result<Stamp, DecodeError> {
    let arrival = before.1.checked_add(reader.u64()?);
    let later = i64::try_from(reader.i128()?).ok();
    let timestamp = later.and_then(|later| before.0.as_millis().checked_add(later));
    let stamp = timestamp.map(Timestamp::from_millis).zip(arrival);
    stamp.ok_or_else(|| reader.invalid("a stamp that is out of range"))
}
