//! What must hold for any bytes as a definition. The fuzzer includes this file, so it needs nothing
//! but the crate.
//!
//! Nothing panics; a refusal has a reason and each reason a place in the source; what is read
//! prints as a text, and as JSON, that mean the same.

use segue_pql::{Diagnostic, from_json, parse, to_json};

/// Holds the property for these bytes.
pub(crate) fn holds(input: &[u8]) {
    let Ok(source) = std::str::from_utf8(input) else {
        return;
    };
    let expression = match parse(source) {
        Ok(expression) => expression,
        Err(diagnostics) => return check_places(source, &diagnostics),
    };
    let printed = expression.to_string();
    match parse(&printed) {
        Ok(again) => assert_eq!(again.to_string(), printed, "{source}"),
        Err(diagnostics) => check_only_too_large(&printed, &diagnostics),
    }
    match from_json(&to_json(&expression)) {
        Ok(again) => assert_eq!(again.source(), printed, "{source}"),
        Err(diagnostics) => check_only_too_large(&printed, &diagnostics),
    }
}

fn check_places(source: &str, diagnostics: &[Diagnostic]) {
    assert!(!diagnostics.is_empty());
    for diagnostic in diagnostics {
        assert!(source.get(diagnostic.span.clone()).is_some(), "{diagnostic:?}");
        assert!(diagnostic.line(source) >= 1 && diagnostic.column(source) >= 1);
        assert!(diagnostic.render(source, "random").contains(diagnostic.code));
    }
}

/// What was just below a limit may be above it when it is written with one more bracket.
fn check_only_too_large(printed: &str, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        assert_eq!(diagnostic.code, "SEG0109", "{printed}\n{diagnostic}");
    }
}
