//! Files, functions and lines that one can take in at once.

use crate::repository::SourceFile;
use crate::{Finding, is_excused, rust};

/// Longest file, in lines.
pub const FILE_LINES_MAX: usize = 500;
/// Longest function, in lines, from `fn` to its last brace.
pub const FUNCTION_LINES_MAX: usize = 70;
/// Longest line of Rust, in characters.
pub const LINE_CHARACTERS_MAX: usize = 100;
/// A module longer than this opens with `//!`.
pub const HEADLESS_LINES_MAX: usize = 100;

/// How far into a file its excuse may stand: below a licence or `//!` head of some length.
const EXCUSE_LINES: usize = 30;

const CODE: [&str; 6] = ["rs", "js", "cjs", "mjs", "ts", "py"];
/// Directories of data that only happens to be code.
const DATA_DIRS: [&str; 4] = ["data", "fixtures", "snapshots", "vendor"];

/// Files of at most [`FILE_LINES_MAX`] lines, unless generated, data, or excused.
pub fn files(file: &SourceFile) -> Vec<Finding> {
    let is_data = file.directories().any(|name| DATA_DIRS.contains(&name));
    let mut head = file.text.lines().take(EXCUSE_LINES);
    let is_excused = head.any(|line| is_excused(line, "long") || line.contains("@generated"));
    if !file.has_extension(&CODE) || is_data || is_excused {
        return Vec::new();
    }
    let length = Line::all(file).iter().filter(|line| !line.is_data()).count();
    if length <= FILE_LINES_MAX {
        return Vec::new();
    }
    let message = format!(
        "{length} lines, {FILE_LINES_MAX} are the limit: split it by idea, \
         or say at its top `tidy: long because …`"
    );
    vec![Finding::new(&file.path, FILE_LINES_MAX + 1, message)]
}

/// Functions of at most [`FUNCTION_LINES_MAX`] lines, unless excused above.
pub fn functions(file: &SourceFile) -> Vec<Finding> {
    if !file.has_extension(&["rs"]) {
        return Vec::new();
    }
    let lines = Line::all(file);
    let mut findings = Vec::new();
    for function in rust::functions(&rust::code_only(&file.text)) {
        let first = *function.start();
        let above = lines.get(..first - 1).unwrap_or_default();
        let inside = lines.get(first - 1..*function.end()).unwrap_or_default();
        let length = inside.iter().filter(|line| !line.is_data()).count();
        if length > FUNCTION_LINES_MAX && !ends_in_excuse(above) {
            let message = format!(
                "a function of {length} lines, {FUNCTION_LINES_MAX} are the limit: \
                 give its parts names, or say above it `tidy: long because …`"
            );
            findings.push(Finding::new(&file.path, first, message));
        }
    }
    findings
}

/// Whether the last of these lines are comments and attributes that hold an excuse.
fn ends_in_excuse(above: &[Line<'_>]) -> bool {
    let attached = above.iter().rev().map(|line| line.text.trim_start());
    attached
        .take_while(|line| line.starts_with("//") || line.starts_with('#'))
        .any(|line| is_excused(line, "long"))
}

/// Lines of Rust of at most [`LINE_CHARACTERS_MAX`] characters; addresses do not count.
pub fn lines(file: &SourceFile) -> Vec<Finding> {
    if !file.has_extension(&["rs"]) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (line, number) in Line::all(file).iter().zip(1..) {
        let length = line.text.chars().count();
        let is_short = length.min(line.length_without_data()) <= LINE_CHARACTERS_MAX;
        if !is_short && !line.text.contains("://") {
            let message =
                format!("{length} characters, {LINE_CHARACTERS_MAX} are the limit: break it");
            findings.push(Finding::new(&file.path, number, message));
        }
    }
    findings
}

/// A line, and what of it is code. What stands in the literals of tests is data: inputs and
/// expected outputs, which have the length that they have.
struct Line<'a> {
    text: &'a str,
    /// The code of a line of Rust test code, without comments and literals.
    test_code: Option<String>,
}

impl Line<'_> {
    fn all(file: &SourceFile) -> Vec<Line<'_>> {
        if !file.has_extension(&["rs"]) {
            return file.text.lines().map(|text| Line { text, test_code: None }).collect();
        }
        let code = rust::code_only(&file.text);
        let in_tests = rust::test_lines(&code).map(|in_tests| in_tests || file.is_test());
        let lines = file.text.lines().zip(code.lines()).zip(in_tests);
        let line = |((text, code), in_tests): ((_, &str), bool)| Line {
            text,
            test_code: in_tests.then(|| code.to_owned()),
        };
        lines.map(line).collect()
    }

    /// Whether the whole line is data.
    fn is_data(&self) -> bool {
        let has_no_code = self.test_code.as_ref().is_some_and(|code| code.trim().is_empty());
        has_no_code && !self.text.trim().is_empty() && !self.is_comment()
    }

    fn length_without_data(&self) -> usize {
        let Some(code) = self.test_code.as_ref().filter(|_| !self.is_comment()) else {
            return self.text.chars().count();
        };
        let indentation = self.text.len() - self.text.trim_start().len();
        let words: Vec<&str> = code.split_whitespace().collect();
        indentation + words.join(" ").chars().count()
    }

    fn is_comment(&self) -> bool {
        self.text.trim_start().starts_with("//")
    }
}

/// Every `lib.rs`, and every module over [`HEADLESS_LINES_MAX`] lines, opens with `//!`.
pub fn heads(file: &SourceFile) -> Vec<Finding> {
    let is_long = file.text.lines().count() > HEADLESS_LINES_MAX;
    let needs_head = file.has_extension(&["rs"]) && (is_long || file.stem() == "lib");
    if !needs_head || file.text.starts_with("//!") {
        return Vec::new();
    }
    let message = "no `//!` at its top: say what it is for, what always holds, \
                   and draw its format if it has one";
    vec![Finding::new(&file.path, 1, message)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(text: &str) -> SourceFile {
        SourceFile::new("crates/a/src/b.rs", text)
    }

    fn lines_of(findings: &[Finding]) -> Vec<usize> {
        findings.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn a_file_may_be_as_long_as_the_limit_or_excused() {
        let at_limit = "x\n".repeat(FILE_LINES_MAX);
        let over = format!("{at_limit}x\n");
        assert_eq!(files(&rust(&at_limit)), []);
        assert_eq!(lines_of(&files(&rust(&over))), [501]);
        assert_eq!(files(&rust(&format!("// tidy: long because a table\n{over}"))), []);
        assert_eq!(lines_of(&files(&rust(&format!("// tidy: long because\n{over}")))), [501]);
        assert_eq!(files(&rust(&format!("// @generated\n{over}"))), []);
        assert_eq!(files(&SourceFile::new("crates/a/tests/data/b.rs", &over)), []);
        assert_eq!(files(&SourceFile::new("docs/a.md", &over)), []);
        assert_eq!(lines_of(&files(&SourceFile::new("workers/a.mjs", &over))), [501]);
    }

    #[test]
    fn a_function_may_be_as_long_as_the_limit_or_excused() {
        let function = |lines: usize| format!("fn a() {{\n{}}}\n", "x\n".repeat(lines - 2));
        assert_eq!(functions(&rust(&function(FUNCTION_LINES_MAX))), []);
        let over = function(FUNCTION_LINES_MAX + 1);
        assert_eq!(lines_of(&functions(&rust(&format!("\n{over}")))), [2]);
        let excused = "// tidy: long because it is a table\n#[inline]\n";
        assert_eq!(functions(&rust(&format!("{excused}{over}"))), []);
        assert_eq!(lines_of(&functions(&rust(&format!("{excused}\n{over}")))), [4]);
    }

    #[test]
    fn lines_are_counted_in_characters() {
        let at_limit = "ä".repeat(LINE_CHARACTERS_MAX);
        assert_eq!(lines(&rust(&at_limit)), []);
        assert_eq!(lines_of(&lines(&rust(&format!("\n{at_limit}x")))), [2]);
        assert_eq!(lines(&rust(&format!("// https://{at_limit}"))), []);
    }

    #[test]
    fn data_in_the_literals_of_tests_may_be_long() {
        let data = format!("check(\"{}\", 1);", "x".repeat(LINE_CHARACTERS_MAX));
        let test = |text: &str| SourceFile::new("crates/a/tests/it/b.rs", text);
        assert_eq!(lines(&test(&data)), []);
        assert_eq!(lines(&test(&format!("r#\"\n{data}\n\"#"))), []);
        assert_eq!(lines_of(&lines(&rust(&data))), [1]);
        assert_eq!(lines(&rust(&format!("#[cfg(test)]\n{data}"))), []);
        let code = format!("check({});", "x, ".repeat(LINE_CHARACTERS_MAX));
        assert_eq!(lines_of(&lines(&test(&code))), [1]);
        assert_eq!(lines_of(&lines(&test(&format!("// {data}")))), [1]);

        let table = format!("fn a() {{\nr#\"{}\"#;\n}}", "x\n".repeat(FILE_LINES_MAX));
        assert_eq!((functions(&test(&table)), files(&test(&table))), (vec![], vec![]));
        assert_eq!((lines_of(&functions(&rust(&table))), files(&rust(&table)).len()), (vec![1], 1));
    }

    #[test]
    fn libraries_and_long_modules_have_heads() {
        let long = "x\n".repeat(HEADLESS_LINES_MAX + 1);
        assert_eq!(lines_of(&heads(&rust(&long))), [1]);
        assert_eq!(heads(&rust(&format!("//! What.\n{long}"))), []);
        assert_eq!(heads(&rust("x")), []);
        assert_eq!(lines_of(&heads(&SourceFile::new("crates/a/src/lib.rs", "x"))), [1]);
    }
}
