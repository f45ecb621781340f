//! Random definitions, in every form of the language that says something about events.

use proptest::prelude::*;
use proptest::sample::select;

/// A definition. It may name the audiences `a0` up to the one before `number`.
pub(crate) fn definition(number: usize) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        4 => chain(),
        3 => set_test(),
        2 => total(),
        2 => attribute(),
        1 => mixed(),
        u32::from(number > 0) => (0..number.max(1)).prop_map(|id| format!("inSegment(\"a{id}\")")),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) or ({b})")),
            inner.clone().prop_map(|a| format!("not ({a})")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("if(({a}), ({b}), ({c}))")),
        ]
    })
    .boxed()
}

/// A condition on an event, each of whose fields follows `prefix`.
fn event_test(prefix: &'static str) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        4 => select(vec!["a", "b", "c"]).prop_map(move |page| format!("{prefix}page = \"{page}\"")),
        1 => select(vec!["A", "b"]).prop_map(move |page| {
            format!("{prefix}page.equals(\"{page}\", false)")
        }),
        1 => Just(format!("{prefix}page in [\"a\", \"c\"]")),
        1 => Just(format!("{prefix}page != \"a\"")),
        1 => Just(format!("{prefix}page.contains(\"b\")")),
        2 => (comparison(), 0..4i64).prop_map(move |(compare, n)| format!("{prefix}n {compare} {n}")),
        1 => Just(format!("{prefix}n.exists()")),
        1 => Just(format!("{prefix}items.exists(sku = \"x\")")),
        1 => Just(format!("{prefix}items.exists(sku = \"y\" and n > 1)")),
        1 => Just(format!("{prefix}n + 1 > 2")),
    ];
    leaf.prop_recursive(1, 2, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} and {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} or {b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
    .boxed()
}

fn comparison() -> impl Strategy<Value = &'static str> {
    select(vec!["=", "!=", "<", "<=", ">", ">="])
}

/// What follows `occurs` or stands in `WHEN(…)`. The clock is about midnight.
fn occurrence() -> BoxedStrategy<String> {
    let seconds = 1..9i64;
    prop_oneof![
        6 => (select(vec!["<", "<="]), seconds.clone())
            .prop_map(|(compare, n)| format!("{compare} {n} seconds before now")),
        2 => (select(vec![">", ">=", "="]), seconds)
            .prop_map(|(compare, n)| format!("{compare} {n} seconds before now")),
        2 => Just("today".to_owned()),
        1 => Just("yesterday".to_owned()),
        1 => Just("last minute".to_owned()),
        1 => Just("this week".to_owned()),
        1 => Just("before today".to_owned()),
        1 => Just("< 1 month before now".to_owned()),
        1 => Just("between yesterday and today".to_owned()),
        1 => Just("<= 2 days before today".to_owned()),
    ]
    .boxed()
}

fn count() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (1..4i64).prop_map(|n| format!("COUNT({n})")),
        1 => (0..3i64).prop_map(|n| format!("COUNT(= {n})")),
        1 => (1..4i64).prop_map(|n| format!("COUNT(< {n})")),
        1 => Just("COUNT(= 0)".to_owned()),
    ]
}

fn chain() -> BoxedStrategy<String> {
    let when = || prop::option::weighted(0.5, occurrence());
    let within = prop::option::weighted(0.4, 1..8i64);
    let count_of = || prop::option::weighted(0.4, count());
    let step = || (event_test(""), when(), within.clone(), count_of());
    let one = (event_test(""), when(), count_of()).prop_map(|(test, when, count)| {
        format!("CHAIN(xEvent, timestamp, [C0: WHAT({test}) {} {}])", when_text(when), text(count))
    });
    let several = prop::collection::vec(step(), 2..4).prop_map(|steps| {
        let mut has_positive = false;
        let steps: Vec<String> = steps
            .into_iter()
            .enumerate()
            .map(|(number, (test, when, within, count))| {
                let within = within.filter(|_| has_positive);
                let within = within.map_or(String::new(), |n| format!("WITHIN({n} seconds)"));
                let takes_none = count
                    .as_ref()
                    .is_some_and(|count| count.contains("= 0") || count.contains('<'));
                has_positive |= !takes_none;
                let (when, count) = (when_text(when), text(count));
                format!("C{number}: WHAT({test}) {when} {within} {count}")
            })
            .collect();
        format!("CHAIN(xEvent, timestamp, [{}])", steps.join(", "))
    });
    prop_oneof![2 => one, 3 => several].boxed()
}

fn when_text(when: Option<String>) -> String {
    when.map_or(String::new(), |when| format!("WHEN({when})"))
}

fn text(part: Option<String>) -> String {
    part.unwrap_or_default()
}

/// Events for which something holds: that there is one, that all are so.
fn set_test() -> BoxedStrategy<String> {
    prop_oneof![
        event_test("e.").prop_map(|test| format!("(select e from xEvent where {test})")),
        (event_test("e."), occurrence()).prop_map(|(test, when)| {
            format!("(exists e from xEvent where {test} and e.timestamp occurs {when})")
        }),
        event_test("e.").prop_map(|test| format!("(forall e from xEvent where {test})")),
        (event_test(""), event_test("e."))
            .prop_map(|(filter, test)| format!("(forall e from xEvent[{filter}] where {test})")),
    ]
    .boxed()
}

fn total() -> BoxedStrategy<String> {
    let filter = || {
        prop_oneof![
            event_test("").prop_map(|test| format!("[{test}]")),
            (event_test(""), occurrence())
                .prop_map(|(test, when)| format!("[{test} and timestamp occurs {when}]")),
            Just(String::new()),
        ]
    };
    let function = select(vec!["count()", "sum(n)", "average(n)", "min(n)", "max(n)"]);
    prop_oneof![
        4 => (filter(), function, comparison(), 0..5i64).prop_map(
            |(filter, function, compare, n)| format!("xEvent{filter}.{function} {compare} {n}")
        ),
        1 => event_test("X.").prop_map(|test| {
            format!("let S = (sum X.n over X from xEvent where {test}) in (S > 1 and S < 6)")
        }),
    ]
    .boxed()
}

fn attribute() -> BoxedStrategy<String> {
    prop_oneof![
        3 => (comparison(), 0..4i64).prop_map(|(compare, n)| format!("person.age {compare} {n}")),
        1 => Just("person.name.exists()".to_owned()),
        1 => Just("person.age = person.name".to_owned()),
        1 => Just("person.age = currentDayOfMonth()".to_owned()),
        1 => occurrence().prop_map(|when| format!("person.since occurs {when}")),
    ]
    .boxed()
}

/// What only the reference interpreter evaluates.
fn mixed() -> BoxedStrategy<String> {
    prop_oneof![
        Just("(exists e from xEvent where e.n = person.age)".to_owned()),
        event_test("").prop_map(|test| {
            format!(
                "CHAIN(xEvent, timestamp, [C0: WHAT({test}), C1: WHAT(n = C0.n) \
                 WITHIN(5 seconds)])"
            )
        }),
        Just("xEvent.map(page).distinct().count() > 1".to_owned()),
        event_test("").prop_map(|test| {
            format!("CHAIN(xEvent, timestamp, [C0: WHAT({test}) COUNT(= 2), C1: WHAT(n > 0)])")
        }),
    ]
    .boxed()
}
