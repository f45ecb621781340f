//! Nothing left for later in the text.

use crate::Finding;
use crate::repository::SourceFile;

/// Written in two parts, so that this file does not find itself.
const MARKERS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

const TEXT: [&str; 13] =
    ["rs", "js", "cjs", "mjs", "ts", "py", "sh", "toml", "yaml", "yml", "html", "css", "md"];

/// No marker of unfinished work.
pub fn markers(file: &SourceFile) -> Vec<Finding> {
    if !file.has_extension(&TEXT) {
        return Vec::new();
    }
    let numbered = file.text.lines().zip(1..);
    let marked = numbered.filter_map(|(line, number)| {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let marker = line.split(|c| !is_word(c)).find(|word| MARKERS.contains(word))?;
        let message = format!("`{marker}`: do it, or open an issue and leave no trace of it here");
        Some(Finding::new(&file.path, number, message))
    });
    marked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_found_as_words_only() {
        let [todo, fixme, _] = MARKERS;
        let text = format!("{todo}LIST\n// {todo}: more\n({fixme})\nMAX{fixme}");
        let found = markers(&SourceFile::new("a.rs", &text));
        assert_eq!(found.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(markers(&SourceFile::new("Cargo.lock", &text)), []);
    }
}
