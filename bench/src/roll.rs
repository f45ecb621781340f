//! What the rivals do too, done by Segue: at every event, how many events its id had within the
//! last 60 seconds. Which events they are, the [`Job`] says.
//!
//! Segue has no query that returns a count. Its audience "at least [`AT_LEAST`] within the last
//! 60 seconds" needs the same rolling count of the same key at the same moments, and answers
//! whether it is reached; besides, it exits members at the moment the window closes, which the
//! rivals do not do. What Segue answers is checked event by event against the rivals' counts.

use std::collections::HashMap;
use std::io::BufRead;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use segue_core::{InTurn, Input, ProfileId, Status};
use segue_load::stream::START;
use segue_xdm::{Timestamp, Violation};

use crate::job::Job;
use crate::measurement::thread_cpu_time;
use crate::subject::Subject;

/// The count at which one is a member of the audience.
pub const AT_LEAST: u64 = 3;
/// Events that are read, then processed, in turn.
const BATCH: usize = 1_000;

/// What the job took.
#[derive(Debug, Default)]
pub struct Rolled {
    /// Events applied.
    pub events: usize,
    /// CPU time to process them, apart from reading them.
    pub processing: Duration,
}

/// Does the job with Segue, for at most so much CPU time within the engine. `answer` takes, for
/// every event, its time, and whether its id was a member right after it.
///
/// # Errors
/// A line cannot be read, or is not an event of the job.
pub fn roll(
    job: Job,
    lines: impl BufRead,
    limit: Duration,
    mut answer: Option<&mut dyn FnMut(Timestamp, bool)>,
) -> Result<Rolled> {
    let mut subject = Subject::default();
    for definition in job.definitions() {
        subject.define(definition, START).map_err(|refused| listed(&refused))?;
    }
    let mut members: HashMap<ProfileId, bool> = HashMap::new();
    let mut rolled = Rolled::default();
    let mut lines = lines.lines();
    while rolled.processing < limit {
        let batch = lines.by_ref().take(BATCH).map(|line| job.read(&line?));
        let batch = batch.collect::<Result<Vec<(Timestamp, Input)>>>()?;
        if batch.is_empty() {
            break;
        }
        rolled.events += batch.len();
        let times: Vec<Timestamp> = batch.iter().map(|(at, _)| *at).collect();
        let start = thread_cpu_time();
        let outcomes = subject.process_all(batch, &InTurn);
        for (at, outcome) in times.into_iter().zip(outcomes) {
            let Some(answer) = &mut answer else { continue };
            for change in outcome.changes {
                members.insert(change.profile, change.to != Status::Exited);
            }
            let profile = outcome.profile.context("an event belongs to a profile")?;
            answer(at, members.get(&profile).copied().unwrap_or_default());
        }
        rolled.processing += thread_cpu_time() - start;
    }
    Ok(rolled)
}

pub(crate) fn listed(violations: &[Violation]) -> anyhow::Error {
    let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
    anyhow!(lines.join("\n"))
}
