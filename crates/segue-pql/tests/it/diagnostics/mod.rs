//! Every diagnostic, as a user sees it, by kind of mistake.

mod characters;
mod names;
mod rendering;
mod sense;
mod syntax;
mod times;
mod types;

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
    let shown = [
        include_str!("characters.rs"),
        include_str!("names.rs"),
        include_str!("rendering.rs"),
        include_str!("sense.rs"),
        include_str!("syntax.rs"),
        include_str!("times.rs"),
        include_str!("types.rs"),
    ]
    .concat();
    let codes = include_str!("../../../src/diagnostic.rs")
        .split('"')
        .filter(|text| text.len() == "SEG0101".len() && text.starts_with("SEG01"));
    let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
    let mut count = 0;
    for code in codes {
        assert!(shown.contains(&format!("({code})")), "{code} is shown");
        assert!(std::fs::exists(format!("{pages}/{code}.md")).unwrap(), "{code} has a page");
        count += 1;
    }
    assert_eq!(count, 12);
}
