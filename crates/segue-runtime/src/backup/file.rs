//! The file of an export.
//!
//! ```text
//! zstd stream, with its checksum, of:
//!   magic "SEGUEEXP" | version u16 = 1
//!   frames: tag u8 | length u32 | bytes                                        little-endian
//!     'h'  JSON {"applied", "start", "floorMs", "createdAt", "profiles"}       once, first
//!     'e'  an entry of the checkpoint: length of the key u32 | key | value     in order of keys
//!     'i'  an input: position u64 | time i64 | is erased u8 | bytes            in order
//!     'z'  JSON {"entries", "inputs", "sha256"}: how many there were, and the
//!          hash of all before this frame                                       once, last
//! ```

use std::io::{self, Read, Write};

use segue_log::MAX_PAYLOAD_BYTES;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use thiserror::Error;

const MAGIC: &[u8; 8] = b"SEGUEEXP";
const VERSION: u16 = 1;

/// Longest frame: an input with what stands beside it, or an entry made of one.
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
        "the export has format version {found}, this program reads version {VERSION}: \
         use the program that wrote it, or a newer one"
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

/// What is in one frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Frame {
    Header(Header),
    Entry { key: Vec<u8>, value: Vec<u8> },
    Input { position: u64, time_ms: i64, is_erased: bool, payload: Vec<u8> },
    End,
}

/// Which moment an export is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    /// Position after the last input in it.
    pub(super) applied: u64,
    /// Position of the first input in it.
    pub(super) start: u64,
    /// A time that is not after that of any input from `start` on; none when there was never one.
    pub(super) floor_ms: Option<i64>,
    pub(super) created_at: String,
    pub(super) profiles: u64,
}

/// Writes frames.
pub(super) struct Writer<W: Write> {
    out: zstd::Encoder<'static, W>,
    hash: Sha256,
    entries: u64,
    inputs: u64,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(out: W) -> io::Result<Writer<W>> {
        let mut out = zstd::Encoder::new(out, zstd::DEFAULT_COMPRESSION_LEVEL)?;
        out.include_checksum(true)?;
        let mut writer = Writer { out, hash: Sha256::new(), entries: 0, inputs: 0 };
        writer.put(MAGIC)?;
        writer.put(&VERSION.to_le_bytes())?;
        Ok(writer)
    }

    pub(super) fn header(&mut self, header: &Header) -> io::Result<()> {
        let Header { applied, start, floor_ms, created_at, profiles } = header;
        let header = json!({
            "applied": applied, "start": start, "floorMs": floor_ms, "createdAt": created_at,
            "profiles": profiles,
        });
        self.frame(b'h', &[header.to_string().as_bytes()])
    }

    pub(super) fn entry(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.entries += 1;
        let length = u32::try_from(key.len()).map_err(io::Error::other)?;
        self.frame(b'e', &[&length.to_le_bytes(), key, value])
    }

    pub(super) fn input(
        &mut self,
        position: u64,
        time_ms: i64,
        is_erased: bool,
        payload: &[u8],
    ) -> io::Result<()> {
        self.inputs += 1;
        let (position, time) = (position.to_le_bytes(), time_ms.to_le_bytes());
        self.frame(b'i', &[&position, &time, &[u8::from(is_erased)], payload])
    }

    /// Writes the end; gives what is behind.
    pub(super) fn finish(mut self) -> io::Result<W> {
        let sha256 = hex(self.hash.clone());
        let end = json!({"entries": self.entries, "inputs": self.inputs, "sha256": sha256});
        self.frame(b'z', &[end.to_string().as_bytes()])?;
        self.out.finish()
    }

    fn frame(&mut self, tag: u8, parts: &[&[u8]]) -> io::Result<()> {
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
    entries: u64,
    inputs: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(input: &'a mut dyn Read) -> Result<Reader<'a>, BackupError> {
        let input = zstd::Decoder::new(input)?;
        let mut reader = Reader { input, hash: Sha256::new(), entries: 0, inputs: 0 };
        let magic = reader.take(MAGIC.len()).map_err(|_| BackupError::Foreign)?;
        if magic != MAGIC {
            return Err(BackupError::Foreign);
        }
        match u16::from_le_bytes(reader.array()?) {
            VERSION => Ok(reader),
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
        let frame = match tag {
            b'h' => read_header(&bytes).map(Frame::Header),
            b'e' => read_entry(&bytes),
            b'i' => read_input(&bytes),
            b'z' if self.is_end(&bytes, hash) => {
                self.expect_nothing()?;
                Some(Frame::End)
            }
            _ => None,
        };
        match frame {
            Some(Frame::Entry { .. }) => self.entries += 1,
            Some(Frame::Input { .. }) => self.inputs += 1,
            _ => {}
        }
        let tag = char::from(tag).escape_default();
        frame.ok_or_else(|| BackupError::Damaged(format!("a frame {tag} cannot be read")))
    }

    fn is_end(&self, bytes: &[u8], hash: Sha256) -> bool {
        let sha256 = hex(hash);
        let end = json!({"entries": self.entries, "inputs": self.inputs, "sha256": sha256});
        serde_json::from_slice::<Value>(bytes).is_ok_and(|found| found == end)
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

fn read_header(bytes: &[u8]) -> Option<Header> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    Some(Header {
        applied: value.get("applied")?.as_u64()?,
        start: value.get("start")?.as_u64()?,
        floor_ms: value.get("floorMs")?.as_i64(),
        created_at: value.get("createdAt")?.as_str()?.to_owned(),
        profiles: value.get("profiles")?.as_u64()?,
    })
}

fn read_entry(bytes: &[u8]) -> Option<Frame> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (key, value) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    Some(Frame::Entry { key: key.to_vec(), value: value.to_vec() })
}

fn read_input(bytes: &[u8]) -> Option<Frame> {
    let (position, rest) = bytes.split_first_chunk::<8>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (is_erased, payload) = rest.split_first()?;
    Some(Frame::Input {
        position: u64::from_le_bytes(*position),
        time_ms: i64::from_le_bytes(*time),
        is_erased: *is_erased != 0,
        payload: payload.to_vec(),
    })
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        writer.header(&header()).unwrap();
        writer.entry(b"key", b"value").unwrap();
        writer.input(3, 7, false, b"input").unwrap();
        writer.input(4, 7, true, b"").unwrap();
        writer.finish().unwrap()
    }

    fn header() -> Header {
        Header { applied: 5, start: 3, floor_ms: Some(7), created_at: "now".into(), profiles: 1 }
    }

    fn read(mut bytes: &[u8]) -> Result<Vec<Frame>, BackupError> {
        let mut reader = Reader::new(&mut bytes)?;
        let mut frames = Vec::new();
        loop {
            match reader.next()? {
                Frame::End => return Ok(frames),
                frame => frames.push(frame),
            }
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let frames = read(&written()).unwrap();
        let input = |position, is_erased, payload: &[u8]| Frame::Input {
            position,
            time_ms: 7,
            is_erased,
            payload: payload.to_vec(),
        };
        let entry = Frame::Entry { key: b"key".to_vec(), value: b"value".to_vec() };
        let expected =
            [Frame::Header(header()), entry, input(3, false, b"input"), input(4, true, b"")];
        assert_eq!(frames, expected);
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
        let newer = compressed(b"SEGUEEXP\x02\0");
        assert!(matches!(read(&newer), Err(BackupError::UnknownVersion { found: 2 })));
    }
}
