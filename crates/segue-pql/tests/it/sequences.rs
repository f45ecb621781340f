//! Chains and `select`: order, counts, negation.

use serde_json::json;

use super::{Profile, sound, time};

/// Checks a definition against events of one letter a minute, such as `"a b a"`; each has its
/// letter as `eventType`. `=` between two letters gives both the same timestamp.
#[track_caller]
fn check(definition: &str, events: &str, expected: bool) {
    let mut minute = 0;
    let mut history = Vec::new();
    for letter in events.split_inclusive([' ', '=']) {
        let body = json!({"eventType": &letter[..1]});
        history.push((format!("10:{minute:02}:00"), body));
        minute += i32::from(letter.ends_with(' '));
    }
    let history: Vec<_> = history.iter().map(|(at, body)| (at.as_str(), body.clone())).collect();
    let profile = Profile::with_events(&history);
    let holds = profile.holds(&sound(definition), time("12:00:00"));
    assert_eq!(holds, expected, "{definition} over {events}");
}

/// A chain of steps, each the letter of its event type and what follows `WHAT(…)`.
fn chain(steps: &[(&str, &str)]) -> String {
    let steps: Vec<String> = steps
        .iter()
        .enumerate()
        .map(|(index, (letter, rest))| format!("C{index}: WHAT(eventType = \"{letter}\") {rest}"))
        .collect();
    format!("CHAIN(xEvent, timestamp, [{}])", steps.join(", "))
}

#[test]
fn one_step_wants_some_event() {
    let a = chain(&[("a", "")]);
    check(&a, "a", true);
    check(&a, "b a b", true);
    check(&a, "b", false);
    check(&a, "", false);
}

#[test]
fn both_syntaxes_say_the_same() {
    for definition in [
        "chain(xEvent, timestamp, [A: WHAT(eventType = \"a\")])",
        "select e from xEvent where e.eventType = \"a\"",
        "SELECT var1 FROM xEvent WHERE var1.eventType.equals(\"A\", false)",
        "exists e from xEvent where (e.eventType = \"a\")",
        "exists e from xEvent: e.eventType = \"a\" and not (e.eventType = \"b\")",
    ] {
        check(definition, "b a", true);
        check(definition, "b", false);
    }
}

#[test]
fn steps_are_found_in_order() {
    let ab = chain(&[("a", ""), ("b", "")]);
    check(&ab, "a b", true);
    check(&ab, "c a c b c", true);
    check(&ab, "b a", false);
    check(&ab, "b a b", true);
    check(&ab, "a", false);
    let aba = chain(&[("a", ""), ("b", ""), ("a", "")]);
    check(&aba, "a b a", true);
    check(&aba, "a a b", false);
}

#[test]
fn equal_timestamps_are_ordered_by_arrival_and_no_event_is_taken_twice() {
    let ab = chain(&[("a", ""), ("b", "")]);
    check(&ab, "a=b", true);
    check(&ab, "b=a", false);
    let aa = chain(&[("a", ""), ("a", "")]);
    check(&aa, "a", false);
    check(&aa, "a=a", true);
}

#[test]
fn counts_of_a_single_step() {
    for (count, expected) in [
        ("COUNT(2)", [false, false, true, true]),
        ("COUNT(>= 2)", [false, false, true, true]),
        ("COUNT(> 2)", [false, false, false, true]),
        ("COUNT(= 2)", [false, false, true, false]),
        ("COUNT(< 2)", [true, true, false, false]),
        ("COUNT(<= 2)", [true, true, true, false]),
        ("COUNT(= 0)", [true, false, false, false]),
    ] {
        for (events, expected) in ["b", "b a", "a b a", "a a b a"].iter().zip(expected) {
            check(&chain(&[("a", count)]), events, expected);
        }
    }
}

#[test]
fn counts_in_a_sequence_take_events_one_after_the_other() {
    let aab = chain(&[("a", "COUNT(2)"), ("b", "COUNT(2)")]);
    check(&aab, "a a b b", true);
    check(&aab, "a b a b b", true);
    check(&aab, "a b a b", false);
    check(&aab, "b b a a", false);
    let aaa = chain(&[("a", "COUNT(2)"), ("a", "")]);
    check(&aaa, "a a", false);
    check(&aaa, "a a a", true);
}

#[test]
fn chains_join_and_negate() {
    let (a, b) = (chain(&[("a", "")]), chain(&[("b", "")]));
    check(&format!("{a} and {b}"), "b a", true);
    check(&format!("{a} and {b}"), "a", false);
    check(&format!("{a} or {b}"), "b", true);
    check(&format!("{a} and not({b})"), "a", true);
    check(&format!("{a} and not {b}"), "a b", false);
    check(&format!("!{a}"), "", true);
    check(&format!("({a} or person.x = 1) and {b}"), "a b", true);
    check(&format!("{a} and (select e from xEvent where e.eventType = \"b\")"), "a b", true);
}

#[test]
fn windows_belong_to_their_step() {
    let recent_b = chain(&[("a", ""), ("b", "WHEN(< 90 minutes before now)")]);
    let recent_a = chain(&[("a", "WHEN(< 90 minutes before now)"), ("b", "")]);
    let profile = Profile::with_events(&[
        ("10:00:00", json!({"eventType": "a"})),
        ("11:00:00", json!({"eventType": "b"})),
    ]);
    assert!(profile.holds(&sound(&recent_b), time("12:00:00")));
    assert!(!profile.holds(&sound(&recent_a), time("12:00:00")));
    assert!(!profile.holds(&sound(&recent_b), time("12:30:00")));
}

#[test]
fn a_step_reads_window_and_count_in_any_order() {
    let definition = "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(2) WHEN(today)])";
    let other = "chain(xevent, TIMESTAMP, [C0: When(TODAY) what(a = 1) Count(2)])";
    let event = |at| (at, json!({"a": 1}));
    let profile = Profile::with_events(&[event("10:00:00"), event("11:00:00")]);
    for definition in [definition, other] {
        assert!(profile.holds(&sound(definition), time("12:00:00")));
        assert!(!profile.holds(&sound(definition), time("2026-01-02T12:00:00Z")));
    }
}
