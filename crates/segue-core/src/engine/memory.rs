//! Which profiles are in memory, and how the others are reached.
//!
//! ```text
//! an input names somebody, a timer is due, a job comes by ─▶ brought in, whole
//! memory is short ─▶ those go that nobody used lately and that the archive has as they are
//! somebody asks ─▶ read, and not kept
//! ```
//!
//! Whoever works on a profile brings it in before; identities, links and state then are found as if
//! they had never been elsewhere. So what is in memory never shows in what is decided. That is also
//! when a checkpoint that is being encoded gets its part of the profile as it was.
//!
//! Invariant: of a profile that is not in memory, the archive has the last word.

use std::borrow::Cow;
use std::collections::BTreeSet;

use segue_xdm::{Identity, Timestamp};

use super::Engine;
use super::checkpoint::{RestoreError, VERSION, read_profile_id};
use super::entry::Entry;
use crate::codec::{DecodeError, Reader};
use crate::identity::Group;
use crate::ids::ProfileId;
use crate::profile::ProfileState;

impl Engine {
    /// Brings a profile into memory.
    pub(super) fn bring_in(&mut self, profile: ProfileId) {
        self.encode_before(profile);
        if self.profiles.is_held(profile) || !self.profiles.contains(profile) {
            return;
        }
        let read = self.batch.ahead.take(profile);
        match read.map_or_else(|| self.read(profile), Ok) {
            Ok((state, group)) => {
                self.queue(profile, state.next_wake);
                self.graph.set_group(profile, group);
                self.profiles.insert(profile, state);
            }
            Err(error) => drop(self.damage.get_or_insert(error)),
        }
    }

    /// Brings in the profiles that have these identities.
    pub(super) fn bring_in_named<'a>(
        &mut self,
        identities: impl IntoIterator<Item = &'a Identity>,
    ) {
        for identity in identities {
            match self.find(identity) {
                Ok(profile) => profile.into_iter().for_each(|profile| self.bring_in(profile)),
                Err(error) => drop(self.damage.get_or_insert(error)),
            }
        }
    }

    /// Settles the profiles that have these identities, and brings in and settles those to whom
    /// inputs of theirs may move when links are cut. That takes identities that are not of one
    /// profile already.
    pub(super) fn settle_around(&mut self, identities: &[Identity]) {
        let owners = identities.iter().map(|one| self.graph.profile_of(one));
        let owners: BTreeSet<Option<ProfileId>> = owners.collect();
        if owners.len() == 1 {
            return;
        }
        let owners: Vec<ProfileId> = owners.into_iter().flatten().collect();
        owners.iter().for_each(|profile| self.settle(*profile));
        if self.profiles.are_all_held() && self.batch.waiting.is_empty() {
            return;
        }
        let states = owners.iter().filter_map(|profile| self.profiles.get(*profile));
        let named: BTreeSet<Identity> =
            states.flat_map(|state| state.history.named()).cloned().collect();
        self.bring_in_named(&named);
        let around: BTreeSet<ProfileId> =
            named.iter().filter_map(|identity| self.graph.profile_of(identity)).collect();
        around.into_iter().for_each(|profile| self.settle(profile));
    }

    /// Brings in all profiles, for what concerns every one of them at once.
    pub(super) fn bring_in_all(&mut self) {
        let all: Vec<ProfileId> = self.profiles.ids().collect();
        all.into_iter().for_each(|profile| self.bring_in(profile));
    }

    /// The profile with this identity, as far as it can be read.
    pub(super) fn profile_of(&self, identity: &Identity) -> Option<ProfileId> {
        self.find(identity).unwrap_or_default()
    }

    fn find(&self, identity: &Identity) -> Result<Option<ProfileId>, RestoreError> {
        let in_memory = self.graph.profile_of(identity);
        if in_memory.is_some() || self.profiles.are_all_held() {
            return Ok(in_memory);
        }
        let archived = match self.batch.ahead.owner_of(identity) {
            Some(known) => known,
            None => self.owner_in_archive(identity)?,
        };
        // Of one in memory the graph knows better.
        Ok(archived.filter(|profile| self.profiles.is_elsewhere(*profile)))
    }

    /// The profile that has an identity as the archive has it.
    pub(super) fn owner_in_archive(
        &self,
        identity: &Identity,
    ) -> Result<Option<ProfileId>, RestoreError> {
        self.entry(&Entry::Identity(identity.clone()), read_profile_id)
    }

    /// What the archive has of an entry.
    fn entry<T>(
        &self,
        entry: &Entry,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, RestoreError> {
        let key = entry.to_key();
        let Some(value) = self.archive.entry(&key) else { return Ok(None) };
        let read = read_value(&value, read).map_err(|source| RestoreError::of(&key, source))?;
        Ok(Some(read))
    }

    /// The state of a profile, to look at.
    pub(super) fn look_at(&self, profile: ProfileId) -> Option<Cow<'_, ProfileState>> {
        if let Some(state) = self.profiles.get(profile) {
            return Some(Cow::Borrowed(state));
        }
        let is_there = self.profiles.contains(profile);
        let (state, _) = is_there.then(|| self.read(profile).ok()).flatten()?;
        Some(Cow::Owned(state))
    }

    /// The identities and links of a profile, to look at.
    pub(super) fn look_at_group(&self, profile: ProfileId) -> Group {
        if self.profiles.get(profile).is_some() || !self.profiles.contains(profile) {
            return self.graph.group(profile);
        }
        let archived = self.entry(&Entry::Group(profile), Group::read);
        archived.unwrap_or_default().unwrap_or_default()
    }

    /// Identities of a profile, sorted.
    pub(super) fn identities_of(&self, profile: ProfileId) -> Vec<Identity> {
        let identities = self.look_at_group(profile).identities;
        identities.into_iter().map(|(identity, _)| identity).collect()
    }

    /// Reads a profile from the archive.
    pub(super) fn read(&self, profile: ProfileId) -> Result<(ProfileState, Group), RestoreError> {
        let mut state = ProfileState::default();
        let mut group = Group::default();
        let prefix = Entry::prefix_of(profile);
        let entries = self.archive.entries(&prefix);
        for (key, value) in entries.take_while(|(key, _)| key.starts_with(&prefix)) {
            let read = match Entry::from_key(&key) {
                Ok(Entry::Profile(_, slot)) => state.decode(slot, &value),
                Ok(_) => read_value(&value, Group::read).map(|read| group = read),
                Err(error) => Err(error),
            };
            read.map_err(|source| RestoreError::of(&key, source))?;
        }
        let before = self.backlog.precedence_before(profile, state.follows);
        state.attributes.merge(before.unwrap_or(self.program.precedence()));
        state.memberships.name(|number| self.program.audience_key_of(number));
        Ok((state, group))
    }

    /// Replaces a profile's wake-up.
    pub(super) fn queue(&mut self, profile: ProfileId, wake: Option<Timestamp>) {
        if self.timers.set(profile, wake, self.batch.now()) {
            self.dirty.insert(Entry::Timer(profile));
        }
    }

    /// Whether an event's `_id` was seen within the window, by its hash.
    pub(super) fn has_seen(&self, hash: u128, position: u64) -> bool {
        self.seen_until(hash, position).is_some_and(|until| until > self.now)
    }

    /// Until when it counts that an `_id` was seen before a log position.
    pub(super) fn seen_until(&self, hash: u128, position: u64) -> Option<Timestamp> {
        self.seen.held(hash).or_else(|| self.archive.seen_until(hash, position))
    }

    /// All deltas that were taken are in the archive: what is in memory as it is there may go.
    pub fn archived(&mut self) {
        self.dirty.archived();
        self.seen.archived();
    }

    /// Lets go of profiles that were not used lately, until those in memory take about so many
    /// bytes, `looks_max` were looked at, or each was twice. Tells whether it came to the first.
    pub fn let_go(&mut self, bytes: usize, looks_max: usize) -> bool {
        for _ in 0..looks_max.min(2 * self.profiles.held_count()) {
            if self.profiles.weight() <= bytes {
                return true;
            }
            let Some(profile) = self.profiles.take_turn() else { continue };
            if self.dirty.concerns(profile) {
                self.profiles.keep(profile);
            } else {
                self.profiles.let_go(profile);
                self.graph.take_group(profile);
            }
        }
        false
    }

    /// How many profiles are in memory, and about how many bytes they take there.
    #[must_use]
    pub fn in_memory(&self) -> (usize, usize) {
        (self.profiles.held_count(), self.profiles.weight())
    }

    /// An entry that was read and makes no sense; the engine is to be thrown away.
    #[must_use]
    pub fn damage(&self) -> Option<&RestoreError> {
        self.damage.as_ref()
    }
}

fn read_value<T>(
    value: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let mut reader = Reader::new("entry", VERSION, value)?;
    let read = read(&mut reader)?;
    reader.finish()?;
    Ok(read)
}
