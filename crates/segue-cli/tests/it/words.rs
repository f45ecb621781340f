//! Help, usage errors and scenario reports, as snapshots.

use crate::running::{printed, said, segue};

#[test]
fn help_lists_the_commands() {
    let help = printed(&segue().arg("--help").output().unwrap());
    insta::assert_snapshot!(help);
}

#[test]
fn every_command_has_examples() {
    let commands = [
        "demo",
        "serve",
        "hub",
        "func",
        "func start",
        "apply",
        "diff",
        "audience",
        "audience check",
        "audience estimate",
        "explain",
        "get",
        "delete",
        "test",
        "profile",
        "profile get",
        "profile delete",
        "profile receipt",
        "identity",
        "identity simulate",
        "send",
        "tail",
        "export",
        "import",
        "completions",
    ];
    for command in commands {
        let output = segue().args(command.split(' ')).arg("--help").output().unwrap();
        let help = printed(&output);
        assert!(output.status.success() && help.contains("Example"), "{command}: {help}");
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let output = segue().args(["serve", "--prot", "1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("unexpected argument '--prot'"));
    for no_identity in ["kim@example.com", "ECID:", ":1"] {
        let output = segue().args(["profile", "get", no_identity]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains("names no identity"), "{}", said(&output));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let scenario =
        "kind: Scenario\nname: nothing happens\nstart: 2026-01-01T10:00:00Z\nsteps: []\n";
    std::fs::write(folder.path().join("a.yaml"), scenario).unwrap();
    let mut command = segue();
    let output = command.args(["test", "a.yaml"]).current_dir(folder.path()).stdout(full);
    let output = output.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let output = output.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("cannot write the output"), "{}", said(&output));
}

#[test]
fn a_run_without_scenarios_does_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("empty.yaml"), "# nothing yet\n").unwrap();
    for path in [".", "empty.yaml"] {
        let output = segue().args(["test", path]).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains("no scenarios found"), "{}", said(&output));
    }
}

#[test]
fn a_file_that_is_no_scenario_fails_and_the_others_still_run() {
    let folder = tempfile::tempdir().unwrap();
    let good = "kind: Scenario\nname: nothing happens\nstart: 2026-01-01T10:00:00Z\nsteps: []\n";
    std::fs::write(folder.path().join("a.yaml"), "kind: Audience\nid: x\n").unwrap();
    std::fs::write(folder.path().join("b.yaml"), good).unwrap();
    let output = segue().args(["test", "."]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("kind: Scenario"), "{}", said(&output));
    assert!(printed(&output).ends_with("1 passed, 1 failed\n"), "{}", printed(&output));
}

#[test]
fn a_failed_step_is_shown_with_expected_found_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = r#"
kind: Scenario
name: red shoes, three hours
start: 2026-01-01T10:00:00Z
definitions:
  - kind: Audience
    id: red-shoes
    name: Red shoes
    definition: 'CHAIN(xEvent, timestamp, [C0: WHAT(shoes.equals("red")) WHEN(< 3 hours before now)])'
steps:
  - {at: 0s, event: {identityMap: {ECID: [{id: "1"}]}, shoes: red}}
  - {at: 3h, expect: {"ECID:1": {red-shoes: realized}}}
"#;
    std::fs::write(folder.path().join("red.yaml"), scenario).unwrap();
    let output = segue().args(["test", "red.yaml"]).current_dir(folder.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(printed(&output));
}

/// A file of the examples, as the documentation has it.
fn example(name: &str) -> String {
    format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_simulation_tells_what_each_event_links_and_draws_the_graph() {
    let file = example("identity/shared-device.yaml");
    let output = segue().args(["identity", "simulate", "-f", &file]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    insta::assert_snapshot!(printed(&output));
}

#[test]
fn a_simulation_as_json_and_of_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("events.jsonl");
    let lines = [
        r#"{"identityMap": {"ECID": [{"id": "1"}]}, "timestamp": "2026-01-01T09:00:00Z"}"#,
        r#"{"identityMap": {"ECID": [{"id": "1"}], "Email": [{"id": "a@x"}]}}"#,
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let mut command = segue();
    let output = command.args(["identity", "simulate", "-o", "json", "-f"]).arg(&file).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", said(&output));
    insta::assert_snapshot!(printed(&output));
}

#[test]
fn a_simulation_names_the_document_that_cannot_be_played() {
    let folder = tempfile::tempdir().unwrap();
    let audience = "kind: Audience\nid: a\ndefinition: person.age > 1\n";
    for (text, wanted) in [
        (audience, "takes Namespace definitions and events"),
        ("identityMap: {ECID: [{id: '1'}]}\n---\neventType: x\n", "document 2: /identityMap"),
        ("[", "in "),
    ] {
        std::fs::write(folder.path().join("x.yaml"), text).unwrap();
        let mut command = segue();
        command.args(["identity", "simulate", "-f", "x.yaml"]).current_dir(folder.path());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(wanted), "{}", said(&output));
    }
}
