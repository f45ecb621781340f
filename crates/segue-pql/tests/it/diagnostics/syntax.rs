//! Something is missing, too much, or not closed.

use super::{messages, refused};

#[test]
fn a_missing_operand() {
    let found = refused("a = and b = 1");
    insta::assert_snapshot!(found, @r"
    error[SEG0104]: found `and` where a condition, a field or a value should be
     --> audience:1:5
      |
    1 | a = and b = 1
      |     ^^^
    ");
}

#[test]
fn syntax() {
    let found = messages(&[
        "a =",
        "= 1",
        "a = 1 b = 2",
        "a = 1)",
        "(a = 1",
        "a = 1 and",
        "not",
        "a in [1, 2",
        "a.",
        "a. = 1",
        "a[0",
        "a[x] = 1",
        "a[0](1)",
        r#"a.equals("x""#,
        "()",
        "a in [1,, 2]",
    ]);
    insta::assert_snapshot!(found, @r#"
    a =
      1:4 found the end of the definition where a condition, a field or a value should be (SEG0104)
    = 1
      1:1 found `=` where a condition, a field or a value should be (SEG0104)
    a = 1 b = 2
      1:7 found `b` where `and`, `or` or the end should be (SEG0104)
    a = 1)
      1:6 found `)` where `and`, `or` or the end should be (SEG0104)
    (a = 1
      1:7 found the end of the definition where an operator or `)` should be (SEG0104); `(` of line 1, column 1 is still open
    a = 1 and
      1:10 found the end of the definition where a condition, a field or a value should be (SEG0104)
    not
      1:4 found the end of the definition where a condition, a field or a value should be (SEG0104)
    a in [1, 2
      1:11 found the end of the definition where an operator or `]` should be (SEG0104); `[` of line 1, column 6 is still open
    a.
      1:3 found the end of the definition where the name of a field should be (SEG0104)
    a. = 1
      1:4 found `=` where the name of a field should be (SEG0104)
    a[0
      1:1 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
      1:4 found the end of the definition where an operator or `]` should be (SEG0104); `[` of line 1, column 2 is still open
    a[x] = 1
      1:3 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
    a[0](1)
      1:5 found `(` where a dot and the name of a method should be (SEG0104)
    a.equals("x"
      1:13 found the end of the definition where an operator or `)` should be (SEG0104); `(` of line 1, column 9 is still open
    ()
      1:2 found `)` where a condition, a field or a value should be (SEG0104)
    a in [1,, 2]
      1:9 found `,` where a condition, a field or a value should be (SEG0104)
    "#);
}

#[test]
fn a_parenthesis_that_is_not_closed() {
    let found = refused(
        "CHAIN(xEvent, timestamp, [\n  C0: WHAT(web.name.equals(\"x\", false) WHEN(today)\n])",
    );
    insta::assert_snapshot!(found, @r#"
    error[SEG0104]: found `WHEN` where an operator or `)` should be
     --> audience:2:40
      |
    2 |   C0: WHAT(web.name.equals("x", false) WHEN(today)
      |                                        ^^^^
      |
      = help: `(` of line 2, column 11 is still open
    "#);
}

#[test]
fn forms_that_are_incomplete() {
    let found = messages(&[
        "let",
        "let S = 5",
        "let S 5 in a = S",
        "(sum a.b over a) > 1",
        "sum(a) > 1",
        "exists e from",
        "forall from a",
        "a intersects [1]",
        "Profile => Profile.a = 1",
        "(a, b) => a.c = 1",
        "a[b = 1",
        "a.(b)",
        "a +",
        "a = -",
        "equals(a, b)",
        "exists(a) = exists(b)",
    ]);
    insta::assert_snapshot!(found, @r"
    let
      1:1 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
    let S = 5
      1:10 found the end of the definition where `in` should be (SEG0104)
    let S 5 in a = S
      1:7 found `5` where `=` should be (SEG0104)
    (sum a.b over a) > 1
      1:16 found `)` where `from` should be (SEG0104)
    sum(a) > 1
      1:8 found `>` where `over` should be (SEG0104)
    exists e from
      1:14 found the end of the definition where a condition, a field or a value should be (SEG0104)
    forall from a
      1:13 found `a` where `from` should be (SEG0104)
    a intersects [1]
      1:3 `intersects` is a method and stands after a dot (SEG0104); write value.intersects(…)
    Profile => Profile.a = 1
      1:1 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
      1:9 found `=>` where `and`, `or` or the end should be (SEG0104)
    (a, b) => a.c = 1
      1:1 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
      1:3 found `,` where an operator or `)` should be (SEG0104); `(` of line 1, column 1 is still open
      1:8 found `=>` where `and`, `or` or the end should be (SEG0104)
    a[b = 1
      1:8 found the end of the definition where an operator or `]` should be (SEG0104); `[` of line 1, column 2 is still open
    a.(b)
      1:3 found `(` where the name of a field should be (SEG0104)
    a +
      1:4 found the end of the definition where a condition, a field or a value should be (SEG0104)
    a = -
      1:6 found the end of the definition where a condition, a field or a value should be (SEG0104)
    equals(a, b)
      1:1 there is no function `equals` (SEG0105); write the value before it: value.equals(…)
    exists(a) = exists(b)
      1:1 a condition cannot be compared (SEG0106); compare a field with a value, such as field = 5
    ");
}

#[test]
fn chains_that_are_incomplete() {
    let found = messages(&[
        "CHAIN()",
        "CHAIN(xEvents, timestamp, [C0: WHAT(a = 1)])",
        "CHAIN(xEvent, [C0: WHAT(a = 1)])",
        "CHAIN(xEvent, timestamp, C0: WHAT(a = 1))",
        "CHAIN(xEvent, timestamp, [])",
        "CHAIN(xEvent, timestamp, [WHAT(a = 1)])",
        "CHAIN(xEvent, timestamp, [C0: WHEN(today)])",
        "CHAIN(xEvent, timestamp, [C0: WAHT(a = 1)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT a = 1])",
        "CHAIN(xEvent, timestamp, [C0: WHAT()])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1)],)",
        "select from xEvent where a = 1",
        "select e xEvent where e.a = 1",
        "select e from xEvent where",
    ]);
    insta::assert_snapshot!(found, @r"
    CHAIN()
      1:7 found `)` where `xEvent` should be (SEG0104); write CHAIN(xEvent, timestamp, [C0: WHAT(…)])
    CHAIN(xEvents, timestamp, [C0: WHAT(a = 1)])
      1:7 found `xEvents` where `xEvent` should be (SEG0104); write CHAIN(xEvent, timestamp, [C0: WHAT(…)])
    CHAIN(xEvent, [C0: WHAT(a = 1)])
      1:15 found `[` where `timestamp` should be (SEG0104); write CHAIN(xEvent, timestamp, [C0: WHAT(…)])
    CHAIN(xEvent, timestamp, C0: WHAT(a = 1))
      1:26 found `C0` where `[` should be (SEG0104)
    CHAIN(xEvent, timestamp, [])
      1:27 found `]` where a step's label should be (SEG0104); begin each step with a label and a colon: C0: WHAT(…)
    CHAIN(xEvent, timestamp, [WHAT(a = 1)])
      1:27 found `WHAT` where a step's label should be (SEG0104); begin each step with a label and a colon: C0: WHAT(…)
    CHAIN(xEvent, timestamp, [C0: WHEN(today)])
      1:42 found `]` where `WHAT(…)` should be (SEG0104); say which events the step wants: C0: WHAT(…)
    CHAIN(xEvent, timestamp, [C0: WAHT(a = 1)])
      1:31 found `WAHT` where `WHAT`, `WHEN`, `WITHIN` or `COUNT` should be (SEG0104); did you mean `WHAT`?
    CHAIN(xEvent, timestamp, [C0: WHAT a = 1])
      1:36 found `a` where `(` should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT()])
      1:36 found `)` where a condition, a field or a value should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1)],)
      1:43 found `,` where an operator or `)` should be (SEG0104); `(` of line 1, column 6 is still open
    select from xEvent where a = 1
      1:13 found `xEvent` where `from` should be (SEG0104)
    select e xEvent where e.a = 1
      1:10 found `xEvent` where `from` should be (SEG0104)
    select e from xEvent where
      1:27 found the end of the definition where a condition, a field or a value should be (SEG0104)
    ");
}
