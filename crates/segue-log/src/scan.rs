//! The one walk over the frames of a segment file: buffered, and suspicious of every byte.
//!
//! Reading, recovery, indexing and seeking all go through [`Scanner`], so that a record is checked
//! in one place: length, checksum, offset, time.

use std::io;
use std::sync::Arc;

use crate::format::{FRAME_BYTES, Frame, FrameKind};
use crate::options::MAX_PAYLOAD_BYTES;
use crate::storage::StorageFile;

/// How much is read at once. Large enough to stream, small enough for a thousand idle readers,
/// which only allocate what there is to read.
const READ_BYTES: usize = 256 << 10;

/// How much is read first: mostly enough for one record that was sought by its offset.
const FIRST_READ_BYTES: usize = 8 << 10;

/// What stands at the scanner's position.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    Record(ScannedRecord<'a>),
    /// A mark, passed over: all before it was durable.
    Mark,
    /// The limit, exactly after a frame.
    End,
    /// Not a frame that belongs here. The scanner stays where it is.
    Damaged(&'static str),
}

/// A record that was found intact.
#[derive(Debug)]
pub(crate) struct ScannedRecord<'a> {
    pub(crate) offset: u64,
    pub(crate) time_ms: i64,
    /// Records of the same append after this one.
    pub(crate) following: u32,
    /// Nothing, if it was erased.
    pub(crate) payload: &'a [u8],
    /// The frame that it came in.
    pub(crate) frame: Frame,
}

/// A place between two frames of a segment, and what is known there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Byte position in the file.
    pub(crate) position: u64,
    /// Offset of the next record.
    pub(crate) offset: u64,
    /// Time of the record before, which the next cannot precede.
    pub(crate) time_ms: i64,
}

/// Walks the frames of one file from a place on.
pub(crate) struct Scanner {
    file: Arc<dyn StorageFile>,
    place: Place,
    limit: u64,
    /// Records before this offset are passed over, and their bytes are not looked at.
    sought: u64,
    /// What was read ahead; `buffer[consumed]` is the byte at `place.position`.
    buffer: Vec<u8>,
    consumed: usize,
}

impl Scanner {
    /// Begins at `place`; nothing at or after byte `limit` is read.
    pub(crate) fn new(file: Arc<dyn StorageFile>, place: Place, limit: u64) -> Scanner {
        Scanner { file, place, limit, sought: 0, buffer: Vec::new(), consumed: 0 }
    }

    /// The same, for somebody who has no use for the records before an offset.
    pub(crate) fn seeking(self, offset: u64) -> Scanner {
        Scanner { sought: offset, ..self }
    }

    /// Where the next step begins.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Moves the limit further, as the file has grown.
    pub(crate) fn extend_to(&mut self, limit: u64) {
        self.limit = self.limit.max(limit);
    }

    /// Checks the next frame and moves past it.
    pub(crate) fn step(&mut self) -> io::Result<Step<'_>> {
        if self.place.position >= self.limit {
            return Ok(Step::End);
        }
        self.fill(FRAME_BYTES)?;
        let Some(frame) = Frame::decode(self.unread()) else {
            return Ok(Step::Damaged("the frame is cut short"));
        };
        let length = frame.payload_bytes();
        if length > MAX_PAYLOAD_BYTES {
            return Ok(Step::Damaged("its length is over the limit"));
        }
        self.fill(FRAME_BYTES + length)?;
        let range = self.consumed + FRAME_BYTES..self.consumed + FRAME_BYTES + length;
        let Some(payload) = self.buffer.get(range) else {
            return Ok(Step::Damaged("the frame is cut short"));
        };
        if frame.offset >= self.sought && !frame.is_intact(payload) {
            return Ok(Step::Damaged("its checksum does not fit its bytes"));
        }
        if frame.offset != self.place.offset {
            return Ok(Step::Damaged("another offset stands there"));
        }

        let position = self.place.position;
        match frame.kind() {
            FrameKind::Mark { .. } if !frame.is_mark_at(position) => {
                Ok(Step::Damaged("a mark stands there that belongs elsewhere"))
            }
            FrameKind::Mark { .. } => {
                self.consumed += FRAME_BYTES;
                self.place.position += FRAME_BYTES as u64;
                Ok(Step::Mark)
            }
            FrameKind::Record { time_ms, .. } if time_ms < self.place.time_ms => {
                Ok(Step::Damaged("its time is before that of the record before it"))
            }
            FrameKind::Record { time_ms, following } => {
                let offset = self.place.offset;
                self.consumed += FRAME_BYTES + length;
                self.place.position += (FRAME_BYTES + length) as u64;
                self.place.offset += 1;
                self.place.time_ms = time_ms;
                let payload = if frame.is_erased() { &[] } else { payload };
                Ok(Step::Record(ScannedRecord { offset, time_ms, following, payload, frame }))
            }
        }
    }

    fn unread(&self) -> &[u8] {
        self.buffer.get(self.consumed..).unwrap_or_default()
    }

    /// Reads until `wanted` bytes are buffered, or all there are before the limit.
    fn fill(&mut self, wanted: usize) -> io::Result<()> {
        let buffered = self.unread().len();
        if buffered >= wanted {
            return Ok(());
        }
        self.buffer.drain(..self.consumed);
        self.consumed = 0;
        let left = usize::try_from(self.limit - self.place.position).unwrap_or(usize::MAX);
        let at_once = if self.buffer.capacity() == 0 { FIRST_READ_BYTES } else { READ_BYTES };
        self.buffer.resize(left.min(wanted.max(at_once)).max(buffered), 0);
        let missing = self.buffer.get_mut(buffered..).unwrap_or_default();
        let read = self.file.read_full(missing, self.place.position + buffered as u64)?;
        self.buffer.truncate(buffered + read);
        Ok(())
    }
}

/// The position of the first mark at or after `from` that could belong to records after `offset`,
/// found by looking at every byte.
pub(crate) fn find_mark(
    file: &dyn StorageFile,
    from: u64,
    limit: u64,
    offset: u64,
) -> io::Result<Option<u64>> {
    let mut buffer = vec![0; READ_BYTES];
    let mut position = from;
    while position < limit {
        let left = usize::try_from(limit - position).unwrap_or(usize::MAX).min(READ_BYTES);
        let window = buffer.get_mut(..left).unwrap_or_default();
        let read = file.read_full(window, position)?;
        if read < FRAME_BYTES {
            break;
        }
        for (distance, bytes) in window.windows(FRAME_BYTES).enumerate() {
            let here = position + distance as u64;
            let mark = Frame::decode(bytes).filter(|frame| frame.is_mark_at(here));
            if mark.is_some_and(|mark| mark.offset >= offset) {
                return Ok(Some(here));
            }
        }
        // The next window begins with the bytes that were too few to be looked at here.
        position += (read - FRAME_BYTES + 1) as u64;
    }
    Ok(None)
}
