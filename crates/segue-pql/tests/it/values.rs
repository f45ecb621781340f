//! Values: arithmetic, texts, maps, moments, and what is missing among them.

use serde_json::{Value, json};

use super::{Profile, sound, time};

/// Checks conditions on the attributes, at noon of 1 January 2026 in UTC.
#[track_caller]
fn check_all(body: Value, conditions: &[(&str, bool)]) {
    let profile = Profile::with_attributes(body);
    for (condition, expected) in conditions {
        let holds = profile.holds(&sound(condition), time("12:00:00"));
        assert_eq!(holds, *expected, "{condition}");
    }
}

#[test]
fn arithmetic_is_exact_on_whole_numbers() {
    check_all(
        json!({"a": 7, "b": 2, "f": 0.5, "big": u64::MAX, "age": 35}),
        &[
            ("a + b = 9", true),
            ("a - b * 3 = 1", true),
            ("(a - b) * 3 = 15", true),
            ("a / b = 3.5", true),
            ("a * b / b = 7", true),
            ("a % b = 1", true),
            ("(0 - a) % b = -1", true),
            ("a % f = 0", true),
            ("a + f = 7.5", true),
            ("age % 5 = 0", true),
            ("big + 1 > big", true),
            ("big * big - big * big = 0", true),
            ("a = b + 5", true),
            ("a < b + 5", false),
        ],
    );
}

#[test]
fn arithmetic_without_a_result_is_missing() {
    for operand in ["x", "z", "s"] {
        for sum in ["{} + 1", "1 - {}", "{} * 0", "1 / {}", "{} % 2"] {
            let sum = sum.replace("{}", operand);
            for condition in ["= 0", "!= 0", "in [0]", "notIn [0]", "> 0 or 1 >= "] {
                let condition = format!("{sum} {condition}");
                let condition = match condition.strip_suffix(" or 1 >= ") {
                    Some(first) => format!("{first} or 1 >= ({sum})"),
                    None => condition,
                };
                // 0 is no missing operand, only a missing divisor.
                let zero = operand == "z" && !sum.starts_with("1 / ");
                if !zero {
                    check_all(json!({"z": 0, "s": "7"}), &[(condition.as_str(), false)]);
                }
            }
        }
    }
    check_all(json!({"z": 0}), &[("1 % z = 0", false), ("1 % z != 0", false)]);
}

#[test]
fn if_without_a_true_condition_takes_the_other() {
    check_all(
        json!({"a": 1, "b": 2}),
        &[
            ("if (a = 1, a, b) = 1", true),
            ("if (a = 2, a, b) = 2", true),
            ("if (x = 1, a, b) = 2", true),
            ("if (x != 1, a, b) = 2", true),
            ("if (a = 1, b = 2, b = 3)", true),
            ("if (a = 2, b = 2, b = 3)", false),
        ],
    );
}

#[test]
fn let_gives_a_value_a_name() {
    check_all(
        json!({"a": 3, "l": [1, 2]}),
        &[
            ("let S = (a * 2) in (S > 5 and S < 7)", true),
            ("let S = (a * 2) in (let T = (S + 1) in (T = 7 and S = 6))", true),
            ("let S = (x) in (S = 1 or S != 1)", false),
            ("let L = (l) in (2 in L and L.count() = 2)", true),
        ],
    );
}

#[test]
fn like_knows_two_wildcards() {
    check_all(
        json!({"s": "Bessie", "e": "", "u": "ÄöÜ", "p": "a%b_c"}),
        &[
            ("s like \"%es%\"", true),
            ("s like \"Bess_e\"", true),
            ("s like \"Bess__e\"", false),
            ("s like \"Bes\"", false),
            ("s like \"bessie\"", false),
            ("s like \"%\"", true),
            ("s like \"%%s%_%\"", true),
            ("s like \"B%i%e\"", true),
            ("s like \"B%i%x\"", false),
            ("s like \"%ssie\"", true),
            ("s like \"%sie%sie\"", false),
            ("e like \"\"", true),
            ("e like \"%\"", true),
            ("e like \"_\"", false),
            ("u like \"_ö_\"", true),
            ("p like \"a_b_c\"", true),
            ("x like \"%\"", false),
            ("not (x like \"%\")", true),
        ],
    );
}

#[test]
fn matches_takes_the_whole_text() {
    check_all(
        json!({"s": "John Doe", "n": 5, "l": "a\nb"}),
        &[
            (r#"s.matches("John.*")"#, true),
            (r#"s.matches("John")"#, false),
            (r#"s.matches("Doe")"#, false),
            (r#"s.matches("(?i)^john.*$")"#, true),
            (r#"s.matches("John|John Doe")"#, true),
            (r#"s.matches("[A-Z]\\w+ [A-Z]\\w+")"#, true),
            (r#"s.matches("(?x) John \\s Doe # a comment")"#, true),
            (r#"l.matches("a.b")"#, false),
            (r#"l.matches("(?s)a.b")"#, true),
            (r#"n.matches("5")"#, false),
            (r#"x.matches(".*")"#, false),
        ],
    );
}

#[test]
fn a_group_of_a_regular_expression_is_a_text() {
    check_all(
        json!({"mail": "ada@lovelace.org"}),
        &[
            (r#"mail.regexGroup("@(\\w+)", 1) = "lovelace""#, true),
            (r#"mail.regexGroup("(\\w+)@(\\w+)", 2) = "lovelace""#, true),
            (r#"mail.regexGroup("(\\w+)@(\\w+)", 0) = "ada@lovelace""#, true),
            (r#"mail.regexGroup("@(\\d+)", 1) = "lovelace""#, false),
            (r#"mail.regexGroup("@(\\d+)", 1) != "lovelace""#, false),
            (r#"x.regexGroup("(.*)", 1).isNull()"#, true),
        ],
    );
}

#[test]
fn maps_have_keys_and_values() {
    check_all(
        json!({"m": {"ECID": [{"id": "1"}], "Email": [{"id": "a@b"}], "none": null}, "k": "ECID"}),
        &[
            ("m.get(\"ECID\").head().id = \"1\"", true),
            ("m.get(\"ECID\").exists(id = \"1\")", true),
            ("m.get(\"Phone\").isNull()", true),
            ("m.get(\"none\").isNull()", true),
            ("m.keys().includes(\"Email\")", true),
            ("\"Phone\" in m.keys()", false),
            ("m.values().count() = 2", true),
            ("x.keys().count() = 0", true),
            ("x.keys().isNull()", true),
        ],
    );
}

#[test]
fn presence() {
    check_all(
        json!({"o": {"x": null}, "e": {}, "l": []}),
        &[
            ("o.isNotNull()", true),
            ("o.x.isNull()", true),
            ("o.x.isNotNull()", false),
            ("o.y.isNull()", true),
            ("e.isNull()", false),
            ("l.isNotNull()", true),
        ],
    );
}

#[test]
fn parts_of_dates_are_those_of_the_time_zone() {
    let body = json!({"at": "2025-12-31T23:30:00Z", "day": "1991-06-15", "n": 5, "s": "x"});
    check_all(
        body.clone(),
        &[
            ("at.getYear() = 2025", true),
            ("at.getMonth() = 12", true),
            ("at.getDayOfMonth() = 31", true),
            ("day.getYear() in [1991, 1992]", true),
            ("day.getMonth() = 6", true),
            ("day.getDayOfMonth() <= 15", true),
            ("n.getMonth() != 1", false),
            ("s.getMonth() != 1", false),
            ("x.getMonth() != 1", false),
            ("currentYear() = 2026", true),
            ("currentMonth() = 1", true),
            ("currentDayOfMonth() = 1", true),
        ],
    );
    let zurich = jiff::tz::TimeZone::get("Europe/Zurich").unwrap();
    let profile = Profile { time_zone: zurich, ..Profile::with_attributes(body) };
    for condition in ["at.getYear() = 2026", "at.getMonth() = 1", "day.getDayOfMonth() = 15"] {
        assert!(profile.holds(&sound(condition), time("12:00:00")), "{condition}");
    }
}

#[test]
fn a_moment_compares_with_a_text_that_names_one() {
    let profile = Profile {
        attributes: json!({"since": "2026-01-01T11:00:00+01:00", "day": "2026-01-01", "s": "x"}),
        ..Profile::with_events(&[("10:00:00", json!({"timestamp": "overwritten"}))])
    };
    for (condition, expected) in [
        ("e.timestamp = \"2026-01-01T10:00:00Z\"", true),
        ("e.timestamp = \"2026-01-01T11:00:00.000+01:00\"", true),
        ("e.timestamp > \"2026-01-01\"", true),
        ("e.timestamp > \"soon\"", false),
        ("e.timestamp = \"soon\"", false),
        ("e.timestamp != \"soon\"", true),
        ("e.timestamp = 5", false),
        ("e.timestamp.isNotNull()", true),
    ] {
        let definition = sound(&format!("exists e from xEvent where {condition}"));
        assert_eq!(profile.holds(&definition, time("12:00:00")), expected, "{condition}");
    }
    // Two texts stay texts.
    let same = "since = \"2026-01-01T10:00:00Z\"";
    assert!(!profile.holds(&sound(same), time("12:00:00")));
}

#[test]
fn every_test_of_what_is_missing_is_false() {
    for condition in [
        "a = b",
        "a != b",
        "b != a",
        "a != 1 + x",
        "a in x",
        "a notIn x",
        "x notIn l",
        "x like \"%\"",
        "x.doesNotContain(\"a\")",
        "s.doesNotContain(x)",
        "x.isNotNull()",
        "x occurs today",
        "x occurs != 1 day before now",
        "x.intersects(l)",
        "l.intersects(x)",
        "l.subsetOf(x)",
        "x.subsetOf(l)",
        "l.supersetOf(x)",
        "x.supersetOf(l)",
        "l.includes(x)",
        "x.average() != 1",
        "x.head() != 1",
    ] {
        check_all(
            json!({"a": 1, "l": [1], "s": "t"}),
            &[(condition, false), (format!("not ({condition})").as_str(), true)],
        );
    }
}

#[test]
fn the_deepest_tree_is_evaluated() {
    let sum = format!("a{} = 240", " + 1".repeat(240));
    check_all(json!({"a": 0}), &[(sum.as_str(), true)]);
    let negated = format!("{}a = 1{}", "not (".repeat(30), ")".repeat(30));
    check_all(json!({"a": 1}), &[(negated.as_str(), true)]);
}
