//! This repository, held against the house rules. A failure lists every place and what to do.

use tidy::{Finding, SourceFile, comments, lengths, manifests, names, repository, testing};

#[track_caller]
fn check(findings: Vec<Finding>) {
    let list: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(list.is_empty(), "{} to mend:\n{}", list.len(), list.join("\n"));
}

#[track_caller]
fn check_each(rule: impl Fn(&SourceFile) -> Vec<Finding>) {
    check(repository().iter().flat_map(rule).collect());
}

fn file<'a>(files: &'a [SourceFile], path: &str) -> &'a SourceFile {
    let found = files.iter().find(|file| file.path == path);
    found.unwrap_or_else(|| panic!("{path} is missing"))
}

#[test]
fn files_are_short() {
    check_each(lengths::files);
}

#[test]
fn functions_are_short() {
    check_each(lengths::functions);
}

#[test]
fn lines_are_short() {
    check_each(lengths::lines);
}

#[test]
fn modules_say_what_they_are_for() {
    check_each(lengths::heads);
}

#[test]
fn names_say_what_is_inside() {
    check_each(names::names);
}

#[test]
fn nothing_is_left_for_later() {
    check_each(comments::markers);
}

#[test]
fn every_test_runs() {
    check_each(testing::switched_off);
}

#[test]
fn no_test_sleeps() {
    check_each(testing::sleeps);
}

#[test]
fn crates_use_only_those_below_them() {
    let files = repository();
    check(manifests::arrows(file(&files, "ARCHITECTURE.md"), &files));
}

#[test]
fn the_core_is_pure() {
    check(manifests::purity(&repository()));
}

#[test]
fn crates_take_the_workspaces_lints() {
    check(manifests::lints(&repository()));
}

#[test]
fn every_dependency_is_used_and_has_its_reason() {
    let files = repository();
    let (root, documentation) = (file(&files, "Cargo.toml"), file(&files, "docs/dependencies.md"));
    check(manifests::dependencies(root, documentation, &files));
}
