//! The canonical text: one for each meaning, and it means the same.

use super::sound;

#[track_caller]
fn check(definition: &str, expected: &str) {
    let printed = sound(definition).to_string();
    assert_eq!(printed, expected);
    assert_eq!(sound(&printed).to_string(), printed, "again");
}

#[test]
fn equal_meanings_have_one_text() {
    for definition in [
        "select e from xEvent where e.price > 5 and e.type = \"a\"",
        "exists item from xEvent : (item.price > 5 and item.type.equals(\"a\"))",
        "xEvent[price > 5 and \"a\" = type]",
        "xEvent.filter((e) => e.price > 5 and e.type = \"a\")",
        "$1.xEvent.exists((price > 5) and (type = \"a\"))",
        "(P) => P.xEvent.exists(5 < price and type.equals(\"a\", true))",
    ] {
        check(definition, "xEvent.exists(price > 5 and type = \"a\")");
    }
}

#[test]
fn names_stand_where_they_are_needed() {
    check(
        "items[sku = \"a\" and parts[^price < 5]].count() > 1",
        "items[(x1) => x1.sku = \"a\" and x1.parts.exists(x1.price < 5)].count() > 1",
    );
    check("exists t from tags where t = \"a\"", "tags.exists((x1) => x1 = \"a\")");
    check("exists e from xEvent where e.n = person.n", "xEvent.exists(n = $1.person.n)");
    check("let S = a.count() in (S > 1 and S < 5)", "let x1 = a.count() in x1 > 1 and x1 < 5");
    check("items.exists(x1 = 1)", "items.exists((x1) => x1.x1 = 1)");
    check("x1 = 1", "$1.x1 = 1");
    check("exists e from xEvent", "exists x1 from xEvent");
    check("`not`.`a b` = 1 and `now` = 2", "`not`.`a b` = 1 and `now` = 2");
    check("[3].map((n) => n + a).count() = b", "[3].map((x1) => x1 + a).count() = b");
}

#[test]
fn brackets_stand_where_they_are_needed() {
    check(
        "(a = 1 or b = 2) and not (c = 3 and d = 4)",
        "(a = 1 or b = 2) and not (c = 3 and d = 4)",
    );
    check("(a = 1 and (b = 2 and c = 3)) or d = 4", "a = 1 and b = 2 and c = 3 or d = 4");
    check("a - (b - c) - d = -e * 2", "a - (b - c) - d = (0 - e) * 2");
    check("(a + b).isNull() and not not a = 1", "(a + b).isNull() and not not a = 1");
    check("(let S = (a = 1) in S) and b = 2", "(let x1 = (a = 1) in x1) and b = 2");
    check("if(a = 1, 1, -2.50) > 1e3", "if(a = 1, 1, -2.5) > 1000.0");
}

#[test]
fn moments() {
    for (definition, expected) in [
        ("a < now", "a occurs before now"),
        ("now >= a", "a <= now"),
        ("a <= today", "a occurs >= 0 milliseconds before today"),
        ("a >= date(2020, 3, 14)", "a occurs >= 0 milliseconds after date(2020, 3, 14)"),
        ("a = date(2020, 3, 14)", "a occurs on date(2020, 3, 14)"),
        ("a != date(2020, 3, 14)", "a != date(2020, 3, 14)"),
        ("a occurs on today", "a occurs today"),
        ("a occurs last DAY", "a occurs yesterday"),
        ("a occurs NEXT weeks", "a occurs next week"),
        ("a occurs != 1 days from b.c", "a occurs != 1 day after b.c"),
        (
            "a occurs between \"2020-01-01T00:00:00+01:00\" and b",
            "a occurs between \"2019-12-31T23:00:00Z\" and b",
        ),
    ] {
        check(definition, expected);
    }
}

#[test]
fn chains() {
    check(
        "chain(xEvent, timestamp, [A: COUNT(>= 1) WHAT(A.x = 1 and items.exists(sku = A.sku)), \
         B: WHAT(y > A.y) WITHIN(90 minutes) WHEN(> 1 week before today) COUNT(< 3), \
         `c d`: WHAT(z = 1) COUNT(between 2 and 3)])",
        "CHAIN(xEvent, timestamp, [C0: WHAT(x = 1 and items.exists(sku = C0.sku)), \
         C1: WHAT(y > C0.y) WHEN(> 1 week before today) WITHIN(90 minutes) COUNT(<= 2), \
         C2: WHAT(z = 1) COUNT(between 2 and 3)])",
    );
}
