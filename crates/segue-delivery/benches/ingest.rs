//! How fast events go in, and activations come out, on this machine: as a ratio to what its disk
//! and the log can do at most, measured in the same run.
//!
//! ```text
//!   raw      threads ─▶ log                                           synced, in batches
//!   ingest   threads ─▶ input log ─▶ engine ─▶ event hub              both logs synced
//! ```
//! Run: `cargo bench -p segue-delivery --bench ingest`

// A program for the terminal, and one that may give up.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use segue_core::{Definition, Input};
use segue_delivery::EmbeddedHub;
use segue_hub::{Hub, HubConfig};
use segue_log::{Log, LogOptions};
use segue_runtime::{ChangeMode, DefinitionChange, Expected, Runtime, RuntimeOptions};
use segue_xdm::{Event, Timestamp};
use serde_json::json;

const THREADS: u64 = 8;
const BATCHES: u64 = 200;
const BATCH: u64 = 20;
const EVENTS: u64 = THREADS * BATCHES * BATCH;
/// A visitor comes back twice: two qualifications make two activations, the third none.
const VISITORS: u64 = EVENTS / 3;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let hub_config = HubConfig { data_dir: directory.path().join("hub"), ..HubConfig::default() };
    let hub = Hub::open(hub_config).unwrap();
    let options = RuntimeOptions {
        // All of them fit, so that acknowledging is not held up by applying.
        backlog_limit: EVENTS,
        ..RuntimeOptions::new(directory.path().join("runtime"))
    };
    let runtime = Runtime::open(options, Arc::new(EmbeddedHub::new(hub)), Arc::new(())).unwrap();
    runtime.change_definitions(definitions(), ChangeMode::Apply).unwrap();
    let now = runtime.now();

    let log = Log::open(&directory.path().join("raw"), LogOptions::default()).unwrap();
    let raw = timed(|| in_threads(|inputs| append_raw(&log, &inputs), now));
    report("raw log", EVENTS, raw, raw);

    let started = Instant::now();
    let accepted = timed(|| in_threads(|inputs| submit(&runtime, &inputs), now));
    while runtime.status().backlog > 0 {
        thread::sleep(Duration::from_millis(1));
    }
    let applied = started.elapsed();
    let counters = runtime.status().counters;
    report("acknowledged", EVENTS, accepted, raw);
    report("applied and activated", EVENTS, applied, raw);
    println!("{} activations", counters.activations);
    runtime.shutdown().unwrap();
}

fn report(what: &str, events: u64, time: Duration, raw: Duration) {
    let rate = events as f64 / time.as_secs_f64();
    let ratio = raw.as_secs_f64() / time.as_secs_f64();
    println!("{what:22} {rate:9.0} events/s   {ratio:5.2} of the raw log");
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// Hands every batch of events to `send`, from all threads at once.
fn in_threads(send: impl Fn(Vec<Input>) + Sync, now: Timestamp) {
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let send = &send;
            scope.spawn(move || {
                for batch in 0..BATCHES {
                    let first = (thread * BATCHES + batch) * BATCH;
                    send((first..first + BATCH).map(|number| event(number, now)).collect());
                }
            });
        }
    });
}

fn append_raw(log: &Log, inputs: &[Input]) {
    let encoded: Vec<Vec<u8>> = inputs.iter().map(Input::encode).collect();
    let payloads: Vec<&[u8]> = encoded.iter().map(Vec::as_slice).collect();
    log.partition(0).unwrap().append(0, &payloads).unwrap().wait().unwrap();
}

fn submit(runtime: &Runtime, inputs: &[Input]) {
    runtime.submit_blocking(inputs).unwrap();
}

fn event(number: u64, now: Timestamp) -> Input {
    let body = json!({
        "_id": number.to_string(), "timestamp": now.to_string(),
        "identityMap": {"ECID": [{"id": (number % VISITORS).to_string()}]},
        "eventType": "web.webpagedetails.pageViews",
        "web": {"webPageDetails": {"name": "Sports", "URL": "https://shop.example/sports"}},
    });
    Input::Event(Event::from_value(&body, now).unwrap())
}

fn definitions() -> Vec<DefinitionChange> {
    let definition =
        r#"CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Sports", false))])"#;
    let values = [
        json!({"kind": "Audience", "id": "fans", "name": "Fans", "definition": definition}),
        json!({
            "kind": "Destination", "id": "hub", "type": "azure-event-hubs",
            "connection": {"embedded": true, "event_hub": "activations"}, "audiences": ["fans"],
        }),
    ];
    let changes = values.map(|value| DefinitionChange::Define {
        definition: Definition::from_value(value).unwrap(),
        expected: Expected::Any,
    });
    changes.into()
}
