//! What reads well and makes no sense here, or not yet.

use super::messages;

#[test]
fn not_supported_yet() {
    let found = messages(&[
        r#"identityMap.Email[0].id = "x""#,
        r#"segmentMembership.ups.x.status = "realized""#,
        "a occurs before last week",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(!= 2)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(!= 2 days before now)])",
    ]);
    insta::assert_snapshot!(found, @r#"
    identityMap.Email[0].id = "x"
      1:1 reading `identityMap` here is not supported yet (SEG0108); test the identityMap of an event within WHAT(…)
    segmentMembership.ups.x.status = "realized"
      1:1 reading `segmentMembership` here is not supported yet (SEG0108); write inSegment("audience id")
    a occurs before last week
      1:17 measuring from `last` of a unit is not supported yet (SEG0108); measure from today or from date(2020, 3, 14)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(!= 2)])
      1:49 `!=` in a count is not supported yet (SEG0108); join two chains with `or`: fewer, more
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(!= 2 days before now)])
      1:48 `!=` in a window is not supported yet (SEG0108); write <, <=, =, > or >=
    "#);
}

#[test]
fn what_is_the_same_for_everyone() {
    let found = messages(&[
        "1 = 2",
        "\"a\" = \"b\" and a = 1",
        "date(2020, 1, 1) < date(2020, 1, 2)",
        "1 in [1, 2]",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(between 3 and 2)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(between 0 and x)])",
    ]);
    insta::assert_snapshot!(found, @r#"
    1 = 2
      1:1 this has the same answer for every profile (SEG0112); compare a field with a value, such as field = 5
    "a" = "b" and a = 1
      1:1 this has the same answer for every profile (SEG0112); compare a field with a value, such as field = 5
    date(2020, 1, 1) < date(2020, 1, 2)
      1:1 this has the same answer for every profile (SEG0112); compare a field with a value, such as field = 5
    1 in [1, 2]
      1:1 this has the same answer for every profile (SEG0112); write field in ["a", "b"], or "a" in field
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(between 3 and 2)])
      1:49 this count is never true (SEG0112); write COUNT(1) for some event, COUNT(= 0) for none
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(between 0 and x)])
      1:63 found `x` where a whole number should be (SEG0104)
    "#);
}

#[test]
fn out_of_place() {
    let found = messages(&[
        "select e from xEvent where a = 1",
        "select e from xEvent where e = 1",
        "select e from xEvent where e[0] = 1",
        r#"CHAIN(xEvent, timestamp, [C0: WHAT(inSegment("x"))])"#,
        "CHAIN(xEvent, timestamp, [C0: WHAT(CHAIN(xEvent, timestamp, [C1: WHAT(a = 1)]))])",
        r#"a.exists(inSegment("x"))"#,
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1), C0: WHAT(b = 1)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHAT(b = 1)])",
    ]);
    insta::assert_snapshot!(found, @r#"
    select e from xEvent where a = 1
      1:28 this condition does not read `e` (SEG0110); a field of the item begins with the variable: e.field
    select e from xEvent where e = 1
      1:28 an event as a whole cannot be compared (SEG0106); name one of its fields: variable.field
    select e from xEvent where e[0] = 1
      1:28 an event is no array (SEG0104); write the name of a field after the variable
    CHAIN(xEvent, timestamp, [C0: WHAT(inSegment("x"))])
      1:36 membership of an audience is no property of an event (SEG0110); join it outside with `and`: inSegment("…") and CHAIN(…)
    CHAIN(xEvent, timestamp, [C0: WHAT(CHAIN(xEvent, timestamp, [C1: WHAT(a = 1)]))])
      1:36 events cannot be asked for within the condition on one event (SEG0110); join them outside with `and`
    a.exists(inSegment("x"))
      1:10 membership of an audience is no property of an event (SEG0110); join it outside with `and`: inSegment("…") and CHAIN(…)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1), C0: WHAT(b = 1)])
      1:44 the label `C0` is used twice in this chain (SEG0110); give each step its own: C0, C1, C2
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHAT(b = 1)])
      1:43 `WHAT` is used twice in this step (SEG0110)
    "#);
}
