//! Destinations on this machine, and what is refused before anything is sent.

use segue_runtime::{ActivationLog, LogEnds, OUTBOX};
use serde_json::{Value, json};

use crate::world::{World, destination, numbered};

fn lines(path: &std::path::Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_gets_every_activation_with_its_properties() {
    let mut world = World::new();
    let path = world.path("out/activations.jsonl");
    world.delivery.start();
    world.define([destination("files", "file", json!({"path": path}))]);
    world.append((0..100).map(|number| numbered(number % 7, number)));
    world.delivered("files").await;
    world.delivery.stop().await;

    let lines = lines(&path);
    assert_eq!(lines.len(), 100);
    for profile in 0..7 {
        let of_profile = |line: &&Value| line["body"]["profile"] == profile;
        let numbers = lines.iter().filter(of_profile).map(|line| line["body"]["number"].as_u64());
        let numbers: Vec<u64> = numbers.flatten().collect();
        assert!(numbers.is_sorted() && numbers.len() > 13, "{numbers:?}");
    }
    let properties = lines[0]["properties"].as_object().unwrap();
    assert_eq!(properties["segue-reason"], "identity,membership");
    assert_eq!(properties.len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_and_fields_make_the_lines() {
    let mut world = World::new();
    let path = world.path("out.jsonl");
    let mut templated = destination("files", "file", json!({"path": path, "rotate_bytes": 60}));
    templated["fields"] = json!(["number"]);
    templated["template"] = json!(r#"{"n": {{ body.number }}, "all": {{ body }}}"#);
    world.delivery.start();
    world.define([templated]);
    world.append([numbered(1, 5), numbered(1, 6), numbered(1, 7)]);
    world.delivered("files").await;
    let line = |number: u64| json!({"n": number, "all": {"number": number}});
    assert_eq!(lines(&world.path("out.jsonl.1")), [line(5), line(6)]);
    assert_eq!(lines(&path), [line(7)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_written_is_tried_again() {
    let mut world = World::new();
    let path = world.path("blocked");
    std::fs::create_dir(&path).unwrap();
    world.delivery.start();
    world.define([destination("files", "file", json!({"path": path}))]);
    world.append([numbered(1, 1)]);
    crate::world::eventually(|| world.status("files").trouble.is_some(), String::new).await;
    let trouble = world.status("files").trouble.unwrap();
    assert!(trouble.contains("blocked"), "{trouble}");
    std::fs::remove_dir(&path).unwrap();
    world.delivered("files").await;
    assert_eq!(lines(&path).len(), 1);
    assert_eq!(world.status("files").trouble, None);
}

#[test]
fn what_cannot_be_sent_is_refused_with_its_place() {
    let world = World::new();
    let mut bad_template = destination("a", "stdout", json!({}));
    bad_template["template"] = json!("{% if %}");
    let http = json!({
        "url": "http://[x/", "headers": {"bad name": "x"}, "auth": {"hmac": {"secret": "${S}", "header": "b d"}},
    });
    let kafka = json!({"brokers": ["b:9092", "b", ":1", "b:0"], "topic": "a topic"});
    let kinesis = json!({"region": "r/s", "stream": "a stream", "endpoint": "http://[x/"});
    let refused = [
        world.refused(destination("a", "kafka", kafka)),
        world.refused(destination("a", "kinesis", kinesis)),
        world.refused(bad_template),
        world.refused(destination("a", "http", http)),
        world.refused(destination(&"Ä".repeat(60), "stdout", json!({}))),
        world.refused(destination(
            "a",
            "azure-event-hubs",
            json!({"embedded": true, "event_hub": "no hub"}),
        )),
    ];
    insta::assert_snapshot!(refused.join("\n"), @r#"
    /connection/brokers/1: found `b`; write host:port, such as broker-1:9092 (format)
    /connection/brokers/2: found `:1`; write host:port, such as broker-1:9092 (format)
    /connection/brokers/3: found `b:0`; write host:port, such as broker-1:9092 (format)
    /connection/topic: found `a topic`; a topic's name has letters, digits, `.`, `_` and `-`, at most 249 (format)
    /connection/stream: found `a stream`; a stream's name has letters, digits, `.`, `_` and `-`, at most 128 (format)
    /connection/region: found `r/s`; write a region such as eu-central-1 (format)
    /connection/endpoint: it is no address: invalid IPv6 address (format)
    /template: line 1: unexpected end of block (format)
    /connection/url: it is no address: invalid IPv6 address (format)
    /connection/headers/bad name: `bad name` is no name of a header (format)
    /connection/auth/hmac/header: `b d` is no name of a header (format)
    /id: as the name of a directory it takes 360 bytes; shorten it to 200 (capital letters and other signs take 3 and more) (limit)
    /connection/event_hub: "no hub" is no name: use at most 256 letters, digits, '.', '_' and '-', with a letter or digit at both ends (format)
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn activations_in_an_outbox_are_found_by_recovery_as_those_in_a_hub() {
    let mut world = World::new();
    let hub = json!({"embedded": true, "event_hub": "activations"});
    world.define([
        destination("files", "file", json!({"path": world.path("out.jsonl")})),
        destination("hub", "azure-event-hubs", hub),
    ]);
    world.append([numbered(1, 1)]);
    let ends = world.logs().ends();
    let names: Vec<&str> = ends.keys().map(String::as_str).collect();
    assert_eq!(names, ["activations", &format!("{OUTBOX}files")]);
    world.append([numbered(1, 2)]);
    assert_eq!(world.logs().ids_since(&ends).unwrap().len(), 1, "one id, in both logs");
    assert_eq!(world.logs().ids_since(&LogEnds::new()).unwrap().len(), 2);
    let lost = LogEnds::from([(format!("{OUTBOX}files"), vec![9])]);
    let lost = world.logs().ids_since(&lost).unwrap_err().message;
    assert!(lost.contains("the outbox of destination files ends at"), "{lost}");
    let gone = LogEnds::from([(format!("{OUTBOX}other"), vec![9])]);
    assert!(world.logs().ids_since(&gone).unwrap_err().message.contains("destination other"));
}
