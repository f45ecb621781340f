//! Time as an input: exits on the moment, across restarts, whatever the clock does.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use segue_core::{EXITED_KEPT_MS, Status};
use segue_runtime::{Clock, Runtime, RuntimeError, RuntimeOptions, SystemClock};
use segue_xdm::Identity;

use super::world::*;

/// How late an exit may be.
const LATE_MAX: Duration = Duration::from_millis(250);

const RECENT: &str = r#"CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Sports", false)) WHEN(< 1 seconds before now)])"#;

fn with_recent(world: &World, options: RuntimeOptions) -> Runtime {
    let runtime = world.open_with(options).unwrap();
    define(&runtime, [audience("recent", RECENT), destination("activations", &["recent"])])
        .unwrap();
    runtime
}

fn causes(world: &World) -> Vec<String> {
    world.logs.sent("activations").into_iter().map(|(_, cause, _)| cause).collect()
}

#[test]
fn a_member_exits_on_the_moment() {
    let world = World::new();
    let options = RuntimeOptions { clock: Arc::new(SystemClock), ..world.options() };
    let runtime = with_recent(&world, options);
    for round in 0..2 {
        let (sent, id) = (Instant::now(), round.to_string());
        let now = SystemClock.now().to_string();
        runtime.submit_blocking(&[view_at(&now, &id, "1", "Sports")]).unwrap();
        assert_ne!(status(&runtime, "1", "recent"), Some(Status::Exited));
        eventually("exit", || status(&runtime, "1", "recent") == Some(Status::Exited));
        let late = sent.elapsed().saturating_sub(Duration::from_secs(1));
        assert!(sent.elapsed() >= Duration::from_millis(999), "{:?}", sent.elapsed());
        assert!(late < LATE_MAX, "exited {late:?} late");
    }
    assert_eq!(causes(&world), ["0", "timer", "1", "timer"]);
    eventually("both ticks are counted", || runtime.status().counters.ticks == 2);
    // What is left is to forget the membership, 30 days after its end.
    let next_wake = runtime.status().next_wake.unwrap();
    assert!(next_wake > SystemClock.now().plus_millis(EXITED_KEPT_MS - 60_000), "{next_wake}");
}

#[test]
fn what_was_due_while_stopped_happens_at_once_and_once() {
    let world = World::new();
    let runtime = with_recent(&world, world.options());
    runtime.submit_blocking(&[view("1", "1", "Sports")]).unwrap();
    assert_eq!(status(&runtime, "1", "recent"), Some(Status::Realized));
    drop(runtime);

    world.clock.set("2026-01-03T10:00:00Z");
    for _ in 0..3 {
        let opened = Instant::now();
        let runtime = world.open();
        assert_eq!(status(&runtime, "1", "recent"), Some(Status::Exited), "at the first look");
        assert!(opened.elapsed() < LATE_MAX, "{:?}", opened.elapsed());
    }
    assert_eq!(causes(&world), ["1", "timer"]);
}

#[test]
fn nothing_is_written_while_nothing_is_due() {
    let world = World::new();
    let runtime = with_recent(&world, world.options());
    runtime.submit_blocking(&[view("1", "1", "Sports")]).unwrap();
    let head = runtime.status().head;
    // The clock comes close, then does what clocks do when they are set.
    for time in ["2026-01-01T10:00:00.999Z", "2025-01-01T10:00:00Z", "2026-01-01T10:00:00.5Z"] {
        world.clock.set(time);
        std::thread::park_timeout(Duration::from_millis(150));
        assert_eq!(runtime.status().head, head);
    }

    world.clock.set("2026-01-05T10:00:00Z");
    eventually("exit", || status(&runtime, "1", "recent") == Some(Status::Exited));
    world.clock.set("2026-01-01T10:00:00Z");
    runtime.submit_blocking(&[view("2", "2", "Home")]).unwrap();
    assert!(profile(&runtime, "2").is_some());
    eventually("the tick is counted", || runtime.status().counters.ticks == 1);
    assert_eq!(runtime.now(), at("2026-01-05T10:00:00Z"), "time never goes back");
}

/// Days are passed over in one tick, and yet each exit has its own moment.
#[test]
fn a_clock_that_jumps_on_misses_nothing_and_doubles_nothing() {
    let world = World::new();
    let runtime = with_recent(&world, world.options());
    let moments = ["2026-01-01T10:00:00.000Z", "2026-01-01T10:00:00.400Z"];
    world.clock.set(moments[1]);
    for (moment, ecid) in moments.into_iter().zip(["1", "2"]) {
        runtime.submit_blocking(&[view_at(moment, ecid, ecid, "Sports")]).unwrap();
        assert_eq!(status(&runtime, ecid, "recent"), Some(Status::Realized));
    }
    world.clock.set("2026-01-06T00:00:00Z");
    for (moment, ecid) in moments.into_iter().zip(["1", "2"]) {
        let membership = profile(&runtime, ecid).unwrap().memberships["recent"].clone();
        assert_eq!(membership.status, Status::Exited);
        assert_eq!(membership.exited_at, Some(at(moment).plus_millis(1000)));
    }
    world.clock.set("2026-01-02T00:00:00Z");
    world.clock.set("2026-01-06T00:00:01Z");
    assert_eq!(status(&runtime, "1", "recent"), Some(Status::Exited));
    assert_eq!(causes(&world), ["1", "2", "timer", "timer"]);
    eventually("the tick is counted", || runtime.status().counters.ticks == 1);
}

#[test]
fn a_reader_waits_for_what_is_due_but_not_for_ever() {
    let world = World::new();
    let read_timeout = Duration::from_millis(300);
    let runtime = with_recent(&world, RuntimeOptions { read_timeout, ..world.options() });
    runtime.submit_blocking(&[view("1", "1", "Sports")]).unwrap();
    assert_eq!(status(&runtime, "1", "recent"), Some(Status::Realized));

    world.logs.close();
    world.clock.set("2026-01-01T10:00:02Z");
    let visitor = Identity::new("ECID", "1");
    let (say, heard) = channel();
    for _ in 0..3 {
        let (runtime, visitor, say) = (runtime.clone(), visitor.clone(), say.clone());
        thread::spawn(move || drop(say.send(runtime.profile(&visitor))));
    }
    let answers: Vec<_> = (0..3).map(|_| heard.recv_timeout(PATIENCE)).collect();
    world.logs.open();
    for answer in answers {
        let answer = answer.expect("a reader is stuck");
        assert!(matches!(answer, Err(RuntimeError::NotCaughtUp { .. })), "{answer:?}");
    }
    assert_eq!(status(&runtime, "1", "recent"), Some(Status::Exited));
}
