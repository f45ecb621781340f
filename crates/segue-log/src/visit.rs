//! One look at each record of a range, while appends and retention go on.

use std::ops::Range;

use crate::error::LogError;
use crate::partition::Partition;
use crate::reader::LogRecord;

/// Payload that is read at once.
const READ_BYTES: usize = 1 << 20;

impl Partition {
    /// Shows the durable records in a range in order, but for those that are erased, and for those
    /// that retention removes before it comes to them.
    ///
    /// # Errors
    /// As [`Reader::read`](crate::Reader::read), and the first error of `look`, which ends it.
    pub fn visit<E: From<LogError>>(
        &self,
        range: Range<u64>,
        mut look: impl FnMut(&LogRecord) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut reader = self.reader(range.start);
        while reader.offset() < range.end {
            let records = match reader.read(READ_BYTES) {
                Err(LogError::Removed { start_offset, .. }) => {
                    reader.seek(start_offset);
                    continue;
                }
                read => read?,
            };
            if records.is_empty() {
                break;
            }
            let inside = records.iter().take_while(|record| record.offset < range.end);
            inside.filter(|record| !record.is_erased).try_for_each(&mut look)?;
        }
        Ok(())
    }
}
