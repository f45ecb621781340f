//! Settling: profiles take in what waits for them, side by side.
//!
//! ```text
//! profiles that something waits for ─┬▶ shard ─▶ worker ─┬▶ states, timers, counts, dirty entries
//!                                    ├▶ shard ─▶ worker ─┤  one after the other
//!                                    └▶ shard ─▶ worker ─┘
//! ```
//!
//! A shard is as many of the profiles as one worker takes at a time; it has their states to itself
//! for so long.

use segue_xdm::Timestamp;

use super::Engine;
use super::batch::{Moment, Step};
use super::dirty::Part;
use super::outcome::Done;
use super::profiles::Held;
use crate::archive::{Archive, Events};
use crate::identity::IdentityGraph;
use crate::ids::ProfileId;
use crate::process::{Context, ProfileInput, What, process};
use crate::profile::ProfileState;
use crate::program::Program;
use crate::workers::{InTurn, Workers};

/// Profiles that one worker settles.
struct Shard {
    profiles: Vec<Waiting>,
    done: Vec<Done>,
}

/// A profile, and what waits for it.
struct Waiting {
    profile: ProfileId,
    held: Box<Held>,
    steps: Vec<Step>,
}

/// What all shards look at, and none changes.
struct Surroundings<'a> {
    program: &'a Program,
    archive: &'a dyn Archive,
    graph: &'a IdentityGraph,
    moments: &'a [Moment],
}

impl Engine {
    /// Has every profile take in what waits for it, and fire what is due by the input at hand.
    pub(super) fn settle_all(&mut self, workers: &impl Workers) {
        let waiting = std::mem::take(&mut self.batch.waiting);
        self.settle_these(waiting.into_iter().collect(), workers);
    }

    /// The same for one profile, before something else happens to it.
    pub(super) fn settle(&mut self, profile: ProfileId) {
        if let Some(steps) = self.batch.waiting.remove(&profile) {
            self.settle_these(vec![(profile, steps)], &InTurn);
        }
    }

    fn settle_these(&mut self, waiting: Vec<(ProfileId, Vec<Step>)>, workers: &impl Workers) {
        let size = workers.shard_size(waiting.len());
        let mut waiting = waiting.into_iter().filter_map(|(profile, steps)| {
            let held = self.profiles.lend(profile)?;
            Some(Waiting { profile, held, steps })
        });
        let mut shards: Vec<Shard> = std::iter::from_fn(|| {
            let profiles: Vec<Waiting> = waiting.by_ref().take(size).collect();
            (!profiles.is_empty()).then(|| Shard { profiles, done: Vec::new() })
        })
        .collect();
        let surroundings = Surroundings {
            program: &self.program,
            archive: &*self.archive,
            graph: &self.graph,
            moments: &self.batch.moments,
        };
        workers.each(&mut shards, |shard| shard.settle(&surroundings));
        for Shard { profiles, done } in shards {
            for Waiting { profile, held, .. } in profiles {
                let wake = held.state.next_wake;
                self.profiles.give_back(profile, held);
                self.queue(profile, wake);
            }
            done.into_iter().for_each(|done| self.note(done, true));
        }
    }

    /// Notes what was done to a profile; whether its changes of status alone say how many members
    /// there are.
    pub(super) fn note(&mut self, done: Done, by_these_alone: bool) {
        self.tallies.change(&done.changes, by_these_alone);
        self.dirty.touch(done.profile, done.touched.iter().copied().map(Part::Slot));
        if done.is_told() {
            self.batch.done.push(done);
        }
    }
}

impl Shard {
    fn settle(&mut self, surroundings: &Surroundings<'_>) {
        for Waiting { profile, held, steps } in &mut self.profiles {
            surroundings.settle(*profile, &mut held.state, steps, &mut self.done);
        }
    }
}

impl Surroundings<'_> {
    /// Has a profile take in these inputs, each after the timers that are due by then.
    fn settle(
        &self,
        profile: ProfileId,
        state: &mut ProfileState,
        steps: &[Step],
        done: &mut Vec<Done>,
    ) {
        for step in steps {
            let Some(moment) = self.moments.get(step.input) else { continue };
            self.fire(profile, state, moment.now, done);
            let context = self.context(moment.now, moment.events_from);
            let input = ProfileInput {
                identities_changed: step.identities_changed,
                ..self.input(profile, step.given.what())
            };
            let effects = process(context, state, input);
            let cause = step.given.what().cause();
            done.push(Done::of(step.input, None, profile, moment.now, cause, effects));
        }
        if let Some(last) = self.moments.last() {
            self.fire(profile, state, last.now, done);
        }
    }

    /// Fires what is due by a time, each at its moment.
    fn fire(
        &self,
        profile: ProfileId,
        state: &mut ProfileState,
        by: Timestamp,
        done: &mut Vec<Done>,
    ) {
        while let Some(wake) = state.next_wake.filter(|wake| *wake <= by) {
            let input = self.moments.partition_point(|moment| moment.now < wake);
            let Some(moment) = self.moments.get(input) else { return };
            let context = self.context(wake, moment.events_before);
            let what = What::Timer(None);
            let effects = process(context, state, self.input(profile, what));
            done.push(Done::of(input, Some(wake), profile, wake, what.cause(), effects));
        }
    }

    fn context(&self, now: Timestamp, events_from: u64) -> Context<'_> {
        Context { program: self.program, events: Events::new(self.archive, events_from), now }
    }

    fn input<'a>(&'a self, profile: ProfileId, what: What<'a>) -> ProfileInput<'a> {
        ProfileInput {
            profile,
            identities: self.graph.identities(profile),
            identities_changed: false,
            absorbed: Vec::new(),
            attributes_before: None,
            what,
        }
    }
}
