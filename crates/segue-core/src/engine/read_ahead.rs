//! Reading ahead: what a batch of inputs will ask the archive for, asked side by side.
//!
//! What was read counts as if it had been read when it is needed. Until then the archive has the
//! last word of it, as long as no definition says what it means otherwise.

use rustc_hash::{FxHashMap, FxHashSet};
use segue_xdm::{Identity, Timestamp};

use super::Engine;
use crate::identity::Group;
use crate::ids::ProfileId;
use crate::input::Input;
use crate::profile::ProfileState;
use crate::workers::Workers;

/// What was read, and not needed yet.
#[derive(Default, Debug)]
pub(super) struct ReadAhead {
    owners: FxHashMap<Identity, Option<ProfileId>>,
    profiles: FxHashMap<ProfileId, (ProfileState, Group)>,
}

impl ReadAhead {
    /// The profile that has an identity as the archive has it; none when nobody asked.
    pub(super) fn owner_of(&self, identity: &Identity) -> Option<Option<ProfileId>> {
        self.owners.get(identity).copied()
    }

    /// A profile, which is in memory from now on.
    pub(super) fn take(&mut self, profile: ProfileId) -> Option<(ProfileState, Group)> {
        self.profiles.remove(&profile)
    }
}

/// Identities that one worker looks up, and what it found.
struct Shard<'a> {
    identities: &'a [&'a Identity],
    read: ReadAhead,
}

impl Engine {
    /// Reads the profiles that these inputs name and that are not in memory, if they are so many
    /// that they are parted. What cannot be read is left to whoever needs it.
    pub(super) fn read_ahead(
        &mut self,
        inputs: &[(u64, Timestamp, Input)],
        workers: &impl Workers,
    ) {
        if workers.shards(inputs.len()) < 2 || self.profiles.are_all_held() {
            return;
        }
        let is_elsewhere = |one: &&Identity| self.graph.profile_of(one).is_none();
        let named = inputs.iter().flat_map(|(.., input)| input.identities());
        let named: FxHashSet<&Identity> = named.filter(is_elsewhere).collect();
        let named: Vec<&Identity> = named.into_iter().collect();
        let chunks = named.chunks(workers.shard_size(named.len()));
        let mut shards: Vec<Shard<'_>> =
            chunks.map(|identities| Shard { identities, read: ReadAhead::default() }).collect();
        let engine: &Engine = self;
        workers.each(&mut shards, |shard| shard.read(engine));
        let mut ahead = ReadAhead::default();
        for Shard { read, .. } in shards {
            ahead.owners.extend(read.owners);
            ahead.profiles.extend(read.profiles);
        }
        self.batch.ahead = ahead;
    }
}

impl Shard<'_> {
    fn read(&mut self, engine: &Engine) {
        for identity in self.identities {
            let Ok(owner) = engine.owner_in_archive(identity) else { continue };
            self.read.owners.insert((*identity).clone(), owner);
            let Some(profile) = owner else { continue };
            if engine.profiles.is_elsewhere(profile)
                && !self.read.profiles.contains_key(&profile)
                && let Ok(read) = engine.read(profile)
            {
                self.read.profiles.insert(profile, read);
            }
        }
    }
}
