//! The job that the rivals do too: at every event, how many events its id had within the last
//! 60 seconds.
//!
//! ```text
//! {"id":"p63590","ts":1767225600000,"e":"pageView"}      one event a millisecond, Zipf 0.9
//! ```
//! Segue has no query that returns a count. Its audience "at least [`AT_LEAST`] within the last
//! 60 seconds" needs the same rolling count of the same key at the same moments, and answers
//! whether it is reached; besides, it exits members at the moment the window closes, which the
//! rivals do not do. What Segue answers is checked event by event against the rivals' counts.

use std::collections::HashMap;
use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use segue_core::{Input, ProfileId, Status};
use segue_xdm::{Document, Event, Timestamp, Violation};
use serde::Deserialize;

use crate::measurement::thread_cpu_time;
use crate::subject::Subject;
use segue_load::audience::Audience;
use segue_load::random::{Random, Zipf};
use segue_load::stream::START;

/// The count at which one is a member of the audience.
pub const AT_LEAST: u64 = 3;
/// Events that are read, then processed, in turn.
const BATCH: usize = 1_000;
const IDS: usize = 100_000;
const IDS_EXPONENT: f64 = 0.9;

/// So many events, one a line.
#[must_use]
pub fn events(count: usize) -> String {
    let ids = Zipf::new(IDS, IDS_EXPONENT);
    let mut random = Random::of(1, "roll", 0);
    let mut lines = String::with_capacity(count * 51);
    for ts in (START.as_millis()..).take(count) {
        let id = ids.sample(&mut random);
        // Writing into a string cannot fail.
        let _ = writeln!(lines, r#"{{"id":"p{id}","ts":{ts},"e":"pageView"}}"#);
    }
    lines
}

/// What the job took.
#[derive(Debug, Default)]
pub struct Rolled {
    /// Events applied.
    pub events: usize,
    /// CPU time to process them, apart from reading them.
    pub processing: Duration,
}

/// Does the job with Segue, for at most so much CPU time within the engine. `answer` takes, for
/// every event, its `ts`, and whether its id was a member right after it.
///
/// # Errors
/// A line is not one of [`events`].
pub fn roll(
    lines: &str,
    limit: Duration,
    mut answer: Option<&mut dyn FnMut(i64, bool)>,
) -> Result<Rolled> {
    let mut subject = Subject::default();
    subject.publish(&audience(), START).map_err(|refused| listed(&refused))?;
    let mut members: HashMap<ProfileId, bool> = HashMap::new();
    let mut rolled = Rolled::default();
    let mut lines = lines.lines();
    while rolled.processing < limit {
        let batch = lines.by_ref().take(BATCH).map(read);
        let batch = batch.collect::<Result<Vec<(Timestamp, Input)>>>()?;
        if batch.is_empty() {
            break;
        }
        rolled.events += batch.len();
        let start = thread_cpu_time();
        for (at, input) in batch {
            let outcome = subject.process(at, input);
            let Some(answer) = &mut answer else { continue };
            for change in outcome.changes {
                members.insert(change.profile, change.to != Status::Exited);
            }
            let profile = outcome.profile.context("an event belongs to a profile")?;
            answer(at.as_millis(), members.get(&profile).copied().unwrap_or_default());
        }
        rolled.processing += thread_cpu_time() - start;
    }
    Ok(rolled)
}

fn audience() -> Audience {
    let step = r#"C0: WHAT(eventType.equals("pageView")) WHEN(< 60 seconds before now)"#;
    let definition = format!("CHAIN(xEvent, timestamp, [{step} COUNT({AT_LEAST})])");
    Audience { id: "roll".to_owned(), definition }
}

/// A rivals' event.
#[derive(Deserialize)]
struct Line<'a> {
    id: &'a str,
    ts: i64,
    e: &'a str,
}

/// A rivals' event as an experience event, by way of its JSON as a user would send it.
fn read(line: &str) -> Result<(Timestamp, Input)> {
    let line = serde_json::from_str(line).with_context(|| format!("cannot read {line}"))?;
    let Line { id, ts, e } = line;
    let now = Timestamp::from_millis(ts);
    let map = format!(r#"{{"id":[{{"id":"{id}"}}]}}"#);
    let body =
        format!(r#"{{"_id":"{ts}","eventType":"{e}","identityMap":{map},"timestamp":"{now}"}}"#);
    let body = Document::from_json(body.as_bytes())?;
    let event = Event::new(body, now).map_err(|violations| listed(&violations))?;
    Ok((now, Input::Event(event)))
}

fn listed(violations: &[Violation]) -> anyhow::Error {
    let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
    anyhow!(lines.join("\n"))
}
