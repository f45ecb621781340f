//! Regular expressions: compiled once to see that they are sound and small.
//!
//! They are those of the `regex` crate, which needs time linear in the text. Look-around and
//! back-references, which Java's have, are therefore not possible.

use regex::{Regex, RegexBuilder};

/// Bytes of a compiled regular expression: a dozen `\w`, each of which knows all of Unicode.
const COMPILED_BYTES_MAX: usize = 1024 * 1024;

/// Why a text is no regular expression that can be used.
pub(crate) struct PatternError {
    pub(crate) message: String,
    pub(crate) is_too_large: bool,
}

/// The regular expression that finds `pattern` anywhere in a text.
pub(crate) fn searching(pattern: &str) -> Result<Regex, PatternError> {
    let built = RegexBuilder::new(pattern).size_limit(COMPILED_BYTES_MAX).build();
    built.map_err(|error| {
        let is_too_large = matches!(error, regex::Error::CompiledTooBig(_));
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default();
        let message = if is_too_large {
            "this regular expression stands for too much".to_owned()
        } else {
            format!("this is no regular expression: {}", reason.trim_start_matches("error: "))
        };
        PatternError { message, is_too_large }
    })
}

/// The regular expression that a whole text must match.
pub(crate) fn whole(pattern: &str) -> Result<Regex, PatternError> {
    // Alone first: `a)(b` would otherwise be sound within the parentheses.
    searching(pattern)?;
    // In verbose mode a comment may be open at the end; a line break closes it.
    searching(&format!(r"\A(?:{pattern})\z"))
        .or_else(|_| searching(&format!("\\A(?:{pattern}\n)\\z")))
}
