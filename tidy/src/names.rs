//! Names that say what is inside.

use crate::repository::SourceFile;
use crate::{Finding, rust};

/// Words that could name anything, so they name nothing.
const NAMELESS: [&str; 7] = ["util", "utils", "helper", "helpers", "common", "manager", "misc"];

/// No file, directory or module is called by one of the words that name nothing.
pub fn names(file: &SourceFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in file.directories().chain([file.stem()]) {
        findings.extend(nameless(name).map(|message| Finding::new(&file.path, 1, message)));
    }
    if file.has_extension(&["rs"]) {
        for (line, number) in rust::code_only(&file.text).lines().zip(1..) {
            let module = inline_module(line).and_then(nameless);
            findings.extend(module.map(|message| Finding::new(&file.path, number, message)));
        }
    }
    findings
}

fn nameless(name: &str) -> Option<String> {
    let word = name.split(['_', '-']).find(|word| NAMELESS.contains(word))?;
    Some(format!("`{word}` in the name `{name}`: name it after what it holds"))
}

/// The name of a module that this line opens; one in a file of its own is seen by its path.
fn inline_module(line: &str) -> Option<&str> {
    let (_, name) = line.trim_end().strip_suffix('{')?.split_once("mod ")?;
    Some(name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nameless_files_directories_and_modules_are_found() {
        for path in ["src/utils.rs", "src/common/mod.rs", "workers/string-helpers.js"] {
            assert_eq!(names(&SourceFile::new(path, "")).len(), 1, "{path}");
        }
        let module = SourceFile::new("src/a.rs", "\npub mod misc {\n}\nmod b {}");
        assert_eq!(names(&module)[0].line, 2);
    }

    #[test]
    fn words_that_only_contain_them_are_fine() {
        for path in ["src/commonality.rs", "src/utility.rs"] {
            assert_eq!(names(&SourceFile::new(path, "// mod misc {")), []);
        }
    }
}
