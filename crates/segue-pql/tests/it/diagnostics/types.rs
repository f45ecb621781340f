//! Values of the wrong kind, and conditions that are none.

use super::messages;

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
