//! What is refused in definitions, and in which words.

use segue_core::{Definition, Input, Kind};
use serde_json::{Value, json};

use crate::world::{World, at, audience, definition, destination, merge_policy};

/// The violations of a definition, a line each.
fn violations(value: Value) -> String {
    let violations = Definition::from_value(value).unwrap_err();
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

#[test]
fn every_violation_is_reported_at_once() {
    let found = violations(json!({
        "kind": "Destination", "id": "", "type": "kafka", "audience": ["a"],
        "connection": {"connection_string": "x", "event_hubb": "y"},
        "attributes": ["person.", "identityMap.ecid"],
        "triggers": {"membership": "yes", "atribute": true},
        "status_model": "tree_state", "backfill": true,
    }));
    insta::assert_snapshot!(found, @r"
    /audience: found the unknown key `audience`; did you mean `audiences`? (unknown-field)
    /id: found an empty text; leave the key out or fill it in (required)
    /connection/connection_string: found the unknown key `connection_string`; known here: brokers, topic, security (unknown-field)
    /connection/event_hubb: found the unknown key `event_hubb`; known here: brokers, topic, security (unknown-field)
    /connection/brokers: the key `brokers` is missing; write a list such as [broker-1:9092, broker-2:9092] (required)
    /connection/topic: the key `topic` is missing; write the topic's name, such as activations (required)
    /attributes: `person.` is no path: expected the name of a field at character 8 (format)
    /attributes: `identityMap` is always sent, by Segue itself; leave it out (reserved)
    /triggers/atribute: found the unknown key `atribute`; did you mean `attribute`? (unknown-field)
    /triggers/membership: found a string; send true or false (type)
    /status_model: found `tree_state`; did you mean `three_state`? write one of three_state, two_state (format)
    /backfill: found the boolean true; send a string (type)
    ");
}

#[test]
fn unknown_keys_and_kinds_name_the_nearest() {
    let found = [
        violations(json!({"kind": "Audience", "id": "a", "defintion": "x"})),
        violations(json!({"kind": "Audiense"})),
        violations(json!({"id": "a"})),
        violations(json!("Audience")),
        violations(json!({"kind": "Audience", "id": "a", "definition": 5, "zzz": 1})),
        violations(json!({"kind": "Namespace", "code": "a:b", "type": "people"})),
        violations(json!({"kind": "Function", "id": "f"})),
        violations(json!({"kind": "Audience", "definition": "person.age > 1"})),
    ];
    insta::assert_snapshot!(found.join("\n---\n"), @r"
    /defintion: found the unknown key `defintion`; did you mean `definition`? (unknown-field)
    /definition: the key `definition` is missing; write a PQL expression such as person.age >= 18 (required)
    ---
    /kind: `Audiense` is no kind of definition; write Audience, Destination, MergePolicy, Namespace or Function; did you mean `Audience`? (format)
    ---
    /kind: the key `kind` is missing; write Audience, Destination, MergePolicy, Namespace or Function (required)
    ---
    the input: found a string; send an object with the key `kind` (type)
    ---
    /zzz: found the unknown key `zzz`; known here: kind, id, name, format, definition (unknown-field)
    /definition: found the number 5; send a string (type)
    ---
    /type: found `people`; did you mean `non_people`? write one of person, device, cookie, phone, partner, non_people (format)
    /code: a namespace code holds no colon; leave it out (format)
    ---
    /path: the key `path` is missing; write the folder of an Azure Functions app (required)
    ---
    /name: the audience has neither name nor id; name it (required)
    ");
}

#[test]
fn an_item_of_a_list_is_named_by_its_place() {
    let found = violations(json!({
        "kind": "Destination", "id": "d", "type": "azure-event-hubs",
        "connection": {"embedded": true, "event_hub": "h"},
        "audiences": ["a", 5, ""],
    }));
    insta::assert_snapshot!(found, @r"
    /audiences/1: found the number 5; send a string (type)
    /audiences/2: found an empty text; leave it out or fill it in (required)
    ");
}

#[test]
fn a_merge_policy_names_datasets_where_they_have_an_order() {
    let policy = |keys: Value| {
        let mut value = json!({"kind": "MergePolicy"});
        for (key, of_key) in keys.as_object().unwrap() {
            value[key] = of_key.clone();
        }
        violations(value)
    };
    let ranked = "dataset_precedence";
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    let found = [
        policy(json!({"attribute_merge": ranked})),
        policy(json!({"attribute_merge": ranked, "datasets": []})),
        policy(json!({"attribute_merge": ranked, "datasets": ["crm", "web", "crm"]})),
        policy(json!({"attribute_merge": ranked, "datasets": many})),
        policy(json!({"attribute_merge": ranked, "datasets": "crm"})),
        policy(json!({"attribute_merge": "dataset_order", "datasets": ["crm"]})),
        policy(json!({"attribute_merge": "timestamp_ordered", "datasets": ["crm"]})),
        policy(json!({"dataset": ["crm"]})),
    ];
    insta::assert_snapshot!(found.join("\n"), @r"
    /datasets: the key `datasets` is missing; write a list of dataset ids, the one that counts first in front (required)
    /datasets: found no dataset; name one, or write timestamp_ordered (required)
    /datasets: found `crm` twice; name each dataset once (unique)
    /datasets: found 101 items; write at most 100 (limit)
    /datasets: found a string; send a list such as [a, b] (type)
    /attribute_merge: found `dataset_order`; did you mean `dataset_precedence`? write one of timestamp_ordered, dataset_precedence (format)
    /datasets: datasets have an order under dataset_precedence only; write `attribute_merge: dataset_precedence`, or leave them out (no-effect)
    /dataset: found the unknown key `dataset`; did you mean `datasets`? (unknown-field)
    ");
}

#[test]
fn one_merge_policy_is_in_effect() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    let named = |id: &str| Input::Define(merge_policy(id, json!(["crm"])));
    assert_eq!(definition(json!({"kind": "MergePolicy"})).id(), "default");
    world.apply(now, named("ours"));
    let refused = world.apply(now, named("theirs")).refused;
    assert_eq!((refused[0].pointer.as_str(), refused[0].rule), ("/id", "unique"));
    assert!(refused[0].message.contains("`ours` is in effect"), "{refused:?}");
    let inputs = [Input::Remove(Kind::MergePolicy, "ours".to_owned()), named("theirs")];
    assert!(world.engine.check_all(&inputs).is_ok(), "one after the other");
}

#[test]
fn a_channel_is_not_all_of_them() {
    let found = violations(json!({
        "kind": "Destination", "id": "d", "type": "azure-event-hubs", "channel": "any",
        "connection": {"embedded": true, "event_hub": "h"},
    }));
    insta::assert_snapshot!(found, @"/channel: `any` is no channel; write one such as email, push or sms, or leave it out (format)");
}

#[test]
fn an_id_of_the_wrong_type_is_not_called_missing_too() {
    let found = violations(json!({"kind": "Audience", "id": 1, "definition": "a = 1"}));
    insta::assert_snapshot!(found, @"/id: found the number 1; send a string (type)");
}

#[test]
fn pql_errors_point_into_the_source() {
    let found = violations(json!({
        "kind": "Audience", "id": "a", "definition": "person.age >= 18\nand person.name.equal(\"x\")",
    }));
    assert!(found.contains("/definition"), "{found}");
    assert!(found.contains("definition:2:"), "{found}");
    assert!(found.contains('^'), "{found}");
    assert!(found.contains("equals"), "{found}");
}

#[test]
fn limits_hold() {
    let long = "x".repeat(257);
    let many: Vec<String> = (0..251).map(|n| n.to_string()).collect();
    let found = violations(json!({
        "kind": "Destination", "id": long, "type": "azure-event-hubs", "audiences": many,
        "connection": {"embedded": true, "event_hub": "x"}, "attributes": many[..51],
    }));
    assert_eq!(found.matches("(limit)").count(), 3, "{found}");
}

#[test]
fn definitions_read_back_as_what_they_mean() {
    for value in [
        json!({"kind": "Audience", "id": "a", "name": "A", "definition": "person.age > 1"}),
        json!({
            "kind": "Namespace", "code": "email", "type": "person",
            "unique": true, "priority": 2, "exclude": ["^(null|undefined)$", "^test_"],
        }),
        json!({"kind": "Function", "id": "f", "path": "functions/f"}),
        json!({"kind": "MergePolicy", "id": "m", "attribute_merge": "timestamp_ordered"}),
        json!({
            "kind": "MergePolicy", "id": "m", "attribute_merge": "dataset_precedence",
            "datasets": ["web", "crm"],
        }),
        json!({
            "kind": "Destination", "id": "d", "type": "azure-event-hubs",
            "connection": {"embedded": true, "event_hub": "h"}, "audiences": ["a"],
            "channel": "email", "attributes": ["person.name"], "same_value_is_change": true,
            "triggers": {"membership": false, "attribute": true, "identity": true},
            "status_model": "two_state", "backfill": "none",
            "include_segment_names": false, "include_segment_timestamps": false,
        }),
    ] {
        assert_eq!(definition(value.clone()).to_value(), value);
    }
}

#[test]
fn the_rules_of_a_namespace_are_checked() {
    let namespace = |with: Value| {
        let mut value = json!({"kind": "Namespace", "code": "crm", "type": "person"});
        value.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        violations(value)
    };
    let found = [
        namespace(json!({"unique": "yes", "priority": 0, "exclude": "^null$"})),
        namespace(json!({"priority": "high", "exclude": ["(a{1000}){1000}", 5]})),
        namespace(json!({"priority": 1.5, "exclude": ["(null"]})),
        namespace(json!({"exclude": ["x".repeat(1025)]})),
        namespace(json!({"exclude": (0..21).map(|n| n.to_string()).collect::<Vec<_>>()})),
    ];
    insta::assert_snapshot!(found.join("\n---\n"), @r"
    /unique: found a string; send true or false (type)
    /priority: found 0; write a whole number from 1 to 999 (limit)
    /exclude: found a string; send a list such as [a, b] (type)
    ---
    /priority: found a string; send a whole number from 1 to 999 (type)
    /exclude/1: found the number 5; send a string (type)
    /exclude: `(a{1000}){1000}` matches too many different texts; use smaller repetitions (pattern)
    ---
    /priority: found 1.5; write a whole number from 1 to 999 (limit)
    /exclude: `(null` is no pattern: regex parse error:
        (null
        ^
    error: unclosed group (pattern)
    ---
    /exclude: found 1025 characters; write at most 1024 (pattern)
    ---
    /exclude: found 21 items; write at most 20 (limit)
    ");
}

#[test]
fn a_device_does_not_come_before_a_person() {
    let now = at("2026-01-01T00:00:00Z");
    let namespace = |code: &str, kind: &str, priority: u32| {
        let value = json!({"kind": "Namespace", "code": code, "type": kind, "priority": priority});
        Input::Define(definition(value))
    };
    let mut world = World::new();
    assert_eq!(world.apply(now, namespace("crm", "person", 2)).refused, []);
    assert_eq!(world.apply(now, namespace("ecid", "cookie", 3)).refused, []);
    let refused = [
        world.apply(now, namespace("ECID", "cookie", 1)).refused,
        world.apply(now, namespace("phone", "phone", 3)).refused,
        world.apply(now, namespace("crm", "non_people", 2)).refused,
    ];
    let lines: Vec<String> = refused.iter().flatten().map(ToString::to_string).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    /priority: `ecid` (priority 1) would come before `crm` (priority 2), which is nearer to a person; give `crm` the smaller number (priority)
    /priority: `ecid` (priority 3) would come before `phone` (priority 3), which is nearer to a person; give `phone` the smaller number (priority)
    /priority: `crm` (priority 2) would come before `ecid` (priority 3), which is nearer to a person; give `ecid` the smaller number (priority)
    ");
    assert_eq!(world.apply(now, namespace("email", "person", 1)).refused, []);
}

#[test]
fn an_id_that_is_absent_is_derived_from_the_name() {
    let named = |name: &str| {
        definition(json!({"kind": "Audience", "name": name, "definition": "person.age > 1"}))
    };
    assert_eq!(named("A").id(), named("A").id());
    assert_ne!(named("A").id(), named("B").id());
    assert_eq!(named("A").id().len(), 36);
}

#[test]
fn a_cycle_is_refused_with_its_path_and_leaves_no_trace() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    world.define(now, audience("c", "person.age > 1"));
    world.define(now, audience("b", r#"inSegment("c")"#));
    world.define(now, audience("a", r#"inSegment("b")"#));
    let before = world.engine.program().version();
    let edit = audience("c", r#"inSegment("a")"#);
    let input = Input::Define(edit);
    let refused = world.engine.check_all(std::slice::from_ref(&input)).unwrap_err();
    assert!(refused[0].1.message.contains("c → a → b → c"), "{refused:?}");
    assert_eq!(world.apply(now, input).refused[0].rule, "cycle");
    assert_eq!(world.engine.program().version(), before);
}

#[test]
fn a_cycle_among_audiences_that_come_together_is_refused_with_its_path() {
    let mut world = World::new();
    let now = at("2026-01-01T10:00:00Z");
    world.define(now, audience("there", "person.age >= 18"));
    let inputs: Vec<Input> = [
        audience("a", r#"inSegment("b") and inSegment("there") and inSegment("nowhere")"#),
        audience("b", r#"inSegment("a")"#),
        audience("c", r#"inSegment("there")"#),
    ]
    .map(Input::Define)
    .into();
    let refused = world.engine.check_all(&inputs).unwrap_err();
    let lines: Vec<String> =
        refused.iter().map(|(index, violation)| format!("{index}: {violation}")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    0: /definition: there is no audience `nowhere`; define it first (unknown-audience)
    0: /definition: the audience would be made of itself: a → b → a; take one of these steps out (cycle)
    1: /definition: the audience would be made of itself: b → a → b; take one of these steps out (cycle)
    ");
}

#[test]
fn what_is_in_use_stays_and_what_is_unknown_is_named() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    world.define(now, audience("c", "person.age > 1"));
    world.define(now, audience("b", r#"inSegment("c")"#));
    let remove = |id: &str| Input::Remove(Kind::Audience, id.to_owned());
    let refused = world.apply(now, remove("c")).refused;
    assert!(refused[0].message.contains("part of `b`"), "{refused:?}");
    let mapped = Input::Define(destination("d", &["cc"], json!({})));
    let refused = world.apply(now, mapped).refused;
    assert!(refused[0].message.contains("there is no audience `cc`"), "{refused:?}");
    // Several at once are checked one after the other.
    let inputs = [remove("b"), remove("c"), Input::Define(audience("a", r#"inSegment("c")"#))];
    let refused = world.engine.check_all(&inputs).unwrap_err();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].0, refused[0].1.rule), (2, "unknown-audience"));
}

#[test]
fn versions_and_times_follow_the_changes() {
    let mut world = World::new();
    let (first, later) = (at("2026-01-01T00:00:00.500Z"), at("2026-01-02T00:00:00.500Z"));
    world.define(first, audience("a", "person.age > 1"));
    world.define(later, audience("a", "person.age > 1"));
    let same = world.engine.definition(Kind::Audience, "a").unwrap();
    assert_eq!((same.version, same.created_at, same.updated_at), (1, first, first));
    world.define(later, audience("a", "person.age > 2"));
    let edited = world.engine.definition(Kind::Audience, "a").unwrap();
    assert_eq!((edited.version, edited.created_at, edited.updated_at), (2, first, later));
    assert_eq!(world.engine.definitions(Kind::Audience), [edited]);
    assert_eq!(world.engine.program().version(), 2);
}

#[test]
fn an_audience_is_defined_in_text_or_as_json() {
    let literal = json!({"nodeType": "literal", "literalType": "Integer", "value": 18});
    let age = json!({"nodeType": "fieldLookup", "fieldName": "age",
                     "object": {"nodeType": "parameterReference", "position": 1}});
    let tree = json!({"nodeType": "fnApply", "fnName": ">=", "params": [age, literal]});
    for (format, definition) in [
        ("pql/text", json!("age >= 18")),
        ("pql/json", json!(tree.to_string())),
        ("pql/json", tree.clone()),
    ] {
        let value =
            json!({"kind": "Audience", "id": "a", "format": format, "definition": definition});
        let Definition::Audience(audience) = Definition::from_value(value).unwrap() else {
            panic!("an audience");
        };
        assert_eq!(audience.expression.source(), "age >= 18");
    }
    let wrong = json!({"nodeType": "fnApply", "fnName": "atLeast", "params": [age]});
    let found = [
        violations(json!({"kind": "Audience", "id": "a", "definition": wrong})),
        violations(json!({"kind": "Audience", "id": "a", "format": "pql/json", "definition": "a"})),
        violations(json!({"kind": "Audience", "id": "a", "format": "json", "definition": "a = 1"})),
    ];
    insta::assert_snapshot!(found.join("\n---\n"), @r"
    /definition: there is no method `atLeast` (SEG0105); docs/pql.md lists what there is (pql)
    ---
    /definition: found no JSON: expected value at line 1 column 1 (pql)
    ---
    /format: found `json`; write one of pql/text, pql/json (format)
    ");
}
