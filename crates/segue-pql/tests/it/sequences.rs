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

/// Checks a chain over events of one letter, each with its time of day, at several times.
#[track_caller]
fn check_at(steps: &[(&str, &str)], events: &[(&str, &str)], expected: &[(&str, bool)]) {
    let history: Vec<_> =
        events.iter().map(|(at, letter)| (*at, json!({"eventType": letter}))).collect();
    let profile = Profile::with_events(&history);
    let definition = sound(&chain(steps));
    for (now, expected) in expected {
        assert_eq!(profile.holds(&definition, time(now)), *expected, "{steps:?} at {now}");
    }
    // Each change in the list is found ahead.
    for [(before, value), (at, next)] in expected.array_windows() {
        if value != next {
            assert_eq!(profile.flip(&definition, time(before)), Some(time(at)), "{steps:?}");
        }
    }
}

#[test]
fn within_is_a_time_after_the_step_before() {
    let steps = [("a", ""), ("b", "WITHIN(30 minutes)")];
    check_at(&steps, &[("10:00:00", "a"), ("10:30:00", "b")], &[("11:00:00", true)]);
    check_at(&steps, &[("10:00:00", "a"), ("10:30:00.001", "b")], &[("11:00:00", false)]);
    // A later first step makes it possible.
    let later = [("10:00:00", "a"), ("10:20:00", "a"), ("10:45:00", "b")];
    check_at(&steps, &later, &[("11:00:00", true)]);
    // Of several events the last has to come in time, after the last one before.
    let two = [("a", "COUNT(2)"), ("b", "COUNT(2) WITHIN(30 minutes)")];
    let events = [("10:00:00", "a"), ("10:20:00", "a"), ("10:30:00", "b"), ("10:50:00", "b")];
    check_at(&two, &events, &[("11:00:00", true)]);
}

#[test]
fn a_then_not_b_becomes_true_by_a_timer() {
    let steps = [("a", ""), ("b", "COUNT(= 0) WITHIN(30 minutes)")];
    let waits = [("10:00:00", false), ("10:30:00.001", true)];
    check_at(&steps, &[("10:00:00", "a")], &waits);
    check_at(&steps, &[("10:00:00", "a"), ("10:40:00", "b")], &waits);
    check_at(&steps, &[("10:00:00", "a"), ("10:30:00", "b")], &[("12:00:00", false)]);
    let again = [("10:00:00", "a"), ("10:10:00", "b"), ("11:00:00", "a")];
    check_at(&steps, &again, &[("11:30:00", false), ("11:30:00.001", true)]);
    let cart = [("a", "WHEN(< 1 hour before now)"), ("b", "COUNT(= 0) WITHIN(30 minutes)")];
    let stay = [("10:00:00", false), ("10:30:00.001", true), ("11:00:00", false)];
    check_at(&cart, &[("10:00:00", "a")], &stay);
}

#[test]
fn an_absent_step_bounds_what_lies_between() {
    let a_no_b_c = chain(&[("a", ""), ("b", "COUNT(= 0)"), ("c", "")]);
    check(&a_no_b_c, "a c", true);
    check(&a_no_b_c, "a b c", false);
    check(&a_no_b_c, "a b a c", true);
    check(&a_no_b_c, "a c b", true);
    check(&a_no_b_c, "b a c", true);
    let no_b_a = chain(&[("b", "COUNT(= 0)"), ("a", "")]);
    check(&no_b_a, "a b", true);
    check(&no_b_a, "b a", false);
    let a_no_b = chain(&[("a", ""), ("b", "COUNT(= 0)")]);
    check(&a_no_b, "b a", true);
    check(&a_no_b, "a b", false);
    check(&a_no_b, "a b a", true);
    let few = chain(&[("a", ""), ("b", "COUNT(<= 1)"), ("c", "")]);
    check(&few, "a b c", true);
    check(&few, "a b b c", false);
    let neither = chain(&[("a", "COUNT(= 0)"), ("b", "COUNT(< 2)")]);
    check(&neither, "b c", true);
    check(&neither, "b b", false);
    check(&neither, "a", false);
}

#[test]
fn an_upper_end_counts_all_events_up_to_the_next_step() {
    let exactly_two = chain(&[("a", "COUNT(= 2)"), ("b", "")]);
    check(&exactly_two, "a a b", true);
    check(&exactly_two, "a b", false);
    check(&exactly_two, "a a a b", false);
    // The gap begins with the history, so no later start helps.
    check(&exactly_two, "a a b a b", true);
    let between = chain(&[("c", ""), ("a", "COUNT(between 1 and 2)"), ("b", "")]);
    check(&between, "a a a c a b", true);
    check(&between, "c a a a b", false);
    check(&between, "c a a a c a b", true);
}

#[test]
fn later_steps_compare_with_the_event_that_an_earlier_one_took() {
    let item = |kind: &str, sku: &str| json!({"eventType": kind, "sku": sku});
    let bought = "CHAIN(xEvent, timestamp, [\
                  view: WHAT(eventType = \"view\"), \
                  buy: WHAT(eventType = \"buy\" and sku = view.sku) WITHIN(1 hour)])";
    for (events, expected) in [
        (vec![("10:00:00", item("view", "x")), ("10:10:00", item("buy", "x"))], true),
        (vec![("10:00:00", item("view", "x")), ("10:10:00", item("buy", "y"))], false),
        (
            vec![
                ("10:00:00", item("view", "y")),
                ("10:05:00", item("view", "x")),
                ("10:10:00", item("buy", "y")),
            ],
            true,
        ),
        (vec![("09:00:00", item("view", "x")), ("10:10:00", item("buy", "x"))], false),
    ] {
        let profile = Profile::with_events(&events);
        assert_eq!(profile.holds(&sound(bought), time("12:00:00")), expected, "{events:?}");
    }
    let abandoned = "CHAIN(xEvent, timestamp, [\
                     add: WHAT(eventType = \"add\"), \
                     buy: WHAT(eventType = \"buy\" and sku = add.sku) COUNT(= 0)])";
    let events = [
        ("10:00:00", item("add", "x")),
        ("10:05:00", item("add", "y")),
        ("10:10:00", item("buy", "y")),
    ];
    assert!(Profile::with_events(&events).holds(&sound(abandoned), time("12:00:00")));
    assert!(!Profile::with_events(&events[1..]).holds(&sound(abandoned), time("12:00:00")));
}
