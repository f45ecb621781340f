//! Tests that run, and that wait for what they wait for.

use crate::repository::SourceFile;
use crate::{Finding, is_excused, rust};

/// How the languages here switch a test off.
const SWITCHED_OFF: [(&str, &[&str]); 3] = [
    ("rs", &[concat!("#[ign", "ore")]),
    ("py", &["mark.skip", "pytest.skip(", "mark.xfail", "unittest.skip"]),
    ("mjs", &["test.skip(", "it.skip(", "describe.skip(", "skip: true", "todo: true"]),
];

/// No test is ignored or skipped.
pub fn switched_off(file: &SourceFile) -> Vec<Finding> {
    let extension = if file.has_extension(&["js", "cjs", "ts"]) { "mjs" } else { extension(file) };
    let marks = SWITCHED_OFF.iter().find(|(of, _)| *of == extension).map(|(_, marks)| *marks);
    let is_code = extension == "rs" || file.is_test();
    let text = if extension == "rs" { rust::code_only(&file.text) } else { file.text.clone() };
    let found = text.lines().zip(1..).filter_map(|(line, number)| {
        let mark = marks.unwrap_or_default().iter().find(|mark| line.contains(**mark))?;
        let message = format!("`{mark}`: make the test pass, or delete it");
        Some(Finding::new(&file.path, number, message)).filter(|_| is_code)
    });
    found.collect()
}

fn extension(file: &SourceFile) -> &str {
    file.path.rsplit('.').next().unwrap_or_default()
}

/// No test sleeps, unless excused.
pub fn sleeps(file: &SourceFile) -> Vec<Finding> {
    if !file.has_extension(&["rs", "py", "js", "cjs", "mjs", "ts"]) {
        return Vec::new();
    }
    let is_rust = file.has_extension(&["rs"]);
    let code = if is_rust { rust::code_only(&file.text) } else { file.text.clone() };
    let in_tests = rust::test_lines(&code).map(|in_tests| file.is_test() || is_rust && in_tests);
    let lines: Vec<&str> = file.text.lines().collect();
    let mut findings = Vec::new();
    for ((index, line), in_tests) in code.lines().enumerate().zip(in_tests) {
        let nearby = lines.get(index.saturating_sub(1)..=index).unwrap_or_default();
        let is_excused = nearby.iter().any(|line| is_excused(line, "sleep"));
        if in_tests && calls_sleep(line, is_rust) && !is_excused {
            let message = "a test that sleeps: wait for the event itself, \
                           or say on the line above `tidy: sleep because …`";
            findings.push(Finding::new(&file.path, index + 1, message));
        }
    }
    findings
}

/// Whether `sleep` is called here, by whatever path. A word that only ends in it is another
/// function, and so is a method in Rust, where no type of the usual libraries has one.
fn calls_sleep(line: &str, is_rust: bool) -> bool {
    line.match_indices("sleep(").any(|(start, _)| {
        let before = line.get(..start).and_then(|before| before.chars().next_back());
        before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || is_rust && c == '.'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(findings: &[Finding]) -> Vec<usize> {
        findings.iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn tests_that_are_switched_off_are_found() {
        let [(_, rust), (_, python), (_, javascript)] = SWITCHED_OFF;
        for (path, mark) in [
            ("crates/a/src/b.rs", rust[0]),
            ("tests/a/test_b.py", python[0]),
            ("tests/a/b.test.cjs", javascript[0]),
        ] {
            let file = SourceFile::new(path, &format!("\n{mark}"));
            assert_eq!(lines_of(&switched_off(&file)), [2], "{path}");
        }
        assert_eq!(switched_off(&SourceFile::new("a.rs", "items.skip(1) // #[ignored]")), []);
    }

    #[test]
    fn tests_that_sleep_are_found() {
        let sleep = "std::thread::sleep(LONG);";
        assert_eq!(lines_of(&sleeps(&SourceFile::new("crates/a/tests/it/b.rs", sleep))), [1]);
        assert_eq!(sleeps(&SourceFile::new("crates/a/src/b.rs", sleep)), []);
        let text = format!(
            "{sleep}\n#[cfg(test)]\nmod tests {{\n{sleep}\nno_sleep();\nsignal.sleep(x);\n}}"
        );
        assert_eq!(lines_of(&sleeps(&SourceFile::new("crates/a/src/b.rs", &text))), [4]);
        let python = SourceFile::new("tests/conformance/a.py", "import time\ntime.sleep(1)");
        assert_eq!(lines_of(&sleeps(&python)), [2]);
    }

    #[test]
    fn a_sleep_with_a_reason_is_fine() {
        let text = "// tidy: sleep because the subject is time itself\nsleep(x);\nsleep(y);";
        assert_eq!(lines_of(&sleeps(&SourceFile::new("tests/a.rs", text))), [3]);
    }
}
