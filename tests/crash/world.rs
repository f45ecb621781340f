//! What child and judge share: how a directory is opened, and what is sent.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use segue_core::{Definition, Input};
use segue_delivery::EmbeddedHub;
use segue_hub::{Hub, HubConfig};
use segue_runtime::{ChangeMode, Clock, DefinitionChange, Expected, Runtime, RuntimeOptions};
use segue_xdm::{Event, Record, Timestamp};
use serde_json::{Value, json};

use crate::random::Random;

/// Visitors; few enough that they come back, log in and merge.
const VISITORS: u64 = 2000;
/// Persons behind them.
const PERSONS: u64 = 800;
/// Lives of the child between two changes of a definition.
const LIVES_PER_EDIT: u64 = 5;
/// Lives of the child between two changes of the hub that a destination names.
const LIVES_PER_HUB: u64 = 20;

/// A clock that stands still.
pub(crate) struct StoppedClock(pub(crate) Timestamp);

impl Clock for StoppedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}

pub(crate) fn open(directory: &Path, clock: Arc<dyn Clock>) -> (Hub, Runtime) {
    let config = HubConfig { data_dir: directory.to_owned(), ..HubConfig::default() };
    let hub = Hub::open(config).unwrap_or_else(|error| panic!("{error}"));
    let options = RuntimeOptions {
        // Often, so that kills hit them.
        checkpoint_interval: Duration::from_millis(10),
        // Whoever is not in use has to come from the store.
        profile_memory_bytes: 0,
        clock,
        read_timeout: Duration::from_secs(30),
        ..RuntimeOptions::new(directory.join("runtime"))
    };
    let activation_log = Arc::new(EmbeddedHub::new(hub.clone()));
    let runtime = Runtime::open(options, activation_log, Arc::new(()));
    (hub, runtime.unwrap_or_else(|error| panic!("{error}")))
}

/// What is defined in a life of the child: the same but for one audience that is edited, and one
/// destination that moves to a new hub, every now and then.
pub(crate) fn definitions(life: u64) -> Vec<DefinitionChange> {
    let page = |name: &str| format!("web.webPageDetails.name.equals(\"{name}\", false)");
    let visited = |name: &str, when: &str| {
        format!("CHAIN(xEvent, timestamp, [C0: WHAT({}){when}])", page(name))
    };
    let definitions = vec![
        audience("fans", &visited("Sports", "")),
        audience("recent", &visited("Home", " WHEN(< 1 seconds before now)")),
        audience("regulars", &visited("Home", " COUNT(3)")),
        audience(
            "edited",
            &visited(["Sports", "Home", "Plans"][(life / LIVES_PER_EDIT) as usize % 3], ""),
        ),
        destination("main", "activations", &["fans", "recent", "edited"]),
        destination("late", &format!("late-{}", life / LIVES_PER_HUB), &["regulars"]),
    ];
    definitions
        .into_iter()
        .map(|value| {
            let definition = Definition::from_value(value);
            let definition = definition.unwrap_or_else(|refused| panic!("{refused:#?}"));
            DefinitionChange::Define { definition, expected: Expected::Any }
        })
        .collect()
}

fn audience(id: &str, definition: &str) -> Value {
    json!({"kind": "Audience", "id": id, "name": id, "definition": definition})
}

fn destination(id: &str, event_hub: &str, audiences: &[&str]) -> Value {
    json!({
        "kind": "Destination", "id": id, "type": "azure-event-hubs",
        "connection": {"embedded": true, "event_hub": event_hub}, "audiences": audiences,
        "attributes": ["person.name"], "triggers": {"attribute": true, "identity": true},
    })
}

pub(crate) fn define(runtime: &Runtime, life: u64) {
    runtime.change_definitions(definitions(life), ChangeMode::Apply).unwrap();
}

/// The input with this number: the same again whenever it is asked for, but for its time.
pub(crate) fn input(number: u64, now: Timestamp) -> Input {
    let mut random = Random::new(number);
    let visitor = random.below(VISITORS);
    let person = visitor % PERSONS;
    let mut identities = json!({"ECID": [{"id": visitor.to_string()}]});
    match random.below(20) {
        0 => {
            let body = json!({
                "identityMap": identities, "person": {"name": format!("{}", random.below(5))},
            });
            return Input::Record(Record::from_value(&body, now).unwrap());
        }
        1 => identities["Email"] = json!([{"id": format!("{person}@example.com")}]),
        _ => {}
    }
    let page = ["Home", "Sports", "Plans", "Other"][random.below(4) as usize];
    let body = json!({
        "_id": event_id(number), "timestamp": now.to_string(), "identityMap": identities,
        "web": {"webPageDetails": {"name": page}},
    });
    Input::Event(Event::from_value(&body, now).unwrap())
}

pub(crate) fn event_id(number: u64) -> String {
    format!("event {number}")
}

/// Every identity that may occur.
pub(crate) fn identities() -> Vec<segue_xdm::Identity> {
    let visitors = (0..VISITORS).map(|visitor| ("ECID", visitor.to_string()));
    let persons = (0..PERSONS).map(|person| ("Email", format!("{person}@example.com")));
    visitors.chain(persons).map(|(namespace, id)| segue_xdm::Identity::new(namespace, id)).collect()
}
