//! How diagnostics are shown, whatever they say.

use super::refused;

#[test]
fn an_empty_definition() {
    let found = [refused(""), refused("  \n ")].join("\n\n");
    insta::assert_snapshot!(found, @r"
    error[SEG0104]: found the end of the definition where a condition, a field or a value should be
     --> audience:1:1
      |
    1 |
      | ^

    error[SEG0104]: found the end of the definition where a condition, a field or a value should be
     --> audience:2:2
      |
    2 |  
      |  ^
    ");
}

#[test]
fn a_mistake_on_a_very_long_line_is_named_without_carets() {
    let found = refused(&format!("a = 1{} b", " ".repeat(5000)));
    insta::assert_snapshot!(found, @r"
    error: found `b` where `and`, `or` or the end should be (SEG0104)
     --> audience:1:5007
    ");
}

#[test]
fn a_mistake_over_several_lines_is_marked_on_its_first() {
    let found = refused("a = 1\n  and (b\n = 2) = 3");
    insta::assert_snapshot!(found, @r"
    error[SEG0106]: a condition cannot be compared
     --> audience:2:7
      |
    2 |   and (b
      |       ^^
      |
      = help: compare a field with a value, such as field = 5
    ");
}

#[test]
fn several_mistakes_are_reported_at_once() {
    let found = refused(
        "person.name.equal(\"Ada\") and\n  age > and\n  inSegement(\"x\") and CHAIN(xEvent, timestamp, [\n    C0: WHAT(a = 1) WHEN(< 3 huors before now),\n    C1: WAHT(b = 1),\n    C2: WHAT(c == 2)\n  ])",
    );
    insta::assert_snapshot!(found, @r#"
    error[SEG0105]: there is no method `equal`
     --> audience:1:13
      |
    1 | person.name.equal("Ada") and
      |             ^^^^^
      |
      = help: did you mean `equals`?

    error[SEG0104]: found `and` where a condition, a field or a value should be
     --> audience:2:9
      |
    2 |   age > and
      |         ^^^

    error[SEG0105]: there is no function `inSegement`
     --> audience:3:3
      |
    3 |   inSegement("x") and CHAIN(xEvent, timestamp, [
      |   ^^^^^^^^^^
      |
      = help: did you mean `inSegment`?

    error[SEG0111]: `huors` is no unit of time
     --> audience:4:30
      |
    4 |     C0: WHAT(a = 1) WHEN(< 3 huors before now),
      |                              ^^^^^
      |
      = help: did you mean `hours`?

    error[SEG0104]: found `WAHT` where `WHAT`, `WHEN`, `WITHIN` or `COUNT` should be
     --> audience:5:9
      |
    5 |     C1: WAHT(b = 1),
      |         ^^^^
      |
      = help: did you mean `WHAT`?

    error[SEG0101]: `==` is no operator here
     --> audience:6:16
      |
    6 |     C2: WHAT(c == 2)
      |                ^^
      |
      = help: write `=`
    "#);
}

#[test]
fn carets_lie_under_wide_characters() {
    let found = refused("name = \"日本😀\" and\tb.equal(\"é\")");
    insta::assert_snapshot!(found, @r#"
    error[SEG0105]: there is no method `equal`
     --> audience:1:20
      |
    1 | name = "日本😀" and    b.equal("é")
      |                          ^^^^^
      |
      = help: did you mean `equals`?
    "#);
}
