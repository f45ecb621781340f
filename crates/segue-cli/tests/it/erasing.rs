//! A person leaves a running server: afterwards, no file of its data directory holds her.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::delivering::{self, Crm};
use crate::running::{Serving, printed, said};

const PATIENCE: Duration = Duration::from_secs(60);

/// The definitions: an event hub, a destination that is down, one that refuses everything.
fn apply(server: &Serving, down: &Crm, strict: &Crm) {
    let sports =
        r#"CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Sports", false))])"#;
    let common = "audiences: [sports-fan], attributes: [person.name]";
    let definitions = format!(
        "{{kind: Audience, id: sports-fan, name: Sports fan, definition: '{sports}'}}
---
{{kind: Destination, id: hub, type: azure-event-hubs, {common}, connection: {{embedded: true, event_hub: activations}}}}
---
{{kind: Destination, id: down, type: http, {common}, connection: {{url: \"{}\"}}}}
---
{{kind: Destination, id: strict, type: http, {common}, connection: {{url: \"{}\"}}}}
",
        down.url, strict.url
    );
    let file = server.file("definitions.yaml", &definitions);
    server.succeed(&["apply", "-f", file.to_str().unwrap()]);
}

/// What somebody leaves behind: attributes, visits, one of them sent twice, a login.
fn live(server: &Serving, name: &str) {
    let event = |id: &str, identities: Value| {
        json!({
            "_id": format!("{id}-{name}"), "timestamp": "2026-01-01T10:00:00Z",
            "identityMap": identities, "web": {"webPageDetails": {"name": "Sports"}},
            "note": format!("about {name}"),
        })
    };
    let device = json!({"ECID": [{"id": format!("device-{name}")}]});
    let both = json!({
        "ECID": [{"id": format!("device-{name}")}], "Email": [{"id": format!("{name}@example.com")}],
    });
    let record = json!({"identityMap": device, "person": {"name": {"firstName": name}}});
    let events = [
        event("a", device.clone()),
        event("b", both.clone()),
        event("a", device.clone()),
        event("c", both),
    ];
    let lines = |values: &[Value]| values.iter().map(|it| format!("{it}\n")).collect::<String>();
    let sent = server.run_with_input(&["send", "-", "--records"], &lines(&[record]));
    assert!(sent.status.success(), "{}", said(&sent));
    let sent = server.run_with_input(&["send", "-"], &lines(&events));
    assert!(sent.status.success(), "{}", said(&sent));
}

/// The files of the data directory that hold a text, as it is or within base64.
fn holders(server: &Serving, text: &str) -> Vec<PathBuf> {
    let mut needles = vec![text.to_owned()];
    for shift in 0..3 {
        // The same text behind bytes that nobody knows: what is certain of its base64.
        let encoded = STANDARD.encode([&vec![0; shift], text.as_bytes()].concat());
        let (first, last) = ((shift * 8).div_ceil(6), (shift + text.len()) * 8 / 6);
        needles.push(encoded[first..last].to_owned());
    }
    let mut found = Vec::new();
    look(&server.path("data"), &needles, &mut found);
    found
}

fn look(directory: &Path, needles: &[String], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            look(&entry.path(), needles, found);
        } else {
            // One that has just been removed holds nothing.
            let bytes = std::fs::read(entry.path()).unwrap_or_default();
            let text: String = bytes.into_iter().map(char::from).collect();
            if needles.iter().any(|needle| text.contains(needle.as_str())) {
                found.push(entry.path());
            }
        }
    }
}

fn receipt(server: &Serving, id: u64) -> Value {
    let receipt = server.succeed(&["profile", "receipt", &id.to_string(), "-o", "json"]);
    serde_json::from_str(&receipt).unwrap()
}

#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

fn wait_complete(server: &Serving, id: u64) -> Value {
    eventually("the erasure completes", || receipt(server, id)["state"] == "complete");
    receipt(server, id)
}

/// Starts the erasure of somebody.
fn delete(server: &Serving, name: &str) -> u64 {
    let identity = format!("Email:{name}@example.com");
    server.succeed(&["profile", "delete", "--no-wait", &identity]).trim().parse().unwrap()
}

fn profile(server: &Serving, name: &str) -> Value {
    serde_json::from_str(&server.get(&format!("/api/profiles/ECID/device-{name}"))).unwrap()
}

#[test]
fn a_person_leaves_no_trace_on_the_disk() {
    let (down, strict) = (Crm::start(), Crm::start());
    down.answer_with(503);
    strict.answer_with(422);
    let mut server = Serving::start();
    apply(&server, &down, &strict);
    for name in ["neighbour-one", "kim-q7x", "neighbour-two"] {
        live(&server, name);
    }
    let folders = ["input", "state", "hubs", "outboxes/down", "outboxes/strict", "dead-letters"];
    eventually("she is everywhere", || {
        let found = holders(&server, "kim-q7x");
        folders.iter().all(|folder| {
            found.iter().any(|path| path.to_string_lossy().contains(&format!("/{folder}/")))
        })
    });
    let neighbours = ["neighbour-one", "neighbour-two"].map(|name| profile(&server, name));

    let id = delete(&server, "kim-q7x");
    assert_eq!(profile(&server, "kim-q7x")["status"], 404);
    eventually("only what must be delivered is left", || {
        let logs = &receipt(&server, id)["logs"];
        logs["outbox:down"]["waiting"].as_u64().is_some_and(|waiting| waiting > 0)
    });
    for path in holders(&server, "kim-q7x") {
        let path = path.to_string_lossy().into_owned();
        assert!(path.contains("/outboxes/down/") || path.contains("/erasures/"), "{path}");
    }
    down.answer_with(204);
    let receipt = wait_complete(&server, id);
    let erased = |log: &str| receipt["logs"][log]["erased"].as_u64().unwrap();
    assert_eq!(erased("log:input"), 6, "a record, three events, a duplicate, the erasure");
    assert!(erased("activations") > 0 && erased("outbox:down") > 0 && erased("outbox:strict") > 0);
    assert!(erased("log:dead-letters") > 0, "{receipt}");
    assert!(!receipt.to_string().contains("kim"), "{receipt}");
    let delivered = down.requests.lock().iter().any(|(_, it)| it.to_string().contains("kim-q7x"));
    assert!(delivered, "what was on its way has arrived");

    let check = |server: &Serving| {
        assert_eq!(holders(server, "kim-q7x"), Vec::<PathBuf>::new());
        let kept = holders(server, "neighbour-one");
        let is_in = |folder: &&str| {
            kept.iter().any(|path| path.to_string_lossy().contains(&format!("/{folder}/")))
        };
        // A store that was written anew is compressed.
        let kept_in: Vec<&str> = folders.into_iter().filter(is_in).collect();
        assert!(kept_in.len() >= folders.len() - 1, "{kept_in:?}");
        assert_eq!(profile(server, "kim-q7x")["status"], 404);
        assert_eq!(
            ["neighbour-one", "neighbour-two"].map(|name| profile(server, name)),
            neighbours
        );
    };
    check(&server);
    server.kill_and_restart();
    check(&server);
    // The state is made again from the input log.
    server.kill_and_restart_after(|data| std::fs::remove_dir_all(data.join("state")).unwrap());
    check(&server);
    let text = server.succeed(&["profile", "receipt", &id.to_string()]);
    assert!(text.contains("is complete") && text.contains("log:input"), "{text}");
}

#[test]
fn an_erasure_goes_on_after_any_kill() {
    let (down, strict) = (Crm::start(), Crm::start());
    strict.answer_with(422);
    let mut server = Serving::start();
    apply(&server, &down, &strict);
    let names: Vec<String> = (0..8).map(|number| format!("somebody-{number}-z")).collect();
    names.iter().for_each(|name| live(&server, name));
    live(&server, "neighbour");
    let neighbour = profile(&server, "neighbour");
    let mut ids = Vec::new();
    for (round, name) in names.iter().enumerate() {
        ids.push(delete(&server, name));
        // An erasure takes about a second: each kill finds it at another stage.
        std::thread::park_timeout(Duration::from_millis(190 * round as u64));
        server.kill_and_restart();
    }
    for id in ids {
        wait_complete(&server, id);
    }
    for name in &names {
        assert_eq!(holders(&server, name), Vec::<PathBuf>::new(), "{name}");
        assert_eq!(profile(&server, name)["status"], 404);
    }
    assert_eq!(profile(&server, "neighbour"), neighbour);
}

#[test]
fn deleting_waits_and_shows_what_was_erased() {
    let server = Serving::start();
    live(&server, "kim");
    let output = server.run(&["profile", "delete", "Email:kim@example.com"]);
    assert!(output.status.success(), "{}", said(&output));
    let text = printed(&output);
    assert!(text.contains("is complete") && text.contains("log:input  6"), "{text}");
    let nobody = server.succeed(&["profile", "delete", "Email:nobody@example.com"]);
    assert!(nobody.contains("nobody had the identity"), "{nobody}");
}

#[test]
fn whoever_is_erased_may_exit_first_so_that_destinations_know() {
    let crm = Crm::start();
    let server = Serving::start();
    let lines = delivering::apply(&server, &crm);
    delivering::visit(&server, 0..2, 1);
    let told = |statuses: &[&[&str]]| {
        let found = delivering::statuses_in(&lines).into_values().collect::<Vec<_>>();
        let mut found: Vec<Vec<&str>> =
            found.iter().map(|one| one.iter().map(String::as_str).collect()).collect();
        found.sort_unstable();
        found == statuses
    };
    eventually("both are realized", || told(&[&["realized"], &["realized"]]));
    server.succeed(&["profile", "delete", "ECID:0", "--no-wait"]);
    server.succeed(&["profile", "delete", "ECID:1", "--exit"]);
    eventually("one has exited", || told(&[&["realized"], &["realized", "exited"]]));
}
