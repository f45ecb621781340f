//! Which events are read again for definitions that change: those that an audience which changed
//! needs, each once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use segue_core::{Archive, ArchiveEntry, Engine, Input, JobState, MemoryArchive, Settings};
use segue_xdm::{Document, Event, Timestamp};
use serde_json::json;

use crate::world::{at, audience, identity, identity_map};

const START: &str = "2026-01-01T10:00:00Z";

/// Counts the events that are read.
#[derive(Debug, Default)]
struct Counting {
    memory: MemoryArchive,
    events_read: AtomicUsize,
}

impl Archive for Counting {
    fn event(&self, position: u64) -> Option<Document> {
        self.events_read.fetch_add(1, Ordering::Relaxed);
        self.memory.event(position)
    }

    fn keep(&self, position: u64, body: &Document) {
        self.memory.keep(position, body);
    }

    fn seen_until(&self, hash: u128, before: u64) -> Option<Timestamp> {
        self.memory.seen_until(hash, before)
    }

    fn entry(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.memory.entry(key)
    }

    fn entries(&self, from: &[u8]) -> Box<dyn Iterator<Item = ArchiveEntry> + '_> {
        self.memory.entries(from)
    }
}

/// Two visitors, of three pages together.
struct Visitors {
    engine: Engine,
    archive: Arc<Counting>,
    position: u64,
}

impl Visitors {
    fn new() -> Visitors {
        let archive = Arc::new(Counting::default());
        let engine = Engine::with_archive(Settings::default(), archive.clone());
        let mut visitors = Visitors { engine, archive, position: 0 };
        for (id, page) in [("ecid:1", "a"), ("ecid:2", "a"), ("ecid:1", "b")] {
            let body = json!({
                "_id": format!("{id} {page}"), "timestamp": START,
                "identityMap": identity_map(&[id]), "page": page,
            });
            visitors.apply(Input::Event(Event::from_value(&body, at(START)).unwrap()));
        }
        visitors
    }

    fn apply(&mut self, input: Input) {
        let outcome = self.engine.apply(self.position, at(START), input);
        assert_eq!(outcome.refused, []);
        self.position += 1;
    }

    /// Publishes an audience and has everybody follow; gives how many events were read for it.
    fn publish(&mut self, id: &str, pql: &str) -> usize {
        let before = self.archive.events_read.load(Ordering::Relaxed);
        let job = self.position;
        self.apply(Input::Define(audience(id, pql)));
        while let Some(slice) = self.engine.next_slice(1) {
            self.apply(slice);
        }
        assert_eq!(self.engine.job(job).unwrap().state, JobState::Done);
        self.archive.events_read.load(Ordering::Relaxed) - before
    }

    fn members(&self, audience: &str) -> Vec<&'static str> {
        let is_member = |id: &&str| {
            let profile = self.engine.profile(&identity(id)).unwrap();
            let mut held = profile.memberships.iter();
            held.any(|(held, membership)| held == audience && membership.status.is_member())
        };
        ["ecid:1", "ecid:2"].into_iter().filter(is_member).collect()
    }
}

fn visited(page: &str, more: &str) -> String {
    format!(r#"CHAIN(xEvent, timestamp, [C0: WHAT(page.equals("{page}")){more}])"#)
}

#[test]
fn events_are_read_once_for_audiences_that_ask_for_events_and_never_for_others() {
    let mut visitors = Visitors::new();
    assert_eq!(visitors.publish("a", &visited("a", "")), 3);
    assert_eq!(visitors.publish("b", &visited("b", "")), 3);
    assert_eq!(visitors.members("a"), ["ecid:1", "ecid:2"]);
    assert_eq!(visitors.members("b"), ["ecid:1"]);
    assert_eq!(visitors.publish("of both", r#"inSegment("a") and inSegment("b")"#), 0);
    assert_eq!(visitors.members("of both"), ["ecid:1"]);
    assert_eq!(visitors.publish("by name", r#"person.name.firstName.equals("Ann")"#), 0);
    assert_eq!(visitors.publish("a", &visited("a", " COUNT(2)")), 3, "an edit asks for more");
    assert_eq!(visitors.members("a"), [""; 0]);
    assert_eq!(visitors.members("of both"), [""; 0]);
    assert_eq!(visitors.members("b"), ["ecid:1"], "others keep what they know");
}

#[test]
fn what_others_were_told_is_kept_and_goes_on() {
    let mut visitors = Visitors::new();
    visitors.publish("twice", &visited("a", " COUNT(2)"));
    visitors.publish("other", &visited("b", ""));
    let body = json!({
        "_id": "again", "timestamp": START, "identityMap": identity_map(&["ecid:2"]), "page": "a",
    });
    let before = visitors.archive.events_read.load(Ordering::Relaxed);
    visitors.apply(Input::Event(Event::from_value(&body, at(START)).unwrap()));
    assert_eq!(visitors.members("twice"), ["ecid:2"]);
    assert_eq!(visitors.archive.events_read.load(Ordering::Relaxed), before);
}
