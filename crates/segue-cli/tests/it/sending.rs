//! Events as lines, and the profile that they make.

use std::time::{Duration, Instant};

use crate::running::{Serving, printed, said};

fn event(id: u32, page: &str) -> String {
    format!(
        r#"{{"_id":"{id}","timestamp":"2026-01-01T10:00:00Z","identityMap":{{"ECID":[{{"id":"42"}}]}},"web":{{"webPageDetails":{{"name":"{page}"}}}}}}"#
    )
}

#[test]
fn events_are_sent_and_survive_a_kill() {
    let mut server = Serving::start();
    let lines = format!("{}\n\n{}\n", event(1, "Home"), event(2, "Sports"));
    let sent = server.run_with_input(&["send", "-"], &lines);
    assert!(sent.status.success(), "{}", said(&sent));
    assert!(printed(&sent).starts_with("2 accepted, 0 refused"), "{}", printed(&sent));
    server.kill_and_restart();
    let profile = server.succeed(&["profile", "get", "ecid:42"]);
    assert!(profile.contains("ecid       42"), "{profile}");
    let missing = server.run(&["profile", "get", "ecid:43"]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn a_refused_line_is_named_and_its_neighbours_count() {
    let server = Serving::start();
    let bad = r#"{"timestamp":"yesterday"}"#;
    let text = format!("{}\n{bad}\nnot json\n{}\n", event(1, "Home"), event(2, "Home"));
    let file = server.file("events.jsonl", &text);
    let sent = server.run(&["send", file.to_str().unwrap()]);
    assert_eq!(sent.status.code(), Some(1));
    assert!(printed(&sent).starts_with("2 accepted, 2 refused"), "{}", printed(&sent));
    let message = said(&sent);
    // Of a line that is not JSON the column counts; the server's line is one of the request.
    for part in ["events.jsonl:2: /_id", "; /timestamp: ", "events.jsonl:3: column 2: "] {
        assert!(message.contains(part), "{part} is missing from:\n{message}");
    }
}

#[test]
fn a_line_that_no_request_can_hold_is_named_and_its_neighbours_count() {
    let server = Serving::start();
    let file = server.file("events.jsonl", "");
    let long = event(2, &"x".repeat(2_000_000));
    let not_text = b"{\"_id\":\"\xff\"}";
    let lines =
        [event(1, "Home").as_bytes(), long.as_bytes(), not_text, event(3, "Home").as_bytes()]
            .join(&b"\n"[..]);
    std::fs::write(&file, lines).unwrap();
    let sent = server.run(&["send", file.to_str().unwrap()]);
    assert_eq!(sent.status.code(), Some(1));
    assert!(printed(&sent).starts_with("2 accepted, 2 refused"), "{}", printed(&sent));
    let message = said(&sent);
    for part in ["events.jsonl:2: the line is too long", "events.jsonl:3: "] {
        assert!(message.contains(part), "{part} is missing from:\n{message}");
    }
}

#[test]
fn lines_go_out_no_faster_than_the_rate() {
    let server = Serving::start();
    let text: String = (0..6).map(|id| event(id, "Home") + "\n").collect();
    let file = server.file("events.jsonl", &text);
    let started = Instant::now();
    let sent = server.succeed(&["send", "--rate", "4", file.to_str().unwrap()]);
    assert!(sent.starts_with("6 accepted, 0 refused"), "{sent}");
    // Four at once, and two a second later.
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
}

#[test]
fn skipped_lines_are_not_sent() {
    let server = Serving::start();
    let file = server.file("events.jsonl", &format!("not json\n{}\n", event(2, "Home")));
    let sent = server.succeed(&["send", "--skip", "1", file.to_str().unwrap()]);
    assert!(sent.starts_with("1 accepted, 0 refused"), "{sent}");
}
