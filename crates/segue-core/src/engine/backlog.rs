//! What profiles have yet to follow: the running jobs, in the rounds in which they began.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use segue_xdm::Timestamp;

use super::jobs::{Ended, Job, JobKind, JobState, Task, Work};
use super::walk::{Since, Stop, Walk};
use crate::definition::Kind;
use crate::evaluation::{EvaluationMode, Renewal};
use crate::ids::ProfileId;
use crate::program::{Due, Program, Retired};

/// Jobs that have ended and are still shown; beyond, the oldest go.
pub const JOBS_KEPT_MAX: usize = 1000;

/// All jobs.
#[derive(Clone, Default, Debug)]
pub(super) struct Backlog {
    tasks: BTreeMap<u64, Task>,
    running: BTreeSet<u64>,
    ended: BTreeSet<u64>,
    /// The running jobs of each began at one place of the walk; the older ones first.
    rounds: Vec<Round>,
    /// By audience, the running job that has it evaluated.
    evaluating: BTreeMap<String, u64>,
    walk: Walk,
    /// What is pending from a job on, by that job; made when first needed.
    pending: BTreeMap<u64, Arc<Pending>>,
}

/// Jobs that began between two visits of the walk.
#[derive(Clone, Debug)]
struct Round {
    since: Since,
    /// The first of its jobs.
    first: u64,
}

/// What a profile does to be up to date.
#[derive(Default, Debug)]
pub(super) struct Pending {
    /// The audiences that it leaves first, by job.
    pub(super) left: Vec<(u64, Arc<Retired>)>,
    /// What it follows then.
    pub(super) due: Due,
    /// The jobs that count what destinations are sent, each with its destination.
    sends: Vec<(u64, String)>,
    /// The jobs that count every change.
    merges: Vec<u64>,
    /// The first of all these jobs.
    from: u64,
}

impl Backlog {
    /// Whether a profile may have something to follow.
    pub(super) fn is_running(&self) -> bool {
        !self.running.is_empty()
    }

    pub(super) fn running_count(&self) -> usize {
        self.running.len()
    }

    pub(super) fn walk(&self) -> &Walk {
        &self.walk
    }

    pub(super) fn job(&self, id: u64) -> Option<Job> {
        self.tasks.get(&id).map(|task| task.view(id, self.walk.passed))
    }

    /// The newest of those that run.
    pub(super) fn last(&self) -> Option<Job> {
        self.job(*self.running.last()?)
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = Job> {
        self.tasks.iter().map(|(id, task)| task.view(*id, self.walk.passed))
    }

    pub(super) fn task(&self, id: u64) -> Option<&Task> {
        self.tasks.get(&id)
    }

    pub(super) fn is_evaluating(&self, audience: &str) -> bool {
        self.evaluating.contains_key(audience)
    }

    /// Begins a job, with the log position of its definition for an id.
    pub(super) fn begin(
        &mut self,
        id: u64,
        kind: JobKind,
        definition: (Kind, String),
        work: Work,
        (total, created_at): (u64, Timestamp),
    ) {
        let since = self.walk.here();
        if matches!(work, Work::Evaluate) {
            self.evaluating.insert(definition.1.clone(), id);
        }
        let work = Some(work);
        let task =
            Task { kind, definition, created_at, work, since, total, changed: 0, ended: None };
        self.run(id, task);
    }

    fn run(&mut self, id: u64, task: Task) {
        if self.rounds.last().is_none_or(|round| round.since != task.since) {
            self.rounds.push(Round { since: task.since, first: id });
        }
        self.running.insert(id);
        self.tasks.insert(id, task);
    }

    /// The definitions are others now.
    pub(super) fn on_program(&mut self) {
        self.pending.clear();
    }

    /// Ends the job that has an audience evaluated, if there is one: a later definition says what
    /// becomes of it. Gives its id.
    pub(super) fn supersede_audience(&mut self, audience: &str, now: Timestamp) -> Option<u64> {
        let id = self.evaluating.get(audience).copied()?;
        self.end(id, JobState::Superseded, now);
        Some(id)
    }

    /// Ends the jobs that tell a destination something: it is gone. Gives their ids.
    pub(super) fn supersede_destination(&mut self, destination: &str, now: Timestamp) -> Vec<u64> {
        let tells = |id: &u64| {
            let task = self.tasks.get(id);
            task.is_some_and(|task| task.kind == JobKind::Map && task.definition.1 == destination)
        };
        let ids: Vec<u64> = self.running.iter().copied().filter(tells).collect();
        ids.iter().for_each(|id| self.end(*id, JobState::Superseded, now));
        ids
    }

    fn end(&mut self, id: u64, state: JobState, now: Timestamp) {
        let Some(task) = self.tasks.get_mut(&id) else { return };
        if let Some(audience) = task.evaluates()
            && self.evaluating.get(audience) == Some(&id)
        {
            self.evaluating.remove(audience);
        }
        let visited = match state {
            JobState::Done => task.total,
            _ => task.view(id, self.walk.passed).visited,
        };
        task.work = None;
        task.ended = Some(Ended { state, at: now, visited });
        self.running.remove(&id);
        self.ended.insert(id);
        self.pending.clear();
        if self.running.is_empty() {
            self.rounds.clear();
        }
    }

    /// Ends the jobs for which all profiles were visited, when the next stop is this one; gives
    /// their ids.
    pub(super) fn end_rounds(&mut self, next: Option<Stop>, now: Timestamp) -> Vec<u64> {
        let over = self.rounds.iter().take_while(|round| round.since.is_over(next)).count();
        if over == 0 {
            return Vec::new();
        }
        self.rounds.drain(..over);
        let ids: Vec<u64> = match self.rounds.first() {
            Some(left) => self.running.range(..left.first).copied().collect(),
            None => self.running.iter().copied().collect(),
        };
        ids.iter().for_each(|id| self.end(*id, JobState::Done, now));
        ids
    }

    /// Drops the oldest jobs of those that have ended, if there are too many; gives their ids.
    pub(super) fn prune(&mut self) -> Vec<u64> {
        let mut dropped = Vec::new();
        while self.ended.len() > JOBS_KEPT_MAX
            && let Some(id) = self.ended.pop_first()
        {
            self.tasks.remove(&id);
            dropped.push(id);
        }
        dropped
    }

    /// Whether all profiles were visited for every job, when the next stop is this one.
    pub(super) fn is_over(&self, next: Stop) -> bool {
        self.rounds.iter().all(|round| round.since.is_over(Some(next)))
    }

    /// Goes on to a stop at which nobody is visited.
    pub(super) fn reach(&mut self, stop: Stop) {
        self.walk.reach(stop);
    }

    /// Goes on to a stop.
    pub(super) fn go_to(&mut self, stop: Stop) {
        self.walk.go_to(stop);
    }

    /// The first job that a profile has yet to follow, which `follows` all before a position.
    /// Later jobs are pending for it as well: what a round has not come to, later ones have not.
    pub(super) fn first_pending(&self, profile: ProfileId, follows: u64) -> Option<u64> {
        let missed = |round: &&Round| !self.walk.has_visited(profile, &round.since);
        let round = self.rounds.iter().find(missed)?;
        self.running.range(follows.max(round.first)..).next().copied()
    }

    /// The order of datasets by which a profile's attributes were merged last, if a job has yet
    /// to merge them by another.
    pub(super) fn precedence_before(&self, profile: ProfileId, follows: u64) -> Option<&[String]> {
        let from = self.first_pending(profile, follows)?;
        let work = |id| self.tasks.get(id)?.work.as_ref();
        self.running.range(from..).filter_map(work).find_map(|work| match work {
            Work::Merge(precedence_before) => Some(precedence_before.as_slice()),
            _ => None,
        })
    }

    /// What the running jobs from one on have a profile do.
    pub(super) fn pending(&mut self, from: u64, program: &Program) -> Arc<Pending> {
        if let Some(known) = self.pending.get(&from) {
            return Arc::clone(known);
        }
        let mut pending = Pending { from, ..Pending::default() };
        for id in self.running.range(from..) {
            let Some(task) = self.tasks.get(id) else { continue };
            match &task.work {
                None => {}
                Some(Work::Evaluate) => pending.due.evaluate(&task.definition.1),
                Some(Work::Leave(retired)) => pending.left.push((*id, Arc::clone(retired))),
                Some(Work::Send(edit)) => {
                    let destination = program.destination(&task.definition.1);
                    destination.into_iter().for_each(|one| pending.due.edit(one, edit));
                    pending.sends.push((*id, task.definition.1.clone()));
                }
                Some(Work::Merge(_)) => {
                    pending.due.merge = true;
                    pending.merges.push(*id);
                }
            }
        }
        let due = &mut pending.due;
        if !due.audiences.is_empty() && program.evaluation() == EvaluationMode::Incremental {
            due.renewal = Renewal::new(program.compiled(), &due.audiences);
        }
        let pending = Arc::new(pending);
        self.pending.insert(from, Arc::clone(&pending));
        pending
    }

    /// Counts a profile for a job.
    pub(super) fn count(&mut self, id: u64) {
        if let Some(task) = self.tasks.get_mut(&id) {
            task.changed += 1;
        }
    }

    /// The jobs that brought a profile's changes of audiences and messages to destinations.
    pub(super) fn credited<'a>(
        &self,
        pending: &Pending,
        audiences: impl Iterator<Item = &'a str>,
        destinations: &BTreeSet<&str>,
    ) -> BTreeSet<u64> {
        let evaluating = audiences.filter_map(|audience| self.evaluating.get(audience).copied());
        let mut jobs: BTreeSet<u64> = evaluating.filter(|id| *id >= pending.from).collect();
        let is_told = |(_, destination): &&(u64, String)| destinations.contains(&**destination);
        jobs.extend(pending.sends.iter().filter(is_told).map(|(id, _)| *id));
        jobs.extend(&pending.merges);
        jobs
    }

    /// Puts back a job that the checkpoint held; they come in the order of their ids.
    pub(super) fn restore(&mut self, id: u64, task: Task) {
        if task.ended.is_some() {
            self.ended.insert(id);
            self.tasks.insert(id, task);
            return;
        }
        if let Some(audience) = task.evaluates() {
            self.evaluating.insert(audience.to_owned(), id);
        }
        self.run(id, task);
    }

    /// Puts back how far the walk was.
    pub(super) fn restore_walk(&mut self, walk: Walk) {
        self.walk = walk;
    }
}
