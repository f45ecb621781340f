//! What a caller may choose, and the limits that nobody may.

/// Longest payload of one record. Sixteen times the largest event hub message (1 MiB); it bounds
/// what one corrupt length field can make a reader allocate.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// Longest append, frames included. One append is written whole, so it must fit in the queue.
pub const MAX_APPEND_BYTES: usize = 32 << 20;

/// Most bytes that wait for the disk in one partition; a further append is refused as
/// [`Busy`](crate::LogError::Busy). About a tenth of a second of a fast disk.
pub const MAX_QUEUED_BYTES: usize = 64 << 20;

/// How a log is laid out and how long it keeps its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Number of partitions, at least 1. May grow when a log is reopened, never shrink.
    pub partitions: u16,
    /// A segment that would grow past this is closed and a new one begun; a commit round larger
    /// than this makes one larger segment. Retention works in whole segments.
    pub segment_bytes: u64,
    /// When old segments are removed.
    pub retention: Retention,
}

impl Default for LogOptions {
    /// One partition, segments of 64 MiB (scanned in well under a second at open), everything kept.
    fn default() -> Self {
        LogOptions { partitions: 1, segment_bytes: 64 << 20, retention: Retention::default() }
    }
}

/// When old segments are removed; by default never. Whole segments only, the oldest first, and
/// never what [`Partition::hold_from`](crate::Partition::hold_from) protects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// A segment goes when its newest record is older than this, in milliseconds.
    pub max_age_ms: Option<u64>,
    /// The oldest segments go while a partition's files are larger than this together.
    pub max_bytes: Option<u64>,
}
