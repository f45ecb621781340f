//! The files that the rules look at.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Directories that hold what others wrote or tools made; skipped where git is not there to ask.
const FOREIGN_DIRS: [&str; 5] = [".git", "target", "node_modules", "__pycache__", ".venv"];

/// A text file of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Path from the repository's root, with forward slashes.
    pub path: String,
    /// Its content.
    pub text: String,
}

impl SourceFile {
    /// A file with this path and content.
    pub fn new(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.to_owned(), text: text.to_owned() }
    }

    /// Whether the path ends in one of these, given without the dot.
    pub(crate) fn has_extension(&self, extensions: &[&str]) -> bool {
        let extension = self.path.rsplit_once('.').map(|(_, extension)| extension);
        extension.is_some_and(|extension| extensions.contains(&extension))
    }

    /// Whether the file is test code as a whole.
    pub(crate) fn is_test(&self) -> bool {
        self.directories().any(|directory| directory == "tests")
    }

    /// The names of the directories above the file.
    pub(crate) fn directories(&self) -> impl Iterator<Item = &str> {
        let directory = self.path.rsplit_once('/').map_or("", |(directory, _)| directory);
        directory.split('/').filter(|name| !name.is_empty())
    }

    /// The file's name, without directories and extensions.
    pub(crate) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.split('.').next().unwrap_or_default()
    }
}

/// All text files of this repository that git keeps or would keep.
///
/// # Panics
/// If the repository cannot be read: a test then has nothing to say.
pub fn repository() -> Vec<SourceFile> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tidy lies in the repository");
    let paths = tracked(root).unwrap_or_else(|| walk(root));
    let read = |path: String| {
        // Files that are not text, or were just deleted, have no lines to count.
        let text = std::fs::read_to_string(root.join(&path)).ok()?;
        Some(SourceFile { path, text })
    };
    let files: Vec<SourceFile> = paths.into_iter().filter_map(read).collect();
    assert!(!files.is_empty(), "no files in {}", root.display());
    files
}

fn tracked(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").current_dir(root).args(arguments).output().ok()?;
    let names = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    let names = names.split('\0').filter(|name| !name.is_empty()).map(str::to_owned);
    Some(names.collect()).filter(|names: &Vec<String>| !names.is_empty())
}

fn walk(root: &Path) -> Vec<String> {
    let mut paths = Vec::new();
    let mut directories: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(&directory).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if !path.is_dir() {
                let path = path.strip_prefix(root).expect("found below the root");
                paths.push(path.to_string_lossy().into_owned());
            } else if !FOREIGN_DIRS.iter().any(|foreign| name == *foreign) {
                directories.push(path);
            }
        }
    }
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        let file = SourceFile::new("crates/segue-log/tests/it/main.rs", "");
        assert!(file.is_test() && file.has_extension(&["py", "rs"]));
        assert_eq!(file.stem(), "main");
        assert_eq!(SourceFile::new(".gitignore", "").stem(), "");
        assert!(!SourceFile::new("Makefile", "").has_extension(&["Makefile"]));
    }

    /// What git lists and what is found by walking are the same where it matters.
    #[test]
    fn this_file_is_found_both_ways() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a parent");
        let this = "tidy/src/repository.rs".to_owned();
        assert!(walk(root).contains(&this));
        assert!(repository().iter().any(|file| file.path == this));
    }
}
