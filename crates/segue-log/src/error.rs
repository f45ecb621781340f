//! The one error type of the log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the log could not do what was asked.
///
/// Clonable, because everybody who waits for one failed round is told the same.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LogError {
    /// The directory's lock is held.
    #[error(
        "the log in {} is already open, here or in another process: \
         stop the other one, or choose another directory", dir.display()
    )]
    Locked {
        /// The log's directory.
        dir: PathBuf,
    },
    /// The directory cannot be written to; found out at open, not at the first append.
    #[error(
        "cannot write in {}: {source}; make the directory writable, or choose another",
        dir.display()
    )]
    NotWritable {
        /// The log's directory.
        dir: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// A file operation failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "sync", "read".
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// Bytes that had been durable are not what was written.
    #[error(
        "{} is damaged at byte {position}, where record {offset} was expected: {reason}; \
         restore the file from a copy, or move the log away to start without it",
        path.display()
    )]
    Damaged {
        /// The segment file.
        path: PathBuf,
        /// Byte position in the file.
        position: u64,
        /// Offset of the first record that cannot be read.
        offset: u64,
        /// What is wrong there.
        reason: &'static str,
    },
    /// A file in a format that this version does not know.
    #[error(
        "{} has format version {found}, this program reads version {known}: \
         use the program that wrote it, or a newer one", path.display()
    )]
    UnknownVersion {
        /// The segment file.
        path: PathBuf,
        /// The version in its header.
        found: u16,
        /// The version of this program.
        known: u16,
    },
    /// The directory holds more partitions than were asked for.
    #[error(
        "the log in {} has {found} partitions, but only {asked} were asked for: \
         ask for at least {found}, or choose another directory", dir.display()
    )]
    TooFewPartitions {
        /// The log's directory.
        dir: PathBuf,
        /// Partitions on disk.
        found: usize,
        /// Partitions in the options.
        asked: u16,
    },
    /// A payload or an append over its limit; nothing was appended.
    #[error("{bytes} bytes are over the limit of {limit_bytes}: {what}")]
    TooLarge {
        /// What was too large and what to do.
        what: &'static str,
        /// Its size.
        bytes: usize,
        /// The limit that it broke.
        limit_bytes: usize,
    },
    /// An append without payloads has no offset to return.
    #[error("an append needs at least one payload")]
    Empty,
    /// Appends come faster than the disk takes them; nothing was appended. Try again later.
    #[error("partition {partition} has {queued_bytes} bytes waiting for the disk: try again later")]
    Busy {
        /// The partition.
        partition: u16,
        /// Bytes appended and not yet durable.
        queued_bytes: usize,
    },
    /// The record has left the log.
    #[error("record {offset} was removed by retention; the log begins at {start_offset}")]
    Removed {
        /// The offset asked for.
        offset: u64,
        /// The first offset there is.
        start_offset: u64,
    },
    /// A sync failed, and the file could not be taken back to what is known to be on the disk.
    /// The records are not in the log while this process lives, but may be there after a crash.
    /// Each further append first tries again to mend the file.
    #[error(
        "partition {partition} cannot be written, and what was just sent may be found on the disk \
         after a crash: {cause}; it is tried again with each append"
    )]
    Unknown {
        /// The partition.
        partition: u16,
        /// The failure that caused it.
        cause: Arc<LogError>,
    },
    /// [`Log::close`](crate::Log::close) was called, or the last [`Log`](crate::Log) dropped.
    #[error("the log is closed")]
    Closed,
}

impl LogError {
    /// Turns an I/O error into one that says what was tried on which path.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> LogError {
        move |source| LogError::Io { action, path: path.to_owned(), source: Arc::new(source) }
    }
}
