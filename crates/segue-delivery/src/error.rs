//! What can go wrong in delivery, in the words that its reader needs.

use std::io;
use std::path::PathBuf;

use segue_log::LogError;
use thiserror::Error;

/// Why delivery did not do what was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DeliveryError {
    /// A log below the data directory failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A directory of outboxes cannot be used.
    #[error("cannot use {}: {source}; make it a directory that can be written", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file that says how far a destination has got cannot be read or written.
    #[error(
        "cannot use {}: {source}; make it writable, or delete it to deliver everything that its \
         log still has once more", path.display()
    )]
    Cursor {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// More was delivered than the log holds.
    #[error(
        "{} says that {next} messages of a partition are done with, but its log ends at {end}: \
         the log was replaced by an older copy. Restore it, or delete the file", path.display()
    )]
    LostActivations {
        /// The file.
        path: PathBuf,
        /// What it says.
        next: u64,
        /// Where the log ends.
        end: u64,
    },
    /// An outbox lost what the checkpoint knows it held.
    #[error(
        "the outbox of destination {id} ends at {end}, but held {from} messages when the \
         checkpoint was written; restore its directory, or delete the directory `state` to send \
         again what the input log still has"
    )]
    LostOutbox {
        /// The destination.
        id: String,
        /// What it held.
        from: u64,
        /// Where it ends.
        end: u64,
    },
    /// A dead letter does not hold what it should.
    #[error("dead letter {id} cannot be read: {problem}")]
    Unreadable {
        /// Its number.
        id: u64,
        /// What is wrong.
        problem: String,
    },
    /// There is no such dead letter, or it was replayed or dropped already.
    #[error("there is no dead letter {id}")]
    NoDeadLetter {
        /// Its number.
        id: u64,
    },
    /// The destination of a dead letter is gone.
    #[error(
        "there is no destination {id} outside that its dead letters could go to; \
         define it again, or drop them"
    )]
    NoDestination {
        /// The destination.
        id: String,
    },
    /// The destination has no test.
    #[error("{0}")]
    NotTestable(String),
}
