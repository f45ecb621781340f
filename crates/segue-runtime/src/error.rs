//! Everything that can go wrong, in the words that its reader needs.

use std::fmt;
use std::io;
use std::path::PathBuf;

use segue_core::Kind;
use segue_log::LogError;
use segue_xdm::Violation;
use thiserror::Error;

use crate::activation_log::ActivationLogError;
use crate::checkpoint::StoreError;
use crate::definitions::Expected;

/// Why the runtime did not do what was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// Too many inputs wait to be applied. Nothing was accepted; send again after
    /// [`RETRY_AFTER_SECS`](crate::RETRY_AFTER_SECS).
    #[error("{reason}; send again in a moment")]
    Busy {
        /// What waits, and how much of it may.
        reason: String,
    },
    /// More than one request may hold; nothing was accepted.
    #[error("{reason}")]
    TooLarge {
        /// What is too large, and the limit.
        reason: String,
    },
    /// Definitions and ticks are not submitted: only the runtime itself appends those.
    #[error(
        "input {index} is not an event, a record or an erasure; change definitions by themselves"
    )]
    NotSubmittable {
        /// Index of the input.
        index: usize,
    },
    /// What was acknowledged before a read is not applied yet, and the read's time is up.
    #[error("the state holds the inputs before {applied}, not yet those before {position}")]
    NotCaughtUp {
        /// Position after the last input that the state holds.
        applied: u64,
        /// Position that the read waited for.
        position: u64,
    },
    /// The runtime was shut down, or cannot go on.
    #[error("the runtime has stopped: {reason}")]
    Stopped {
        /// What stopped it.
        reason: String,
    },
    /// Definitions that cannot be; nothing was changed.
    #[error("{}", list(violations))]
    Refused {
        /// Every violation, with the change that it belongs to.
        violations: Vec<IndexedViolation>,
    },
    /// A definition is not in the version that the change was made for; nothing was changed.
    #[error("{kind} {id:?} is {}, not {expected}; get it and change that", version_text(*found))]
    Conflict {
        /// Kind of the definition.
        kind: Kind,
        /// Its id.
        id: String,
        /// What the caller expected to find.
        expected: Expected,
        /// The version that is there.
        found: Option<u64>,
    },
    /// There is no such definition to remove; nothing was changed.
    #[error("there is no {kind} {id:?}")]
    NotFound {
        /// Kind of the definition.
        kind: Kind,
        /// Its id.
        id: String,
    },
    /// The data directory cannot be read or written.
    #[error("cannot use {} for data: {source}; choose another with --data", path.display())]
    DataDir {
        /// Directory or file concerned.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process uses the data directory.
    #[error("{} is in use; stop who uses it, or choose another with --data", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The data directory was written by a version that this one does not know.
    #[error(
        "{} says {found:?}, but this version reads {expected:?}: use the version that wrote it",
        path.display()
    )]
    UnknownFormat {
        /// The format file.
        path: PathBuf,
        /// What it says.
        found: String,
        /// What this version writes.
        expected: &'static str,
    },
    /// An export broke off.
    #[error("the export broke off: {source}; export again")]
    Export {
        /// What the system said.
        source: io::Error,
    },
    /// How far an erasure has come cannot be written; it is tried again.
    #[error("cannot write how far erasure {id} has come: {source}")]
    Erasure {
        /// Its id.
        id: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The checkpoint cannot be used with the logs.
    #[error("{0}")]
    Recovery(#[from] RecoveryError),
    /// The input log failed.
    #[error("input log: {0}")]
    Log(LogError),
    /// The checkpoint store failed.
    #[error("checkpoint store: {0}")]
    Store(#[from] StoreError),
    /// An activation log failed.
    #[error("activation log: {0}")]
    ActivationLog(#[from] ActivationLogError),
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

impl From<LogError> for RuntimeError {
    fn from(error: LogError) -> RuntimeError {
        match error {
            LogError::Busy { .. } => RuntimeError::Busy { reason: error.to_string() },
            LogError::TooLarge { .. } => RuntimeError::TooLarge { reason: error.to_string() },
            LogError::Closed => RuntimeError::Stopped { reason: error.to_string() },
            other => RuntimeError::Log(other),
        }
    }
}

/// Why state and logs do not fit together. Nothing has been changed when this is reported.
#[derive(Debug, Error)]
pub enum RecoveryError {
    /// The checkpoint knows inputs that the log does not have.
    #[error(
        "the checkpoint in {} is at position {applied}, but the input log ends at {head}: the log \
         lost acknowledged inputs or was replaced by an older copy. Restore the log, or delete \
         the checkpoint to go on with what the log has", state.display()
    )]
    Ahead {
        /// Directory of the checkpoint store.
        state: PathBuf,
        /// Position of the checkpoint.
        applied: u64,
        /// Where the log ends.
        head: u64,
    },
    /// The log no longer has the inputs that come after the checkpoint.
    #[error(
        "the checkpoint in {} is at position {applied}, but the input log begins at {start}: \
         restore a checkpoint that is not older than that", state.display()
    )]
    Gap {
        /// Directory of the checkpoint store.
        state: PathBuf,
        /// Position of the checkpoint; 0 when there is none.
        applied: u64,
        /// Where the log begins.
        start: u64,
    },
    /// The checkpoint does not hold what it should.
    #[error(
        "the checkpoint in {} cannot be read: {problem}. Delete it, and it will be made again \
         from the input log", state.display()
    )]
    Unreadable {
        /// Directory of the checkpoint store.
        state: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The `_id`s of the last days are not what was written.
    #[error(
        "the ids in {} cannot be read: {problem}. Delete it and the checkpoint beside it, `state`: \
         both will be made again from the input log", directory.display()
    )]
    UnreadableIds {
        /// Directory of the ids.
        directory: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A record of the input log does not hold an input of this version.
    #[error(
        "the input log's record {position} cannot be read: {problem}; use the version of Segue \
         that wrote it"
    )]
    Input {
        /// Position of the record.
        position: u64,
        /// What is wrong with it.
        problem: String,
    },
}

/// A violation and the item of the request that it belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexedViolation {
    /// Index of the change in the request.
    pub index: usize,
    /// What is wrong with it.
    pub violation: Violation,
}

impl fmt::Display for IndexedViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "definition {}: {}", self.index, self.violation)
    }
}

fn list(violations: &[IndexedViolation]) -> String {
    let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn version_text(version: Option<u64>) -> String {
    version.map_or_else(|| "absent".to_owned(), |version| format!("at version {version}"))
}
