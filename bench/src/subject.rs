//! What is measured: the engine, behind the few calls that measuring needs. Whatever way of
//! applying an input becomes the fastest, this is the one file that knows of it.

use std::collections::HashMap;
use std::sync::Arc;

use segue_core::{
    Archive, ArchiveEntry, Definition, Engine, Input, Outcome, Profile, ProfileId, Program,
    Settings, Workers,
};
use segue_xdm::{Document, Event, Identity, Record, Timestamp, Violation};
use serde_json::{Value, json};

use segue_load::audience::Audience;
use segue_load::stream::Kind;

/// The log and the store behind the engine, neither of which is measured: as with those, events are
/// not kept a second time. No audience of the load has to read one again.
#[derive(Debug)]
struct Unasked;

impl Archive for Unasked {
    fn event(&self, position: u64) -> Option<Document> {
        panic!("event {position} is read again, and nobody has it")
    }

    fn keep(&self, _: u64, _: &Document) {}

    fn seen_until(&self, _: u128, _: u64) -> Option<Timestamp> {
        None
    }

    fn entry(&self, _: &[u8]) -> Option<Vec<u8>> {
        None
    }

    fn entries(&self, _: &[u8]) -> Box<dyn Iterator<Item = ArchiveEntry> + '_> {
        Box::new(std::iter::empty())
    }
}

/// Where a profile's key says what of it this is: behind a letter and the profile's id.
const SLOT_AT: usize = 1 + 16;

/// The engine, with the positions of a log that there is none of.
#[derive(Debug)]
pub struct Subject {
    engine: Engine,
    position: u64,
}

/// What the engine holds, as its checkpoint stores it.
#[derive(Clone, Copy, Debug, Default)]
pub struct StateSize {
    /// Profiles.
    pub profiles: u64,
    /// Bytes of what is kept of them: attributes, memberships, what audiences count.
    pub profile_bytes: u64,
    /// Bytes of their events and records, as they came.
    pub history_bytes: u64,
    /// Bytes of everything else: identities, the `_id`s seen, definitions.
    pub other_bytes: u64,
}

impl Default for Subject {
    fn default() -> Subject {
        let engine = Engine::with_archive(Settings::default(), Arc::new(Unasked));
        Subject { engine, position: 0 }
    }
}

impl Subject {
    /// Publishes an audience.
    ///
    /// # Errors
    /// The language has no such form, or an audience that it names was refused.
    pub fn publish(&mut self, audience: &Audience, now: Timestamp) -> Result<(), Vec<Violation>> {
        let Audience { id, definition } = audience;
        self.define(json!({"kind": "Audience", "id": id, "definition": definition}), now)
    }

    /// Publishes a definition.
    ///
    /// # Errors
    /// It is not valid, or not with those before it.
    pub fn define(&mut self, definition: Value, now: Timestamp) -> Result<(), Vec<Violation>> {
        let definition = Definition::from_value(definition)?;
        let outcome = self.process(now, Input::Define(definition));
        if outcome.refused.is_empty() { Ok(()) } else { Err(outcome.refused) }
    }

    /// Reads what arrived.
    ///
    /// # Errors
    /// It is no valid event or record.
    pub fn read(kind: Kind, body: &[u8], now: Timestamp) -> Result<Input, Vec<Violation>> {
        let malformed =
            |error: serde_json::Error| vec![Violation::new("", "json", error.to_string())];
        let body = Document::from_json(body).map_err(malformed)?;
        match kind {
            Kind::Event => Event::new(body, now).map(Input::Event),
            Kind::Record => Record::new(&body, now).map(Input::Record),
        }
    }

    /// Applies an input, with the timers that are due before it.
    pub fn process(&mut self, now: Timestamp, input: Input) -> Outcome {
        self.position += 1;
        self.engine.apply(self.position, now, input)
    }

    /// Applies inputs together, each with the timers that are due before it.
    pub fn process_all(
        &mut self,
        inputs: Vec<(Timestamp, Input)>,
        workers: &impl Workers,
    ) -> Vec<Outcome> {
        let positions = self.position + 1..;
        self.position += inputs.len() as u64;
        let inputs = positions.zip(inputs).map(|(position, (now, input))| (position, now, input));
        self.engine.apply_all(inputs.collect(), workers)
    }

    /// The profiles of the same program, each by itself.
    #[must_use]
    pub fn alone(&self) -> Alone {
        let program = self.engine.program().clone();
        Alone { program, profiles: HashMap::new(), position: 0 }
    }

    /// The size of the state. Ends the measurement: a checkpoint is taken.
    #[must_use]
    pub fn into_state_size(mut self) -> StateSize {
        let profiles = self.engine.profile_count() as u64;
        let mut size = StateSize { profiles, ..StateSize::default() };
        for (key, value) in self.engine.take_dirty().writes {
            let bytes = (key.len() + value.map_or(0, |value| value.len())) as u64;
            match (key.first(), key.get(SLOT_AT)) {
                (Some(b'p'), Some(0 | 1)) => size.profile_bytes += bytes,
                (Some(b'p'), Some(2 | 3)) => size.history_bytes += bytes,
                _ => size.other_bytes += bytes,
            }
        }
        size
    }
}

/// Profiles without the engine around them: an input belongs to the one with its first identity.
/// What is left is what an event costs the audiences.
#[derive(Debug)]
pub struct Alone {
    program: Program,
    profiles: HashMap<Identity, Profile>,
    position: u64,
}

impl Alone {
    /// Applies an input to its profile, with the timers that are due before it; gives how many
    /// statuses changed.
    pub fn process(&mut self, now: Timestamp, input: &Input) -> usize {
        self.position += 1;
        let identities = match input {
            Input::Event(event) => &event.identities,
            Input::Record(record) => &record.identities,
            _ => return 0,
        };
        let Some(identity) = identities.first() else { return 0 };
        if !self.profiles.contains_key(identity) {
            let id = ProfileId::from_u128(self.position.into());
            let profile = Profile::new(id, identities.iter().cloned().collect(), Arc::new(Unasked));
            self.profiles.insert(identity.clone(), profile);
        }
        let profile = self.profiles.get_mut(identity);
        profile.map_or(0, |profile| {
            profile.apply(&self.program, self.position, now, input).changes.len()
        })
    }

    /// Bytes of state of a profile, on average.
    #[must_use]
    pub fn bytes_per_profile(&self) -> f64 {
        let bytes: usize = self.profiles.values().map(Profile::state_bytes).sum();
        bytes as f64 / self.profiles.len().max(1) as f64
    }
}
