//! A data directory and an export of an earlier version: each opens, or is refused with what to
//! do. `README.md` says how they were made.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A test that panics has failed.

mod serving;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use serving::{Ended, Serving, segue};

/// Makes the files anew when it is set.
const MAKE: &str = "SEGUE_MAKE_UPGRADE_FIXTURE";

/// Who is in the data.
const VISITORS: [&str; 3] = ["ada", "grace", "edsger"];

/// No window: what these say does not depend on when the test runs.
const DEFINITIONS: &str = r#"
{kind: Namespace, code: Email, type: person, unique: true, priority: 1}
---
{kind: Audience, id: sports-fan, name: Sports fan, definition: 'CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Sports", false))])'}
---
{kind: Audience, id: grown-up, name: Grown up, definition: 'person.age >= 18'}
---
{kind: Destination, id: hub, type: azure-event-hubs, audiences: [sports-fan, grown-up], connection: {embedded: true, event_hub: activations}}
"#;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/upgrade").join(name)
}

#[test]
fn the_data_directory_opens_or_is_refused_with_what_to_do() {
    make_if_asked();
    let folder = tempfile::tempdir().unwrap();
    copy(&fixture("data"), &folder.path().join("data"));
    check(Serving::start(&folder.path().join("data")));
}

#[test]
fn the_export_is_imported_or_refused_with_what_to_do() {
    if std::env::var_os(MAKE).is_some() {
        return; // The other test makes it.
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let import = segue().arg("import").arg(fixture("export.zst")).arg("--data").arg(&data).output();
    let import = import.unwrap();
    if import.status.success() {
        check(Serving::start(&data));
    } else {
        check_refusal(&String::from_utf8_lossy(&import.stderr));
        assert!(!data.exists(), "nothing is left of it");
    }
}

fn check(started: Result<Serving, Ended>) {
    match started {
        Ok(server) => {
            let expected = fs::read(fixture("expected.json")).unwrap();
            let expected: Value = serde_json::from_slice(&expected).unwrap();
            assert_eq!(shown(&server), expected);
        }
        Err(Ended { said }) => check_refusal(&said),
    }
}

/// It says what to do.
fn check_refusal(said: &str) {
    let advice = ["use the version", "use the program", "delete "];
    let said = said.to_lowercase();
    assert!(advice.iter().any(|what_to_do| said.contains(what_to_do)), "{said}");
}

/// What a server shows of the data, whenever it is asked.
fn shown(server: &Serving) -> Value {
    let profiles: Vec<Value> =
        VISITORS.iter().map(|id| server.get(&format!("/api/profiles/ECID/{id}"))).collect();
    let erased = server.get("/api/profiles/ECID/erased");
    json!({
        "profiles": profiles,
        "erased": erased["status"],
        "audiences": server.get("/api/audiences"),
        "destinations": server.get("/api/destinations"),
        "namespaces": server.get("/api/namespaces"),
    })
}

fn make_if_asked() {
    if std::env::var_os(MAKE).is_none() {
        return;
    }
    let data = fixture("data");
    if data.exists() {
        fs::remove_dir_all(&data).unwrap();
    }
    let server = Serving::start(&data).unwrap();
    let definitions = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    fs::write(definitions.path(), DEFINITIONS).unwrap();
    server.run(&["apply", "-f", definitions.path().to_str().unwrap()]);
    for (number, visitor) in VISITORS.into_iter().chain(["erased"]).enumerate() {
        let both = json!({
            "ECID": [{"id": visitor}], "Email": [{"id": format!("{visitor}@example.com")}],
        });
        server.post("/api/records", &json!({"identityMap": both, "person": {"age": 17 + number}}));
        for page in ["Sports", "Home", "Sports"] {
            server.post(
                "/api/events",
                &json!({
                    "_id": format!("{visitor} {page}"), "timestamp": "2026-01-01T10:00:00Z",
                    "identityMap": both, "web": {"webPageDetails": {"name": page}},
                }),
            );
        }
    }
    server.run(&["profile", "delete", "ECID:erased"]);
    let expected = serde_json::to_string_pretty(&shown(&server)).unwrap();
    fs::write(fixture("expected.json"), expected + "\n").unwrap();
    server.run(&["export", "--force", fixture("export.zst").to_str().unwrap()]);
    server.stop();
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}
