//! What opening a partition makes of the files it finds.
//!
//! ```text
//! closed segment   header and final mark must be there and fit the next segment, else: damaged.
//!                  What is between them is checked when it is read.
//! last segment     walked whole. At the first frame that does not fit:
//!                    a mark somewhere behind it   → it had been acknowledged: damaged
//!                    no mark behind it            → the torn tail of the last round: cut off
//!                  An append without its last record is cut off whole.
//! last segment     of at most a header's size and without a good header: a crash while it was
//!                  being created; removed.
//! copy in which      a crash while records were being erased; removed. The segment that it was
//! records are        to replace is as it was.
//! erased
//! ```
//! Then the end of the last segment is written once more and synced, as readers must see durable
//! records only, and the process before may have been killed between a write and its sync, or
//! after a sync that failed: what is read may then be in the system's memory only, and no sync
//! would write it unless it was written again. The bytes are the same, so a crash meanwhile harms
//! nothing.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::error::LogError;
use crate::format::{
    FRAME_BYTES, Frame, HEADER_BYTES, Header, HeaderError, NO_TIME, VERSION, is_unfinished,
    parse_segment_name, segment_name,
};
use crate::index::Index;
use crate::scan::{Place, Scanner, Step, find_mark};
use crate::segment::{Segment, damaged, first_place};
use crate::storage::{Storage, StorageFile};
use crate::writer::Active;

/// How much is written again at a time.
const REWRITE_BYTES: usize = 256 << 10;

/// Opens the partition in `dir`, creating it when absent: its segments in order, the last of
/// which is the active one.
pub(crate) fn open(
    storage: &dyn Storage,
    dir: &Path,
    number: u16,
) -> Result<(VecDeque<Arc<Segment>>, Active), LogError> {
    storage.create_dir(dir).map_err(LogError::io("create", dir))?;
    let names = storage.list(dir).map_err(LogError::io("list", dir))?;
    let mut offsets: Vec<u64> = names.iter().filter_map(|name| parse_segment_name(name)).collect();
    offsets.sort_unstable();
    for name in names.iter().filter(|name| is_unfinished(name)) {
        let path = dir.join(name);
        storage.remove(&path).map_err(LogError::io("remove", &path))?;
    }

    let active = open_last(storage, dir, number, &mut offsets)?;
    storage.sync_dir(dir).map_err(LogError::io("sync", dir))?;
    let mut segments = VecDeque::from([active.segment.clone()]);
    let mut next = active.segment.header;
    for first_offset in offsets.into_iter().rev() {
        let segment = open_closed(storage, dir, number, first_offset, &next)?;
        next = segment.header;
        segments.push_front(Arc::new(segment));
    }
    Ok((segments, active))
}

/// Opens the last segment, taking it off the list.
fn open_last(
    storage: &dyn Storage,
    dir: &Path,
    number: u16,
    offsets: &mut Vec<u64>,
) -> Result<Active, LogError> {
    while let Some(first_offset) = offsets.pop() {
        let file = SegmentFile::open(storage, dir, number, first_offset)?;
        // Nothing is appended to a segment before its header is durable.
        let has_no_header = matches!(file.header, Err(LogError::Damaged { .. }));
        let is_unfinished = file.length <= HEADER_BYTES as u64 && has_no_header;
        let has_predecessor = first_offset == 0 || !offsets.is_empty();
        if !(is_unfinished && has_predecessor) {
            return recover(file);
        }
        tracing::warn!(path = %file.path.display(), "removing a segment that was never begun");
        storage.remove(&file.path).map_err(LogError::io("remove", &file.path))?;
    }
    Active::create(
        storage,
        dir,
        Header { partition: number, first_offset: 0, floor_time_ms: NO_TIME },
    )
}

/// Opens the active segment of an open partition again, after it was cut to what is durable.
pub(crate) fn reopen(
    storage: &dyn Storage,
    dir: &Path,
    number: u16,
    first_offset: u64,
) -> Result<Active, LogError> {
    recover(SegmentFile::open(storage, dir, number, first_offset)?)
}

/// Checks both ends of a segment that another one follows.
fn open_closed(
    storage: &dyn Storage,
    dir: &Path,
    number: u16,
    first_offset: u64,
    next: &Header,
) -> Result<Segment, LogError> {
    let SegmentFile { path, file, length, header } =
        SegmentFile::open(storage, dir, number, first_offset)?;
    let header = header?;
    let position = length.saturating_sub(FRAME_BYTES as u64).max(HEADER_BYTES as u64);
    let mut bytes = [0; FRAME_BYTES];
    file.read_full(&mut bytes, position).map_err(LogError::io("read", &path))?;
    let mark = Frame::decode(&bytes).filter(|frame| frame.is_mark_at(position));
    if mark.is_none_or(|mark| mark.offset != next.first_offset) {
        let place = Place { position, offset: next.first_offset, time_ms: next.floor_time_ms };
        return Err(damaged(&path, place, "it does not end where the next segment begins"));
    }
    Ok(Segment::new(path, header, length, None))
}

/// Walks the last segment, cuts off a torn tail and makes the rest durable.
fn recover(segment_file: SegmentFile) -> Result<Active, LogError> {
    let SegmentFile { path, file, length, header } = segment_file;
    let header = header?;
    let mut tail = Tail::new(first_place(&header));
    let mut scanner = Scanner::new(file.clone(), tail.place, length);
    let reason = loop {
        match scanner.step().map_err(LogError::io("read", &path))? {
            Step::Record(record) => {
                let following = record.following;
                if !tail.record(following, scanner.place()) {
                    break Some("it does not continue the append before it");
                }
            }
            Step::Mark if tail.following > 0 => break Some("the append before it has no end"),
            Step::Mark => tail.mark(scanner.place()),
            Step::Damaged(reason) => break Some(reason),
            Step::End if tail.following > 0 => break Some("the append has no end"),
            Step::End => break None,
        }
    };
    if let Some(reason) = reason {
        cut_off(&*file, &path, length, tail.place, reason)?;
    }
    // Also where nothing is cut off here: an earlier cut may be one whose sync failed.
    file.truncate(tail.place.position).map_err(LogError::io("truncate", &path))?;
    write_again(&*file, tail.settled, tail.place.position).map_err(LogError::io("write", &path))?;
    file.sync().map_err(LogError::io("sync", &path))?;
    let Tail { place, is_marked, first_time_ms, index, .. } = tail;
    let segment = Arc::new(Segment::new(path, header, place.position, Some(index)));
    let mut active = Active { segment, file, place, is_marked, first_time_ms };
    if !is_marked && !active.is_empty() {
        active.try_mark();
    }
    Ok(active)
}

/// Cuts a torn tail off, unless it was once acknowledged.
fn cut_off(
    file: &dyn StorageFile,
    path: &Path,
    length: u64,
    place: Place,
    reason: &'static str,
) -> Result<(), LogError> {
    let mark = find_mark(file, place.position, length, place.offset);
    if mark.map_err(LogError::io("read", path))?.is_some() {
        return Err(damaged(path, place, reason));
    }
    tracing::warn!(
        path = %path.display(),
        position = place.position,
        offset = place.offset,
        bytes = length - place.position,
        reason,
        "cutting off a torn tail that was never acknowledged",
    );
    file.truncate(place.position).map_err(LogError::io("truncate", path))
}

/// Writes a part of a file as it is.
fn write_again(file: &dyn StorageFile, from: u64, to: u64) -> io::Result<()> {
    let mut buffer = vec![0; REWRITE_BYTES];
    let mut position = from;
    while position < to {
        let left = usize::try_from(to - position).unwrap_or(usize::MAX).min(REWRITE_BYTES);
        let part = buffer.get_mut(..left).unwrap_or_default();
        let read = file.read_full(part, position)?;
        if read < left {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_at(part, position)?;
        position += read as u64;
    }
    Ok(())
}

/// What is known to be whole of the last segment, while it is walked.
struct Tail {
    /// Up to here the file was durable before the last mark was written.
    settled: u64,
    /// After the last whole append.
    place: Place,
    /// Where the records of the append being walked begin, and the next one.
    begun: Vec<Place>,
    next: Place,
    /// Records missing until that append is whole.
    following: u32,
    is_marked: bool,
    first_time_ms: Option<i64>,
    index: Index,
}

impl Tail {
    fn new(place: Place) -> Tail {
        Tail {
            settled: 0,
            place,
            begun: Vec::new(),
            next: place,
            following: 0,
            is_marked: false,
            first_time_ms: None,
            index: Index::new(place.offset),
        }
    }

    /// Takes the record that ends at `end`; false if it is not the one that must follow.
    fn record(&mut self, following: u32, end: Place) -> bool {
        if self.following > 0 && following + 1 != self.following {
            return false;
        }
        self.following = following;
        self.begun.push(std::mem::replace(&mut self.next, end));
        if following == 0 {
            self.begun.drain(..).for_each(|place| self.index.note(place));
            self.first_time_ms.get_or_insert(end.time_ms);
            self.place = end;
            self.is_marked = false;
        }
        true
    }

    fn mark(&mut self, end: Place) {
        self.settled = end.position - FRAME_BYTES as u64;
        (self.place, self.next) = (end, end);
        self.is_marked = true;
    }
}

/// A segment file just opened, its header read.
struct SegmentFile {
    path: std::path::PathBuf,
    file: Arc<dyn StorageFile>,
    length: u64,
    header: Result<Header, LogError>,
}

impl SegmentFile {
    fn open(
        storage: &dyn Storage,
        dir: &Path,
        number: u16,
        first_offset: u64,
    ) -> Result<SegmentFile, LogError> {
        let path = dir.join(segment_name(first_offset));
        let file = storage.open(&path).map_err(LogError::io("open", &path))?;
        let length = file.length().map_err(LogError::io("read", &path))?;
        let mut bytes = [0; HEADER_BYTES];
        let read = file.read_full(&mut bytes, 0).map_err(LogError::io("read", &path))?;
        let place = Place { position: 0, offset: first_offset, time_ms: NO_TIME };
        let header = match Header::decode(bytes.get(..read).unwrap_or_default()) {
            Ok(header) if header.partition != number || header.first_offset != first_offset => {
                Err(damaged(&path, place, "its header belongs to another file"))
            }
            Ok(header) => Ok(header),
            Err(HeaderError::UnknownVersion(found)) => {
                Err(LogError::UnknownVersion { path: path.clone(), found, known: VERSION })
            }
            Err(HeaderError::Damaged) => Err(damaged(&path, place, "its header is damaged")),
        };
        Ok(SegmentFile { path, file, length, header })
    }
}
