//! Finding single records by their offsets, again and again, without opening a file for each.
//!
//! Invariant: no more than [`OPEN_MAX`] files of a partition are kept open for it, and none that
//! retention removed or whose place a copy took.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::error::LogError;
use crate::partition::Shared;
use crate::reader::LogRecord;
use crate::segment::Segment;

/// Files that are kept open: 4 GiB of segments. A process may have 1,024 files open where nobody
/// allowed it more, and needs them for connections.
const OPEN_MAX: usize = 64;

/// The segments whose files are kept open, the one first that was opened first.
#[derive(Default)]
pub(crate) struct Lookups(Mutex<VecDeque<Weak<Segment>>>);

impl Lookups {
    /// The file of a segment was opened: another one is closed if there are too many.
    fn note(&self, segment: &Arc<Segment>) {
        let mut open = self.0.lock();
        open.push_back(Arc::downgrade(segment));
        if open.len() > OPEN_MAX
            && let Some(first) = open.pop_front().and_then(|first| first.upgrade())
        {
            first.close();
        }
    }
}

/// The durable record at an offset; none behind the end.
pub(crate) fn record(partition: &Shared, offset: u64) -> Result<Option<LogRecord>, LogError> {
    if offset >= partition.view.end().offset {
        return Ok(None);
    }
    let segment = partition.segment_of(offset)?;
    let found = segment.record(&*partition.storage, offset, || partition.lookups.note(&segment));
    found.map(Some).map_err(|error| {
        // It may have been this handle that failed, and not the disk.
        segment.close();
        partition.explain(offset, error)
    })
}
