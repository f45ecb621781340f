//! The crate from outside: what is accepted, what is refused and in which words.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use proptest::prelude::*;
use segue_xdm::*;
use serde_json::{Value, json};

fn now() -> Timestamp {
    Timestamp::parse("2026-01-01T10:00:00Z").unwrap()
}

fn event(changes: &[(&str, Value)]) -> Value {
    let mut body = json!({
        "_id": "e1",
        "timestamp": "2026-01-01T10:00:00Z",
        "identityMap": {"ECID": [{"id": "1"}]},
    });
    for (name, value) in changes {
        body[*name] = value.clone();
    }
    body
}

fn violations(result: Result<impl std::fmt::Debug, Vec<Violation>>) -> String {
    let lines: Vec<String> = result.unwrap_err().iter().map(Violation::to_string).collect();
    lines.join("\n")
}

#[test]
fn timestamps_are_read_with_any_offset_and_printed_in_utc() {
    for (text, printed) in [
        ("2024-11-21T07:33:52Z", "2024-11-21T07:33:52Z"),
        ("2024-11-21t07:33:52z", "2024-11-21T07:33:52Z"),
        ("2024-11-21T08:33:52+01:00", "2024-11-21T07:33:52Z"),
        ("2024-11-21T08:33:52+0100", "2024-11-21T07:33:52Z"),
        ("2024-11-21T07:33:52.000+0000", "2024-11-21T07:33:52Z"),
        ("2024-11-21T02:03:52.5-05:30", "2024-11-21T07:33:52.500Z"),
        ("2024-11-21T07:33:52.0019999999999Z", "2024-11-21T07:33:52.001Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"),
    ] {
        assert_eq!(Timestamp::parse(text).unwrap().to_string(), printed, "{text}");
    }
    let moment = Timestamp::parse("1969-12-31T23:59:58.999Z").unwrap();
    assert_eq!(moment.as_millis(), -1001);
    assert_eq!(moment.to_seconds_string(), "1969-12-31T23:59:58Z");
}

#[test]
fn what_is_no_timestamp_is_refused_by_shape_or_by_range() {
    for text in [
        "",
        "now",
        "2024-11-21",
        "2024-11-21T07:33:52",
        "2024-11-21 07:33:52Z",
        "2024-11-21T07:33Z",
        "2024-11-21T07:33:52.Z",
        "2024-11-21T07:33:52+1",
        "2024-11-21T07:33:52+24:00",
        "2024-11-21T07:33:52+00:00[UTC]",
        "+02024-11-21T07:33:52Z",
        "२024-11-21T07:33:52Z",
    ] {
        let error = Timestamp::parse(text).unwrap_err();
        assert_eq!(error, TimestampError::Shape(text.to_owned()));
    }
    for text in [
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "2023-02-29T00:00:00Z",
        "2024-11-21T24:00:00Z",
        "2024-13-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-23:59",
    ] {
        let error = Timestamp::parse(text).unwrap_err();
        assert_eq!(error, TimestampError::Range(text.to_owned()));
    }
}

#[test]
fn arithmetic_on_timestamps_stops_at_the_ends() {
    assert_eq!(Timestamp::from_millis(i64::MIN), Timestamp::MIN);
    assert_eq!(Timestamp::from_millis(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::MAX.plus_millis(i64::MAX), Timestamp::MAX);
    assert_eq!(Timestamp::MIN.minus_millis(i64::MAX), Timestamp::MIN);
    assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00Z");
    assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T22:00:00Z");
}

#[test]
fn identities_ignore_the_case_of_the_namespace_only() {
    let identity: Identity = "Email:A:b".parse().unwrap();
    assert_eq!(identity, Identity::new("EMAIL", "A:b"));
    assert_ne!(identity, Identity::new("email", "a:b"));
    assert_eq!(identity.to_string(), "email:A:b");
    for text in ["", "email", "email:", ":a"] {
        assert!(text.parse::<Identity>().is_err(), "{text}");
    }
}

#[test]
fn paths_read_write_and_print() {
    let mut body = json!({"productListItems": [{"name": "red shoes"}], "a-b": {"`": 1}});
    let path = |text: &str| text.parse::<Path>().unwrap();
    assert_eq!(path("productListItems[0].name").get(&body).unwrap(), "red shoes");
    assert_eq!(path("`a-b`.````").get(&body).unwrap(), &json!(1));
    assert_eq!(path("productListItems.name").get(&body), None);
    assert_eq!(path("productListItems[1]").get(&body), None);

    path("productListItems[2].name").set(&mut body, json!("hat"));
    path("a.b[1]").set(&mut body, json!(true));
    path("`a-b`.c").set(&mut body, json!("x"));
    insta::assert_snapshot!(body, @r#"{"a":{"b":[null,true]},"a-b":{"`":1,"c":"x"},"productListItems":[{"name":"red shoes"},null,{"name":"hat"}]}"#);
}

#[test]
fn paths_that_are_none_say_where() {
    let message = |text: &str| text.parse::<Path>().unwrap_err().to_string();
    let long = ["a"; 33].join(".");
    insta::assert_snapshot!(
        ["", "a..b", "a-b", "a[", "a[1", "a[-1]", "[0]", "`a", "a[1000]", "a[99999999999999999999]",
         &long].map(message).join("\n"), @r"
    `` is no path: expected the name of a field at character 1
    `a..b` is no path: expected the name of a field at character 3
    `a-b` is no path: expected `.` or `[`, or backticks around the name at character 2
    `a[` is no path: expected the number of an item at character 3
    `a[1` is no path: expected `]` at character 4
    `a[-1]` is no path: expected the number of an item at character 3
    `[0]` is no path: expected the name of a field at character 1
    ``a` is no path: expected a closing backtick at character 3
    the index 1000 is too high; at most 999 is possible
    the index 99999999999999999999 is too high; at most 999 is possible
    the path has 33 segments; at most 32 are possible
    ");
}

#[test]
fn paths_overlap_when_one_leads_through_the_other() {
    let overlaps =
        |a: &str, b: &str| a.parse::<Path>().unwrap().overlaps(&b.parse::<Path>().unwrap());
    assert!(overlaps("person", "person.name"));
    assert!(overlaps("person.name", "person"));
    assert!(overlaps("a[0]", "a[0]"));
    assert!(!overlaps("a[0]", "a[1]"));
    assert!(!overlaps("person.name", "person.names"));
}

#[test]
fn a_sound_event_keeps_its_body_and_sorts_its_identities() {
    let map = json!({"Email": [{"id": "b"}, {"id": "a"}, {"id": "b", "primary": true}],
                     "ECID": [{"id": "1", "authenticatedState": "loggedOut"}]});
    let body = event(&[("identityMap", map), ("eventType", json!("web"))]);
    let event = Event::from_value(&body, now()).unwrap();
    assert_eq!(event.id, "e1");
    assert_eq!(event.body.to_value(), body);
    let identities: Vec<String> = event.identities.iter().map(Identity::to_string).collect();
    assert_eq!(identities, ["ecid:1", "email:a", "email:b"]);
}

#[test]
fn an_event_is_refused_for_all_its_violations_at_once() {
    let found = |body: Value| violations(Event::from_value(&body, now()));
    insta::assert_snapshot!(found(json!([])), @"the input: found an array of 0 items; send a JSON object (type)");
    insta::assert_snapshot!(found(json!({"id": "1", "timeStamp": 3, "other": 1})), @r"
    /_id: found no `_id`; if `id` was meant, rename it (required)
    /timestamp: found no `timestamp`; if `timeStamp` was meant, rename it (required)
    /identityMap: found no `identityMap`; send one (required)
    ");
    insta::assert_snapshot!(found(json!({
        "_id": 7,
        "timestamp": 1700000000,
        "identityMap": {
            "": [{"id": "1"}],
            "a/b:c": "1",
            "ECID": ["1", {"ID": "1"}, {"id": ""}, {"id": 5},
                     {"id": "x", "authenticatedState": "yes", "primary": 1}],
        },
    })), @r#"
    /_id: found the number 7; send a string (type)
    /timestamp: found the number 1700000000; send an RFC 3339 string such as 2026-01-31T10:00:00.000Z (type)
    /identityMap/: a namespace code must not be empty nor hold a colon; send one such as ECID (format)
    /identityMap/ECID/0: found a string; send an object such as {"id": "123"} (type)
    /identityMap/ECID/1/id: found no `id`; if `ID` was meant, rename it (required)
    /identityMap/ECID/2/id: found a string without characters; send one that has some (required)
    /identityMap/ECID/3/id: found the number 5; send a string (type)
    /identityMap/ECID/4/authenticatedState: found "yes"; send one of ambiguous, authenticated, loggedOut (format)
    /identityMap/ECID/4/primary: found the number 1; send true or false (type)
    /identityMap/a~1b:c: a namespace code must not be empty nor hold a colon; send one such as ECID (format)
    /identityMap/a~1b:c: found a string; send an array such as [{"id": "123"}] (type)
    "#);
    insta::assert_snapshot!(found(event(&[
        ("_id", json!(" ")),
        ("timestamp", json!("yesterday")),
        ("identityMap", json!({"ECID": []})),
    ])), @r#"
    /_id: found a string without characters; send one that has some (required)
    /timestamp: `yesterday` is no RFC 3339 timestamp; write date, time and offset, such as 2026-01-31T10:00:00.000Z (format)
    /identityMap: found no identity; send at least one, such as {"ECID": [{"id": "1"}]} (required)
    "#);
    insta::assert_snapshot!(found(event(&[("identityMap", json!(null))])), @r#"/identityMap: found null; send an object such as {"ECID": [{"id": "123"}]} (type)"#);
}

#[test]
fn the_limits_hold_to_the_last_step() {
    let found = |changes: &[(&str, Value)]| Event::from_value(&event(changes), now());
    let ids = |count: usize| {
        let items: Vec<Value> = (0..count).map(|id| json!({"id": id.to_string()})).collect();
        json!({"ECID": items})
    };
    let id = |chars: usize| json!({"ECID": [{"id": "é".repeat(chars)}]});
    let namespace = |chars: usize| json!({"n".repeat(chars): [{"id": "1"}]});

    assert!(found(&[("_id", json!("x".repeat(EVENT_ID_CHARS_MAX)))]).is_ok());
    assert!(found(&[("identityMap", ids(IDENTITIES_PER_INPUT_MAX))]).is_ok());
    assert!(found(&[("identityMap", id(IDENTITY_ID_CHARS_MAX))]).is_ok());
    assert!(found(&[("identityMap", namespace(NAMESPACE_CHARS_MAX))]).is_ok());
    assert!(found(&[("timestamp", json!("2026-01-02T10:00:00Z"))]).is_ok());

    insta::assert_snapshot!([
        ("_id", json!("x".repeat(EVENT_ID_CHARS_MAX + 1))),
        ("identityMap", ids(IDENTITIES_PER_INPUT_MAX + 1)),
        ("identityMap", id(IDENTITY_ID_CHARS_MAX + 1)),
        ("identityMap", namespace(NAMESPACE_CHARS_MAX + 1)),
        ("timestamp", json!("2026-01-02T10:00:00.001Z")),
    ].map(|change| violations(found(&[change]))).join("\n").replace(&"n".repeat(129), "n…n"), @r"
    /_id: found 1025 characters; send at most 1024 (limit)
    /identityMap: found 21 identities; send at most 20 of them (limit)
    /identityMap/ECID/0/id: found 1025 characters; send at most 1024 (limit)
    /identityMap/n…n: found a namespace code of 129 characters; send at most 128 (limit)
    /timestamp: found 2026-01-02T10:00:00.001Z, more than 24 hours after now (2026-01-01T10:00:00Z); check the sender's clock and offset (limit)
    ");
}

#[test]
fn a_record_holds_the_attributes_only() {
    let body = event(&[("person", json!({"name": {"firstName": "Ada"}}))]);
    let record = Record::from_value(&body, now()).unwrap();
    assert_eq!(record.timestamp, Some(now()));
    assert_eq!(record.attributes, json!({"person": {"name": {"firstName": "Ada"}}}));
    assert_eq!(record.identities, [Identity::new("ECID", "1")]);

    let body = json!({"identityMap": {"Email": [{"id": "a"}]}});
    assert_eq!(Record::from_value(&body, now()).unwrap().timestamp, None);

    let found = violations(Record::from_value(&json!({"timestamp": "then"}), now()));
    insta::assert_snapshot!(found, @r"
    /timestamp: `then` is no RFC 3339 timestamp; write date, time and offset, such as 2026-01-31T10:00:00.000Z (format)
    /identityMap: found no `identityMap`; send one (required)
    ");
}

#[test]
fn a_record_may_name_its_dataset() {
    let record = |dataset: Value| {
        let body = json!({"identityMap": {"Email": [{"id": "a"}]}, "datasetId": dataset, "age": 1});
        Record::from_value(&body, now())
    };
    let crm = record(json!("crm")).unwrap();
    assert_eq!(crm.dataset.as_deref(), Some("crm"));
    assert_eq!(crm.attributes, json!({"age": 1}), "it is no attribute");
    let long = "x".repeat(DATASET_ID_CHARS_MAX + 1);
    let found = [json!(7), json!(""), json!(long)].map(|dataset| violations(record(dataset)));
    insta::assert_snapshot!(found.join("\n"), @r"
    /datasetId: found the number 7; send a string (type)
    /datasetId: found a string without characters; send one that has some (required)
    /datasetId: found 257 characters; send at most 256 (limit)
    ");
}

#[test]
fn pointers_escape_what_the_rfc_asks_for() {
    assert_eq!(child_pointer("/a", "b/c~d"), "/a/b~1c~0d");
    assert_eq!(child_pointer("", 3), "/3");
}

proptest! {
    #[test]
    fn every_timestamp_survives_printing(
        millis in Timestamp::MIN.as_millis()..=Timestamp::MAX.as_millis()
    ) {
        let moment = Timestamp::from_millis(millis);
        prop_assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
        let seconds = Timestamp::parse(&moment.to_seconds_string()).unwrap();
        prop_assert_eq!(seconds.as_millis(), millis.div_euclid(1000) * 1000);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in ".{0,40}", digits in "[-0-9T:.+Z\\[\\]`]{0,40}") {
        for text in [text, digits] {
            let _ = Timestamp::parse(&text);
            let _ = text.parse::<Path>();
            let _ = text.parse::<Identity>();
        }
    }

    #[test]
    fn every_path_survives_printing_and_reads_what_it_wrote(
        first in ".{0,6}",
        rest in prop::collection::vec(
            prop_oneof![".{0,6}".prop_map(Segment::Field), (0..20usize).prop_map(Segment::Index)],
            0..6,
        ),
    ) {
        let segments: Vec<Segment> = std::iter::once(Segment::Field(first)).chain(rest).collect();
        let path = Path::new(segments).unwrap();
        prop_assert_eq!(path.to_string().parse::<Path>(), Ok(path.clone()));
        let mut body = json!({"a": [1, {"b": 2}]});
        path.set(&mut body, json!("here"));
        prop_assert_eq!(path.get(&body), Some(&json!("here")));
    }
}
