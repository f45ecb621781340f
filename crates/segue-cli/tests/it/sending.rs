//! Events as lines, and the profile that they make.

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
    for part in ["events.jsonl:2: /_id", "events.jsonl:2: /timestamp", "events.jsonl:3:"] {
        assert!(message.contains(part), "{part} is missing from:\n{message}");
    }
}

#[test]
fn skipped_lines_are_not_sent() {
    let server = Serving::start();
    let file = server.file("events.jsonl", &format!("not json\n{}\n", event(2, "Home")));
    let sent = server.succeed(&["send", "--skip", "1", file.to_str().unwrap()]);
    assert!(sent.starts_with("1 accepted, 0 refused"), "{sent}");
}
