//! Explanations: what they name, and how they read.

use segue_pql::{ClauseKind, EVENTS_LISTED_MAX, Explanation, explain};
use serde_json::json;

use super::{Profile, sound, time};

fn profile() -> Profile {
    Profile {
        attributes: json!({"person": {"age": 17, "city": "Bern"}, "orders": [{"price": 5}]}),
        ..Profile::with_events(&[
            ("10:00:00", json!({"_id": "e1", "page": "Sports"})),
            ("10:30:00", json!({"_id": "e2", "page": "Home"})),
            ("11:00:00", json!({"page": "Sports"})),
        ])
    }
}

fn explained(definition: &str) -> Explanation {
    profile().ask(time("12:00:00"), |facts| explain(&sound(definition), facts))
}

/// An explanation in words, in lines that fit on this page.
fn paragraph(definition: &str) -> String {
    let text = explained(definition).to_string();
    let (mut lines, mut width) = (String::new(), 0);
    for word in text.split(' ') {
        let separator = match width {
            0 => "",
            width if width + 1 + word.len() > 80 => "\n",
            _ => " ",
        };
        width = if separator == " " { width + 1 + word.len() } else { word.len() };
        lines += separator;
        lines += word;
    }
    lines
}

fn chain(steps: &str) -> String {
    format!("CHAIN(xEvent, timestamp, [{steps}])")
}

#[test]
fn a_missing_attribute_is_named() {
    insta::assert_snapshot!(
        paragraph("person.age > 18 and person.country = \"CH\" and person.city = \"Bern\""),
        @r#"
    `person.age > 18 and person.country = "CH" and person.city = "Bern"` is false.
    `person.age > 18` is false: the attribute person.age is 17. `person.country =
    "CH"` is false: the attribute person.country is missing.
    "#
    );
}

#[test]
fn a_window_tells_what_leaves_it_and_how_much_is_missing() {
    let steps = chain("C0: WHAT(page = \"Sports\") WHEN(< 3 hours before now) COUNT(3)");
    insta::assert_snapshot!(paragraph(&steps), @r#"
    `CHAIN(xEvent, timestamp, [C0: WHAT(page = "Sports") WHEN(< 3 hours before now)
    COUNT(3)])` is false at least until 2026-01-01T13:00:00Z: 2 events match `page =
    "Sports"`, at least 3 needed; needs 1 more before 2026-01-01T13:00:00Z, when the
    event of 2026-01-01T10:00:00Z leaves its window.
    "#);
    let steps = chain("C0: WHAT(page = \"Sports\") WHEN(< 3 hours before now) COUNT(2)");
    insta::assert_snapshot!(paragraph(&steps), @r#"
    `CHAIN(xEvent, timestamp, [C0: WHAT(page = "Sports") WHEN(< 3 hours before now)
    COUNT(2)])` is true at least until 2026-01-01T13:00:00Z: 2 events match `page =
    "Sports"`, at least 2 needed; the event of 2026-01-01T10:00:00Z leaves its
    window at 2026-01-01T13:00:00Z.
    "#);
}

#[test]
fn a_sequence_names_the_step_that_cannot_be_taken() {
    let steps = chain("A: WHAT(page = \"Sports\") COUNT(2), B: WHAT(page = \"Home\")");
    insta::assert_snapshot!(paragraph(&steps), @r#"
    `CHAIN(xEvent, timestamp, [A: WHAT(page = "Sports") COUNT(2), B: WHAT(page =
    "Home")])` is false: 2 events match `page = "Sports"`, at least 2 needed; 1
    event matches `page = "Home"`, at least 1 needed; the steps up to `page =
    "Home"` cannot be taken in this order.
    "#);
    let steps = chain("A: WHAT(page = \"Home\"), B: WHAT(page != A.page) COUNT(= 0)");
    insta::assert_snapshot!(paragraph(&steps), @r#"
    `CHAIN(xEvent, timestamp, [A: WHAT(page = "Home"), B: WHAT(page != A.page)
    COUNT(= 0)])` is false: 1 event matches `page = "Home"`, at least 1 needed;
    `page != A.page` depends on what an earlier step took; what must not follow did,
    or may still follow.
    "#);
}

#[test]
fn other_forms_tell_what_they_found() {
    insta::assert_snapshot!(
        paragraph("not (inSegment(\"gold\") or orders.sum(price) > 5 + 1)"),
        @r#"
    `not (inSegment("gold") or orders.sum(price) > 5 + 1)` is true.
    `(inSegment("gold") or orders.sum(price) > 5 + 1)` is false. `inSegment("gold")`
    is false: the profile is not in the audience gold. `orders.sum(price) > 5 + 1`
    is false: `orders.sum(price)` is 5; `5 + 1` is 6; the attribute orders is a list
    of 1 item.
    "#
    );
    insta::assert_snapshot!(
        paragraph("if(person.age < 18, forall e from xEvent where e.page = \"Home\", person.age > 99)"),
        @r#"
    `if(person.age < 18, forall e from xEvent where e.page = "Home", person.age >
    99)` is false. `person.age < 18` is true: the attribute person.age is 17.
    `forall e from xEvent where e.page = "Home"` is false: 2 of 3 events do not
    satisfy it.
    "#
    );
}

#[test]
fn it_is_a_tree_with_the_events_that_decide() {
    let explanation = explained(&format!(
        "person.age = 17 and {}",
        chain("C0: WHAT(page = \"Sports\") WHEN(< 2 hours before now)")
    ));
    assert_eq!(explanation.kind, ClauseKind::All);
    let chain = &explanation.parts[1];
    assert_eq!(chain.events.len(), 1);
    assert_eq!((chain.events[0].index, chain.events[0].timestamp), (2, time("11:00:00")));
    assert_eq!(chain.holds_until, Some(time("13:00:00")));
    assert_eq!(
        chain.to_value(),
        json!({
            "clause": "CHAIN(xEvent, timestamp, [C0: WHAT(page = \"Sports\") \
                       WHEN(< 2 hours before now)])",
            "kind": "leaf",
            "value": true,
            "holdsUntil": "2026-01-01T13:00:00Z",
            "events": [{"index": 2, "timestamp": "2026-01-01T11:00:00Z", "id": null}],
            "notes": chain.notes,
            "parts": [],
        })
    );
    assert_eq!(explanation.to_value()["parts"][1], chain.to_value());
}

#[test]
fn no_more_events_are_listed_than_anybody_reads() {
    let events: Vec<_> = (0..100).map(|_| ("10:00:00", json!({"a": 1}))).collect();
    let profile = Profile::with_events(&events);
    let definition = sound("select e from xEvent where e.a = 1");
    let explanation = profile.ask(time("12:00:00"), |facts| explain(&definition, facts));
    assert_eq!(explanation.events.len(), EVENTS_LISTED_MAX);
    assert_eq!(explanation.notes, ["100 of 100 events satisfy it"]);
}
