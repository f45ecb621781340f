//! A partitioned, durable, checksummed log.
//!
//! A [`Log`] is a directory with a fixed number of [`Partition`]s. Any thread appends; one
//! committer thread writes what has gathered, syncs it and only then lets the appenders and the
//! readers know (*group commit*). What the payloads mean is the caller's affair, and so is the
//! time: the log has no clock.
//!
//! What it promises:
//! - An append whose [`Append`] resolved with success survives `kill -9` and power loss.
//! - An append that failed leaves nothing behind; the payloads of one append are all there or none.
//!   Only where the disk took neither the append nor its undoing, nobody knows before the disk
//!   works again ([`LogError::Unknown`]).
//! - After a failed write or sync the log goes on by itself as soon as the disk does.
//! - A [`Reader`] sees only durable records, in order, without gaps, and follows the tail without
//!   polling.
//! - Damage to acknowledged records is an error that names file and position. Only what a crash
//!   left half-written, and nobody was promised, is cut off, with a warning.
//! - In a partition, record times never go backwards.
//! - A record can be erased: it is in no file any more, and everything else stays as it was.
//!
//! ```
//! use segue_log::{Log, LogOptions};
//!
//! let dir = tempfile::tempdir()?;
//! let log = Log::open(dir.path(), LogOptions { partitions: 1, ..LogOptions::default() })?;
//! let partition = log.partition(0).expect("partition 0 of 1");
//!
//! partition.append(1_700_000_000_000, &[b"hello", b"world"])?.wait()?;
//!
//! let mut reader = partition.reader(0);
//! let records = reader.read(1 << 20)?;
//! assert_eq!(records.len(), 2);
//! assert_eq!(records[1].payload, b"world");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | Module | Holds |
//! |---|---|
//! | `format` | the bytes on disk, drawn |
//! | `scan` | the one walk over those bytes, checking each |
//! | `segment` | one file: header, sparse index, seeking |
//! | `recovery` | what opening makes of the files it finds |
//! | `queue` | what was appended and is not yet written |
//! | `writer` | write, sync, roll, retention |
//! | `erasure` | takes records out of closed segments |
//! | `view` | what is durable, for the readers |
//! | `commit` | the committer thread, and the promise it keeps |
//! | `log`, `partition`, `reader`, `visit` | the public face |
//! | `host`, `storage` | the seam to the machine: the file system, and who writes |
//! | `replace` | small files beside a log, replaced whole |
//! | [`simulation`] | a disk that fails, for tests here and above |

mod commit;
mod erasure;
mod error;
mod format;
mod host;
mod index;
mod log;
mod lookup;
mod options;
mod partition;
mod queue;
mod reader;
mod recovery;
mod replace;
mod scan;
mod segment;
pub mod simulation;
mod storage;
mod view;
mod visit;
mod writer;

pub use commit::Append;
pub use error::LogError;
pub use host::{Committer, Host};
pub use log::Log;
pub use options::{LogOptions, MAX_APPEND_BYTES, MAX_PAYLOAD_BYTES, MAX_QUEUED_BYTES, Retention};
pub use partition::{Partition, PinnedPartition};
pub use reader::{LogRecord, Reader};
pub use replace::replace_file;
pub use storage::{Disk, Storage, StorageFile, StorageLock};
