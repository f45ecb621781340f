//! Takes the payloads of single records out of a partition's files.
//!
//! ```text
//!   active segment with one of them?  closed first
//!   each closed segment with one:     copy, without those payloads ─▶ sync ─▶ rename over it
//!   at the end:                       sync directory
//! ```
//! An erased record takes the bytes that it took before, so every place in the copy is that of the
//! segment, and the index holds for both. At every moment of a crash the segment's name stands for
//! a whole file: the old one or the copy. Appends go on meanwhile; only closing and renaming keep
//! the writer.

use std::path::Path;
use std::sync::Arc;

use crate::error::LogError;
use crate::format::unfinished_name;
use crate::partition::Shared;
use crate::scan::Step;
use crate::segment::Segment;
use crate::storage::StorageFile;

/// How much is copied at a time, and then synced: so that the appends that go on never wait for
/// more than this to reach the disk.
const COPY_BYTES: usize = 4 << 20;

/// A record that is to be erased: where it stands, and what will stand there.
struct Replacement {
    position: u64,
    bytes: Vec<u8>,
}

/// Erases records; see [`Partition::erase`](crate::Partition::erase).
pub(crate) fn erase(partition: &Shared, offsets: &[u64]) -> Result<u64, LogError> {
    let _alone = partition.erasing.lock();
    let end_offset = partition.view.end().offset;
    let mut offsets: Vec<u64> =
        offsets.iter().copied().filter(|offset| *offset < end_offset).collect();
    offsets.sort_unstable();
    offsets.dedup();
    let Some(newest) = offsets.last() else {
        return Ok(0);
    };
    partition.writer.lock().close_segment_of(*newest)?;
    let mut erased = 0;
    let segments = partition.view.segments();
    for (segment, next) in segments.iter().zip(segments.iter().skip(1)) {
        let first = offsets.partition_point(|offset| *offset < segment.header.first_offset);
        let after = offsets.partition_point(|offset| *offset < next.header.first_offset);
        if let Some(inside) = offsets.get(first..after).filter(|inside| !inside.is_empty()) {
            erased += erase_in(partition, segment, inside)?;
        }
    }
    // Also for what was renamed by a call that failed after that.
    partition.writer.lock().sync_directory()?;
    Ok(erased)
}

fn erase_in(partition: &Shared, segment: &Arc<Segment>, offsets: &[u64]) -> Result<u64, LogError> {
    let replacements = replacements(partition, segment, offsets)?;
    if replacements.is_empty() {
        return Ok(0);
    }
    let copy = segment.path.with_file_name(unfinished_name(segment.header.first_offset));
    let written = write_copy(partition, segment, &replacements, &copy);
    let replaced = written.and_then(|()| partition.writer.lock().replace(segment, &copy));
    replaced.inspect_err(|_| drop(partition.storage.remove(&copy)))?;
    Ok(replacements.len() as u64)
}

/// Finds the records that are not erased yet, in order.
fn replacements(
    partition: &Shared,
    segment: &Segment,
    offsets: &[u64],
) -> Result<Vec<Replacement>, LogError> {
    let mut found = Vec::new();
    let Some((first, last)) = offsets.first().zip(offsets.last()) else {
        return Ok(found);
    };
    let mut scanner = segment.seek(&*partition.storage, *first)?;
    while scanner.place().offset <= *last {
        let place = scanner.place();
        match scanner.step().map_err(LogError::io("read", &segment.path))? {
            Step::Record(record) => {
                let is_sought = offsets.binary_search(&record.offset).is_ok();
                if is_sought && !record.frame.is_erased() {
                    let bytes = record.frame.encode_erased();
                    found.push(Replacement { position: place.position, bytes });
                }
            }
            Step::Mark => {}
            Step::End => break,
            Step::Damaged(reason) => return Err(segment.damaged(place, reason)),
        }
    }
    Ok(found)
}

/// Writes the copy, whole and synced.
fn write_copy(
    partition: &Shared,
    segment: &Segment,
    replacements: &[Replacement],
    path: &Path,
) -> Result<(), LogError> {
    let storage = &partition.storage;
    let old = storage.open(&segment.path).map_err(LogError::io("open", &segment.path))?;
    let new = storage.create(path).map_err(LogError::io("create", path))?;
    let mut position = 0;
    for Replacement { position: start, bytes } in replacements {
        copy(&*old, &*new, position, *start).map_err(LogError::io("write", path))?;
        new.write_at(bytes, *start).map_err(LogError::io("write", path))?;
        position = start + bytes.len() as u64;
    }
    let rest = copy(&*old, &*new, position, segment.durable_bytes());
    rest.map_err(LogError::io("write", path))?;
    new.sync().map_err(LogError::io("sync", path))
}

/// Copies a part of a file to the same place in another.
fn copy(old: &dyn StorageFile, new: &dyn StorageFile, from: u64, to: u64) -> std::io::Result<()> {
    let mut buffer = Vec::new();
    let mut position = from;
    while position < to {
        let left = usize::try_from(to - position).unwrap_or(usize::MAX).min(COPY_BYTES);
        buffer.resize(left, 0);
        if old.read_full(&mut buffer, position)? < left {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        new.write_at(&buffer, position)?;
        position += left as u64;
        if left == COPY_BYTES {
            new.sync()?;
        }
    }
    Ok(())
}
