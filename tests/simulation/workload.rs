//! What is sent in a run: definitions that are edited, and a few visitors who come back, log in,
//! are merged and forgotten. Whatever is sent is sent once under its number, so that nothing can
//! be taken for something else.

use segue_core::{Definition, Input};
use segue_xdm::{Event, Identity, Record, Timestamp};
use serde_json::{Value, json};

use crate::random::Random;

/// Few, so that they meet.
const VISITORS: u64 = 12;
const PERSONS: u64 = 5;
const PAGES: [&str; 3] = ["Sports", "Home", "Plans"];

/// An event is at most this late.
const LATE_MAX_MS: u64 = 20 * 60 * 1000;

/// Number of definitions.
pub(crate) const DEFINITIONS: u64 = 7;

/// The definition with this number in one of its versions, each different from all others.
pub(crate) fn definition(number: u64, version: u64) -> Definition {
    let page = PAGES[(version % 3) as usize];
    let visited = |when: &str| {
        let page = format!("web.webPageDetails.name.equals(\"{page}\", false)");
        format!("CHAIN(xEvent, timestamp, [C0: WHAT({page}){when}])")
    };
    let audience = |id: &str, definition: String| {
        json!({"kind": "Audience", "id": id, "name": format!("{id} {version}"),
               "definition": definition})
    };
    let moves = if version.is_multiple_of(4) { version } else { 0 };
    let value = match number {
        0 => audience("fans", visited("")),
        1 => audience("recent", visited(" WHEN(< 2 seconds before now)")),
        2 => audience("lately", visited(" WHEN(< 3 days before now)")),
        3 => audience("regulars", visited(" COUNT(3)")),
        4 => destination("main", "activations", &["fans", "recent", "lately"], version),
        5 => destination("late", &format!("late-{moves}"), &["regulars", "fans"], version),
        _ => audience("both", format!("inSegment(\"fans\") and {}", visited(""))),
    };
    Definition::from_value(value).unwrap_or_else(|refused| panic!("{refused:#?}"))
}

fn destination(id: &str, event_hub: &str, audiences: &[&str], version: u64) -> Value {
    json!({
        "kind": "Destination", "id": id, "type": "azure-event-hubs",
        "connection": {"embedded": true, "event_hub": event_hub}, "audiences": audiences,
        "attributes": ["person.name", format!("person.field{version}")],
        "triggers": {"attribute": true, "identity": true},
    })
}

/// What a sender sends next.
pub(crate) fn input(number: u64, now: Timestamp, random: &mut Random) -> Input {
    let visitor = random.below(VISITORS);
    let person = format!("{}@example.com", visitor % PERSONS);
    let mut identities = json!({"ECID": [{"id": visitor.to_string()}]});
    match random.below(40) {
        0 => return Input::Forget(Identity::new("ECID", format!("{visitor}").as_str())),
        1..4 => {
            let body = json!({
                "identityMap": identities, "person": {"name": format!("name {number}")},
            });
            return Input::Record(Record::from_value(&body, now).unwrap());
        }
        4..8 => identities["Email"] = json!([{"id": person}]),
        _ => {}
    }
    let late = if random.below(4) == 0 { random.below(LATE_MAX_MS) } else { 0 };
    let timestamp = now.plus_millis(-(late as i64));
    let body = json!({
        "_id": format!("event {number}"), "timestamp": timestamp.to_string(),
        "identityMap": identities,
        "web": {"webPageDetails": {"name": PAGES[random.below(3) as usize]}},
    });
    Input::Event(Event::from_value(&body, now).unwrap())
}
