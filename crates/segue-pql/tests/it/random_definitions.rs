//! Random definitions, most of them sound, and random texts, for the parser's property.

use proptest::prelude::*;

use segue_pql::parse;
use serde_json::json;

use super::parser_property::holds;
use super::plan_property;
use super::{Profile, sound, time};

/// A profile that has something at most of the names that the definitions read.
fn profile() -> Profile {
    let item = |n: i64| json!({"n": n, "p": 2 * n, "y": "a", "x1": {"y": 1}});
    let attributes = json!({
        "a": {"b": [1, {"c": 5}], "n": 7, "k": 1}, "b": {"c": "2026-01-20T10:00:00Z"}, "n": 7,
        "x1": {"y": 3}, "not": {"e f": 5}, "e": item(5), "list": [item(1), item(5), item(7)],
    });
    let events = [("08:00:00", item(1)), ("08:30:00", item(5)), ("2026-01-31T12:00:00Z", item(7))];
    Profile { attributes, ..Profile::with_events(&events) }
}

/// Values over the names at hand, one level above others.
fn value(inner: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let two = (inner.clone(), inner.clone());
    let operator = prop::sample::select(vec!["+", "-", "*", "/", "%"]);
    let method = prop::sample::select(vec![
        "head()",
        "last()",
        "get(\"k\")",
        "get(0)",
        "count()",
        "sum(p)",
        "max((x1) => x1)",
        "map(n + 1).first()",
        "filter(n = 1).count()",
        "getMonth()",
        "distinct().count()",
        "topN(p, 2).min()",
        "regexGroup(\"(a)\").x1",
    ]);
    prop_oneof![
        2 => prop::sample::select(vec![
            "a", "a.b[1].c", "x1.y", "`not`.`e f`", "^.a", "$1.a", "e", "e.n", "-3", "2.5", "7",
            "currentYear()",
        ]).prop_map(str::to_owned),
        1 => (two, operator).prop_map(|((left, right), sign)| format!("({left} {sign} {right})")),
        1 => (inner.clone(), method).prop_map(|(value, method)| format!("{value}.{method}")),
        1 => inner.prop_map(|value| format!("if(a = 1, {value}, -{value})")),
    ]
    .boxed()
}

fn some_value() -> BoxedStrategy<String> {
    let leaf = prop::sample::select(vec!["a", "b.c", "e.n", "$1.n", "5"]).prop_map(str::to_owned);
    leaf.boxed().prop_recursive(3, 8, 2, |inner| value(inner.boxed())).boxed()
}

fn test() -> BoxedStrategy<String> {
    let sign = prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let when = prop::sample::select(vec![
        "< 3 days before now",
        "!= 1 hour after today",
        "before date(2020, 3, 14)",
        "last week",
        "on b.c",
        "between yesterday and now",
        "today",
        ">= 0 weeks from \"2020-01-01T00:00:00Z\"",
    ]);
    let rest = prop::sample::select(vec![
        "in [1, \"x\"]",
        "notIn b",
        "like \"%_x\"",
        "< now",
        "<= now",
        ">= tomorrow",
        "!= date(2020, 3, 14)",
        ".isNull()",
        ".equals(\"A\", false)",
        ".doesNotContain(b)",
        ".intersects([1])",
        ".matches(\"a+\")",
        ".exists(n = ^n)",
        ".forall((i) => i = 1)",
    ]);
    prop_oneof![
        (some_value(), sign, some_value()).prop_map(|(l, sign, r)| format!("{l} {sign} {r}")),
        (some_value(), when).prop_map(|(value, when)| format!("{value} occurs {when}")),
        (some_value(), rest).prop_map(|(value, rest)| format!("{value} {rest}")),
    ]
    .boxed()
}

/// Definitions of which many are sound: `e` is bound in some places and a field in others.
fn definition() -> impl Strategy<Value = String> {
    test().prop_recursive(4, 12, 3, |inner| {
        let two = (inner.clone(), inner.clone());
        prop_oneof![
            two.clone().prop_map(|(a, b)| format!("{a} and {b}")),
            two.clone().prop_map(|(a, b)| format!("({a} or {b})")),
            inner.clone().prop_map(|a| format!("not ({a})")),
            inner.clone().prop_map(|a| format!("exists e from xEvent where e.n = 1 and ({a})")),
            inner.clone().prop_map(|a| format!("list[{a}]")),
            inner.clone().prop_map(|a| format!("xEvent.filter({a}).exists(n = x1)")),
            inner.clone().prop_map(|a| format!("(let e = ({a}) in (e or n = 1))")),
            inner
                .clone()
                .prop_map(|a| format!("(sum e.n over e from a where e.p = 1 and {a}) > 1")),
            two.prop_map(|(a, b)| format!(
                "CHAIN(xEvent, timestamp, [e: WHAT({a}), B: WHAT({b}) WITHIN(1 day) COUNT(<= 3)])"
            )),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_read_can_be_written_and_read_again(definition in definition()) {
        holds(definition.as_bytes());
    }

    #[test]
    fn a_plan_says_what_the_definition_says(definition in definition()) {
        plan_property::holds(definition.as_bytes());
    }

    #[test]
    fn what_is_printed_has_the_same_value(definition in definition()) {
        if let Ok(expression) = parse(&definition) {
            let printed = sound(&expression.to_string());
            let profile = profile();
            for now in ["09:00:00", "2026-02-01T00:00:00Z"] {
                let value = profile.evaluation(&expression, time(now));
                prop_assert_eq!(profile.evaluation(&printed, time(now)), value);
            }
        }
    }

    #[test]
    fn any_text_is_answered(text in ".{0,80}") {
        holds(text.as_bytes());
    }

    #[test]
    fn a_sound_definition_with_something_wrong_is_answered(
        definition in definition(), place in 0.0..1.0_f64, length in 0..4_usize, new in ".{0,2}"
    ) {
        let at = (definition.len() as f64 * place) as usize;
        let (start, end) = (at.min(definition.len()), (at + length).min(definition.len()));
        if definition.is_char_boundary(start) && definition.is_char_boundary(end) {
            let mut broken = definition;
            broken.replace_range(start..end, &new);
            holds(broken.as_bytes());
        }
    }
}
