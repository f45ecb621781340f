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
fn arguments() {
    let found = messages(&[
        "a.equals()",
        r#"a.equals("x", "y")"#,
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
        "a = (b = 1)",
        "a = b = c",
    ]);
    insta::assert_snapshot!(found, @r#"
    a.equals()
      1:3 equals takes a text, and whether case matters (SEG0106); write field.equals("a") or field.equals("a", false)
    a.equals("x", "y")
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
      1:1 this has the same answer for every profile (SEG0112); write field in ["a", "b"], or "a" in field
    1 = 2
      1:1 this has the same answer for every profile (SEG0112); compare a field with a value, such as field = 5
    a < true
      1:1 true and false have no order (SEG0106); compare them with `=` or `!=`
    a = null
      1:5 nothing is equal to null, not even null (SEG0106); write field.isNull() or field.isNotNull()
    null = a
      1:1 nothing is equal to null, not even null (SEG0106); write field.isNull() or field.isNotNull()
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

#[test]
fn types() {
    let found = messages(&[
        "a + \"x\" = 2",
        "a - (b = 1) > 1",
        "a.count() = \"x\"",
        "a.count().contains(\"x\")",
        "[1].contains(\"x\")",
        "a.distinct() > 1",
        "a.distinct() = 1",
        "xEvent.price > 5",
        "a.distinct() in [1]",
        "a in 5",
        "a.intersects(5)",
        "a.count().filter(b = 1).count() = 1",
        "$1.filter(b = 1).count() = 1",
        "exists e from xEvent where e in [1]",
        "a.count().b = 1",
        "a like 5",
        "a.filter(b)",
        "a.filter()",
        "a.map(b = 1).count() = 1",
        "a.topN(b) = 1",
        "a.topN(b, -1).count() = 1",
        "a.count(b, c) = 1",
        "a.distinct(b).count() = 1",
        "a.get() = 1",
        "a.isNull(1)",
        "if(a = 1, b = 1, 5)",
        "if(a = 1, b)",
        "currentMonth(1) = 1",
        "a.map(b)",
        "a.head()",
        "a.count()",
    ]);
    insta::assert_snapshot!(found, @r#"
    a + "x" = 2
      1:5 `+` takes a number, not a text (SEG0106); write a field that holds a number, or a number
    a - (b = 1) > 1
      1:5 a condition is no value (SEG0110); write if(condition, 1, 0)
    a.count() = "x"
      1:1 a number and a text are never equal (SEG0106); compare values of one type; texts stand in double quotes
    a.count().contains("x")
      1:1 contains takes a text, not a number (SEG0106); write a field that holds a text, or a text in double quotes
    [1].contains("x")
      1:1 contains takes a text, not a list (SEG0106); write a field that holds a text, or a text in double quotes
    a.distinct() > 1
      1:1 lists have no order (SEG0106); compare their length: list.count() > 3
    a.distinct() = 1
      1:1 a list and a number are never equal (SEG0106); write value in [1, 2, 3], or list.count() = 3
    xEvent.price > 5
      1:1 lists have no order (SEG0106); compare their length: list.count() > 3
    a.distinct() in [1]
      1:1 a list is in no list (SEG0106); write list.intersects(list), or list.subsetOf(list)
    a in 5
      1:6 `in` takes a list, not a number (SEG0106); write a field that holds a list, or ["a", "b"]
    a.intersects(5)
      1:14 intersects takes a list, not a number (SEG0106); write a field that holds a list, or ["a", "b"]
    a.count().filter(b = 1).count() = 1
      1:1 filter takes a list, not a number (SEG0106); write a field that holds a list, or ["a", "b"]
    $1.filter(b = 1).count() = 1
      1:1 the profile is no list (SEG0106); name a field that holds one, or xEvent
    exists e from xEvent where e in [1]
      1:28 an event as a whole cannot be compared (SEG0106); name one of its fields: variable.field
    a.count().b = 1
      1:1 a number has no fields (SEG0106); leave the field out
    a like 5
      1:8 `like` takes a text, not a number (SEG0106); write a field that holds a text, or a text in double quotes
    a.filter(b)
      1:10 a field alone is no condition (SEG0107); compare it, such as field = true, or write field.exists()
    a.filter()
      1:3 filter takes one condition (SEG0106); write list.filter(field = 1)
    a.map(b = 1).count() = 1
      1:7 a condition is no value (SEG0110); write if(condition, 1, 0)
    a.topN(b) = 1
      1:3 topN takes a value and a number of items (SEG0106); write list.topN(price, 5)
    a.topN(b, -1).count() = 1
      1:11 topN takes a whole number of items (SEG0103); write 0 or more
    a.count(b, c) = 1
      1:3 count takes at most one value (SEG0106); write list.count(field)
    a.distinct(b).count() = 1
      1:3 distinct takes nothing (SEG0106); write distinct()
    a.get() = 1
      1:3 get takes one value (SEG0106); write list.get("a")
    a.isNull(1)
      1:3 isNull takes nothing (SEG0106); write isNull()
    if(a = 1, b = 1, 5)
      1:11 one of these is a condition, the other a value (SEG0106); write two values, or two conditions
    if(a = 1, b)
      1:1 if takes a condition and two values (SEG0106); write if(person.age < 18, "minor", "adult")
    currentMonth(1) = 1
      1:1 currentMonth takes nothing (SEG0106); write currentMonth()
    a.map(b)
      1:1 a list alone is no condition (SEG0107); ask for its items: list.exists(condition), list.count() > 0
    a.head()
      1:1 a value alone is no condition (SEG0107); compare it with a value
    a.count()
      1:1 a number alone is no condition (SEG0107); compare it with a value
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
fn moments() {
    let found = messages(&[
        "a = now",
        "today != a",
        "now < today",
        "a in [now]",
        "a.includes(today)",
        "a + now > 1",
        "a.equals(now)",
        "let N = now in a < N",
        "if(a = 1, now, today) > b",
        "now occurs today",
        "5 occurs today",
        "a.count() occurs today",
        "a occurs",
        "a occurs 5",
        "a occurs < 3 days",
        "a occurs < 3 days before",
        "a occurs < 3 days before 5",
        "a occurs < 3 dayz before now",
        "a occurs < 3.5 days before now",
        "a occurs < 2000 years before now",
        "a occurs this millisecond",
        "a occurs between today",
        "a occurs after \"tomorrow\"",
        "a < date(2020, 2, 30)",
        "a < date(2020, 2)",
        "a < date(y, 2, 1)",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(before b)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WITHIN(3 days)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(= 0), C1: WHAT(a = 1) WITHIN(3 days)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1), C1: WHAT(a = 1) WITHIN(< 3 days)])",
    ]);
    insta::assert_snapshot!(found, @r#"
    a = now
      1:1 nothing can be equal to `now` or to a day (SEG0110); write field occurs today, or field < now
    today != a
      1:1 nothing can be equal to `now` or to a day (SEG0110); write field occurs today, or field < now
    now < today
      1:7 a field should be here (SEG0106); write the field that holds the moment: timestamp occurs …
    a in [now]
      1:7 a list can hold values only (SEG0106); texts stand in double quotes: ["a", "b"]
    a.includes(today)
      1:12 a moment can only be compared (SEG0110); write field < now, or field occurs < 3 days before now
    a + now > 1
      1:5 a moment can only be compared (SEG0110); write field < now, or field occurs < 3 days before now
    a.equals(now)
      1:10 a moment can only be compared (SEG0110); write field < now, or field occurs < 3 days before now
    let N = now in a < N
      1:9 `now` needs no name (SEG0110); write it where it is needed: field < now
    if(a = 1, now, today) > b
      1:11 a moment can only be compared (SEG0110); write the comparison into it: if(…, field < now, field < today)
      1:16 a moment can only be compared (SEG0110); write the comparison into it: if(…, field < now, field < today)
    now occurs today
      1:1 a field should be here (SEG0106); write the field that holds the moment: timestamp occurs …
    5 occurs today
      1:1 a field should be here (SEG0106); write the field that holds the moment: timestamp occurs …
    a.count() occurs today
      1:1 a number is no moment (SEG0106); write a field that holds a timestamp, now, today or date(2020, 3, 14)
    a occurs
      1:9 found the end of the definition where a moment should be (SEG0104); write occurs < 3 days before now, before today, this week, on date(2020, 3, 14)
    a occurs 5
      1:10 found `5` where a moment should be (SEG0104); write occurs < 3 days before now, before today, this week, on date(2020, 3, 14)
    a occurs < 3 days
      1:18 found the end of the definition where `before`, `after` or `from` should be (SEG0104)
    a occurs < 3 days before
      1:25 found the end of the definition where `now` or another moment should be (SEG0104); write occurs < 3 days before now, before today, this week, on date(2020, 3, 14)
    a occurs < 3 days before 5
      1:26 found `5` where `now` or another moment should be (SEG0104); write occurs < 3 days before now, before today, this week, on date(2020, 3, 14)
    a occurs < 3 dayz before now
      1:14 `dayz` is no unit of time (SEG0111); did you mean `days`?
    a occurs < 3.5 days before now
      1:12 `3.5` is not a whole number (SEG0103); write digits only, at most 9223372036854775807
    a occurs < 2000 years before now
      1:12 this window is longer than 1000 years (SEG0109); leave it out to look at all events
    a occurs this millisecond
      1:15 a millisecond is no stretch of the calendar (SEG0111); write this second, or a longer unit
    a occurs between today
      1:23 found the end of the definition where `and` should be (SEG0104)
    a occurs after "tomorrow"
      1:16 this text is no moment (SEG0111); write it as "2026-01-01T10:00:00Z", or date(2026, 1, 1)
    a < date(2020, 2, 30)
      1:5 there is no such day (SEG0103); write the year, the month from 1 to 12, and a day of that month
    a < date(2020, 2)
      1:5 date takes a year, a month and a day (SEG0106); write three whole numbers: date(2020, 3, 14)
    a < date(y, 2, 1)
      1:5 date takes a year, a month and a day (SEG0106); write three whole numbers: date(2020, 3, 14)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(before b)])
      1:55 a window is measured from now, from a day or from a date (SEG0111); write the condition into WHAT(…): timestamp occurs after field
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WITHIN(3 days)])
      1:50 there is no event before from which time could run (SEG0111); write WHEN(…) for a time before now, or WITHIN(…) on a later step
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) COUNT(= 0), C1: WHAT(a = 1) WITHIN(3 days)])
      1:78 there is no event before from which time could run (SEG0111); write WHEN(…) for a time before now, or WITHIN(…) on a later step
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1), C1: WHAT(a = 1) WITHIN(< 3 days)])
      1:67 found `<` where a whole number should be (SEG0104)
    "#);
}

#[test]
fn regular_expressions() {
    let found = messages(&[
        "a.matches(\"(\")",
        "a.matches(\"a)|(b\")",
        "a.matches(\"(?=a)\")",
        r#"a.matches("(a)\\1")"#,
        r#"a.matches("(\\w{1000}){1000}")"#,
        "a.matches(b)",
        "a.matches(5)",
        "a.matches(\"a\", false)",
        "a.regexGroup(\"a\") = \"a\"",
        "a.regexGroup(\"(a)\", 2) = \"a\"",
        "a.regexGroup(\"(a)\", b) = \"a\"",
    ]);
    insta::assert_snapshot!(found, @r#"
    a.matches("(")
      1:11 this is no regular expression: unclosed group (SEG0102); look-around and back-references are not possible
    a.matches("a)|(b")
      1:11 this is no regular expression: unopened group (SEG0102); look-around and back-references are not possible
    a.matches("(?=a)")
      1:11 this is no regular expression: look-around, including look-ahead and look-behind, is not supported (SEG0102); look-around and back-references are not possible
    a.matches("(a)\\1")
      1:11 this is no regular expression: backreferences are not supported (SEG0102); look-around and back-references are not possible
    a.matches("(\\w{1000}){1000}")
      1:11 this regular expression stands for too much (SEG0109); write smaller numbers of repetitions
    a.matches(b)
      1:11 a regular expression is written out (SEG0106); write a text in double quotes: "[A-Z]+"
    a.matches(5)
      1:3 matches takes a regular expression (SEG0106); write field.matches("[A-Z]+"), with (?i) where case does not matter
    a.matches("a", false)
      1:3 matches takes a regular expression (SEG0106); write field.matches("[A-Z]+"), with (?i) where case does not matter
    a.regexGroup("a") = "a"
      1:14 this regular expression has no group 1 (SEG0103); each pair of parentheses is a group; 0 is the whole
    a.regexGroup("(a)", 2) = "a"
      1:14 this regular expression has no group 2 (SEG0103); each pair of parentheses is a group; 0 is the whole
    a.regexGroup("(a)", b) = "a"
      1:3 regexGroup takes a regular expression and the number of a group (SEG0106); write field.regexGroup("@(.+)", 1)
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
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< hours before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 parsecs before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before now today)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 0 hours before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 1001 years before now)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< -1 hours before now)])",
    ]);
    insta::assert_snapshot!(found, @r"
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN()])
      1:48 found `)` where a window should be (SEG0104); write WHEN(< 24 hours before now), WHEN(today) or WHEN(this week)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(24 hours before now)])
      1:48 found `24` where a window should be (SEG0104); write WHEN(< 24 hours before now), WHEN(today) or WHEN(this week)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< hours before now)])
      1:50 found `hours` where a whole number should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 before now)])
      1:53 `before` is no unit of time (SEG0111); write one of milliseconds, seconds, minutes, hours, days, weeks, months, years, decades, centuries, millennia
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 parsecs before now)])
      1:53 `parsecs` is no unit of time (SEG0111); write one of milliseconds, seconds, minutes, hours, days, weeks, months, years, decades, centuries, millennia
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours)])
      1:58 found `)` where `before`, `after` or `from` should be (SEG0104)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before)])
      1:65 found `)` where `now` or another moment should be (SEG0104); write occurs < 3 days before now, before today, this week, on date(2020, 3, 14)
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 24 hours before now today)])
      1:70 found `today` where an operator or `)` should be (SEG0104); `(` of line 1, column 47 is still open
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 0 hours before now)])
      1:48 a window of no length holds no event (SEG0111); write at least 1; milliseconds are the smallest unit
    CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) WHEN(< 1001 years before now)])
      1:50 this window is longer than 1000 years (SEG0109); leave it out to look at all events
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
