//! The file of an export.
//!
//! ```text
//! zstd stream, with its checksum, of:
//!   magic "SEGUEEXP" | version u16 = 3
//!   frames: tag u8 | length u32 | bytes                                        little-endian
//!     'h'  JSON {"applied", "ends", "createdAt", "profiles", "ids"}            once, first
//!     'f'  a file: length of its path u32 | path | bytes
//!     'e'  an entry of the checkpoint: length of the key u32 | key | value     in order of keys
//!     'i'  an `_id`: hash u128 | position u64 | until i64                       in order
//!     'l'  JSON {"path", "partitions": [{"start", "end", "floorMs"}]}: a log, whose records follow
//!     'r'  a record of it: partition u16 | offset u64 | time i64 | is erased u8 | bytes   in order
//!     'z'  JSON {"frames", "sha256"}: how many there were, and the hash of all
//!          before this one                                                     once, last
//! ```
//! Paths are those below the data directory, with `/`.

use std::io::{self, Read, Write};

use segue_core::SeenId;
use segue_log::{LogRecord, MAX_PAYLOAD_BYTES};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::frame::{End, Frame, Header, LogHeader, tag};
use crate::ids;

const MAGIC: &[u8; 8] = b"SEGUEEXP";
const VERSION: u16 = 3;

/// Like it, but `_id`s are entries, each one.
const VERSION_WITH_SINGLE_IDS: u16 = 2;

/// Longest frame: a record with what stands beside it, or an entry made of one.
const FRAME_BYTES_MAX: usize = 2 * MAX_PAYLOAD_BYTES;

/// Why a file cannot be written or imported.
#[derive(Debug, Error)]
pub enum BackupError {
    /// It cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("this is no export of Segue")]
    Foreign,
    /// Another version of Segue wrote it.
    #[error(
        "the export has format version {found}, this program reads versions \
         {VERSION_WITH_SINGLE_IDS} and {VERSION}: \
         use the version of Segue that wrote it, or export again with this one"
    )]
    UnknownVersion {
        /// The version in it.
        found: u16,
    },
    /// It is not what was written.
    #[error("the export is damaged or cut short: {0}; export again, or take another copy")]
    Damaged(String),
    /// The directory that it is to become is in use.
    #[error("{0}")]
    Target(String),
    /// What is in it cannot be written there.
    #[error("cannot write the data directory: {0}")]
    Data(String),
}

/// Writes frames.
pub(super) struct Writer<W: Write> {
    out: zstd::Encoder<'static, W>,
    hash: Sha256,
    frames: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> io::Result<Writer<W>> {
        let mut out = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
        out.include_checksum(true)?;
        let mut writer = Writer { out, hash: Sha256::new(), frames: 0 };
        writer.put(MAGIC)?;
        writer.put(&VERSION.to_le_bytes())?;
        Ok(writer)
    }

    pub(super) fn header(&mut self, header: &Header) -> io::Result<()> {
        self.frame(tag::HEADER, &[header.encode().as_bytes()])
    }

    pub(super) fn file(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.pair(tag::FILE, path.as_bytes(), bytes)
    }

    pub(super) fn entry(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.pair(tag::ENTRY, key, value)
    }

    pub(super) fn id(&mut self, id: &SeenId) -> io::Result<()> {
        self.frame(tag::ID, &[&ids::encode(id)])
    }

    pub(super) fn log(&mut self, log: &LogHeader) -> io::Result<()> {
        self.frame(tag::LOG, &[log.encode().as_bytes()])
    }

    pub(super) fn record(&mut self, partition: u16, record: &LogRecord) -> io::Result<()> {
        let LogRecord { offset, time_ms, payload, is_erased } = record;
        let (partition, offset) = (partition.to_le_bytes(), offset.to_le_bytes());
        let (time, is_erased) = (time_ms.to_le_bytes(), [u8::from(*is_erased)]);
        self.frame(tag::RECORD, &[&partition, &offset, &time, &is_erased, payload])
    }

    /// Writes the end; gives what is behind.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let end = End { frames: self.frames, sha256: hex(self.hash.clone()) };
        self.frame(tag::END, &[end.encode().as_bytes()])?;
        self.out.finish()
    }

    fn pair(&mut self, tag: u8, first: &[u8], second: &[u8]) -> io::Result<()> {
        let length = u32::try_from(first.len()).map_err(io::Error::other)?;
        self.frame(tag, &[&length.to_le_bytes(), first, second])
    }

    fn frame(&mut self, tag: u8, parts: &[&[u8]]) -> io::Result<()> {
        self.frames += 1;
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        let length = u32::try_from(bytes).map_err(io::Error::other)?;
        self.put(&[tag])?;
        self.put(&length.to_le_bytes())?;
        parts.iter().try_for_each(|part| self.put(part))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }
}

/// Reads frames, and checks that they are those that were written.
pub(super) struct Reader<'a> {
    input: zstd::Decoder<'static, io::BufReader<&'a mut dyn Read>>,
    hash: Sha256,
    frames: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a mut dyn Read) -> Result<Reader<'a>, BackupError> {
        let input = zstd::Decoder::new(input)?;
        let mut reader = Reader { input, hash: Sha256::new(), frames: 0 };
        let magic = reader.take(MAGIC.len()).map_err(|_| BackupError::Foreign)?;
        if magic != MAGIC {
            return Err(BackupError::Foreign);
        }
        match u16::from_le_bytes(reader.array()?) {
            VERSION_WITH_SINGLE_IDS | VERSION => Ok(reader),
            found => Err(BackupError::UnknownVersion { found }),
        }
    }

    /// The next frame.
    pub(super) fn next(&mut self) -> Result<Frame, BackupError> {
        let hash = self.hash.clone();
        let [tag] = self.array()?;
        let length = u32::from_le_bytes(self.array()?) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(BackupError::Damaged(format!("a frame of {length} bytes")));
        }
        let bytes = self.take(length)?;
        let shown = char::from(tag).escape_default();
        let damaged = || BackupError::Damaged(format!("a frame {shown} cannot be read"));
        let frame = Frame::decode(tag, &bytes).ok_or_else(damaged)?;
        if let Frame::End(end) = &frame {
            if *end != (End { frames: self.frames, sha256: hex(hash) }) {
                return Err(BackupError::Damaged("its end belongs to another".to_owned()));
            }
            self.expect_nothing()?;
        }
        self.frames += 1;
        Ok(frame)
    }

    /// Reads to the end, where the stream's own checksum is.
    fn expect_nothing(&mut self) -> Result<(), BackupError> {
        match self.input.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(BackupError::Damaged("something follows its end".to_owned())),
            Err(error) => Err(BackupError::Damaged(error.to_string())),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn take(&mut self, length: usize) -> Result<Vec<u8>, BackupError> {
        let mut bytes = vec![0; length];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), BackupError> {
        self.input.read_exact(bytes).map_err(|error| BackupError::Damaged(error.to_string()))?;
        self.hash.update(bytes);
        Ok(())
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use segue_xdm::Timestamp;

    use super::super::frame::Span;
    use super::*;

    fn written() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        writer.header(&header()).unwrap();
        writer.file("a/cursor.json", b"{}").unwrap();
        writer.entry(b"key", b"value").unwrap();
        writer.id(&id()).unwrap();
        writer.log(&log()).unwrap();
        writer.record(0, &record(3, b"message")).unwrap();
        writer.record(1, &LogRecord { is_erased: true, ..record(4, b"") }).unwrap();
        writer.finish().unwrap()
    }

    fn header() -> Header {
        let ends = [("hub".to_owned(), vec![4, 5])].into();
        Header { applied: 5, ends, created_at: "now".into(), profiles: 1, ids: 1 }
    }

    fn id() -> SeenId {
        SeenId { hash: u128::MAX - 1, position: 4, until: Timestamp::from_millis(-7) }
    }

    fn log() -> LogHeader {
        let span = |start| Span { start, end: start + 1, floor_ms: Some(7) };
        LogHeader { path: "a/log".into(), partitions: vec![span(3), span(4)] }
    }

    fn record(offset: u64, payload: &[u8]) -> LogRecord {
        LogRecord { offset, time_ms: 7, payload: payload.to_vec(), is_erased: false }
    }

    fn read(mut bytes: &[u8]) -> Result<Vec<Frame>, BackupError> {
        let mut reader = Reader::new(&mut bytes)?;
        let mut frames = Vec::new();
        loop {
            match reader.next()? {
                Frame::End(_) => return Ok(frames),
                frame => frames.push(frame),
            }
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let expected = [
            Frame::Header(header()),
            Frame::File { path: "a/cursor.json".into(), bytes: b"{}".to_vec() },
            Frame::Entry { key: b"key".to_vec(), value: b"value".to_vec() },
            Frame::Id(id()),
            Frame::Log(log()),
            Frame::Record { partition: 0, record: record(3, b"message") },
            Frame::Record { partition: 1, record: LogRecord { is_erased: true, ..record(4, b"") } },
        ];
        assert_eq!(read(&written()).unwrap(), expected);
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_noticed() {
        let whole = written();
        for length in 0..whole.len() {
            assert!(read(&whole[..length]).is_err(), "cut to {length}");
        }
        let expected = read(&whole).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            // A bit of zstd's own header may mean nothing.
            assert!(read(&bytes).map_or(true, |frames| frames == expected), "bit {bit}");
        }
    }

    #[test]
    fn other_files_and_versions_are_refused() {
        let compressed = |bytes: &[u8]| zstd::encode_all(bytes, 0).unwrap();
        assert!(matches!(read(b"PK"), Err(BackupError::Foreign)));
        assert!(matches!(read(&compressed(b"something else")), Err(BackupError::Foreign)));
        for found in [1, 4] {
            let other = compressed(&[MAGIC.as_slice(), &[found, 0]].concat());
            let found = u16::from(found);
            let refused = read(&other);
            let unknown = BackupError::UnknownVersion { found };
            assert_eq!(refused.unwrap_err().to_string(), unknown.to_string());
        }
    }
}
