//! A pattern of ids: a regular expression of limited size.
//!
//! Matching takes time linear in the id, whatever the pattern; what a pattern compiles to is
//! limited, so that `(a{1000}){1000}` is refused and not run.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// Characters of a pattern.
pub const PATTERN_CHARS_MAX: usize = 1024;
/// Bytes that a pattern may compile to: room for `\w{1,50}` with all of Unicode's letters.
const PATTERN_BYTES_MAX: usize = 1 << 20;
/// How deep groups may be nested.
const PATTERN_DEPTH_MAX: u32 = 50;

/// A regular expression, matched anywhere in an id unless it is anchored with `^` and `$`.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
}

/// The text is no pattern.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(String);

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// It is no regular expression, or too large a one; the text says where and why.
    pub fn new(source: &str) -> Result<Pattern, PatternError> {
        let chars = source.chars().count();
        if chars > PATTERN_CHARS_MAX {
            let message = format!("found {chars} characters; write at most {PATTERN_CHARS_MAX}");
            return Err(PatternError(message));
        }
        let mut builder = RegexBuilder::new(source);
        builder.size_limit(PATTERN_BYTES_MAX).nest_limit(PATTERN_DEPTH_MAX);
        match builder.build() {
            Ok(regex) => Ok(Pattern { regex }),
            Err(regex::Error::CompiledTooBig(_)) => Err(PatternError(format!(
                "`{source}` matches too many different texts; use smaller repetitions"
            ))),
            Err(error) => Err(PatternError(format!("`{source}` is no pattern: {error}"))),
        }
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn source(&self) -> &str {
        self.regex.as_str()
    }

    /// Whether a text matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.source())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.source() == other.source()
    }
}

impl Eq for Pattern {}
