//! Limits, and that no source can hurt the parser.

use proptest::prelude::*;
use segue_pql::*;

#[track_caller]
fn refused(definition: &str) -> String {
    let diagnostics = parse(definition).unwrap_err();
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    diagnostics[0].to_string()
}

fn list(items: usize) -> String {
    format!("a in [{}]", vec!["1"; items].join(", "))
}

fn chain(steps: usize) -> String {
    let steps: Vec<String> = (0..steps).map(|step| format!("C{step}: WHAT(a = 1)")).collect();
    format!("CHAIN(xEvent, timestamp, [{}])", steps.join(", "))
}

fn step(rest: &str) -> String {
    format!("CHAIN(xEvent, timestamp, [C0: WHAT(a = 1) {rest}])")
}

fn group(levels: usize) -> String {
    format!("{}a = 1{}", "(".repeat(levels), ")".repeat(levels))
}

fn source(bytes: usize) -> String {
    let test = "a = 1 or ";
    let tests = test.repeat((bytes - 5) / test.len());
    format!("{tests}{}a = 1", " ".repeat(bytes - 5 - tests.len()))
}

fn variables(count: usize) -> String {
    let variables: Vec<String> = (0..count).map(|place| format!("v{place} from list")).collect();
    format!("exists {}", variables.join(", "))
}

fn patterns(count: usize) -> String {
    vec!["a.matches(\"b\")"; count].join(" or ")
}

fn pattern(bytes: usize) -> String {
    format!("a.matches(\"{}\")", "b".repeat(bytes))
}

/// A chain of which the last step refers to so many of the others.
fn references(count: usize) -> String {
    let steps: String = (0..count).map(|step| format!("C{step}: WHAT(a = 1), ")).collect();
    let tests: Vec<String> = (0..count).map(|step| format!("a = C{step}.a")).collect();
    format!("CHAIN(xEvent, timestamp, [{steps}Z: WHAT({})])", tests.join(" and "))
}

/// Events compared with events: one for each of so many lists.
fn loops(count: usize) -> String {
    let variables: Vec<String> = (0..count).map(|one| format!("e{one} from xEvent")).collect();
    let equal: Vec<String> = (0..count).map(|one| format!("e{one}.n = e0.m")).collect();
    format!("exists {} where {}", variables.join(", "), equal.join(" and "))
}

#[test]
fn every_limit_can_be_reached_but_not_exceeded() {
    let window = |amount: i64, unit: &str| step(&format!("WHEN(< {amount} {unit} before now)"));
    let item = |index: usize| format!("a[{index}] = 1");
    let deep = |segments: usize| format!("{} = 1", vec!["a"; segments].join("."));
    for (most, too_much) in [
        (source(SOURCE_BYTES_MAX), source(SOURCE_BYTES_MAX + 1)),
        (group(NESTING_MAX), group(NESTING_MAX + 1)),
        (list(LIST_ITEMS_MAX), list(LIST_ITEMS_MAX + 1)),
        (chain(CHAIN_STEPS_MAX), chain(CHAIN_STEPS_MAX + 1)),
        (variables(VARIABLES_MAX), variables(VARIABLES_MAX + 1)),
        (patterns(PATTERNS_MAX), patterns(PATTERNS_MAX + 1)),
        (pattern(PATTERN_BYTES_MAX), pattern(PATTERN_BYTES_MAX + 1)),
        (references(CHAIN_REFERENCES_MAX), references(CHAIN_REFERENCES_MAX + 1)),
        (loops(EVENT_LOOPS_MAX), loops(EVENT_LOOPS_MAX + 1)),
        (step(&format!("COUNT({COUNT_MAX})")), step(&format!("COUNT({})", COUNT_MAX + 1))),
        (window(WINDOW_YEARS_MAX, "years"), window(WINDOW_YEARS_MAX + 1, "years")),
        (window(366_000, "days"), window(366_001, "days")),
        (item(segue_xdm::PATH_INDEX_MAX), item(segue_xdm::PATH_INDEX_MAX + 1)),
        (deep(segue_xdm::PATH_SEGMENTS_MAX), deep(segue_xdm::PATH_SEGMENTS_MAX + 1)),
    ] {
        assert!(parse(&most).is_ok(), "{:?}", parse(&most));
        assert!(refused(&too_much).contains("SEG0109"), "{}", refused(&too_much));
    }
}

#[test]
fn all_ways_to_nest_are_limited() {
    let levels = 100_000;
    for nested in [
        group(levels),
        "(".repeat(levels),
        format!("{}a = 1", "not ".repeat(levels)),
        format!("{}a = 1", "!".repeat(levels)),
        format!("a in {}1", "[".repeat(levels)),
        format!("a{} = 1", " + a".repeat(levels)),
        format!("a = {}b", "- ".repeat(levels)),
        format!("a{} = 1", ".distinct()".repeat(levels / 4)),
        format!("a{} = 1", "[b = 1]".repeat(levels)),
        format!("a{}", " = a".repeat(levels)),
        "let a = 1 in ".repeat(levels / 4),
        "a.map((x) => ".repeat(levels / 4),
        "if(a = 1, ".repeat(levels / 4),
        format!("{}b = 1{}", "a.exists(".repeat(levels), ")".repeat(levels)),
        "chain(xEvent, timestamp, [C0: WHAT(".repeat(levels / 4),
        "select e from xEvent where ".repeat(levels / 4),
    ] {
        let diagnostics = parse(&nested).unwrap_err();
        let message = "this is nested more than 64 levels deep";
        assert!(diagnostics.iter().any(|found| found.message == message), "{diagnostics:?}");
    }
}

#[test]
fn numbers_that_do_not_fit_are_refused() {
    for definition in [
        "a = 9223372036854775808",
        "a = 1e999",
        "a[99999999999999999999] = 1",
        &step("COUNT(99999999999999999999)"),
        &step("WHEN(< 99999999999999999999 hours before now)"),
        &step("WHEN(< 9223372036854775807 weeks before now)"),
        &step("WHEN(< 1.5 hours before now)"),
    ] {
        let message = refused(definition);
        assert!(message.contains("SEG0103") || message.contains("SEG0109"), "{message}");
    }
}

#[test]
fn a_hostile_source_is_answered_briefly() {
    for hostile in [
        "#",
        "(a b)and ",
        "a.b(,)or ",
        "\"\\x\"=a and ",
        "CHAIN(",
        "a like ",
        "x y ",
        "a.matches(\"(\") or ",
    ] {
        let source = hostile.repeat(SOURCE_BYTES_MAX / hostile.len());
        let diagnostics = parse(&source).unwrap_err();
        assert!(diagnostics.len() <= DIAGNOSTICS_MAX);
        let rendered: usize =
            diagnostics.iter().map(|found| found.render(&source, "hostile").len()).sum();
        assert!(rendered < 1000 * diagnostics.len(), "{hostile}: {rendered} bytes");
    }
}

/// Words and symbols of the language, so that random sources get past the first token.
const WORDS: &[&str] = &[
    "CHAIN(",
    "xEvent",
    "timestamp",
    "[",
    "]",
    "(",
    ")",
    "C0:",
    "WHAT(",
    "WHEN(",
    "COUNT(",
    "today",
    "<",
    "<=",
    "24",
    "hours",
    "before",
    "now",
    ",",
    "select",
    "forall",
    "sum",
    "over",
    "if(",
    "occurs",
    "after",
    "between",
    "WITHIN(",
    "=>",
    "(x) =>",
    "date(2020, 1, 1)",
    "+",
    "%",
    ".map(",
    ".count()",
    ".matches(",
    "e",
    "from",
    "where",
    "e.x",
    "a.b",
    "exists",
    ".exists(",
    ".equals(",
    "\"x\"",
    "false",
    "=",
    "!=",
    "in",
    "notIn",
    "and",
    "or",
    "not",
    "!",
    "inSegment(",
    "-",
    "1.5",
    ".",
    "`q`",
    "like",
    "let",
    "$1",
    "^",
    "\"",
    "`",
    "'",
    "==",
    "\\",
    "\n",
    "é",
    "😀",
    "[0]",
    ":",
];

fn fragment() -> impl Strategy<Value = String> {
    prop::sample::select(WORDS).prop_map(str::to_owned)
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(source in ".{0,60}") {
        check_answer(&source)?;
    }

    #[test]
    fn no_jumble_of_words_makes_the_parser_panic(
        words in prop::collection::vec(fragment(), 0..40), separator in "[ ]?"
    ) {
        check_answer(&words.join(&separator))?;
    }
}

/// A refusal has a reason, and every reason has a place that can be shown.
fn check_answer(source: &str) -> Result<(), TestCaseError> {
    let Err(diagnostics) = parse(source) else {
        return Ok(());
    };
    prop_assert!(!diagnostics.is_empty());
    for diagnostic in diagnostics {
        prop_assert!(source.get(diagnostic.span.clone()).is_some());
        prop_assert!(diagnostic.line(source) >= 1 && diagnostic.column(source) >= 1);
        let rendered = diagnostic.render(source, "random");
        prop_assert!(rendered.contains(diagnostic.code));
    }
    Ok(())
}
