//! Questions before anything is changed: check, estimate, diff, explain.

use crate::running::{Serving, printed, said, segue};

const SHOP: &str = r#"
kind: Audience
id: sports-fan
name: Sports fan
definition: |
  CHAIN(xEvent, timestamp, [
    C0: WHAT(page.equals("Sports", false)) WHEN(< 100 years before now) COUNT(2)])
---
kind: Audience
id: everybody-else
name: Everybody else
definition: not inSegment("sports-fan")
---
kind: Destination
id: activations
type: azure-event-hubs
connection: {embedded: true, event_hub: activations}
audiences: [sports-fan]
"#;

fn event(id: &str, ecid: &str, page: &str) -> String {
    format!(
        r#"{{"_id":"{id}","timestamp":"2026-01-01T10:00:00Z","identityMap":{{"ECID":[{{"id":"{ecid}"}}]}},"page":"{page}"}}"#
    )
}

/// A server with the shop's definitions, on which twelve people have visited one page.
fn shop() -> Serving {
    let server = Serving::start();
    let file = server.file("shop.yaml", SHOP);
    server.succeed(&["apply", "-f", file.to_str().unwrap()]);
    let page = |number: u32| if number < 4 { "Home" } else { "Sports" };
    let events: Vec<String> =
        (0..12).map(|n| event(&format!("e{n}"), &n.to_string(), page(n))).collect();
    let sent = server.run_with_input(&["send", "-"], &events.join("\n"));
    assert!(sent.status.success(), "{}", said(&sent));
    server
}

#[test]
fn help_has_examples_of_each() {
    for command in ["explain", "diff", "audience", "audience check", "audience estimate"] {
        let output = segue().args(command.split(' ')).arg("--help").output().unwrap();
        insta::assert_snapshot!(format!("help_{}", command.replace(' ', "_")), printed(&output));
    }
}

#[test]
fn a_check_tells_how_each_audience_is_evaluated_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "{SHOP}---\n{{kind: Audience, id: vip, definition: 'xEvent.topN(n, 3).sum(n) > 5 and \
         (inSegment(\"gold\") or person.age >= 18)'}}\n"
    );
    std::fs::write(folder.path().join("shop.yaml"), text).unwrap();
    let check = |output: &str| {
        let mut command = segue();
        command.args(["audience", "check", "-f", "shop.yaml", "-o", output]);
        let output = command.current_dir(folder.path()).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        printed(&output)
    };
    insta::assert_snapshot!(check("table"));
    insta::assert_snapshot!(check("yaml"));
}

#[test]
fn a_check_shows_every_mistake_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let text = "{kind: Audience, id: a, definition: 'page.equal(\"x\")', nmae: A}\n---\n\
                {kind: Audience, id: b, definition: 'inSegment(\"c\")'}\n---\n\
                {kind: Audience, id: c, definition: 'inSegment(\"b\")'}\n";
    std::fs::write(folder.path().join("wrong.yaml"), text).unwrap();
    let mut command = segue();
    command.args(["audience", "check", "-f", "wrong.yaml"]).current_dir(folder.path());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    insta::assert_snapshot!(format!("{}\n{}", printed(&output), said(&output)));
}

#[test]
fn an_estimate_counts_without_publishing() {
    let server = shop();
    let file = server.file("new.yaml", &SHOP.replace("COUNT(2)", "").replace("sports-fan", "new"));
    let file = file.to_str().unwrap();
    let refused = server.run(&["audience", "estimate", "-f", file]);
    assert_eq!(refused.status.code(), Some(1), "an audience that another names is not there");
    assert!(said(&refused).contains("there is no audience `new`"), "{}", said(&refused));
    let file = server.file("new.yaml", &SHOP.replace("COUNT(2)", ""));
    insta::assert_snapshot!(server.succeed(&[
        "audience",
        "estimate",
        "-f",
        file.to_str().unwrap()
    ]));
    let json =
        server.succeed(&["audience", "estimate", "-o", "json", "-f", file.to_str().unwrap()]);
    assert!(json.contains("\"members\": 8") && json.contains("\"of\": 12"), "{json}");
}

#[test]
fn a_diff_shows_lines_numbers_and_ten_with_reasons_and_changes_nothing() {
    let server = shop();
    let file = server.file("edited.yaml", &SHOP.replace(" COUNT(2)", ""));
    let file = file.to_str().unwrap();
    insta::assert_snapshot!(server.succeed(&["diff", "-f", file]));
    let again = server.succeed(&["diff", "-f", file]);
    assert!(again.contains("sports-fan      8      0      0"), "{again}");
    let same = server.file("same.yaml", SHOP);
    let same = server.succeed(&["diff", "-f", same.to_str().unwrap()]);
    assert!(same.ends_with("no profile would move\n"), "{same}");
    let wrong = server.file("wrong.yaml", &SHOP.replace("equals", "equal"));
    let wrong = server.run(&["diff", "-f", wrong.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(said(&wrong).contains("document 1 (Audience sports-fan)"), "{}", said(&wrong));
}

#[test]
fn an_explanation_tells_why_and_what_an_event_would_change() {
    let server = shop();
    let ask = ["explain", "--profile", "ECID:7", "--audience", "sports-fan"];
    insta::assert_snapshot!(server.succeed(&ask));
    let json = server.succeed(&[&ask[..], &["-o", "json"]].concat());
    assert!(json.contains("\"membership\": null"), "{json}");
    let second = server.file("visit.json", &event("again", "7", "Sports"));
    let told = server.succeed(&[&ask[..], &["--event", second.to_str().unwrap()]].concat());
    assert!(told.contains("\n\nafterwards: Sports fan: the profile is a member since "), "{told}");
    let repeated = server.file("visit.json", &event("e7", "7", "Sports"));
    let told = server.succeed(&[&ask[..], &["--event", repeated.to_str().unwrap()]].concat());
    assert!(told.ends_with("\n\nafterwards: the same\n"), "{told}");
    let nobody = server.run(&["explain", "--profile", "ECID:99", "--audience", "sports-fan"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(said(&nobody).contains("no profile holds the identity ecid:99"), "{}", said(&nobody));
    let usage = segue().args(["explain", "--profile", "ECID:99"]).output().unwrap();
    assert_eq!(usage.status.code(), Some(2));
}
