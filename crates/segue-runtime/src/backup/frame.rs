//! The frames of an export: what each holds, and as which bytes.

use segue_core::SeenId;
use segue_log::LogRecord;
use serde_json::{Value, json};

use crate::activation_log::LogEnds;
use crate::ids;

/// What is in one frame.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Frame {
    Header(Header),
    File { path: String, bytes: Vec<u8> },
    Entry { key: Vec<u8>, value: Vec<u8> },
    Id(SeenId),
    Log(LogHeader),
    Record { partition: u16, record: LogRecord },
    End(End),
}

/// Which moment an export is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Header {
    /// Position after the last input in it.
    pub(super) applied: u64,
    /// Where the activation logs end in it.
    pub(super) ends: LogEnds,
    pub(super) created_at: String,
    pub(super) profiles: u64,
    /// Ids that follow, at most.
    pub(super) ids: u64,
}

/// A log whose records follow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct LogHeader {
    /// Its directory below the data directory.
    pub(super) path: String,
    /// Its partitions, by number.
    pub(super) partitions: Vec<Span>,
}

/// Which records of a partition are there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
    /// A time that is not after that of any record from `start` on; none when there was never one.
    pub(super) floor_ms: Option<i64>,
}

/// What there was before the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct End {
    pub(super) frames: u64,
    pub(super) sha256: String,
}

/// What a frame begins with.
pub(super) mod tag {
    pub(in crate::backup) const HEADER: u8 = b'h';
    pub(in crate::backup) const FILE: u8 = b'f';
    pub(in crate::backup) const ENTRY: u8 = b'e';
    pub(in crate::backup) const ID: u8 = b'i';
    pub(in crate::backup) const LOG: u8 = b'l';
    pub(in crate::backup) const RECORD: u8 = b'r';
    pub(in crate::backup) const END: u8 = b'z';
}

impl Frame {
    /// Reads a frame; none if it makes no sense.
    pub(super) fn decode(tag: u8, bytes: &[u8]) -> Option<Frame> {
        match tag {
            tag::HEADER => Header::decode(bytes).map(Frame::Header),
            tag::FILE => {
                let (path, bytes) = split(bytes)?;
                let path = String::from_utf8(path.to_vec()).ok()?;
                Some(Frame::File { path, bytes: bytes.to_vec() })
            }
            tag::ENTRY => {
                let (key, value) = split(bytes)?;
                Some(Frame::Entry { key: key.to_vec(), value: value.to_vec() })
            }
            tag::ID => ids::decode(bytes).map(Frame::Id),
            tag::LOG => LogHeader::decode(bytes).map(Frame::Log),
            tag::RECORD => decode_record(bytes),
            tag::END => End::decode(bytes).map(Frame::End),
            _ => None,
        }
    }
}

impl Header {
    pub(super) fn encode(&self) -> String {
        let Header { applied, ends, created_at, profiles, ids } = self;
        let header = json!({
            "applied": applied, "ends": ends, "createdAt": created_at, "profiles": profiles,
            "ids": ids,
        });
        header.to_string()
    }

    fn decode(bytes: &[u8]) -> Option<Header> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        Some(Header {
            applied: value.get("applied")?.as_u64()?,
            ends: serde_json::from_value(value.get("ends")?.clone()).ok()?,
            created_at: value.get("createdAt")?.as_str()?.to_owned(),
            profiles: value.get("profiles")?.as_u64()?,
            ids: value.get("ids").map_or(Some(0), Value::as_u64)?,
        })
    }
}

impl Span {
    fn to_value(&self) -> Value {
        let Span { start, end, floor_ms } = self;
        json!({"start": start, "end": end, "floorMs": floor_ms})
    }
}

impl LogHeader {
    pub(super) fn encode(&self) -> String {
        let partitions: Vec<Value> = self.partitions.iter().map(Span::to_value).collect();
        json!({"path": self.path, "partitions": partitions}).to_string()
    }

    fn decode(bytes: &[u8]) -> Option<LogHeader> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let span = |value: &Value| {
            Some(Span {
                start: value.get("start")?.as_u64()?,
                end: value.get("end")?.as_u64()?,
                floor_ms: value.get("floorMs")?.as_i64(),
            })
        };
        Some(LogHeader {
            path: value.get("path")?.as_str()?.to_owned(),
            partitions: value
                .get("partitions")?
                .as_array()?
                .iter()
                .map(span)
                .collect::<Option<_>>()?,
        })
    }
}

impl End {
    pub(super) fn encode(&self) -> String {
        json!({"frames": self.frames, "sha256": self.sha256}).to_string()
    }

    fn decode(bytes: &[u8]) -> Option<End> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        Some(End {
            frames: value.get("frames")?.as_u64()?,
            sha256: value.get("sha256")?.as_str()?.to_owned(),
        })
    }
}

fn decode_record(bytes: &[u8]) -> Option<Frame> {
    let (partition, rest) = bytes.split_first_chunk::<2>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (is_erased, payload) = rest.split_first()?;
    let record = LogRecord {
        offset: u64::from_le_bytes(*offset),
        time_ms: i64::from_le_bytes(*time),
        is_erased: *is_erased != 0,
        payload: payload.to_vec(),
    };
    Some(Frame::Record { partition: u16::from_le_bytes(*partition), record })
}

/// What has its length before it, and the rest.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}
