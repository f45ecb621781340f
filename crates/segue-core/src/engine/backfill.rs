//! Backfill: how profiles follow definitions that changed, without anything else waiting for it.
//!
//! ```text
//! Define, Remove ─▶ takes effect: every later input sees it ─▶ a job, for the profiles there are
//!
//! Advance(id) ────────────▶ the walk, up to this profile ────┐
//! an input, a due timer ──▶ the profiles that it touches ────┴▶ follow what is pending for them
//! ```
//!
//! Invariants:
//! - an input meets a profile only after it has followed every definition before the input, so
//!   that no message mixes old and new definitions;
//! - a profile that comes into being follows all definitions that there are; it never has to;
//! - a profile follows a definition once.

use std::collections::BTreeSet;

use segue_xdm::Identity;

use super::Engine;
use super::backlog::Pending;
use super::entry::Entry;
use super::jobs::{Job, JobKind, Work};
use super::linking::Joined;
use super::walk::{Stop, Walk};
use crate::consent::is_opted_out;
use crate::definition::{Destination, Kind};
use crate::identity::Regrouping;
use crate::ids::ProfileId;
use crate::input::Input;
use crate::process::{What, changes_by_time};
use crate::profile::{ProfileState, Slot};
use crate::program::{DestinationEdit, Due};

impl Engine {
    /// The jobs that run, and those that ended last, by id.
    pub fn jobs(&self) -> impl Iterator<Item = Job> {
        self.backlog.jobs()
    }

    /// The job with this id: the log position of the change that it comes from.
    #[must_use]
    pub fn job(&self, id: u64) -> Option<Job> {
        self.backlog.job(id)
    }

    /// The newest of the jobs that run: the one that ends last.
    #[must_use]
    pub fn last_job(&self) -> Option<Job> {
        self.backlog.last()
    }

    /// How many jobs run. While there are any, [`Input::Advance`](crate::Input::Advance) takes
    /// them further.
    #[must_use]
    pub fn running_jobs(&self) -> usize {
        self.backlog.running_count()
    }

    /// The input that takes the jobs so many profiles further, or to their end if that comes first;
    /// none while no job runs.
    #[must_use]
    pub fn next_slice(&self, profiles: u64) -> Option<Input> {
        if !self.backlog.is_running() {
            return None;
        }
        let mut walk = *self.backlog.walk();
        for _ in 0..profiles {
            match self.next_stop(&walk).filter(|stop| !self.backlog.is_over(*stop)) {
                Some(stop) => walk.go_to(stop),
                None => break,
            }
        }
        Some(Input::Advance(walk.cursor().unwrap_or(ProfileId::from_u128(0))))
    }

    /// How many profiles all jobs together have visited, ever.
    #[must_use]
    pub fn profiles_visited(&self) -> u64 {
        self.backlog.walk().passed
    }

    /// Whether a profile has yet to follow a definition.
    pub(super) fn is_up_to_date(&self, profile: ProfileId, state: &ProfileState) -> bool {
        self.backlog.first_pending(profile, state.follows).is_none()
    }

    /// The definitions before the next input, by position.
    pub(super) fn follows_all(&self) -> u64 {
        self.applied.map_or(0, |applied| applied + 1)
    }

    /// Begins a job for the profiles that there are; where there are none, nothing is to be done.
    pub(super) fn begin_job(&mut self, kind: JobKind, definition: (Kind, String), work: Work) {
        let Some(id) = self.applied.filter(|_| !self.profiles.is_empty()) else { return };
        let total = self.profiles.len() as u64;
        self.backlog.begin(id, kind, definition, work, (total, self.now));
        self.dirty.extend([Entry::Walk, Entry::Job(id)]);
    }

    /// Takes the jobs further, up to a profile id. The walk is there then, whether there is such a
    /// profile or not.
    pub(super) fn walk(&mut self, through: ProfileId) {
        let last = self.backlog.walk().stop_at(through);
        while let Some(stop) = self.end_jobs().filter(|stop| *stop <= last) {
            let profile = stop.profile;
            self.bring_in(profile);
            if let Some(from) = self.first_pending(profile) {
                self.follow_definitions(profile, from);
            }
            self.backlog.go_to(stop);
        }
        self.backlog.reach(last);
        self.dirty.insert(Entry::Walk);
    }

    /// Ends the jobs that are done; gives where the others go on.
    fn end_jobs(&mut self) -> Option<Stop> {
        if !self.backlog.is_running() {
            return None;
        }
        let next = self.next_stop(self.backlog.walk());
        let ended = self.backlog.end_rounds(next, self.now);
        self.dirty.extend(ended.into_iter().map(Entry::Job));
        self.dirty.extend(self.backlog.prune().into_iter().map(Entry::Job));
        next.filter(|_| self.backlog.is_running())
    }

    /// Where a walk goes next.
    fn next_stop(&self, walk: &Walk) -> Option<Stop> {
        walk.next(self.profiles.after(walk.cursor()).next(), self.profiles.ids().next())
    }

    fn first_pending(&self, profile: ProfileId) -> Option<u64> {
        if !self.backlog.is_running() {
            return None;
        }
        let state = self.profiles.get(profile)?;
        self.backlog.first_pending(profile, state.follows)
    }

    /// Brings a profile up to date before something happens to it.
    pub(super) fn catch_up(&mut self, profile: ProfileId) {
        let Some(from) = self.first_pending(profile) else { return };
        self.follow_definitions(profile, from);
        let follows = self.follows_all();
        if let Some(state) = self.profiles.get_mut(profile) {
            state.follows = follows;
            self.dirty.insert(Entry::Profile(profile, Slot::Audiences));
        }
    }

    /// Fires a profile's timer. Only one that changes a membership brings the profile up to date
    /// before: when profiles are woken for nothing depends on how they are evaluated, and must
    /// not show.
    pub(super) fn wake(&mut self, profile: ProfileId) {
        let Some(from) = self.first_pending(profile) else {
            return self.process(profile, Joined::default(), What::Timer(None));
        };
        let pending = self.backlog.pending(from, &self.program);
        let changes = |state| changes_by_time(self.context(), state, &pending.due);
        if self.profiles.get(profile).is_some_and(changes) {
            self.catch_up(profile);
            return self.process(profile, Joined::default(), What::Timer(None));
        }
        self.process(profile, Joined::default(), What::Timer(Some(&pending.due)));
    }

    /// Brings the profiles up to date whose identities an input names, before it links them.
    pub(super) fn catch_up_named(&mut self, identities: &[Identity]) {
        if self.backlog.is_running() {
            let owners = identities.iter().filter_map(|one| self.graph.profile_of(one));
            let owners: BTreeSet<ProfileId> = owners.collect();
            owners.into_iter().for_each(|profile| self.catch_up(profile));
        }
    }

    /// Brings the profiles up to date that other rules of linking change. Their identities are
    /// other ones already; their inputs are not.
    pub(super) fn catch_up_regrouped(&mut self, regrouping: &Regrouping) {
        if self.backlog.is_running() {
            let became = regrouping.became.iter();
            let gone =
                became.filter(|(profile, became)| became.is_some_and(|now| now != **profile));
            let concerned: BTreeSet<ProfileId> = gone
                .map(|(profile, _)| *profile)
                .chain(regrouping.changed.iter().copied())
                .collect();
            concerned.into_iter().for_each(|profile| self.catch_up(profile));
        }
    }

    /// Has a profile follow the jobs from one on: first it leaves, then the rest, at once.
    fn follow_definitions(&mut self, profile: ProfileId, from: u64) {
        let pending = self.backlog.pending(from, &self.program);
        for (job, retired) in &pending.left {
            let is_member = self
                .profiles
                .get(profile)
                .is_some_and(|state| state.memberships.is_member(retired.id()));
            if is_member {
                self.process(profile, Joined::default(), What::Removed(retired));
                self.backlog.count(*job);
                self.dirty.insert(Entry::Job(*job));
            }
        }
        let Some(state) = self.profiles.get(profile) else { return };
        if !self.concerns(&pending.due, state) {
            return;
        }
        let before = state.encode(Slot::Audiences);
        let done = self.batch.done.len();
        self.process(profile, Joined::default(), What::Backfill(&pending.due));
        // Most profiles are not changed by most definitions, and cost no write then.
        let after = self.profiles.get(profile).and_then(|state| state.encode(Slot::Audiences));
        if after != before {
            self.dirty.insert(Entry::Profile(profile, Slot::Audiences));
        }
        self.credit(&pending, done);
    }

    /// Counts what following did for the jobs that it comes from: all but the first so many things
    /// that were done.
    fn credit(&mut self, pending: &Pending, before: usize) {
        let done = || self.batch.done.iter().skip(before);
        let sent = done().flat_map(|done| &done.activations);
        let destinations: BTreeSet<&str> = sent.map(|one| one.destination.as_str()).collect();
        let changed = done().flat_map(|done| &done.changes);
        let mut changed = changed.map(|change| change.audience.as_str()).peekable();
        if changed.peek().is_none() && destinations.is_empty() {
            return;
        }
        for job in self.backlog.credited(pending, changed, &destinations) {
            self.backlog.count(job);
            self.dirty.insert(Entry::Job(job));
        }
    }

    /// Whether a profile may have to do something for what is due.
    fn concerns(&self, due: &Due, state: &ProfileState) -> bool {
        let is_told = || {
            due.edits.iter().any(|(destination, edit)| {
                let destination = self.program.destination(destination);
                destination.is_some_and(|destination| is_told(destination, edit, state))
            })
        };
        !due.audiences.is_empty()
            || (due.merge && state.attributes.would_change(self.program.precedence()))
            || is_told()
    }
}

/// Whether a profile has something to tell a destination that was edited: a membership that is
/// mapped now, or one that another channel's consent hides or shows.
fn is_told(destination: &Destination, edit: &DestinationEdit, state: &ProfileState) -> bool {
    let attributes = state.attributes.as_value();
    let was_opted_out = is_opted_out(attributes, edit.channel_before.as_deref());
    let consent_changes = was_opted_out != is_opted_out(attributes, destination.channel.as_deref());
    state.memberships.is_member_of_any(&edit.newly_mapped)
        || (consent_changes && state.memberships.is_member_of_any(&destination.audiences))
}
