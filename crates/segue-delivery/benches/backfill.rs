//! What a backfill costs those who send events meanwhile, and how long it takes; and how long it
//! takes to apply very many definitions at once.
//!
//! ```text
//!   alone     events, one after the other          from sending to acknowledged, and to applied
//!   with job  the same while profiles follow an edit
//!   idle      profiles follow an edit, nobody sends
//!   apply     10,000 audiences in one request, empty and over all the profiles
//! ```
//! Run: `cargo bench -p segue-delivery --bench backfill`

// A program for the terminal, and one that may give up.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use segue_core::{Definition, Input};
use segue_delivery::EmbeddedHub;
use segue_hub::{Hub, HubConfig};
use segue_runtime::{ChangeMode, DefinitionChange, Expected, Runtime, RuntimeOptions};
use segue_xdm::Event;
use serde_json::{Value, json};

const PROFILES: u64 = 200_000;
const BATCH: u64 = 1000;
/// Events of which the time is taken, in each of the rounds.
const EVENTS: u64 = 400;
const ROUNDS: u64 = 5;
/// Time between two of them: a shop with some traffic.
const PAUSE: Duration = Duration::from_millis(5);
const AUDIENCES: usize = 10_000;
/// How long profiles are watched that follow all of them, unless they have before.
const WATCHED: Duration = Duration::from_secs(10);

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let hub_config = HubConfig { data_dir: directory.path().join("hub"), ..HubConfig::default() };
    let hub = Hub::open(hub_config).unwrap();
    let options = RuntimeOptions {
        read_timeout: Duration::from_secs(600),
        ..RuntimeOptions::new(directory.path().join("runtime"))
    };
    let runtime = Runtime::open(options, Arc::new(EmbeddedHub::new(hub)), Arc::new(())).unwrap();

    let empty = timed(|| define(&runtime, audiences("early", AUDIENCES)));
    println!("apply {AUDIENCES} audiences, no profiles: {empty:.1?}");
    remove(&runtime, "early", AUDIENCES);
    fill(&runtime);

    let (mut alone, mut with_job) = (Times::default(), Times::default());
    for round in 0..ROUNDS {
        send(&runtime, 2 * round, &mut alone);
        define(&runtime, vec![audience("edited", round as usize)]);
        send(&runtime, 2 * round + 1, &mut with_job);
        assert!(runtime.status().jobs > 0, "too few profiles: the job ended too soon");
        wait(&runtime);
    }
    for (what, of) in [("acknowledged", 0), ("applied", 1)] {
        let (alone, with_job) = (alone.of(of), with_job.of(of));
        report(what, &alone, &with_job);
    }

    define(&runtime, vec![audience("edited", 99)]);
    let idle = timed(|| wait(&runtime));
    println!("idle: {:.0} profiles/s", PROFILES as f64 / idle.as_secs_f64());

    let apply = timed(|| define(&runtime, audiences("late", AUDIENCES)));
    let (before, start) = (runtime.status().counters.backfilled, Instant::now());
    while runtime.status().jobs > 0 && start.elapsed() < WATCHED {
        thread::sleep(Duration::from_millis(1));
    }
    let followed = (runtime.status().counters.backfilled - before) as f64;
    let followed = followed / start.elapsed().as_secs_f64();
    println!("apply {AUDIENCES} audiences, {PROFILES} profiles: {apply:.1?}");
    println!("then {followed:.0} profiles/s");
    runtime.shutdown().unwrap();
}

/// For each event: when it was acknowledged, when it was applied.
#[derive(Default)]
struct Times(Vec<[Duration; 2]>);

impl Times {
    fn of(&self, which: usize) -> Vec<Duration> {
        let mut times: Vec<Duration> =
            self.0.iter().filter_map(|times| times.get(which).copied()).collect();
        times.sort();
        times
    }
}

fn report(what: &str, alone: &[Duration], with_job: &[Duration]) {
    let mean = |times: &[Duration]| times.iter().sum::<Duration>() / times.len() as u32;
    let at =
        |times: &[Duration], share: usize| *times.get((times.len() - 1) * share / 100).unwrap();
    let line = |name: &str, one: Duration, other: Duration| {
        let ratio = other.as_secs_f64() / one.as_secs_f64();
        println!("{what:12} {name:6} alone {one:8.2?}   with job {other:8.2?}   {ratio:5.2} times");
    };
    line("mean", mean(alone), mean(with_job));
    for share in [50, 90, 99] {
        line(&format!("p{share}"), at(alone, share), at(with_job, share));
    }
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn wait(runtime: &Runtime) {
    while runtime.status().jobs > 0 || runtime.status().backlog > 0 {
        thread::sleep(Duration::from_millis(1));
    }
}

fn fill(runtime: &Runtime) {
    for first in (0..PROFILES).step_by(BATCH as usize) {
        let events: Vec<Input> =
            (first..first + BATCH).map(|number| event(runtime, number, number)).collect();
        runtime.submit_blocking(&events).unwrap();
        wait(runtime);
    }
}

fn send(runtime: &Runtime, round: u64, times: &mut Times) {
    for number in 0..EVENTS {
        let number = PROFILES + round * EVENTS + number;
        let event = event(runtime, number, number * 7919 % PROFILES);
        let start = Instant::now();
        let accepted = runtime.submit_blocking(&[event]).unwrap();
        let acknowledged = start.elapsed();
        while runtime.status().applied <= accepted.first_position {
            thread::sleep(Duration::from_micros(20));
        }
        times.0.push([acknowledged, start.elapsed()]);
        thread::sleep(PAUSE);
    }
}

fn event(runtime: &Runtime, number: u64, visitor: u64) -> Input {
    let now = runtime.now();
    let body = json!({
        "_id": number.to_string(), "timestamp": now.to_string(),
        "identityMap": {"ECID": [{"id": visitor.to_string()}]},
        "eventType": "web.webpagedetails.pageViews",
        "web": {"webPageDetails": {"name": format!("Page {}", number % 97)}},
    });
    Input::Event(Event::from_value(&body, now).unwrap())
}

fn audience(id: &str, page: usize) -> Value {
    let what = format!(r#"WHAT(web.webPageDetails.name.equals("Page {page}", false))"#);
    let definition = format!("CHAIN(xEvent, timestamp, [C0: {what}])");
    json!({"kind": "Audience", "id": id, "name": id, "definition": definition})
}

fn audiences(prefix: &str, count: usize) -> Vec<Value> {
    (0..count).map(|number| audience(&format!("{prefix}-{number}"), number)).collect()
}

fn define(runtime: &Runtime, definitions: Vec<Value>) {
    let changes = definitions.into_iter().map(|value| DefinitionChange::Define {
        definition: Definition::from_value(value).unwrap(),
        expected: Expected::Any,
    });
    runtime.change_definitions(changes.collect(), ChangeMode::Apply).unwrap();
}

fn remove(runtime: &Runtime, prefix: &str, count: usize) {
    let changes = (0..count).map(|number| DefinitionChange::Remove {
        kind: segue_core::Kind::Audience,
        id: format!("{prefix}-{number}"),
        expected: Expected::Any,
    });
    runtime.change_definitions(changes.collect(), ChangeMode::Apply).unwrap();
}
