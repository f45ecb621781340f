//! Requests that are made beforehand: bodies in which only ids and timestamps are written anew.

use std::sync::Arc;

use anyhow::Context;
use indicatif::ProgressBar;
use segue_load::stream::{Arrival, Kind, Settings, Stream};
use segue_xdm::Timestamp;
use serde_json::{Value, json};

/// Different events that are kept at most; after them they come again, with new ids.
const EVENTS_MAX: usize = 100_000;
/// Different events that are kept for each person.
const EVENTS_PER_PERSON: usize = 10;
/// A timestamp as it is written: always with milliseconds, so that it always has this length.
const TIMESTAMP: &str = "2026-01-01T00:00:00.000Z";
/// Hexadecimal digits of an event's id.
const ID_DIGITS: usize = 32;

/// Visitors in one request.
const VISITORS_PER_REQUEST: u64 = 1000;

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) seed: u64,
    pub(crate) profiles: usize,
    pub(crate) batch: usize,
}

/// All requests.
pub(crate) struct Batches {
    events: Vec<Template>,
    /// Attributes of persons, to be sent once.
    records: Vec<String>,
    batch: usize,
}

/// An event, and where in it is what changes.
struct Template {
    body: Vec<u8>,
    id_at: usize,
    timestamp_at: usize,
    /// How long before it was sent it happened.
    age_ms: i64,
    /// How many events ago the same one was sent already, when it is a repeat.
    repeats: Option<u64>,
}

impl Batches {
    /// Draws the events of a load.
    pub(crate) fn new(load: Load, bar: &ProgressBar) -> anyhow::Result<Batches> {
        let settings = Settings { seed: load.seed, persons: load.profiles, ..Settings::default() };
        let count = EVENTS_MAX.min(load.profiles * EVENTS_PER_PERSON);
        let mut batches =
            Batches { events: Vec::with_capacity(count), records: Vec::new(), batch: load.batch };
        let mut known = std::collections::HashMap::new();
        bar.set_length(count as u64);
        for arrival in Stream::new(settings) {
            match arrival.kind {
                Kind::Record => batches.records.push(arrival.body),
                Kind::Event => {
                    let place = batches.events.len() as u64;
                    let before = known.insert(event_id(&arrival)?, place);
                    let mut template = Template::new(&arrival)?;
                    template.repeats = before.map(|before| place - before);
                    batches.events.push(template);
                    bar.inc(1);
                }
            }
            if batches.events.len() == count {
                break;
            }
        }
        bar.finish_and_clear();
        Ok(batches)
    }

    /// Events in a request.
    pub(crate) fn size(&self) -> usize {
        self.batch
    }

    /// The records, in bodies of JSON lines.
    pub(crate) fn records(&self) -> impl Iterator<Item = String> {
        self.records.chunks(self.batch).map(|records| records.join("\n"))
    }

    /// One short event of each of so many visitors who come once, in bodies of JSON lines; with how
    /// many are in each.
    pub(crate) fn visitors(count: u64, now: Timestamp) -> impl Iterator<Item = (u64, String)> {
        let event = move |number: u64| {
            let id = format!("visitor-{number}");
            let identities = json!({"ECID": [{"id": id}]});
            json!({"_id": id, "timestamp": now.to_string(), "identityMap": identities}).to_string()
        };
        let firsts = (0..count).step_by(VISITORS_PER_REQUEST as usize);
        firsts.map(move |first| {
            let numbers = first..count.min(first + VISITORS_PER_REQUEST);
            let visitors = numbers.end - numbers.start;
            (visitors, numbers.map(event).collect::<Vec<String>>().join("\n"))
        })
    }

    /// Some of the events, as they are.
    pub(crate) fn sample(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.events.iter().map(|event| event.body.as_slice())
    }

    /// The number of a request's first event.
    pub(crate) fn first_event(&self, request: u64) -> u64 {
        request * self.batch as u64
    }

    /// The body of a request that is sent at `now`, as JSON lines.
    pub(crate) fn body(&self, request: u64, now: Timestamp) -> Vec<u8> {
        let first = self.first_event(request);
        let mut body = Vec::new();
        for number in first..first + self.batch as u64 {
            let place = number as usize % self.events.len();
            let Some(template) = self.events.get(place) else { continue };
            template.write(number, now, &mut body);
            body.push(b'\n');
        }
        body
    }
}

impl Template {
    fn new(arrival: &Arrival) -> anyhow::Result<Template> {
        let body: Value = serde_json::from_str(&arrival.body)?;
        let timestamp = body.get("timestamp").and_then(Value::as_str).unwrap_or_default();
        let age_ms = arrival.at.as_millis() - Timestamp::parse(timestamp)?.as_millis();
        let text = arrival.body.replace(timestamp, TIMESTAMP);
        let place = |name: &str| {
            let key = format!("\"{name}\":\"");
            text.find(&key).map(|at| at + key.len()).with_context(|| format!("no {name}"))
        };
        let (id_at, timestamp_at) = (place("_id")?, place("timestamp")?);
        Ok(Template { body: text.into_bytes(), id_at, timestamp_at, age_ms, repeats: None })
    }

    fn write(&self, number: u64, now: Timestamp, to: &mut Vec<u8>) {
        let start = to.len();
        to.extend_from_slice(&self.body);
        let id = number.saturating_sub(self.repeats.unwrap_or_default());
        let happened = now.minus_millis(self.age_ms).to_jiff();
        let fields = [
            (self.id_at, format!("{id:0ID_DIGITS$x}")),
            (self.timestamp_at, format!("{happened:.3}")),
        ];
        for (at, text) in fields {
            if let Some(field) = to.get_mut(start + at..start + at + text.len()) {
                field.copy_from_slice(text.as_bytes());
            }
        }
    }
}

fn event_id(arrival: &Arrival) -> anyhow::Result<Arc<str>> {
    let body: Value = serde_json::from_str(&arrival.body)?;
    body.get("_id").and_then(Value::as_str).map(Arc::from).context("an event without _id")
}

/// The number of the event that an activation names as its cause; none for timers and records.
pub(crate) fn event_number(cause: &str) -> Option<u64> {
    let is_ours = cause.len() == ID_DIGITS;
    u64::from_str_radix(cause, 16).ok().filter(|_| is_ours)
}

#[cfg(test)]
mod tests {
    use segue_xdm::{Document, Event};

    use super::*;

    #[test]
    fn every_event_is_valid_and_has_a_new_id_unless_it_repeats_one() {
        let load = Load { seed: 1, profiles: 1_000, batch: 1_000 };
        let batches = Batches::new(load, &ProgressBar::hidden()).unwrap();
        let now = Timestamp::parse("2026-11-25T10:00:00.007Z").unwrap();
        let mut ids = std::collections::HashSet::new();
        // The second round of the same events, too.
        for request in [0, 1, 10, 11] {
            let body = batches.body(request, now);
            for (line, number) in body.trim_ascii_end().split(|byte| *byte == b'\n').zip(0..) {
                let event = Event::new(Document::from_json(line).unwrap(), now).unwrap();
                assert!(event.timestamp <= now);
                let found = event_number(&event.id).unwrap();
                assert!(found <= batches.first_event(request) + number);
                ids.insert(found);
            }
        }
        assert!((3_900..4_000).contains(&ids.len()), "1 % repeat: {}", ids.len());
        assert_eq!(event_number("timer"), None);
    }
}
