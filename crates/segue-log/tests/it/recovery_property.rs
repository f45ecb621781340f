//! Whatever bytes stand in a segment file: opening never panics, and what it accepts is stable.
//!
//! Run on random bytes by the proptest below, and on cunning ones by `fuzz/` (target
//! `log_recovery`), which includes this very file.

use std::path::Path;
use std::sync::LazyLock;

use segue_log::simulation::SimulatedDisk;
use segue_log::{Log, LogOptions, LogRecord};

const SEGMENT: &str = "/log/00000/00000000000000000000.log";

/// Holds the property for one input. The first byte chooses: the rest is the file as it is, or a
/// list of edits to a valid one, as random bytes alone hardly ever have a fitting checksum.
pub(crate) fn holds(input: &[u8]) {
    match input.split_first() {
        None => holds_for_file(input),
        Some((choice, rest)) if choice % 2 == 0 => holds_for_file(rest),
        Some((_, rest)) => holds_for_file(&edited(rest)),
    }
}

fn holds_for_file(bytes: &[u8]) {
    let disk = SimulatedDisk::default();
    disk.put(SEGMENT.as_ref(), bytes);
    let Ok(log) = open(&disk) else {
        return;
    };
    let records = read_all(&log);
    drop(log);

    let log = open(&disk).expect("what was opened once opens again");
    assert_eq!(read_all(&log), records, "and is the same");
    let append = log.partition(0).expect("partition 0").append(0, &[b"more"]).expect("room");
    assert_eq!(append.first_offset, records.len() as u64);
    append.wait().expect("the disk works");
    drop(log);

    let log = open(&disk).expect("it still opens after an append");
    let grown = read_all(&log);
    let (last, before) = grown.split_last().expect("the append");
    assert_eq!((last.payload.as_slice(), before), (&b"more"[..], records.as_slice()));
}

fn open(disk: &SimulatedDisk) -> Result<Log, segue_log::LogError> {
    Log::open_on(&disk.host(), Path::new("/log"), LogOptions::default())
}

fn read_all(log: &Log) -> Vec<LogRecord> {
    let mut reader = log.partition(0).expect("partition 0").reader(0);
    reader.read(usize::MAX).expect("what recovery accepted can be read")
}

/// A valid segment, cut and overwritten as the edits say: a length, then positions and bytes.
fn edited(edits: &[u8]) -> Vec<u8> {
    let mut bytes = VALID.clone();
    let Some((length, edits)) = edits.split_first_chunk() else {
        return bytes;
    };
    bytes.truncate(usize::from(u16::from_le_bytes(*length)) % (bytes.len() * 2));
    for edit in edits.chunks_exact(3) {
        let [low, high, value] = [edit[0], edit[1], edit[2]];
        if !bytes.is_empty() {
            let position = usize::from(u16::from_le_bytes([low, high])) % bytes.len();
            bytes[position] = value;
        }
    }
    bytes
}

/// Five appends in four rounds: single, in threes, empty, and two that shared a round.
static VALID: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let disk = SimulatedDisk::default();
    let log = open(&disk).expect("a new log");
    let partition = log.partition(0).expect("partition 0");
    let append = |payloads: &[&[u8]]| partition.append(7, payloads).expect("room");
    append(&[b"alone"]).wait().expect("the disk works");
    append(&[b"one", b"two", b"three"]).wait().expect("the disk works");
    append(&[b""]).wait().expect("the disk works");
    let stall = disk.stall_syncs();
    let shared = [append(&[b"first in the queue"]), append(&[b"second", b"in the queue"])];
    drop(stall);
    shared.into_iter().for_each(|append| append.wait().expect("the disk works"));
    drop(log);
    disk.get(SEGMENT.as_ref())
});

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn holds(
            choice in any::<u8>(),
            length in any::<u16>(),
            rest in prop::collection::vec(any::<u8>(), 0..24),
        ) {
            super::holds(&[&[choice], &length.to_le_bytes()[..], &rest].concat());
        }
    }
}
