//! The payloads of the reference, byte for byte.

use std::path::Path;

use segue_core::{Activation, Definition, Reason};
use serde_json::{Value, json};

use crate::world::{World, at, definition, destination};

/// A golden file as an activation writes it: compact, keys sorted.
fn golden(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    serde_json::from_str::<Value>(&text).unwrap().to_string()
}

#[track_caller]
fn assert_body(activation: &Activation, name: &str) {
    assert_eq!(String::from_utf8(activation.body.clone()).unwrap(), golden(name));
}

fn page(name: &str) -> Value {
    json!({"web": {"webPageDetails": {"name": name}}})
}

fn named_audience(id: &str, name: &str, pql: &str) -> Definition {
    definition(json!({"kind": "Audience", "id": id, "name": name, "definition": pql}))
}

fn page_audience(id: &str, name: &str, page: &str) -> Definition {
    let what = format!(r#"web.webPageDetails.name.equals("{page}", false)"#);
    named_audience(id, name, &format!("CHAIN(xEvent, timestamp, [C0: WHAT({what})])"))
}

#[test]
fn the_current_payload() {
    let id = "94db5aed-b90e-478d-9637-9b0fad5bba11";
    let mut world = World::new();
    let audience = page_audience(id, "vangeluw - Interest in Plans", "plans");
    world.define(at("2024-11-20T19:11:44.025Z"), audience);
    // The mapping's times are whole seconds, whatever the moment; the attribute has no value.
    let attributes = json!({"attributes": ["_tenant.identification.core.ecid"]});
    world.define(at("2024-11-20T19:23:31.777Z"), destination("hub", &[id], attributes));
    let ecid = "ecid:36281682065771928820739672071812090802";
    let outcome = world.event(at("2024-11-21T07:33:52.999Z"), &[ecid], page("plans"));
    let [activation] = &outcome.activations[..] else { panic!("{outcome:?}") };
    assert_body(activation, "current-payload.json");
    assert_eq!(activation.reasons, [Reason::Membership]);
    assert_eq!(activation.reasons_text(), "membership");
    let changes = format!(r#"[{{"audience":"{id}","from":null,"to":"realized"}}]"#);
    assert_eq!(activation.changes_json(), changes);
    assert_eq!(activation.cause, "event-2");
    assert_eq!(activation.definition_version, 2);
}

#[test]
fn the_login_payload() {
    let (home, sports) =
        ("3a4ec8f1-5612-47b5-b58a-0b15a91cc7e6", "50a9e917-a7c4-4341-9f85-e3ba22f869a1");
    let mut world = World::new();
    let morning = at("2020-12-13T09:00:00Z");
    world.define(morning, page_audience(home, "all - Homepage Visitors", "Home"));
    world.define(morning, page_audience(sports, "vangeluw - Citi Signal Sports Fan", "Sports"));
    let plain = json!({"include_segment_names": false, "include_segment_timestamps": false});
    world.define(morning, destination("hub", &[home, sports], plain));

    let ecid = "ecid:14146183802541965561933129890668766623";
    world.event(at("2020-12-13T09:10:00Z"), &[ecid], page("Home"));
    world.event(at("2020-12-13T09:10:30Z"), &[ecid], page("Sports"));
    world.event(at("2020-12-13T09:10:52Z"), &[ecid], page("Sports"));
    let login = [
        ecid,
        "Email:woutervangeluwe+13122020-1@gmail.com",
        "Phone:+32473622044+13122020-1",
        "Email_LC_SHA256:ac2f9508eda32cd90bcf3f9810837e1a70ffd8bb42cf059a5365f5856f79f5e1",
    ];
    let outcome = world.event(at("2020-12-13T09:11:00Z"), &login, page("Login"));
    assert_eq!(outcome.activations, []);
    let outcome = world.event(at("2020-12-13T09:11:26Z"), &login[1..2], page("Home"));
    let [activation] = &outcome.activations[..] else { panic!("{outcome:?}") };
    assert_body(activation, "login-payload.json");
}

#[test]
fn the_last_payload_of_an_opt_out_and_the_first_of_an_opt_in() {
    let mut world = World::new();
    let (morning, later) = (at("2026-01-01T10:00:00Z"), at("2026-01-01T11:00:00Z"));
    world.define(morning, named_audience("adult", "Adult", "person.age >= 18"));
    world.define(morning, named_audience("senior", "Senior", "person.age >= 65"));
    let attributes = json!({"attributes": ["person.name.firstName"]});
    world.define(morning, destination("hub", &["adult"], attributes));
    let ada = json!({"person": {"age": 70, "name": {"firstName": "Ada"}}});
    world.record(later, &["email:a@x"], ada);
    for (val, name) in [("n", "consent-opt-out.json"), ("y", "consent-opt-in.json")] {
        let choice = json!({"consents": {"marketing": {"any": {"val": val}}}});
        let outcome = world.record(at("2026-01-02T12:00:00Z"), &["email:a@x"], choice);
        let [activation] = &outcome.activations[..] else { panic!("{outcome:?}") };
        assert_body(activation, name);
        assert_eq!(activation.reasons, [Reason::Consent]);
    }
}
