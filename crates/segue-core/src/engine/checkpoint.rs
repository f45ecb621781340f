//! What a checkpoint stores: the entries that changed, and the way back from all of them.
//!
//! Invariant: an engine restored from every write so far, the later ones over the earlier ones,
//! goes on exactly as the one that wrote them would have.

use std::collections::BTreeMap;
use std::sync::Arc;

use segue_xdm::Timestamp;

use super::entry::Entry;
use super::jobs::Task;
use super::seen::SeenId;
use super::walk::Walk;
use super::{Engine, Settings};
use crate::archive::Archive;
use crate::codec::{DecodeError, Reader, Writer};
use crate::evaluation::Names;
use crate::identity::Rules;
use crate::ids::ProfileId;
use crate::program::Published;

/// 3: a profile's identities and links are one entry.
pub(super) const VERSION: u8 = 3;

/// The tags of the entries that a start reads.
const READ_AT_START: [u8; 10] = *b"adhjmnrstw";

/// Writes for a key-value store, to be applied together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delta {
    /// Key and new value; without a value the key is to be deleted. In no order, and a key may come
    /// twice with the same value.
    pub writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// To be put away for good before the writes are applied, in the order in which they came.
    pub ids: Vec<SeenId>,
}

/// A delta of which not all is encoded.
#[derive(Debug)]
pub(super) struct DeltaUnderway {
    delta: Delta,
    /// Profiles that were not come to yet.
    profiles: Vec<ProfileId>,
}

/// A checkpoint cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint's entry {key} cannot be read: {source}")]
pub struct RestoreError {
    key: String,
    source: DecodeError,
}

impl RestoreError {
    pub(super) fn of(key: &[u8], source: DecodeError) -> RestoreError {
        RestoreError { key: key.escape_ascii().to_string(), source }
    }
}

impl Engine {
    /// Everything that changed since the last call, for the checkpoint.
    pub fn take_dirty(&mut self) -> Delta {
        self.begin_delta();
        self.continue_delta(usize::MAX).unwrap_or_default()
    }

    /// Begins what [`take_dirty`](Engine::take_dirty) does at once: everything that changed up to
    /// now. Inputs may be applied before all of it is encoded, and no other one begun.
    pub fn begin_delta(&mut self) {
        debug_assert!(self.underway.is_none(), "the delta before is not whole");
        self.dirty.extend(self.tallies.take_dirty().map(Entry::Members));
        let seen = self.seen.take(self.settings.ids_held_max);
        self.dirty.extend(seen.parts.into_iter().map(Entry::Seen));
        let mut writes = Vec::with_capacity(self.dirty.count());
        for entry in self.dirty.take() {
            writes.push((entry.to_key(), self.encode(&entry)));
        }
        let delta = Delta { writes, ids: seen.ids };
        self.underway = Some(DeltaUnderway { delta, profiles: self.dirty.taken().collect() });
    }

    /// Encodes what the delta that was begun is to have of so many profiles. Gives it when it is
    /// whole; nothing before, and when none was begun.
    pub fn continue_delta(&mut self, profiles_max: usize) -> Option<Delta> {
        for _ in 0..profiles_max {
            match self.underway.as_mut()?.profiles.pop() {
                Some(profile) => self.encode_before(profile),
                None => return self.underway.take().map(|underway| underway.delta),
            }
        }
        None
    }

    /// Encodes what the delta that was begun is to have of a profile, before anything happens to
    /// the profile that comes later.
    pub(super) fn encode_before(&mut self, profile: ProfileId) {
        let Some(mut underway) = self.underway.take() else { return };
        let parts = self.dirty.take_parts(profile);
        if !parts.is_empty() {
            self.profiles.weigh(profile);
        }
        for entry in parts.into_iter().map(|part| part.entry(profile)) {
            underway.delta.writes.push((entry.to_key(), self.encode(&entry)));
        }
        self.underway = Some(underway);
    }

    /// How many entries changed since a delta was begun last: the next one takes the longer the
    /// more there are.
    #[must_use]
    pub fn dirty_count(&self) -> usize {
        self.dirty.count()
    }

    /// The engine that gave the deltas that are in this archive, as it was at the last of them.
    ///
    /// # Errors
    /// An entry is damaged, or another version of Segue wrote it.
    pub fn restore(settings: Settings, archive: Arc<dyn Archive>) -> Result<Engine, RestoreError> {
        let mut engine = Engine::with_archive(settings, Arc::clone(&archive));
        let mut program = Restored::default();
        for tag in READ_AT_START {
            let entries = archive.entries(&[tag]);
            for (key, value) in entries.take_while(|(key, _)| key.first() == Some(&tag)) {
                let loaded = engine.load(&mut program, &key, &value);
                loaded.map_err(|source| RestoreError::of(&key, source))?;
            }
        }
        engine.restore_seen(program.seen_once);
        engine.program.restore(program.version, program.definitions, program.names);
        for (id, task) in program.tasks {
            engine.backlog.restore(id, task);
        }
        engine.graph.set_rules(Rules::new(engine.program.namespaces()));
        Ok(engine)
    }

    /// Takes over the `_id`s of a checkpoint that has an entry for each of them.
    fn restore_seen(&mut self, mut seen: Vec<(Timestamp, u128)>) {
        seen.sort_unstable();
        for (until, hash) in seen {
            self.seen.insert(SeenId { hash, position: 0, until });
            self.dirty.insert(Entry::SeenOnce(hash));
        }
    }

    /// The value of an entry; none when there is no such thing any more.
    fn encode(&self, entry: &Entry) -> Option<Vec<u8>> {
        let mut writer = Writer::new(VERSION);
        match entry {
            Entry::Meta => {
                writer.option(self.applied, Writer::u64);
                writer.timestamp(self.now);
                writer.u64(self.program.version());
                writer.u64(self.horizon.bytes);
            }
            Entry::Horizon => self.horizon.write(&mut writer),
            Entry::Name(name) => writer.u64(self.program.name_number(name)?.into()),
            Entry::Definition(kind, id) => return Some(self.program.stored(*kind, id)?.encode()),
            Entry::Identity(identity) => writer.u128(self.graph.profile_of(identity)?.as_u128()),
            Entry::Merged(id) => {
                let (until, survivor) = self.graph.merged_into(*id)?;
                writer.timestamp(until);
                writer.u128(survivor.as_u128());
            }
            Entry::Seen(position) => self.seen.write_part(*position, &mut writer)?,
            Entry::SeenOnce(_) => return None,
            Entry::Walk => self.backlog.walk().write(&mut writer),
            Entry::Job(id) => self.backlog.task(*id)?.write(&mut writer),
            Entry::Members(audience) => writer.u64(self.tallies.members(audience)?),
            Entry::Profile(id, slot) => return self.profiles.get(*id)?.encode(*slot),
            Entry::Group(id) => {
                self.profiles.get(*id)?;
                self.graph.group(*id).write(&mut writer);
            }
            Entry::Timer(id) => {
                self.profiles.get(*id)?;
                writer.option(self.timers.queued(*id), Writer::timestamp);
            }
        }
        Some(writer.finish())
    }

    fn load(
        &mut self,
        program: &mut Restored,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), DecodeError> {
        let entry = Entry::from_key(key)?;
        if let Entry::Definition(..) = entry {
            program.definitions.push(Published::decode(value)?);
            return Ok(());
        }
        let mut reader = Reader::new("entry", VERSION, value)?;
        match entry {
            Entry::Meta => {
                self.applied = reader.option(Reader::u64)?;
                self.now = reader.timestamp()?;
                program.version = reader.u64()?;
                self.horizon.bytes = reader.u64()?;
            }
            Entry::Horizon => self.horizon.read(&mut reader)?,
            Entry::Name(name) => {
                let number = reader.u64()?;
                let number = u32::try_from(number).map_err(|error| reader.invalid(error))?;
                program.names.restore(name, number);
            }
            Entry::Merged(id) => {
                let until: Timestamp = reader.timestamp()?;
                self.graph.set_merged_into(id, until, read_profile_id(&mut reader)?);
            }
            Entry::Timer(id) => {
                self.profiles.note(id);
                self.timers.set(id, reader.option(Reader::timestamp)?, Timestamp::MIN);
            }
            Entry::Seen(position) => self.seen.read_part(position, &mut reader)?,
            Entry::SeenOnce(hash) => program.seen_once.push((reader.timestamp()?, hash)),
            Entry::Walk => self.backlog.restore_walk(Walk::read(&mut reader)?),
            Entry::Job(id) => drop(program.tasks.insert(id, Task::read(&mut reader)?)),
            Entry::Members(audience) => self.tallies.restore(audience, reader.u64()?),
            _ => return Err(reader.invalid("an entry that a start does not read")),
        }
        reader.finish()
    }
}

/// What makes sense once all of it is there.
#[derive(Default)]
struct Restored {
    version: u64,
    definitions: Vec<Published>,
    names: Names,
    tasks: BTreeMap<u64, Task>,
    seen_once: Vec<(Timestamp, u128)>,
}

pub(super) fn read_profile_id(reader: &mut Reader<'_>) -> Result<ProfileId, DecodeError> {
    reader.u128().map(ProfileId::from_u128)
}
