//! Names that nothing has, or that do not reach so far.

use super::{messages, refused};

#[test]
fn an_unknown_method() {
    let found = refused(r#"person.name.equal("Ada")"#);
    insta::assert_snapshot!(found, @r#"
    error[SEG0105]: there is no method `equal`
     --> audience:1:13
      |
    1 | person.name.equal("Ada")
      |             ^^^^^
      |
      = help: did you mean `equals`?
    "#);
}

#[test]
fn unknown_names() {
    let found = messages(&[
        r#"a.start_with("x")"#,
        r#"a.frobnicate("x")"#,
        r#"inSegement("x")"#,
        "frobnicate(a)",
        r#"equals("x")"#,
    ]);
    insta::assert_snapshot!(found, @r#"
    a.start_with("x")
      1:3 there is no method `start_with` (SEG0105); did you mean `startsWith`?
    a.frobnicate("x")
      1:3 there is no method `frobnicate` (SEG0105); docs/pql.md lists what there is
    inSegement("x")
      1:1 there is no function `inSegement` (SEG0105); did you mean `inSegment`?
    frobnicate(a)
      1:1 there is no function `frobnicate` (SEG0105); write one of exists, inSegment, CHAIN, if, date, currentMonth, currentYear, currentDayOfMonth
    equals("x")
      1:1 there is no function `equals` (SEG0105); write the value before it: value.equals(…)
    "#);
}

#[test]
fn names_that_cannot_be_reached() {
    let found = messages(&[
        "^.a = 1",
        "items[^^.a = 1]",
        "$1 = 1",
        "$2.a = 1",
        "$.a = 1",
        "a = ((p) => p.b)",
        "exists e from xEvent where person.a = 1",
        "items.exists((i) => a = 1)",
        "(sum e.a over e from xEvent where a = 1) > 1",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = C1.a), C1: WHAT(b = 1)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(= 0), C1: WHAT(b = C0.b)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(2), C1: WHAT(b = C0.b)])",
        "CHAIN(xEvent, timestamp, [A: WHAT(a = 1), B: WHAT(a = 2), C: WHAT(a = 3), \
         D: WHAT(x = A.x and y = B.y and z = C.z)])",
    ]);
    insta::assert_snapshot!(found, @r"
    ^.a = 1
      1:1 there is nothing so far outside (SEG0110); each ^ leads out of one [condition] or method(condition)
    items[^^.a = 1]
      1:7 there is nothing so far outside (SEG0110); each ^ leads out of one [condition] or method(condition)
    $1 = 1
      1:1 the profile as a whole is no value (SEG0106); name one of its fields: $1.person.name
    $2.a = 1
      1:1 found `$2` where `$1`, the only parameter of an audience's definition, should be (SEG0104)
    $.a = 1
      1:1 `$` has no meaning here (SEG0101); write $1 for the profile
    a = ((p) => p.b)
      1:10 found `=>` where an operator or `)` should be (SEG0104); `(` of line 1, column 5 is still open
    exists e from xEvent where person.a = 1
      1:28 this condition does not read `e` (SEG0110); a field of the item begins with the variable: e.field
    items.exists((i) => a = 1)
      1:21 this condition does not read `i` (SEG0110); a field of the item begins with the variable: i.field
    (sum e.a over e from xEvent where a = 1) > 1
      1:35 this condition does not read `e` (SEG0110); a field of the item begins with the variable: e.field
    CHAIN(xEvent, timestamp, [C0: WHAT(a = C1.a), C1: WHAT(b = 1)])
      1:40 `C1` comes later (SEG0110); refer to an earlier step, and compare in the later one
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(= 0), C1: WHAT(b = C0.b)])
      1:68 `C0` is not one event (SEG0110); refer to a step that takes one: without COUNT, or COUNT(>= 1)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(2), C1: WHAT(b = C0.b)])
      1:66 `C0` is not one event (SEG0110); refer to a step that takes one: without COUNT, or COUNT(>= 1)
    CHAIN(xEvent, timestamp, [A: WHAT(a = 1), B: WHAT(a = 2), C: WHAT(a = 3), D: WHAT(x = A.x and y = B.y and z = C.z)])
      1:99 this chain refers to more than 1 of its steps (SEG0109); compare with fewer steps, or divide the chain into two audiences
      1:111 this chain refers to more than 1 of its steps (SEG0109); compare with fewer steps, or divide the chain into two audiences
    ");
}
