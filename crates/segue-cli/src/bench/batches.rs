//! Requests of events that were drawn beforehand.

use std::collections::{HashMap, HashSet};

use anyhow::Context;
use bytes::{BufMut, Bytes, BytesMut};
use indicatif::ProgressBar;
use segue_load::clock::Clock;
use segue_load::stream::{Kind, Settings, Stream};
use segue_load::template::{ID_DIGITS, TEMPLATES_MAX, Template, in_first_crowd};
use segue_xdm::Timestamp;
use serde_json::json;

/// Different events that are kept for each person.
const EVENTS_PER_PERSON: usize = 10;
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
    events: Vec<Sample>,
    /// Rounds of these events that are of different persons.
    crowds: u64,
    /// Attributes of persons, to be sent once.
    records: Vec<String>,
    batch: usize,
    /// Bytes of the longest line.
    longest: usize,
}

/// An event that is sent once a round.
struct Sample {
    template: Template,
    /// How many events ago the same one was sent already, when it is a repeat.
    repeats: Option<u64>,
}

impl Batches {
    /// Draws the events of a load.
    pub(crate) fn new(load: Load, bar: &ProgressBar) -> anyhow::Result<Batches> {
        let settings = Settings { seed: load.seed, persons: load.profiles, ..Settings::default() };
        let count = TEMPLATES_MAX.min(load.profiles * EVENTS_PER_PERSON);
        let mut batches = Batches {
            events: Vec::with_capacity(count),
            crowds: 1,
            records: Vec::new(),
            batch: load.batch,
            longest: 0,
        };
        let mut known = HashMap::new();
        bar.set_length(count as u64);
        for arrival in Stream::new(settings) {
            match arrival.kind {
                Kind::Record => batches.records.push(in_first_crowd(&arrival.body).0),
                Kind::Event => {
                    let place = batches.events.len() as u64;
                    let template = Template::new(&arrival).context("an event without _id")?;
                    let before = known.insert(template.id().to_vec(), place);
                    let repeats = before.map(|before| place - before);
                    batches.events.push(Sample { template, repeats });
                    bar.inc(1);
                }
            }
            if batches.events.len() == count {
                break;
            }
        }
        bar.finish_and_clear();
        let lengths = batches.events.iter().map(|event| event.template.body().len() + 1);
        batches.longest = lengths.max().unwrap_or_default();
        let persons = batches.events.iter().map(|event| event.template.person());
        let persons = persons.collect::<HashSet<&[u8]>>().len().max(1);
        batches.crowds = (load.profiles / persons).max(1) as u64;
        Ok(batches)
    }

    /// Events in a request.
    pub(crate) fn size(&self) -> usize {
        self.batch
    }

    /// The records, in bodies of JSON lines.
    pub(crate) fn records(&self) -> impl Iterator<Item = Bytes> {
        self.records.chunks(self.batch).map(|records| records.join("\n").into())
    }

    /// One short event of each of so many visitors who come once, in bodies of JSON lines; with how
    /// many are in each.
    pub(crate) fn visitors(count: u64, now: Timestamp) -> impl Iterator<Item = (u64, Bytes)> {
        let event = move |number: u64| {
            let id = format!("visitor-{number}");
            let identities = json!({"ECID": [{"id": id}]});
            json!({"_id": id, "timestamp": now.to_string(), "identityMap": identities}).to_string()
        };
        let firsts = (0..count).step_by(VISITORS_PER_REQUEST as usize);
        firsts.map(move |first| {
            let numbers = first..count.min(first + VISITORS_PER_REQUEST);
            let visitors = numbers.end - numbers.start;
            (visitors, numbers.map(event).collect::<Vec<String>>().join("\n").into())
        })
    }

    /// Some of the events, as they are.
    pub(crate) fn sample(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.events.iter().map(|event| event.template.body())
    }

    /// The number of a request's first event.
    fn first_event(&self, request: u64) -> u64 {
        request * self.batch as u64
    }

    /// The body of a request that is sent at `now`, as JSON lines.
    pub(crate) fn body(&self, request: u64, now: Timestamp, pen: &mut Pen) -> Bytes {
        let first = self.first_event(request);
        let Pen { clock, paper } = pen;
        // Requests are about as long as each other: this is the room of the last one again.
        paper.reserve(self.batch * self.longest);
        for number in first..first + self.batch as u64 {
            let (round, place) =
                (number as usize / self.events.len(), number as usize % self.events.len());
            let Some(event) = self.events.get(place) else { continue };
            event.write(number, round as u64 % self.crowds, now, clock, paper);
            paper.put_u8(b'\n');
        }
        paper.split().freeze()
    }
}

/// What bodies are written with, one after the other: into the same memory when the one before is
/// no longer held.
#[derive(Default)]
pub(crate) struct Pen {
    clock: Clock,
    paper: BytesMut,
}

impl Sample {
    fn write(&self, number: u64, crowd: u64, now: Timestamp, clock: &mut Clock, to: &mut BytesMut) {
        let id = number.saturating_sub(self.repeats.unwrap_or_default());
        let happened = clock.text(now.minus_millis(self.template.age_ms()));
        let start = to.len();
        to.extend_from_slice(self.template.body());
        if let Some(copy) = to.get_mut(start..) {
            self.template.mark(copy, id, crowd, &happened);
        }
    }
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
        let mut pen = Pen::default();
        for request in [0, 1, 10, 11] {
            let body = batches.body(request, now, &mut pen);
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
