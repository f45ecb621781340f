//! Which events can matter to a definition.

use serde_json::json;

use super::{matches, sound};

#[track_caller]
fn check(definition: &str, expected: [bool; 4]) {
    let events = [("a", 1), ("a", 5), ("b", 1), ("b", 5)];
    let definition = sound(definition);
    let found = events.map(|(kind, n)| matches(&definition, &json!({"type": kind, "n": n})));
    assert_eq!(found, expected, "{}", definition.source());
}

#[test]
fn what_is_asked_of_an_event_for_itself() {
    let a = [true, true, false, false];
    check("xEvent.exists(type = \"a\")", a);
    check("not (select e from xEvent where e.type = \"a\")", a);
    check("xEvent[type = \"a\"].count() > 3", a);
    check("xEvent[type = \"a\"].sum(n) > 3", a);
    check("let S = xEvent[type = \"a\"] in S.max(n) > 3", a);
    check("xEvent[type = \"a\"][n > 3]", [false, true, false, false]);
    check("xEvent[type = \"a\"].exists(n > 3)", [false, true, false, false]);
    check(
        "CHAIN(xEvent, timestamp, [A: WHAT(type = \"a\"), B: WHAT(type = \"b\" and n > 3)])",
        [true, true, false, true],
    );
}

#[test]
fn what_reads_more_than_the_event_is_left_out() {
    let a = [true, true, false, false];
    let any = [true; 4];
    check("xEvent.exists(type = \"a\" and n > $1.limit)", a);
    check("exists e from xEvent where e.type = \"a\" and e.timestamp occurs today", a);
    check("exists e from xEvent where e.type = \"a\" and e.n > xEvent.average(n)", any);
    check(
        "CHAIN(xEvent, timestamp, [A: WHAT(type = \"a\"), B: WHAT(type = A.type and n > 3)])",
        [true, true, false, true],
    );
    check(
        "exists e from xEvent where (e.type = \"a\"), i from e.items where i.n > e.n",
        [false; 4],
    );
}

#[test]
fn where_every_event_counts_any_can_matter() {
    for definition in [
        "xEvent.count() > 3",
        "forall e from xEvent where e.type = \"a\"",
        "xEvent.max(n) > 3",
        "xEvent.last().type = \"a\"",
        "xEvent.n.distinct().count() > 3",
    ] {
        check(definition, [true; 4]);
    }
    check("forall e from xEvent[n > 3] where e.type = \"a\"", [false, true, false, true]);
    check("person.age > 3", [false; 4]);
}
