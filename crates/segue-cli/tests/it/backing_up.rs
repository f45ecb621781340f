//! Everything of a busy server as one file, and another server made of it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::running::{CRM_TOKEN, Serving, said, segue};

const PATIENCE: Duration = Duration::from_secs(60);

/// Before any window that is left open.
const LONG_AGO: &str = "2026-01-01T10:00:00Z";

/// Three seconds, so that a window closes while the test looks, and for ever.
const DEFINITIONS: &str = r#"
{kind: Audience, id: lately, name: Lately, definition: 'CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Sports", false)) WHEN(< 3 seconds before now)])'}
---
{kind: Audience, id: ever, name: Ever, definition: 'CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Sports", false))])'}
---
{kind: Destination, id: hub, type: azure-event-hubs, audiences: [lately, ever], connection: {embedded: true, event_hub: activations}}
---
{kind: Destination, id: crm, type: http, audiences: [lately], connection: {url: "http://127.0.0.1:9/in", auth: {bearer: "${CRM_TOKEN}"}}}
"#;

fn event(id: &str, identities: Value, timestamp: &str) -> String {
    let event = json!({
        "_id": id, "timestamp": timestamp, "identityMap": identities,
        "web": {"webPageDetails": {"name": "Sports"}},
    });
    format!("{event}\n")
}

fn send(server: &Serving, lines: &str, flags: &[&str]) {
    let sent = server.run_with_input(&[&["send", "-"], flags].concat(), lines);
    assert!(sent.status.success(), "{}", said(&sent));
}

/// Everybody who is left alone while the export is written.
fn quiet(server: &Serving) -> Vec<Value> {
    let show = |number: u32| {
        let path = format!("/api/profiles/ECID/quiet-{number}");
        serde_json::from_str(&server.get(&path)).unwrap()
    };
    (0..20).map(show).collect()
}

fn status(server: &Serving, identity: &str, audience: &str) -> String {
    let text = server.get(&format!("/api/profiles/ECID/{identity}"));
    let profile: Value = serde_json::from_str(&text).unwrap();
    profile["memberships"][audience]["status"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn a_busy_server_is_exported_and_goes_on_from_the_file() {
    let old = Serving::start();
    fill(&old);
    let file = old.path("backup.zst");
    export_under_load(&old, &file);
    let again = old.run(&["export", file.to_str().unwrap()]);
    assert!(said(&again).contains("--force"), "{}", said(&again));
    let content = zstd::decode_all(std::fs::read(&file).unwrap().as_slice()).unwrap();
    let text: String = content.into_iter().map(char::from).collect();
    assert!(text.contains("CRM_TOKEN") && !text.contains(CRM_TOKEN), "names of secrets only");
    assert!(text.contains("quiet-7") && !text.contains("erased-k3"));

    let folder = tempfile::tempdir().unwrap();
    let import = segue()
        .args(["import", file.to_str().unwrap(), "--data"])
        .arg(folder.path().join("data"))
        .output();
    assert!(import.as_ref().unwrap().status.success(), "{}", said(&import.unwrap()));
    // The window runs out while nothing runs on the new side.
    let begun = Instant::now();
    while status(&old, "passer-by", "lately") != "exited" {
        assert!(begun.elapsed() < PATIENCE, "the window does not close");
    }
    let new = Serving::start_in(folder);
    assert_eq!(quiet(&new), quiet(&old));
    for kind in ["audiences", "destinations"] {
        let path = format!("/api/{kind}");
        assert_eq!(new.get(&path), old.get(&path));
    }
    assert_eq!(status(&new, "passer-by", "lately"), "exited");
    assert_eq!(status(&new, "passer-by", "ever"), "realized");
    goes_on(&new);
}

/// Twenty who are left alone from then on, one who is erased, one whose window will run out.
fn fill(server: &Serving) {
    let definitions = server.file("definitions.yaml", DEFINITIONS);
    server.succeed(&["apply", "-f", definitions.to_str().unwrap()]);
    for number in 0..20 {
        let device = format!("quiet-{number}");
        let both = json!({"ECID": [{"id": device}], "Email": [{"id": format!("{number}@x")}]});
        let record = json!({"identityMap": both, "person": {"name": {"firstName": device}}});
        send(server, &format!("{record}\n"), &["--records"]);
        send(server, &event(&format!("q{number}"), both, LONG_AGO), &[]);
    }
    send(server, &event("gone", json!({"ECID": [{"id": "erased-k3"}]}), LONG_AGO), &[]);
    server.succeed(&["profile", "delete", "ECID:erased-k3"]);
    let now = jiff::Timestamp::now().to_string();
    send(server, &event("window", json!({"ECID": [{"id": "passer-by"}]}), &now), &[]);
    assert_eq!(status(server, "passer-by", "lately"), "realized");
}

/// Exports while events come in.
fn export_under_load(server: &Serving, file: &Path) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut sent = 0;
            while !is_over.load(Ordering::Relaxed) {
                let visitor = json!({"ECID": [{"id": format!("busy-{}", sent % 50)}]});
                send(server, &event(&format!("b{sent}"), visitor, LONG_AGO), &[]);
                sent += 1;
            }
            sent
        });
        let exported = server.run(&["export", file.to_str().unwrap()]);
        is_over.store(true, Ordering::Relaxed);
        assert!(exported.status.success(), "{}", said(&exported));
        assert!(load.join().unwrap() > 0);
    });
}

/// Persons who were there, and new ones, whose ids nobody had; an `_id` is still remembered.
fn goes_on(server: &Serving) {
    let ids = |profiles: &[Value]| -> Vec<Value> {
        profiles.iter().map(|profile| profile["profileId"].clone()).collect()
    };
    let before = ids(&quiet(server));
    for (id, visitor) in [("more", "quiet-3"), ("new", "newcomer"), ("q3", "stranger")] {
        send(server, &event(id, json!({"ECID": [{"id": visitor}]}), LONG_AGO), &[]);
    }
    assert_eq!(status(server, "quiet-3", "ever"), "existing");
    assert_eq!(ids(&quiet(server)), before);
    let newcomer = server.get("/api/profiles/ECID/newcomer");
    let newcomer: Value = serde_json::from_str(&newcomer).unwrap();
    assert!(!before.contains(&newcomer["profileId"]), "{newcomer}");
    assert_eq!(status(server, "stranger", "ever"), "none");
}

#[test]
fn what_cannot_be_imported_is_said_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let import = |file: &std::path::Path, data: &std::path::Path| {
        segue().arg("import").arg(file).arg("--data").arg(data).output().unwrap()
    };
    let foreign = folder.path().join("foreign");
    std::fs::write(&foreign, "PK").unwrap();
    let data = folder.path().join("data");
    let refused = import(&foreign, &data);
    assert!(said(&refused).contains("no export of Segue"), "{}", said(&refused));
    assert!(!data.exists());
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("FORMAT"), "").unwrap();
    let refused = import(&foreign, &data);
    assert!(said(&refused).contains("is not empty"), "{}", said(&refused));
}
