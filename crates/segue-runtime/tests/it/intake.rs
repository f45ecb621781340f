//! Accepting inputs: durability, order, bounds, and reading what was written.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use segue_core::{Input, Status};
use segue_runtime::{LiveEvent, Observer, Runtime, RuntimeError, RuntimeOptions};

use super::world::*;

#[test]
fn positions_and_times_are_those_of_the_log() {
    let world = World::new();
    let runtime = world.open();
    let first = runtime.submit_blocking(&[view("1", "1", "Home"), view("2", "1", "Home")]).unwrap();
    assert_eq!((first.first_position, first.time), (0, at("2026-01-01T10:00:00Z")));
    world.clock.set("2026-01-01T09:00:00Z");
    let second = runtime.submit_blocking(&[view("3", "1", "Home")]).unwrap();
    assert_eq!((second.first_position, second.time), (2, first.time), "time never goes back");
    assert_eq!(runtime.now(), first.time);
    assert_eq!(runtime.submit_blocking(&[]).unwrap().first_position, 3);
    assert_eq!(runtime.status().head, 3);
}

#[test]
fn what_was_acknowledged_is_read() {
    let world = World::new();
    let runtime = world.open_with_fans();
    for number in 0..50 {
        let ecid = number.to_string();
        runtime.submit_blocking(&[view(&ecid, &ecid, "Sports")]).unwrap();
        assert_eq!(status(&runtime, &ecid, "fans"), Some(Status::Realized));
    }
}

#[test]
fn a_backlog_is_bounded_and_reads_do_not_wait_for_ever() {
    let world = World::new();
    world.open_with_fans().shutdown().unwrap();
    let options = RuntimeOptions {
        backlog_limit: 3,
        read_timeout: Duration::from_millis(50),
        ..world.options()
    };
    let runtime = world.open_with(options).unwrap();
    world.logs.close();
    for id in ["1", "2", "3"] {
        runtime.submit_blocking(&[view(id, id, "Sports")]).unwrap();
    }
    let refused = runtime.submit_blocking(&[view("4", "4", "Sports")]).unwrap_err();
    assert!(matches!(refused, RuntimeError::Busy { .. }), "{refused}");
    assert_eq!(runtime.status().backlog, 3);
    assert_eq!(runtime.status().counters.busy, 1);
    let identity = segue_xdm::Identity::new("ECID", "1");
    let late = runtime.profile(&identity).unwrap_err();
    assert!(matches!(late, RuntimeError::NotCaughtUp { .. }), "{late}");

    world.logs.open();
    eventually("worked off", || runtime.status().backlog == 0);
    runtime.submit_blocking(&[view("4", "4", "Sports")]).unwrap();
    assert_eq!(status(&runtime, "4", "fans"), Some(Status::Realized));
    assert_eq!(world.logs.sent("activations").len(), 4);
}

#[test]
fn only_events_records_and_erasures_are_submitted() {
    let runtime = World::new().open();
    let refused = runtime.submit_blocking(&[view("1", "1", "Home"), Input::Tick]).unwrap_err();
    assert!(matches!(refused, RuntimeError::NotSubmittable { index: 1 }), "{refused}");
    assert_eq!(runtime.status().head, 0);
}

#[test]
fn nothing_is_accepted_after_a_shutdown() {
    let world = World::new();
    let runtime = world.open();
    runtime.shutdown().unwrap();
    let refused = runtime.submit_blocking(&[view("1", "1", "Home")]).unwrap_err();
    assert!(matches!(refused, RuntimeError::Stopped { .. }), "{refused}");
    runtime.shutdown().unwrap();
}

/// Notes what it sees.
#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn observe(&self, event: &LiveEvent<'_>) {
        self.0.lock().push(match event {
            LiveEvent::Input { position, duplicate, .. } => {
                format!("input {position}{}", if *duplicate { " again" } else { "" })
            }
            LiveEvent::Change(change) => format!("{} {}", change.audience, change.to),
            LiveEvent::Progress { running, last } => format!("{running} {}", last.state),
            LiveEvent::Activation(activation) => format!("sent for {}", activation.cause),
        });
    }
}

#[test]
fn an_observer_sees_everything_in_order() {
    let world = World::new();
    world.open_with_fans().shutdown().unwrap();
    let notes = Arc::new(Notes::default());
    let runtime = Runtime::open(world.options(), world.logs.clone(), notes.clone()).unwrap();
    let views = [view("a", "1", "Sports"), view("a", "1", "Sports"), view("b", "1", "Sports")];
    runtime.submit_blocking(&views).unwrap();
    assert!(profile(&runtime, "1").is_some());
    let expected = [
        "input 2",
        "fans realized",
        "sent for a",
        "input 3 again",
        "input 4",
        "fans existing",
        "sent for b",
    ];
    assert_eq!(*notes.0.lock(), expected);
}

#[test]
fn several_threads_do_what_one_does() {
    let page = |number: usize| if number.is_multiple_of(3) { "Sports" } else { "Home" };
    let visits = (0..2000).map(|number| {
        let (id, ecid) = (number.to_string(), (number % 500).to_string());
        view(&id, &ecid, page(number))
    });
    let visits: Vec<Input> = visits.collect();
    let sent = [1, 3].map(|engine_threads| {
        let world = World::new();
        let options = RuntimeOptions { engine_threads, ..world.options() };
        let runtime = world.open_with(options).unwrap();
        let changes = [audience("fans", SPORTS), destination("activations", &["fans"])];
        define(&runtime, changes).unwrap();
        // They gather behind one that waits for its activation, and are applied together then.
        world.logs.close();
        runtime.submit_blocking(&[view("first", "first", "Sports")]).unwrap();
        runtime.submit_blocking(&visits).unwrap();
        world.logs.open();
        assert!(status(&runtime, "499", "fans").is_some());
        world.logs.sent("activations")
    });
    assert_eq!(sent[0].len(), 1 + visits.len().div_ceil(3), "each visit to Sports");
    assert_eq!(sent[0], sent[1]);
}
