//! Definitions as files: applied, shown, deleted.

use crate::running::{Serving, said};

const SPORTS: &str = r#"
kind: Audience
id: sports-fan
name: Sports fan
definition: |
  CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Sports", false))])
---
kind: Destination
id: activations
type: azure-event-hubs
connection: {embedded: true, event_hub: activations}
audiences: [sports-fan]
"#;

#[test]
fn definitions_are_applied_shown_and_deleted() {
    let mut server = Serving::start();
    let file = server.file("sports.yaml", SPORTS);
    let file = file.to_str().unwrap();
    assert_eq!(
        server.succeed(&["apply", "-f", file]),
        "Audience sports-fan created\nDestination activations created\n"
    );
    assert_eq!(
        server.succeed(&["apply", "-f", file]),
        "Audience sports-fan unchanged\nDestination activations unchanged\n"
    );
    server.kill_and_restart();
    assert_eq!(
        server.succeed(&["get", "audiences"]),
        "KIND      ID          NAME\nAudience  sports-fan  Sports fan\n"
    );
    let yaml = server.succeed(&["get", "audience", "sports-fan", "-o", "yaml"]);
    assert!(yaml.contains("id: sports-fan"), "{yaml}");
    assert_eq!(server.succeed(&["delete", "audience", "sports-fan"]), "sports-fan deleted\n");
    assert_eq!(server.succeed(&["get", "audiences"]), "KIND  ID  NAME\n");
}

#[test]
fn a_dry_run_changes_nothing() {
    let server = Serving::start();
    let file = server.file("sports.yaml", SPORTS);
    let said = server.succeed(&["apply", "--dry-run", "-f", file.to_str().unwrap()]);
    assert!(said.starts_with("Audience sports-fan created"), "{said}");
    assert_eq!(server.succeed(&["get", "audiences"]), "KIND  ID  NAME\n");
}

#[test]
fn mistakes_are_named_all_at_once_and_nothing_is_applied() {
    let server = Serving::start();
    let text = SPORTS.replace("name: Sports", "nmae: Sports").replace(".equals(", ".equal(");
    let file = server.file("sports.yaml", &text);
    let refused = server.run(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    let message = said(&refused);
    assert!(message.contains("/0/nmae") && message.contains("`name`"), "{message}");
    assert!(message.contains("^^^^^") && message.contains("equals"), "{message}");
    assert_eq!(server.succeed(&["get", "audiences"]), "KIND  ID  NAME\n");
}

#[test]
fn an_unset_variable_is_named() {
    let server = Serving::start();
    let file = server.file("a.yaml", "kind: Audience\nid: a\nname: ${SEGUE_TEST_UNSET}\n");
    let refused = server.run(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("export the environment variable SEGUE_TEST_UNSET"));
}
