//! The jobs that the rivals do too: what their events are, and how Segue takes them.
//!
//! ```text
//! tiny    {"id":"p63590","ts":1767225600000,"e":"pageView"}
//! events  {"_acme":{…},"_id":"000…0001","identityMap":{"ECID":[{"id":"…"}]},"timestamp":"…",…}
//! ```
//! Both are in order, without repeats, and one a millisecond: engines differ in what they do with
//! late events and with repeats, and an answer is known by its event's time.

use std::collections::HashSet;
use std::io::{self, Write};

use anyhow::{Context, Result};
use clap::ValueEnum;
use segue_core::Input;
use segue_load::clock::Clock;
use segue_load::random::{Random, Zipf};
use segue_load::stream::{Kind, START, Settings, Stream};
use segue_load::template::{TEMPLATES_MAX, Template};
use segue_xdm::{Document, Event, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::roll::{AT_LEAST, listed};

const IDS: usize = 100_000;
const IDS_EXPONENT: f64 = 0.9;

/// What is counted: the events of the same id within the last 60 seconds.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Job {
    /// Events of 50 bytes
    Tiny,
    /// The events that `segue bench` sends, by their ECID
    Events,
}

impl Job {
    /// Writes so many events, one a line.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn write(self, count: usize, to: &mut impl Write) -> io::Result<()> {
        match self {
            Job::Tiny => write_tiny(count, to),
            Job::Events => write_events(count, to),
        }
    }

    /// What Segue is told before the events come.
    pub(crate) fn definitions(self) -> Vec<Value> {
        match self {
            Job::Tiny => vec![audience(r#"eventType.equals("pageView")"#)],
            // What a login tells joins several ECIDs into one person. The rivals count by ECID.
            Job::Events => vec![
                ignored_namespace("CRMID"),
                ignored_namespace("Email_LC_SHA256"),
                audience("eventType.isNotNull()"),
            ],
        }
    }

    /// An event, with its time as the time at which it comes.
    pub(crate) fn read(self, line: &str) -> Result<(Timestamp, Input)> {
        let body = match self {
            Job::Tiny => Document::from_json(xdm_of_tiny(line)?.as_bytes()),
            Job::Events => Document::from_json(line.as_bytes()),
        };
        let body = body.with_context(|| format!("cannot read {line}"))?;
        // No event of the file is from the future, whenever it is read.
        let event = Event::new(body, Timestamp::MAX).map_err(|violations| listed(&violations))?;
        Ok((event.timestamp, Input::Event(event)))
    }
}

/// Moments, a millisecond apart.
fn moments() -> impl Iterator<Item = Timestamp> {
    (START.as_millis()..).map(Timestamp::from_millis)
}

fn write_tiny(count: usize, to: &mut impl Write) -> io::Result<()> {
    let ids = Zipf::new(IDS, IDS_EXPONENT);
    let mut random = Random::of(1, "roll", 0);
    for at in moments().take(count) {
        let (id, ts) = (ids.sample(&mut random), at.as_millis());
        writeln!(to, r#"{{"id":"p{id}","ts":{ts},"e":"pageView"}}"#)?;
    }
    Ok(())
}

fn write_events(count: usize, to: &mut impl Write) -> io::Result<()> {
    let templates = templates(count.min(TEMPLATES_MAX));
    let (mut line, mut clock) = (Vec::new(), Clock::default());
    for ((template, at), number) in templates.iter().cycle().zip(moments()).zip(0..count as u64) {
        line.clear();
        line.extend_from_slice(template.body());
        template.mark(&mut line, number, 0, &clock.text(at));
        line.push(b'\n');
        to.write_all(&line)?;
    }
    Ok(())
}

/// The first events of the stream, without repeats.
fn templates(count: usize) -> Vec<Template> {
    let mut seen = HashSet::new();
    let events = Stream::new(Settings::default()).filter(|arrival| arrival.kind == Kind::Event);
    let templates = events.filter_map(|arrival| Template::new(&arrival));
    templates.filter(|template| seen.insert(template.id().to_vec())).take(count).collect()
}

fn audience(of_event: &str) -> Value {
    let step = format!("C0: WHAT({of_event}) WHEN(< 60 seconds before now) COUNT({AT_LEAST})");
    let definition = format!("CHAIN(xEvent, timestamp, [{step}])");
    json!({"kind": "Audience", "id": "roll", "definition": definition})
}

fn ignored_namespace(code: &str) -> Value {
    json!({"kind": "Namespace", "code": code, "type": "person", "exclude": ["^"]})
}

/// A tiny event.
#[derive(Deserialize)]
struct Tiny<'a> {
    id: &'a str,
    ts: i64,
    e: &'a str,
}

/// A tiny event's JSON as that of an experience event, as a user would send it.
fn xdm_of_tiny(line: &str) -> Result<String> {
    let line = serde_json::from_str(line).with_context(|| format!("cannot read {line}"))?;
    let Tiny { id, ts, e } = line;
    let at = Timestamp::from_millis(ts);
    let map = format!(r#"{{"id":[{{"id":"{id}"}}]}}"#);
    Ok(format!(r#"{{"_id":"{ts}","eventType":"{e}","identityMap":{map},"timestamp":"{at}"}}"#))
}
