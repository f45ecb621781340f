//! Runs every scenario of `tests/scenarios`: what Segue promises, line by line.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use segue_runtime::scenario::{self, ScenarioError};

fn scenarios() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios")
}

#[test]
fn every_scenario_holds() {
    let mut files: Vec<PathBuf> =
        fs::read_dir(scenarios()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.is_file());
    files.sort();
    assert!(files.len() > 20, "only {} files of scenarios were found", files.len());
    let mut failed = String::new();
    for file in files {
        match scenario::run_file(&file) {
            Ok(report) if report.passed() => {}
            Ok(report) => failed += &report.to_string(),
            Err(error) => failed += &error.to_string(),
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
}

/// Runs one document that is written to a file of its own.
fn run(text: &str) -> Result<scenario::Report, ScenarioError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.yaml");
    fs::write(&file, text).unwrap();
    let report = scenario::run_file(&file);
    report.map(|report| scenario::Report { path: PathBuf::from("scenario.yaml"), ..report })
}

const HEAD: &str = r#"
kind: Scenario
name: a sample
start: 2026-01-01T10:00:00Z
definitions:
  - kind: Audience
    id: sports-fan
    name: Sports fan
    definition: 'CHAIN(xEvent, timestamp, [C0: WHAT(page.equals("Sports", false)) WHEN(< 1 hours before now)])'
  - kind: Destination
    id: hub
    type: azure-event-hubs
    connection: {embedded: true, event_hub: activations}
    audiences: [sports-fan]
steps:
"#;

#[test]
fn a_failure_says_what_was_expected_what_was_found_and_why() {
    let report = run(&format!(
        r#"{HEAD}
  - {{at: 0s, event: {{identityMap: {{ECID: [{{id: "1"}}]}}, page: Sports}}}}
  - {{at: 1s, event: {{identityMap: {{}}}}}}
  - {{at: 2s, event: {{identityMap: {{ECID: [{{id: "1"}}]}}}}, refused: identityMap}}
  - {{at: 3s, expect: {{"ECID:1": {{sports-fan: existing}}}}}}
  - {{at: 3s, profile: {{"ECID:2": {{identities: {{ecid: ["2"]}}}}}}}}
  - {{at: 3s, profile: {{"ECID:1": {{identities: {{email: [a]}}, same_as: "Email:a"}}}}}}
  - {{at: 4s, exported: {{hub: [{{profile: "ECID:1", statuses: {{sports-fan: exited}}}}]}}}}
  - {{at: 4s, exported: {{hub: []}}}}
"#
    ));
    insta::assert_snapshot!(report.unwrap(), @r#"
    scenario.yaml
      FAILED a sample (8 steps)
        step 2 at 1s
          expected  the input is accepted
          found     /identityMap: found no identity; send at least one, such as {"ECID": [{"id": "1"}]} (required)
          why       if it should be refused, write `refused` and the field beside it
        step 3 at 2s
          expected  the input is refused, naming `identityMap`
          found     it was accepted
          why       it keeps every rule for its fields
        step 4 at 3s
          expected  ECID:1: sports-fan existing
          found     ECID:1: sports-fan realized
          why       at 2026-01-01T10:00:03Z profile 2028701e-cd4d-c744-b566-96736d142c0e has ecid:1
                    sports-fan: realized, last qualified 2026-01-01T10:00:00Z: CHAIN(xEvent, timestamp, [C0: WHAT(page.equals("Sports", false)) WHEN(< 1 hours before now)])
                    events known: 2
                      2026-01-01T10:00:00Z: {"_id":"step-1","page":"Sports"}
                      2026-01-01T10:00:02Z: {"_id":"step-3"}
                    without further input it changes at 2026-01-01T11:00:00Z at the earliest
        step 5 at 3s
          expected  ECID:2: a profile
          found     ECID:2: none has this identity
          why       at 2026-01-01T10:00:03Z no profile has the identity ecid:2
        step 6 at 3s
          expected  ECID:1: email ["a"]
          found     ECID:1: email []
          why       at 2026-01-01T10:00:03Z profile 2028701e-cd4d-c744-b566-96736d142c0e has ecid:1
                    sports-fan: realized, last qualified 2026-01-01T10:00:00Z: CHAIN(xEvent, timestamp, [C0: WHAT(page.equals("Sports", false)) WHEN(< 1 hours before now)])
                    events known: 2
                      2026-01-01T10:00:00Z: {"_id":"step-1","page":"Sports"}
                      2026-01-01T10:00:02Z: {"_id":"step-3"}
                    without further input it changes at 2026-01-01T11:00:00Z at the earliest
        step 6 at 3s
          expected  ECID:1: the profile of email:a
          found     ECID:1: 2028701e-cd4d-c744-b566-96736d142c0e, email:a is nobody's
          why       at 2026-01-01T10:00:03Z profile 2028701e-cd4d-c744-b566-96736d142c0e has ecid:1
                    sports-fan: realized, last qualified 2026-01-01T10:00:00Z: CHAIN(xEvent, timestamp, [C0: WHAT(page.equals("Sports", false)) WHEN(< 1 hours before now)])
                    events known: 2
                      2026-01-01T10:00:00Z: {"_id":"step-1","page":"Sports"}
                      2026-01-01T10:00:02Z: {"_id":"step-3"}
                    without further input it changes at 2026-01-01T11:00:00Z at the earliest
        step 7 at 4s
          expected  hub, activation 1: sports-fan exited
          found     hub, activation 1: sports-fan realized
          why       sent to hub so far:
                    1. at 2026-01-01T10:00:00Z by step-1 (membership): sports-fan realized; {"ecid":[{"id":"1"}]}
        step 8 at 4s
          expected  hub: 0 activations
          found     hub: 1 activation
          why       sent to hub so far:
                    1. at 2026-01-01T10:00:00Z by step-1 (membership): sports-fan realized; {"ecid":[{"id":"1"}]}
    "#);
}

#[test]
fn a_file_that_is_no_scenario_is_refused_with_its_place() {
    let step = |step: &str| run(&format!("{HEAD}  - {step}\n")).unwrap_err().to_string();
    let errors = [
        step(r#"{at: 1s, evnt: {}}"#),
        step(r#"{at: 1x, event: {}}"#),
        step(r#"{at: 1s}"#),
        step(r#"{at: 1s, expect: {"ECID": {a: realized}}}"#),
        step(r#"{at: 1s, expect: {"ECID:1": {a: realised}}}"#),
        step(r#"{at: 1s, exported: {hub: [{status: {}}]}}"#),
        step("{at: 1m, forget: \"ECID:1\"}\n  - {at: 59s, forget: \"ECID:1\"}"),
        run("kind: Scenaro").unwrap_err().to_string(),
        run("kind: [").unwrap_err().to_string(),
    ];
    let after_file = |error: &String| error.split_once("scenario.yaml").unwrap().1.to_owned();
    let errors: Vec<String> = errors.iter().map(after_file).collect();
    insta::assert_snapshot!(errors.join("\n---\n"), @r#"
    , scenario `a sample`, step 1: unknown key `evnt`; did you mean `event`?
    ---
    , scenario `a sample`, step 1: at: `1x` is no span of time; write one such as 2h30m or 0s
    ---
    , scenario `a sample`, step 1: a step holds one of event, record, define, remove, forget, expect, profile, exported; split or complete it
    ---
    , scenario `a sample`, step 1: expect: `ECID` names no identity; write namespace and id with a colon between, such as ECID:123
    ---
    , scenario `a sample`, step 1: expect: ECID:1: `realised` is no status; write realized, existing or exited, or absent
    ---
    , scenario `a sample`, step 1: exported: unknown key `status`; did you mean `statuses`?
    ---
    , scenario `a sample`, step 2: at 59s comes after 1m; put the steps in order
    ---
    , document 1: write `kind: Scenario` at its head
    ---
     is not YAML: error: line 1 column 7: unclosed bracket '['
     --> <input>:1:7
      |
    1 | kind: [
      |       ^ unclosed bracket '['
    "#);
}

#[test]
fn a_definition_that_does_not_hold_is_shown_with_its_place() {
    let error = run("kind: Scenario\nname: a\nstart: 2026-01-01T10:00:00Z\nsteps: []\n\
         definitions: [{kind: Audience, id: a, definition: 'inSegment(\"b'}]");
    let error = error.unwrap_err().to_string();
    assert!(error.contains("scenario `a`, definition 1: /definition: "), "{error}");
    let error = run("kind: Scenario\nname: a\nstart: 2026-01-01T10:00:00Z\nsteps: []\n\
         definitions: [{kind: Audience, id: a, definition: 'inSegment(\"b\")'}]");
    let error = error.unwrap_err().to_string();
    assert!(error.contains("scenario `a`: Audience `a`: /definition: "), "{error}");
}
