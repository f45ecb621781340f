//! The judge: replays the input log into an empty engine and compares.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use segue_core::{Engine, Input, Settings};
use segue_log::{Log, LogOptions, LogRecord};
use segue_runtime::{Clock, Status, SystemClock};
use segue_xdm::Timestamp;

use crate::reference::{Reference, Sightings, all_records};
use crate::world::{self, StoppedClock};

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

    let replayed = Reference::of(&inputs(path), &hub);
    replayed.check(&hub);
    let expected: Vec<_> =
        world::identities().iter().map(|identity| replayed.engine.profile(identity)).collect();
    assert_eq!(profiles, expected, "profiles (first) are not those of a replay (second)");
    check_applied_once(&replayed.events, acknowledged);

    Verdict {
        activations: replayed.messages.values().map(Vec::len).sum(),
        repeated: replayed.events.values().map(|event| event.left_out).sum(),
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
    for record in inputs(path) {
        let input = Input::decode(&record.payload).unwrap();
        engine.apply(record.offset, Timestamp::from_millis(record.time_ms), input);
    }
    engine.running_jobs() > 0
}

fn inputs(path: &Path) -> Vec<LogRecord> {
    let log = Log::open(&path.join("runtime/input"), LogOptions::default()).unwrap();
    all_records(&log, 0)
}

fn check_applied_once(events: &BTreeMap<String, Sightings>, acknowledged: &BTreeSet<u64>) {
    for (id, Sightings { applied, .. }) in events {
        assert_eq!(applied.len(), 1, "{id} was applied at {applied:?}");
    }
    let now = Timestamp::from_millis(0);
    for number in acknowledged {
        let is_event = matches!(world::input(*number, now), Input::Event(_));
        let id = world::event_id(*number);
        assert!(!is_event || events.contains_key(&id), "{id} was acknowledged and is lost");
    }
}
