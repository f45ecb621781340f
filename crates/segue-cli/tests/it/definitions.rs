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
    let place = "sports.yaml, document 1 (Audience sports-fan), nmae: ";
    assert!(message.contains(place) && message.contains("`name`"), "{message}");
    assert!(message.contains("^^^^^") && message.contains("equals"), "{message}");
    assert_eq!(server.succeed(&["get", "audiences"]), "KIND  ID  NAME\n");
}

#[test]
fn audiences_that_are_made_of_each_other_are_refused_with_the_cycle() {
    let server = Serving::start();
    let text = "{kind: Audience, id: a, definition: 'inSegment(\"b\")'}\n---\n\
                {kind: Audience, id: b, definition: 'inSegment(\"a\")'}\n";
    let file = server.file("cycle.yaml", text);
    let refused = server.run(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    let message = said(&refused);
    assert!(message.contains("document 2 (Audience b), definition: "), "{message}");
    assert!(message.contains("b → a → b"), "{message}");
}

#[test]
fn every_kind_is_shown_and_deleted_whatever_its_id_holds() {
    let server = Serving::start();
    let text = "{kind: Namespace, code: Email, type: person}\n---\n\
                {kind: Audience, id: a/b c, definition: person.age >= 18}\n";
    let file = server.file("kinds.yaml", text);
    server.succeed(&["apply", "-f", file.to_str().unwrap()]);
    let namespaces = server.succeed(&["get", "namespaces"]);
    assert!(namespaces.contains("Namespace  email"), "{namespaces}");
    assert_eq!(server.succeed(&["get", "functions", "-o", "json"]), "[]\n");
    assert!(server.succeed(&["get", "audience", "a/b c"]).contains("a/b c"));
    assert_eq!(server.succeed(&["delete", "audience", "a/b c"]), "a/b c deleted\n");
}

#[test]
fn an_unset_variable_is_named() {
    let server = Serving::start();
    let file = server.file("a.yaml", "kind: Audience\nid: a\nname: ${SEGUE_TEST_UNSET}\n");
    let refused = server.run(&["apply", "-f", file.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("export the environment variable SEGUE_TEST_UNSET"));
}
