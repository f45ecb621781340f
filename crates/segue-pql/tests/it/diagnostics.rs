//! Every diagnostic, as a user sees it.

use segue_pql::parse;

/// All diagnostics of a source that must be refused.
#[track_caller]
fn refused(source: &str) -> String {
    let diagnostics = parse(source).unwrap_err();
    let rendered: Vec<String> =
        diagnostics.iter().map(|found| found.render(source, "audience")).collect();
    rendered.join("\n\n")
}

/// The messages alone, for many sources of one kind.
#[track_caller]
fn messages(sources: &[&str]) -> String {
    let lines = sources.iter().map(|source| {
        let diagnostics = parse(source).unwrap_err();
        let found: Vec<String> = diagnostics
            .iter()
            .map(|found| format!("  {}:{} {found}", found.line(source), found.column(source)))
            .collect();
        format!("{source}\n{}", found.join("\n"))
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_code_is_shown_here_and_explained_in_the_docs() {
    let codes = include_str!("../../src/diagnostic.rs")
        .split('"')
        .filter(|text| text.len() == "SEG0101".len() && text.starts_with("SEG01"));
    let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
    let mut count = 0;
    for code in codes {
        assert!(include_str!("diagnostics.rs").contains(&format!("({code})")), "{code} is shown");
        assert!(std::fs::exists(format!("{pages}/{code}.md")).unwrap(), "{code} has a page");
        count += 1;
    }
    assert_eq!(count, 12);
}

#[test]
fn an_unknown_character() {
    let found = refused("a = 1 and b # 2");
    insta::assert_snapshot!(found, @r"
    error[SEG0101]: `#` has no meaning here
     --> audience:1:13
      |
    1 | a = 1 and b # 2
      |             ^
      |
      = help: remove it, or put the name that holds it between backticks
    ");
}

#[test]
fn symbols_of_other_languages() {
    let found = refused("a == 1 && b <> 2\n  || c = 3");
    insta::assert_snapshot!(found, @r"
    error[SEG0101]: `==` is no operator here
     --> audience:1:3
      |
    1 | a == 1 && b <> 2
      |   ^^
      |
      = help: write `=`

    error[SEG0101]: `&&` is no operator here
     --> audience:1:8
      |
    1 | a == 1 && b <> 2
      |        ^^
      |
      = help: write `and`

    error[SEG0101]: `<>` is no operator here
     --> audience:1:13
      |
    1 | a == 1 && b <> 2
      |             ^^
      |
      = help: write `!=`

    error[SEG0101]: `||` is no operator here
     --> audience:2:3
      |
    2 |   || c = 3
      |   ^^
      |
      = help: write `or`
    ");
}

#[test]
fn quotes_that_are_not_straight() {
    let found = messages(&["a = 'x' and b = 1", "a = “x y” and b = 1"]);
    insta::assert_snapshot!(found, @r#"
    a = 'x' and b = 1
      1:5 `'` has no meaning here (SEG0101); write texts between straight double quotes: "Sports"
    a = “x y” and b = 1
      1:5 `“` has no meaning here (SEG0101); write texts between straight double quotes: "Sports"
    "#);
}

#[test]
fn texts_and_names_without_an_end() {
    let found = messages(&[r#"a = "x"#, "a = \"x\ny\"", r#"a = "x\"#, "`a = 1"]);
    insta::assert_snapshot!(found, @r#"
    a = "x
      1:5 this text has no end (SEG0102); close it with a double quote on the same line; \n makes a new line
    a = "x
    y"
      1:5 this text has no end (SEG0102); close it with a double quote on the same line; \n makes a new line
      2:2 this text has no end (SEG0102); close it with a double quote on the same line; \n makes a new line
    a = "x\
      1:5 this text has no end (SEG0102); close it with a double quote on the same line; \n makes a new line
    `a = 1
      1:1 this name has no end (SEG0102); close it with a backtick on the same line
    "#);
}

#[test]
fn an_escape_that_stands_for_nothing() {
    let found = refused(r#"a = "\d+""#);
    insta::assert_snapshot!(found, @r#"
    error[SEG0102]: `\d` stands for no character
     --> audience:1:6
      |
    1 | a = "\d+"
      |      ^^
      |
      = help: escapes are \" \\ \/ \n \r \t \b \f and \uXXXX; write \\ for a backslash
    "#);
}

#[test]
fn other_escapes() {
    let found = messages(&[r#"a = "\u12""#, r#"a = "\ud800x""#, r#"a = "\é""#]);
    insta::assert_snapshot!(found, @r#"
    a = "\u12"
      1:6 `\u` stands for no character (SEG0102); escapes are \" \\ \/ \n \r \t \b \f and \uXXXX; write \\ for a backslash
    a = "\ud800x"
      1:6 `\u` stands for no character (SEG0102); escapes are \" \\ \/ \n \r \t \b \f and \uXXXX; write \\ for a backslash
    a = "\é"
      1:6 `\é` stands for no character (SEG0102); escapes are \" \\ \/ \n \r \t \b \f and \uXXXX; write \\ for a backslash
    "#);
}

#[test]
fn numbers() {
    let found = messages(&["a = 9223372036854775808", "a = 1e999", "a[1.5] = 1", "a[1000] = 1"]);
    insta::assert_snapshot!(found, @r"
    a = 9223372036854775808
      1:5 this number is too large (SEG0103); whole numbers go from -9223372036854775808 to 9223372036854775807
    a = 1e999
      1:5 this number is too large (SEG0103); whole numbers go from -9223372036854775808 to 9223372036854775807
    a[1.5] = 1
      1:3 `1.5` is not the number of an item (SEG0103); write digits only, at most 9223372036854775807
    a[1000] = 1
      1:3 the index 1000 is too high (SEG0109); at most 999 is possible
    ");
}

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
    error[SEG0106]: a field should be here
     --> audience:2:7
      |
    2 |   and (b
      |       ^^
      |
      = help: write a field such as person.name before the operator or the method
    ");
}

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
      1:2 a filter between brackets is not supported yet (SEG0108); write field.exists(condition) to find an item of an array
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
      1:3 there is no method `frobnicate` (SEG0105); write one of equals, notEqualTo, contains, doesNotContain, startsWith, doesNotStartWith, endsWith, doesNotEndWith, exists
    inSegement("x")
      1:1 there is no function `inSegement` (SEG0105); did you mean `inSegment`?
    frobnicate(a)
      1:1 there is no function `frobnicate` (SEG0105); write one of exists, inSegment, CHAIN
    equals("x")
      1:1 there is no function `equals` (SEG0105); write the field before it: field.equals(…)
    "#);
}

#[test]
fn arguments() {
    let found = messages(&[
        "a.equals()",
        r#"a.equals("x", "y")"#,
        "a.equals(b)",
        "a.contains(5)",
        r#"a.equals("x", true, 1)"#,
        "a.equals(1, false)",
        "a.exists(b = 1, c = 2)",
        "exists()",
        "exists(a, b)",
        r#"exists("x")"#,
        "inSegment()",
        "inSegment(5)",
        r#"inSegment("")"#,
        r#"inSegment("a", "b")"#,
        "a in []",
        "a in [b]",
        r#"a in ["x", [1]]"#,
        r#""a" in ["a"]"#,
        "1 = 2",
        "a < true",
        "a = null",
        "null = a",
        "a = [1]",
        "a = (b = 1)",
        "a = b = c",
    ]);
    insta::assert_snapshot!(found, @r#"
    a.equals()
      1:3 equals takes a text, and whether case matters (SEG0106); write field.equals("a") or field.equals("a", false)
    a.equals("x", "y")
      1:3 equals takes a text, and whether case matters (SEG0106); write field.equals("a") or field.equals("a", false)
    a.equals(b)
      1:3 equals takes a text, and whether case matters (SEG0106); write field.equals("a") or field.equals("a", false)
    a.contains(5)
      1:3 contains takes a text, and whether case matters (SEG0106); write field.contains("a") or field.contains("a", false)
    a.equals("x", true, 1)
      1:3 equals takes a text, and whether case matters (SEG0106); write field.equals("a") or field.equals("a", false)
    a.equals(1, false)
      1:3 equals takes a text, and whether case matters (SEG0106); write field.equals("a") or field.equals("a", false)
    a.exists(b = 1, c = 2)
      1:3 exists takes one condition (SEG0106); join several conditions with `and`
    exists()
      1:1 exists takes one field (SEG0106); write exists(field), or array.exists(condition)
    exists(a, b)
      1:1 exists takes one field (SEG0106); write exists(field), or array.exists(condition)
    exists("x")
      1:8 a field should be here (SEG0106); write a field such as person.name before the operator or the method
    inSegment()
      1:1 inSegment takes an audience's id (SEG0106); write inSegment("audience id")
    inSegment(5)
      1:1 inSegment takes an audience's id (SEG0106); write inSegment("audience id")
    inSegment("")
      1:1 inSegment takes an audience's id (SEG0106); write inSegment("audience id")
    inSegment("a", "b")
      1:1 inSegment takes an audience's id (SEG0106); write inSegment("audience id")
    a in []
      1:6 this list is empty (SEG0112); write at least one value: field in ["a"]
    a in [b]
      1:7 a list can hold values only (SEG0106); texts stand in double quotes: ["a", "b"]
    a in ["x", [1]]
      1:12 a list can hold values only (SEG0106); texts stand in double quotes: ["a", "b"]
    "a" in ["a"]
      1:1 a field should be here (SEG0106); write a field such as person.name before the operator or the method
    1 = 2
      1:1 a field should be here (SEG0106); write a field such as person.name before the operator or the method
    a < true
      1:1 true and false have no order (SEG0106); compare them with `=` or `!=`
    a = null
      1:5 nothing is equal to null, not even null (SEG0106); write field.exists(), or not field.exists()
    null = a
      1:1 nothing is equal to null, not even null (SEG0106); write field.exists(), or not field.exists()
    a = [1]
      1:5 a list cannot be compared (SEG0106); write field in [1, 2, 3]
    a = (b = 1)
      1:5 a condition cannot be compared (SEG0106); compare a field with a value, such as field = 5
    a = b = c
      1:1 a condition cannot be compared (SEG0106); compare a field with a value, such as field = 5
    "#);
}

#[test]
fn no_condition() {
    let found = messages(&[
        "a",
        "person.name",
        r#""x""#,
        "true",
        "[1]",
        "a and b = 1",
        "not a",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a)])",
        "a.exists(b)",
    ]);
    insta::assert_snapshot!(found, @r#"
    a
      1:1 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
    person.name
      1:1 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
    "x"
      1:1 a value alone is no condition (SEG0107); compare a field with it, such as field = "value"
    true
      1:1 a value alone is no condition (SEG0107); compare a field with it, such as field = "value"
    [1]
      1:1 a value alone is no condition (SEG0107); compare a field with it, such as field = "value"
    a and b = 1
      1:1 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
    not a
      1:5 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
    CHAIN(xEvent, timestamp, [C0: WHAT(a)])
      1:36 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
    a.exists(b)
      1:10 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
    "#);
}

#[test]
fn not_supported_yet() {
    let found = messages(&[
        r#"a like "x%""#,
        r#"a.matches("x")"#,
        "a.count() > 3",
        "xEvent.count() > 3",
        "a = b",
        r#"a intersects ["x"]"#,
        r#""x" in a"#,
        "a in b",
        "forall e from xEvent where e.x = 1",
        "let S = (a) in (S = 1)",
        "if (a = 1, b = 2, c = 3)",
        "$1.a = 1",
        "(Profile) => Profile.a = 1",
        "^.a = 1",
        r#"items[sku = "x"].name = "y""#,
        "a + 1 = 2",
        "birth < today",
        r#"a.get("x").equals("y")"#,
        "timestamp occurs < 3 hours before now",
        "date(2020, 3, 14) < a",
        "a = date(2020, 3, 14)",
        "xEvent.exists(a = 1)",
        "xEvent[0].a = 1",
        r#"identityMap.Email[0].id = "x""#,
        r#"segmentMembership.ups.x.status = "realized""#,
    ]);
    insta::assert_snapshot!(found, @r#"
    a like "x%"
      1:3 `like` is not supported yet (SEG0108); docs/pql.md lists what can be used
    a.matches("x")
      1:3 `matches` is not supported yet (SEG0108); docs/pql.md lists what can be used
    a.count() > 3
      1:3 `count` is not supported yet (SEG0108); docs/pql.md lists what can be used
    xEvent.count() > 3
      1:8 `count` is not supported yet (SEG0108); docs/pql.md lists what can be used
    a = b
      1:1 comparing two fields is not supported yet (SEG0108); compare with a value; texts stand in double quotes
    a intersects ["x"]
      1:3 `intersects` is not supported yet (SEG0108); docs/pql.md lists what can be used
    "x" in a
      1:1 `in` with anything but a list of values is not supported yet (SEG0108); write field in ["a", "b"]
    a in b
      1:1 `in` with anything but a list of values is not supported yet (SEG0108); write field in ["a", "b"]
    forall e from xEvent where e.x = 1
      1:1 `forall` is not supported yet (SEG0108); docs/pql.md lists what can be used
    let S = (a) in (S = 1)
      1:1 `let` is not supported yet (SEG0108); docs/pql.md lists what can be used
    if (a = 1, b = 2, c = 3)
      1:1 `if` is not supported yet (SEG0108); docs/pql.md lists what can be used
    $1.a = 1
      1:1 `$` is not supported yet (SEG0108); docs/pql.md lists what can be used
    (Profile) => Profile.a = 1
      1:11 `=>` is not supported yet (SEG0108); docs/pql.md lists what can be used
    ^.a = 1
      1:1 `^` is not supported yet (SEG0108); docs/pql.md lists what can be used
    items[sku = "x"].name = "y"
      1:6 a filter between brackets is not supported yet (SEG0108); write field.exists(condition) to find an item of an array
    a + 1 = 2
      1:3 `+` is not supported yet (SEG0108); docs/pql.md lists what can be used
    birth < today
      1:9 `today` is not supported yet (SEG0108); docs/pql.md lists what can be used
    a.get("x").equals("y")
      1:11 going on from the result of a call is not supported yet (SEG0108); docs/pql.md lists what can be used
    timestamp occurs < 3 hours before now
      1:11 `occurs` is not supported yet (SEG0108); docs/pql.md lists what can be used
    date(2020, 3, 14) < a
      1:1 `date` is not supported yet (SEG0108); docs/pql.md lists what can be used
    a = date(2020, 3, 14)
      1:5 `date` is not supported yet (SEG0108); docs/pql.md lists what can be used
    xEvent.exists(a = 1)
      1:1 reading `xEvent` here is not supported yet (SEG0108); write CHAIN(xEvent, timestamp, [C0: WHAT(…)])
    xEvent[0].a = 1
      1:1 reading `xEvent` here is not supported yet (SEG0108); write CHAIN(xEvent, timestamp, [C0: WHAT(…)])
    identityMap.Email[0].id = "x"
      1:1 reading `identityMap` here is not supported yet (SEG0108); test the identityMap of an event within WHAT(…)
    segmentMembership.ups.x.status = "realized"
      1:1 reading `segmentMembership` here is not supported yet (SEG0108); write inSegment("audience id")
    "#);
}

#[test]
fn events_not_supported_yet() {
    let found = messages(&[
        "select e from productListItems where e.x = 1",
        "exists e from xEvent where (e.x = 1), i from e.items where i.x = 1",
        "exists e from xEvent, i from e.items where i.x = 1",
        "select e from xEvent where e.timestamp occurs < 3 hours before now",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1), C1: WHAT(b = C0.b)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1), C1: WHAT(C0.b = 1)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(C0.a = 1)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(items.exists(C0.a = 1))])",
        "select e from xEvent where e.items.exists(e.x = 1)",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(= 2), C1: WHAT(b = 1)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(!= 2)])",
    ]);
    insta::assert_snapshot!(found, @r"
    select e from productListItems where e.x = 1
      1:15 going through `productListItems` is not supported yet (SEG0108); only xEvent; for an array, write array.exists(condition)
    exists e from xEvent where (e.x = 1), i from e.items where i.x = 1
      1:37 found `,` where `and`, `or` or the end should be (SEG0104)
    exists e from xEvent, i from e.items where i.x = 1
      1:21 more than one variable is not supported yet (SEG0108); for an array of the event, write e.array.exists(…)
    select e from xEvent where e.timestamp occurs < 3 hours before now
      1:40 `occurs` is not supported yet (SEG0108); docs/pql.md lists what can be used
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1), C1: WHAT(b = C0.b)])
      1:53 comparing two fields is not supported yet (SEG0108); compare with a value; texts stand in double quotes
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1), C1: WHAT(C0.b = 1)])
      1:53 reaching out to `C0` from here is not supported yet (SEG0108); rename the label or the variable if a field is meant
    CHAIN(xEvent, timestamp, [C0: WHAT(C0.a = 1)])
      1:36 reaching out to `C0` from here is not supported yet (SEG0108); rename the label or the variable if a field is meant
    CHAIN(xEvent, timestamp, [C0: WHAT(items.exists(C0.a = 1))])
      1:49 reaching out to `C0` from here is not supported yet (SEG0108); rename the label or the variable if a field is meant
    select e from xEvent where e.items.exists(e.x = 1)
      1:43 reaching out to `e` from here is not supported yet (SEG0108); rename the label or the variable if a field is meant
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(= 2), C1: WHAT(b = 1)])
      1:27 an upper end of a count within a sequence of steps is not supported yet (SEG0108); write COUNT(n) for at least n, or a chain of one step
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(!= 2)])
      1:49 `!=` in a count is not supported yet (SEG0108)
    ");
}

#[test]
fn out_of_place() {
    let found = messages(&[
        "select e from xEvent where a = 1",
        "select e from xEvent where e.a = 1 and person.b = 2",
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
      1:28 within this `select`, a field begins with `e.` (SEG0110); write e.field; for the profile, close the select in parentheses and join with `and`
    select e from xEvent where e.a = 1 and person.b = 2
      1:40 within this `select`, a field begins with `e.` (SEG0110); write e.field; for the profile, close the select in parentheses and join with `and`
    select e from xEvent where e = 1
      1:28 within this `select`, a field begins with `e.` (SEG0110); write e.field; for the profile, close the select in parentheses and join with `and`
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
        "select e from xEvent",
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
      1:31 found `WAHT` where `WHAT`, `WHEN` or `COUNT` should be (SEG0104); did you mean `WHAT`?
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
    select e from xEvent
      1:21 found the end of the definition where `where` should be (SEG0104)
    select e from xEvent where
      1:27 found the end of the definition where a condition, a field or a value should be (SEG0104)
    ");
}

#[test]
fn a_wrong_unit() {
    let found = refused("CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 huors before now)])");
    insta::assert_snapshot!(found, @r"
    error[SEG0111]: `huors` is no unit of time
     --> audience:1:53
      |
    1 | CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 huors before now)])
      |                                                     ^^^^^
      |
      = help: did you mean `hours`?
    ");
}

#[test]
fn windows() {
    let found = messages(&[
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN()])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(24 hours before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(> 24 hours before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(yesterday)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(this week)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< hours before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 parsecs before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours after now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before today)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before now today)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 0 hours before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 1001 years before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< -1 hours before now)])",
    ]);
    insta::assert_snapshot!(found, @r"
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN()])
      1:48 found `)` where a window should be (SEG0104); write WHEN(< 24 hours before now), WHEN(<= 24 hours before now) or WHEN(today)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(24 hours before now)])
      1:48 found `24` where a window should be (SEG0104); write WHEN(< 24 hours before now), WHEN(<= 24 hours before now) or WHEN(today)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(> 24 hours before now)])
      1:48 a window that begins with `>` is not supported yet (SEG0108); write WHEN(< 24 hours before now), WHEN(<= 24 hours before now) or WHEN(today)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(yesterday)])
      1:48 a window that begins with `yesterday` is not supported yet (SEG0108); write WHEN(< 24 hours before now), WHEN(<= 24 hours before now) or WHEN(today)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(this week)])
      1:48 a window that begins with `this` is not supported yet (SEG0108); write WHEN(< 24 hours before now), WHEN(<= 24 hours before now) or WHEN(today)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< hours before now)])
      1:50 found `hours` where a whole number should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 before now)])
      1:53 `before` is no unit of time (SEG0111); write one of milliseconds, seconds, minutes, hours, days, weeks, months, years, decades, centuries, millennia
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 parsecs before now)])
      1:53 `parsecs` is no unit of time (SEG0111); write one of milliseconds, seconds, minutes, hours, days, weeks, months, years, decades, centuries, millennia
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours)])
      1:58 found `)` where `before` should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before)])
      1:65 found `)` where `now` should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours after now)])
      1:59 `after` in a window is not supported yet (SEG0108); write WHEN(< 24 hours before now), WHEN(<= 24 hours before now) or WHEN(today)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before today)])
      1:66 `today` in a window is not supported yet (SEG0108); write WHEN(< 24 hours before now), WHEN(<= 24 hours before now) or WHEN(today)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before now today)])
      1:70 found `today` where an operator or `)` should be (SEG0104); `(` of line 1, column 47 is still open
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 0 hours before now)])
      1:50 a window of no length holds no event (SEG0111); write at least 1; milliseconds are the smallest unit
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 1001 years before now)])
      1:50 this window is longer than 1000 years (SEG0109); leave `WHEN` out to look at all events
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< -1 hours before now)])
      1:50 found `-` where a whole number should be (SEG0104)
    ");
}

#[test]
fn counts() {
    let found = messages(&[
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT()])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(0)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(>= 0)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(< 0)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(x)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(-1)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(10001)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(1.5)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(2, 3)])",
    ]);
    insta::assert_snapshot!(found, @r"
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT()])
      1:49 found `)` where a whole number should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(0)])
      1:49 this count is always true (SEG0112); write COUNT(1) for some event, COUNT(= 0) for none
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(>= 0)])
      1:49 this count is always true (SEG0112); write COUNT(1) for some event, COUNT(= 0) for none
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(< 0)])
      1:49 this count is never true (SEG0112); write COUNT(1) for some event, COUNT(= 0) for none
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(x)])
      1:49 found `x` where a whole number should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(-1)])
      1:49 found `-` where a whole number should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(10001)])
      1:49 the count 10001 is too high (SEG0109); at most 10000 is possible
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(1.5)])
      1:49 `1.5` is not a whole number (SEG0103); write digits only, at most 9223372036854775807
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(2, 3)])
      1:50 found `,` where an operator or `)` should be (SEG0104); `(` of line 1, column 48 is still open
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

    error[SEG0104]: found `WAHT` where `WHAT`, `WHEN` or `COUNT` should be
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
