//! What an export holds of the logs behind the engine, as those tell it who keep them.

use segue_log::{Log, Partition, PinnedPartition};

/// A log of the data directory, as far as an export holds it. Retention leaves it alone meanwhile.
#[derive(Debug)]
pub struct ExportedLog {
    /// Its directory below the data directory, with `/`.
    pub path: String,
    /// All its partitions, by number.
    pub partitions: Vec<PinnedPartition>,
    /// Where the export ends in each of them.
    pub ends: Vec<u64>,
}

impl ExportedLog {
    /// The log at this path, up to `ends`; partitions that they do not name have begun later.
    #[must_use]
    pub fn pin(path: String, log: &Log, ends: &[u64]) -> ExportedLog {
        let partitions: Vec<_> = log.partitions().iter().map(Partition::pin).collect();
        let mut ends = ends.to_vec();
        ends.resize(partitions.len(), 0);
        ExportedLog { path, partitions, ends }
    }
}

/// A small file of the data directory.
#[derive(Debug)]
pub struct ExportedFile {
    /// Its place below the data directory, with `/`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// How far activations have been delivered.
#[derive(Debug, Default)]
pub struct Delivered {
    /// How far each destination has got.
    pub cursors: Vec<ExportedFile>,
    /// What was refused for good before one of the cursors.
    pub logs: Vec<ExportedLog>,
    /// What lies behind the cursors must not go before the export has come to it.
    pub pins: Vec<PinnedPartition>,
}
