//! The judge: replays the input log into an empty engine and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use segue_core::{Engine, Input, Settings};
use segue_delivery::{activation_id, encode};
use segue_hub::Hub;
use segue_log::{Log, LogOptions, LogRecord};
use segue_runtime::{Clock, Status, SystemClock, log_of};
use segue_xdm::Timestamp;

use crate::world::{self, StoppedClock};

/// The messages of every partition that has any.
type Messages = BTreeMap<(String, u16), Vec<Vec<u8>>>;

/// What a directory was found to hold.
pub(crate) struct Verdict {
    activations: usize,
    repeated: u64,
    /// Activations that no input but time caused.
    pub(crate) exits_by_timer: u64,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { activations, repeated, exits_by_timer } = self;
        write!(
            f,
            "{repeated} events sent again and left out, {activations} activations, \
             {exits_by_timer} of them by timers: exactly those of a replay"
        )
    }
}

/// What the input log adds up to.
struct Replayed {
    engine: Engine,
    messages: Messages,
    /// How often each event was applied and how often it was left out.
    events: BTreeMap<String, (u64, u64)>,
    exits_by_timer: u64,
}

/// Panics unless the directory holds exactly what it should.
pub(crate) fn judge(path: &Path, acknowledged: &BTreeSet<u64>) -> Verdict {
    // An hour on, every exit that was to come has come, and nothing moves under the judge's eyes.
    let later = SystemClock.now().plus_millis(60 * 60 * 1000);
    let (hub, runtime) = world::open(path, Arc::new(StoppedClock(later)));
    let opened = Instant::now();
    while !is_quiet(&runtime.status(), later) {
        assert!(opened.elapsed() < Duration::from_secs(30), "{:?}", runtime.status());
        std::thread::park_timeout(Duration::from_millis(1));
    }
    let profiles: Vec<_> =
        world::identities().iter().map(|identity| runtime.profile(identity).unwrap()).collect();
    runtime.shutdown().unwrap_or_else(|error| panic!("{error}"));

    let replayed = replay(&path.join("runtime/input"), &hub);
    compare(&stored(&hub), &replayed.messages);
    let expected: Vec<_> =
        world::identities().iter().map(|identity| replayed.engine.profile(identity)).collect();
    assert_eq!(profiles, expected, "profiles (first) are not those of a replay (second)");
    check_applied_once(&replayed.events, acknowledged);

    Verdict {
        activations: replayed.messages.values().map(Vec::len).sum(),
        repeated: replayed.events.values().map(|(_, left_out)| left_out).sum(),
        exits_by_timer: replayed.exits_by_timer,
    }
}

fn is_quiet(status: &Status, now: Timestamp) -> bool {
    let is_due = status.next_wake.is_some_and(|moment| moment <= now);
    status.caught_up && status.backlog == 0 && status.jobs == 0 && !is_due
}

/// Whether the inputs that the directory holds leave a job unfinished.
pub(crate) fn is_job_running(path: &Path) -> bool {
    let mut engine = Engine::new(Settings::default());
    let log = Log::open(&path.join("runtime/input"), LogOptions::default()).unwrap();
    for record in all_records(&log, 0) {
        let input = Input::decode(&record.payload).unwrap();
        engine.apply(record.offset, Timestamp::from_millis(record.time_ms), input);
    }
    engine.running_jobs() > 0
}

fn replay(input: &Path, hub: &Hub) -> Replayed {
    let mut replayed = Replayed {
        engine: Engine::new(Settings::default()),
        messages: Messages::new(),
        events: BTreeMap::new(),
        exits_by_timer: 0,
    };
    let log = Log::open(input, LogOptions::default()).unwrap();
    for record in all_records(&log, 0) {
        let input = Input::decode(&record.payload).unwrap();
        let event = match &input {
            Input::Event(event) => Some(event.id.clone()),
            _ => None,
        };
        let time = Timestamp::from_millis(record.time_ms);
        let outcome = replayed.engine.apply(record.offset, time, input);
        assert_eq!(outcome.refused, [], "input {} was accepted", record.offset);
        if let Some(id) = event {
            let (applied, left_out) = replayed.events.entry(id).or_default();
            *if outcome.duplicate { left_out } else { applied } += 1;
        }
        for activation in outcome.activations {
            let destinations: BTreeMap<&str, String> = replayed
                .engine
                .program()
                .destinations()
                .map(|destination| (destination.id.as_str(), log_of(destination)))
                .collect();
            let hub = hub.event_hub(&destinations[activation.destination.as_str()]).unwrap();
            let partition = hub.partition_for_key(&activation.profile.to_string());
            let key = (hub.name().to_owned(), partition);
            replayed.messages.entry(key).or_default().push(encode(&activation));
            replayed.exits_by_timer += u64::from(activation.cause == "timer");
        }
    }
    replayed
}

fn stored(hub: &Hub) -> Messages {
    let mut messages = Messages::new();
    for hub in hub.event_hubs() {
        for number in 0..hub.partition_count() {
            let payloads: Vec<Vec<u8>> =
                all_records(hub.log(), number).into_iter().map(|record| record.payload).collect();
            if !payloads.is_empty() {
                messages.insert((hub.name().to_owned(), number), payloads);
            }
        }
    }
    messages
}

fn all_records(log: &Log, partition: u16) -> Vec<LogRecord> {
    let mut reader = log.partition(partition).unwrap().reader(0);
    let mut all = Vec::new();
    loop {
        let records = reader.read(1 << 20).unwrap();
        if records.is_empty() {
            return all;
        }
        all.extend(records);
    }
}

/// Says where the first difference is, instead of printing both sides whole.
fn compare(stored: &Messages, expected: &Messages) {
    let names = |messages: &Messages| messages.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(stored), names(expected), "partitions that hold activations");
    for (partition, expected) in expected {
        let stored = &stored[partition];
        let same = stored.iter().zip(expected).take_while(|(stored, expected)| stored == expected);
        let same = same.count();
        let id = |messages: &[Vec<u8>]| messages.get(same).and_then(|one| activation_id(one));
        assert!(
            same == stored.len() && same == expected.len(),
            "{partition:?} holds {} activations and should hold {}; the first {same} are right, \
             then comes {:?} instead of {:?}",
            stored.len(),
            expected.len(),
            id(stored),
            id(expected),
        );
    }
}

fn check_applied_once(events: &BTreeMap<String, (u64, u64)>, acknowledged: &BTreeSet<u64>) {
    for (id, (applied, _)) in events {
        assert_eq!(*applied, 1, "{id} was applied {applied} times");
    }
    let now = Timestamp::from_millis(0);
    for number in acknowledged {
        let is_event = matches!(world::input(*number, now), Input::Event(_));
        let id = world::event_id(*number);
        assert!(!is_event || events.contains_key(&id), "{id} was acknowledged and is lost");
    }
}
