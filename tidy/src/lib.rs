//! The countable house rules, checked by `cargo test -p tidy`.
//!
//! A rule is a function from files to [`Finding`]s; `tests/house_rules.rs` runs each on this
//! repository and fails with all that it found. What a rule looks at is plain text, read with as
//! little understanding as will do; where code is plainly better for breaking one, a comment says
//! so and why:
//!
//! | Comment | Where | Lets pass |
//! |---|---|---|
//! | `tidy: long because …` | above a function, or in a file's first lines | its length |
//! | `tidy: sleep because …` | on the line or above it | a sleep in a test |
//! | `tidy: lints because …` | in a manifest | lints other than the workspace's |

pub mod comments;
pub mod lengths;
pub mod manifests;
pub mod names;
pub mod rust;
pub mod testing;

mod repository;

pub use repository::{SourceFile, repository};

use std::fmt;

/// One place where a rule does not hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// Path from the repository's root.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// The rule, and what to do.
    pub message: String,
}

impl Finding {
    fn new(path: &str, line: usize, message: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}", self.path, self.line, self.message)
    }
}

/// Whether a line holds the comment `tidy: WHAT because …`, with a reason.
fn is_excused(line: &str, what: &str) -> bool {
    let reason = line.split_once(&format!("tidy: {what} because"));
    reason.is_some_and(|(_, reason)| reason.chars().any(char::is_alphabetic))
}
