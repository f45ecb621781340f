//! An activation continues the trace of the input that caused it, also one that a replay makes
//! again.

use std::fs;

use segue_core::TraceContext;
use segue_runtime::{Runtime, Submission};

use super::world::*;

/// Visited the page Sports in the last second.
const RECENT: &str = r#"CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Sports", false)) WHEN(< 1 seconds before now)])"#;

const SENDER: TraceContext = TraceContext { trace: 7 << 64, span: 8, is_sampled: true };

fn submit(runtime: &Runtime, time: &str, id: &str, trace: Option<TraceContext>) {
    let event = view_at(time, id, "1", "Sports");
    let waiting = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut submission = Submission::new(trace);
    submission.push(&event);
    waiting.block_on(runtime.submit_gathered(&submission)).unwrap();
}

#[test]
fn an_activation_continues_the_trace_of_its_cause_and_so_does_that_of_a_replay() {
    let world = World::new();
    let runtime = world.open();
    define(&runtime, [audience("recent", RECENT), destination("activations", &["recent"])])
        .unwrap();
    submit(&runtime, "2026-01-01T10:00:00Z", "first", Some(SENDER));
    submit(&runtime, "2026-01-01T10:00:00Z", "second", None);
    eventually("applied", || runtime.status().backlog == 0);
    // The window has closed before the next event, and that is not the event's doing.
    runtime.shutdown().unwrap();
    world.clock.set("2026-01-01T11:00:00Z");
    let runtime = world.open();
    submit(&runtime, "2026-01-01T11:00:00Z", "third", Some(SENDER));
    runtime.shutdown().unwrap();

    let sent = world.logs.activations("activations");
    let traces: Vec<_> = sent.iter().map(|one| (one.cause.as_str(), one.trace)).collect();
    let expected =
        [("first", Some(SENDER)), ("second", None), ("timer", None), ("third", Some(SENDER))];
    assert_eq!(traces, expected);
    let places: Vec<_> = sent.iter().map(|one| one.trace_context()).collect();
    assert_eq!((places[0].trace, places[3].trace), (SENDER.trace, SENDER.trace));
    assert_ne!(places[0].span, places[3].span);

    fs::remove_dir_all(world.path("state")).unwrap();
    world.logs.clear();
    let runtime = world.open();
    eventually("replayed", || runtime.status().caught_up);
    runtime.shutdown().unwrap();
    assert_eq!(world.logs.activations("activations"), sent);
}
