//! The bytes on disk. Everything is little-endian; this module does no I/O.
//!
//! ```text
//! DIR/LOCK                               held while the log is open
//! DIR/00000/                             partition 0
//! DIR/00000/00000000000000000000.log     its first segment: records from offset 0
//! DIR/00000/00000000000000004711.log     the next one: records from offset 4711; …
//!
//! segment   ┌────────┬───────┬───────┬───┬───────┬───────┬───────┬───┬───────┬───┬ …
//!           │ header │ frame │ frame │ M │ frame │ frame │ frame │ M │ frame │ M │
//!           └────────┴───────┴───────┴───┴───────┴───────┴───────┴───┴───────┴───┴ …
//!                    └─ round 1 ─────┘   └─ round 2 ─────────────┘   └─ 3 ───┘
//!
//! header    magic      version  partition  first_offset  floor_time_ms  crc32c
//! 32 bytes  "SEGUELOG" u16 = 1  u16        u64           i64            u32 of all before
//!
//! frame     crc32c  length  following  offset  time_ms  payload
//! 28 bytes  u32     u32     u32        u64     i64      `length` bytes
//! + payload └─ of all that follows it
//! ```
//!
//! - `crc32c` is CRC-32C (Castagnoli), RFC 3720 B.4.
//! - `floor_time_ms` is the time of the last record before the segment (`NO_TIME` if none), so
//!   times stay monotone, and a segment's time range known, after older segments are gone.
//! - `following` counts the records of the same append that come after this one: an append whose
//!   last frame (0) is missing was never acknowledged and is cut off whole.
//! - `M` is a **mark**: a frame without payload whose `following` is `u32::MAX`, whose `offset` is
//!   that of the next record and whose `time_ms` holds its own position in the file. It is written
//!   *after* the sync of the round before it. So a mark proves that every byte before it was
//!   durable, and this tells damage from a crash: a bad frame with a mark anywhere behind it was
//!   acknowledged once (an error), one without is the torn tail of the last round (cut off).
//!   Its own position is in it so that a payload that holds a copy of a mark is not taken for one.
//! - A closed segment ends with a mark, synced before the next segment is created.
//! - The highest bit of `length` says that the record is **erased**: it stands where it stood, as
//!   long as it was and with the same time, but each byte of its payload is zero. So nothing else
//!   in the file moves, and an erased record has a checksum that fits: it is no damage.
//! - `FIRST_OFFSET.log.erasing` is a copy of a segment in the making, from which records are
//!   erased. It takes the segment's place when it is whole; one that a crash left is removed.

/// Bytes of a segment's header.
pub(crate) const HEADER_BYTES: usize = 32;
/// Bytes of a frame without its payload; also the size of a mark.
pub(crate) const FRAME_BYTES: usize = 28;
/// The version that this module writes and the only one that it reads.
pub(crate) const VERSION: u16 = 1;
/// "No record yet", before the first.
pub(crate) const NO_TIME: i64 = i64::MIN;

const MAGIC: &[u8; 8] = b"SEGUELOG";
const MARK: u32 = u32::MAX;
const ERASED: u32 = 1 << 31;
const UNFINISHED: &str = ".erasing";

/// What a segment says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) partition: u16,
    pub(crate) first_offset: u64,
    pub(crate) floor_time_ms: i64,
}

/// Why 32 bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeaderError {
    /// Not the magic bytes, too few, or a checksum that differs.
    Damaged,
    /// A header of another version.
    UnknownVersion(u16),
}

impl Header {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.partition.to_le_bytes());
        bytes.extend_from_slice(&self.first_offset.to_le_bytes());
        bytes.extend_from_slice(&self.floor_time_ms.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Header, HeaderError> {
        let mut fields = Fields(bytes);
        let magic = fields.take::<8>().ok_or(HeaderError::Damaged)?;
        let version = fields.u16().ok_or(HeaderError::Damaged)?;
        if magic == *MAGIC && version != VERSION {
            return Err(HeaderError::UnknownVersion(version));
        }
        let header = (|| {
            Some(Header {
                partition: fields.u16()?,
                first_offset: fields.u64()?,
                floor_time_ms: fields.i64()?,
            })
        })();
        // Encoding again covers magic, version and checksum at once.
        header
            .filter(|header| bytes.get(..HEADER_BYTES) == Some(&header.encode()))
            .ok_or(HeaderError::Damaged)
    }
}

/// A frame without its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    crc: u32,
    /// Of the payload, and whether it is erased.
    length: u32,
    following: u32,
    pub(crate) offset: u64,
    time_ms: i64,
}

/// The two things that a frame can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    Record { time_ms: i64, following: u32 },
    Mark { position: u64 },
}

impl Frame {
    /// Appends a whole record to `bytes`. The payload is within
    /// [`MAX_PAYLOAD_BYTES`](crate::MAX_PAYLOAD_BYTES).
    pub(crate) fn encode_record(
        bytes: &mut Vec<u8>,
        offset: u64,
        time_ms: i64,
        following: u32,
        payload: &[u8],
    ) {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        Frame { crc: 0, length, following, offset, time_ms }.encode(bytes, payload);
    }

    /// A mark that stands at `position` and before the record `next_offset`.
    pub(crate) fn encode_mark(next_offset: u64, position: u64) -> Vec<u8> {
        let time_ms = position.cast_signed();
        let frame = Frame { crc: 0, length: 0, following: MARK, offset: next_offset, time_ms };
        let mut bytes = Vec::with_capacity(FRAME_BYTES);
        frame.encode(&mut bytes, &[]);
        bytes
    }

    /// The record of this frame without its payload, which is as long as it was.
    pub(crate) fn encode_erased(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FRAME_BYTES + self.payload_bytes());
        let frame = Frame { length: self.length | ERASED, ..*self };
        frame.encode(&mut bytes, &vec![0; self.payload_bytes()]);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Frame> {
        let mut fields = Fields(bytes);
        Some(Frame {
            crc: fields.u32()?,
            length: fields.u32()?,
            following: fields.u32()?,
            offset: fields.u64()?,
            time_ms: fields.i64()?,
        })
    }

    /// Length of the payload.
    pub(crate) fn payload_bytes(&self) -> usize {
        (self.length & !ERASED) as usize
    }

    /// Whether the payload was erased.
    pub(crate) fn is_erased(&self) -> bool {
        self.length & ERASED != 0
    }

    /// Whether the checksum fits this frame and payload.
    pub(crate) fn is_intact(&self, payload: &[u8]) -> bool {
        self.crc == self.checksum(payload)
    }

    pub(crate) fn kind(&self) -> FrameKind {
        match self.following {
            MARK => FrameKind::Mark { position: self.time_ms.cast_unsigned() },
            following => FrameKind::Record { time_ms: self.time_ms, following },
        }
    }

    /// Whether this is an intact mark that stands at `position`.
    pub(crate) fn is_mark_at(&self, position: u64) -> bool {
        self.kind() == FrameKind::Mark { position } && self.length == 0 && self.is_intact(&[])
    }

    fn encode(&self, bytes: &mut Vec<u8>, payload: &[u8]) {
        bytes.extend_from_slice(&self.checksum(payload).to_le_bytes());
        bytes.extend_from_slice(self.covered().as_flattened());
        bytes.extend_from_slice(payload);
    }

    fn checksum(&self, payload: &[u8]) -> u32 {
        crc32c::crc32c_append(crc32c::crc32c(self.covered().as_flattened()), payload)
    }

    /// The fields that the checksum covers, as on disk.
    fn covered(&self) -> [[u8; 8]; 3] {
        let lengths = u64::from(self.length) | u64::from(self.following) << 32;
        [lengths.to_le_bytes(), self.offset.to_le_bytes(), self.time_ms.to_le_bytes()]
    }
}

/// File name of the segment whose first record is `first_offset`.
pub(crate) fn segment_name(first_offset: u64) -> String {
    format!("{first_offset:020}.log")
}

/// The first offset of a segment file, or `None` if the name is not one of ours.
pub(crate) fn parse_segment_name(name: &str) -> Option<u64> {
    let first_offset = name.strip_suffix(".log")?.parse().ok()?;
    (segment_name(first_offset) == name).then_some(first_offset)
}

/// File name of the copy that is to take the place of a segment.
pub(crate) fn unfinished_name(first_offset: u64) -> String {
    segment_name(first_offset) + UNFINISHED
}

/// Whether a file is such a copy.
pub(crate) fn is_unfinished(name: &str) -> bool {
    name.strip_suffix(UNFINISHED).is_some_and(|segment| parse_segment_name(segment).is_some())
}

/// Directory name of a partition.
pub(crate) fn partition_name(number: u16) -> String {
    format!("{number:05}")
}

/// The number of a partition directory, or `None` if the name is not one of ours.
pub(crate) fn parse_partition_name(name: &str) -> Option<u16> {
    let number = name.parse().ok()?;
    (partition_name(number) == name).then_some(number)
}

/// Takes fixed-size fields from the front of some bytes.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes of version 1. If this fails, files that exist can no longer be read.
    #[test]
    fn layout_is_pinned() {
        let header = Header { partition: 2, first_offset: 3, floor_time_ms: 4 };
        let mut expected = b"SEGUELOG\x01\0\x02\0\x03\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0".to_vec();
        expected.extend(crc32c::crc32c(&expected).to_le_bytes());
        assert_eq!(header.encode(), expected);

        let mut frame = Vec::new();
        Frame::encode_record(&mut frame, 5, 6, 7, b"payload");
        let covered = b"\x07\0\0\0\x07\0\0\0\x05\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0payload";
        assert_eq!(frame[4..], covered[..]);
        assert_eq!(frame[..4], crc32c::crc32c(covered).to_le_bytes());
    }

    #[test]
    fn erased_keeps_all_but_the_payload() {
        let mut bytes = Vec::new();
        Frame::encode_record(&mut bytes, 5, 6, 7, b"payload");
        let frame = Frame::decode(&bytes).unwrap();
        let erased = frame.encode_erased();
        assert_eq!(erased.len(), bytes.len());
        assert_eq!(erased[4..8], b"\x07\0\0\x80"[..]);
        assert_eq!(erased[8..28], bytes[8..28]);
        assert_eq!(erased[28..], [0; 7]);
        let erased_frame = Frame::decode(&erased).unwrap();
        assert!(erased_frame.is_intact(&[0; 7]) && erased_frame.is_erased() && !frame.is_erased());
        assert_eq!(erased_frame.kind(), frame.kind());
        assert_eq!(erased_frame.encode_erased(), erased, "and once more changes nothing");
    }

    /// RFC 3720 B.4: the checksum is Castagnoli's, not that of zip and PNG.
    #[test]
    fn checksum_is_castagnoli() {
        assert_eq!(crc32c::crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn header_round_trips_and_every_flipped_bit_is_seen() {
        let header = Header { partition: 9, first_offset: u64::MAX, floor_time_ms: NO_TIME };
        let bytes = header.encode();
        assert_eq!(Header::decode(&bytes), Ok(header));
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&bytes).is_err(), "bit {bit}");
        }
        assert_eq!(Header::decode(&bytes[..31]), Err(HeaderError::Damaged));
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = Header { partition: 0, first_offset: 0, floor_time_ms: 0 }.encode();
        bytes[8] = 2;
        assert_eq!(Header::decode(&bytes), Err(HeaderError::UnknownVersion(2)));
    }

    #[test]
    fn names_round_trip_and_foreign_ones_are_left_alone() {
        assert_eq!(parse_segment_name(&segment_name(4711)), Some(4711));
        assert_eq!(parse_partition_name(&partition_name(12)), Some(12));
        for foreign in ["", "1.log", "+0000000000000000001.log", "00000000000000000001.log.bak"] {
            assert_eq!(parse_segment_name(foreign), None, "{foreign}");
        }
        assert_eq!(parse_partition_name("lost+found"), None);
        assert!(is_unfinished(&unfinished_name(4711)) && !is_unfinished("a.erasing"));
        assert_eq!(parse_segment_name(&unfinished_name(4711)), None);
    }
}
