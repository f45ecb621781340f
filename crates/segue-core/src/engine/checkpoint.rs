//! What a checkpoint stores: the entries that changed, and the way back from all of them.
//!
//! Invariant: an engine restored from every write so far, the later ones over the earlier ones,
//! goes on exactly as the one that wrote them would have.

use std::collections::BTreeMap;

use segue_xdm::Timestamp;

use super::entry::Entry;
use super::jobs::Task;
use super::walk::Walk;
use super::{Engine, Settings};
use crate::codec::{DecodeError, Reader, Writer};
use crate::evaluation::Names;
use crate::identity::{Owner, Rules};
use crate::ids::ProfileId;
use crate::profile::ProfileState;
use crate::program::Published;

/// 2: links are kept.
const VERSION: u8 = 2;

/// Writes for a key-value store, to be applied together.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Delta {
    /// Key and new value; without a value the key is to be deleted. Each key once, in order.
    pub writes: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

/// A checkpoint cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint's entry {key} cannot be read: {source}")]
pub struct RestoreError {
    key: String,
    source: DecodeError,
}

impl Engine {
    /// Everything that changed since the last call, for the checkpoint.
    pub fn take_dirty(&mut self) -> Delta {
        self.dirty.extend(self.tallies.take_dirty().map(Entry::Members));
        let dirty = self.dirty.take();
        let mut writes: Vec<_> = dirty.map(|entry| (entry.to_key(), self.encode(&entry))).collect();
        writes.sort_unstable();
        writes.dedup();
        Delta { writes }
    }

    /// The engine that wrote these entries, as it was at the last of its deltas. The entries may
    /// come in any order; each key once.
    ///
    /// # Errors
    /// An entry is damaged, or another version of Segue wrote it.
    pub fn restore(
        settings: Settings,
        entries: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>,
    ) -> Result<Engine, RestoreError> {
        let mut engine = Engine::new(settings);
        let mut program = Restored::default();
        for (key, value) in entries {
            engine.load(&mut program, &key, &value).map_err(|source| {
                let key = key.escape_ascii().to_string();
                RestoreError { key, source }
            })?;
        }
        engine.program.restore(program.version, program.definitions, program.names);
        for (id, task) in program.tasks {
            engine.backlog.restore(id, task);
        }
        engine.graph.set_rules(Rules::new(engine.program.namespaces()));
        let audiences = engine.program.audience_keys();
        // Where a version wrote that did not keep them.
        let counts_members = engine.tallies.is_empty();
        for (id, state) in engine.profiles.states_mut() {
            let before = engine.backlog.precedence_before(id, state.follows);
            state.attributes.merge(before.unwrap_or(engine.program.precedence()));
            state.memberships.name(&audiences);
            if counts_members {
                engine.tallies.add(&state.memberships);
            }
            engine.timers.set(id, state.next_wake);
        }
        Ok(engine)
    }

    /// The value of an entry; none when there is no such thing any more.
    fn encode(&self, entry: &Entry) -> Option<Vec<u8>> {
        let mut writer = Writer::new(VERSION);
        match entry {
            Entry::Meta => {
                writer.option(self.applied, Writer::u64);
                writer.timestamp(self.now);
                writer.u64(self.program.version());
            }
            Entry::Name(name) => writer.u64(self.program.name_number(name)?.into()),
            Entry::Definition(kind, id) => return Some(self.program.stored(*kind, id)?.encode()),
            Entry::Identity(identity) => {
                let Owner { profile, since } = self.graph.owner(identity)?;
                writer.u128(profile.as_u128());
                writer.u64(since);
            }
            Entry::Link(link) => {
                let (timestamp, position) = self.graph.link_seen(link)?;
                writer.timestamp(timestamp);
                writer.u64(position);
            }
            Entry::Merged(id) => {
                let (until, survivor) = self.graph.merged_into(*id)?;
                writer.timestamp(until);
                writer.u128(survivor.as_u128());
            }
            Entry::Seen(hash) => writer.timestamp(self.seen.get(*hash)?.0),
            Entry::Walk => self.backlog.walk().write(&mut writer),
            Entry::Job(id) => self.backlog.task(*id)?.write(&mut writer),
            Entry::Members(audience) => writer.u64(self.tallies.members(audience)?),
            Entry::Profile(id, slot) => return self.profiles.get(*id)?.encode(*slot),
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
        match entry {
            Entry::Definition(..) => {
                program.definitions.push(Published::decode(value)?);
                return Ok(());
            }
            Entry::Profile(id, slot) => {
                return self
                    .profiles
                    .get_or_insert_with(id, ProfileState::default)
                    .decode(slot, value);
            }
            _ => {}
        }
        let mut reader = Reader::new("entry", VERSION, value)?;
        match entry {
            Entry::Meta => {
                self.applied = reader.option(Reader::u64)?;
                self.now = reader.timestamp()?;
                program.version = reader.u64()?;
            }
            Entry::Name(name) => {
                let number = reader.u64()?;
                let number = u32::try_from(number).map_err(|error| reader.invalid(error))?;
                program.names.restore(name, number);
            }
            Entry::Identity(identity) => {
                let profile = read_profile_id(&mut reader)?;
                self.graph.own(identity, Owner { profile, since: reader.u64()? });
            }
            Entry::Link(link) => {
                let seen = (reader.timestamp()?, reader.u64()?);
                self.graph.set_link(&link, seen);
            }
            Entry::Merged(id) => {
                let until: Timestamp = reader.timestamp()?;
                self.graph.set_merged_into(id, until, read_profile_id(&mut reader)?);
            }
            Entry::Seen(hash) => self.seen.insert(hash, reader.timestamp()?, ()),
            Entry::Walk => self.backlog.restore_walk(Walk::read(&mut reader)?),
            Entry::Job(id) => drop(program.tasks.insert(id, Task::read(&mut reader)?)),
            Entry::Members(audience) => self.tallies.restore(audience, reader.u64()?),
            Entry::Definition(..) | Entry::Profile(..) => {}
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
}

fn read_profile_id(reader: &mut Reader<'_>) -> Result<ProfileId, DecodeError> {
    reader.u128().map(ProfileId::from_u128)
}
