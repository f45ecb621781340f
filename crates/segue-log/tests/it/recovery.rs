//! Opening after damage: what was never acknowledged goes, what was is never lost silently.

use std::path::{Path, PathBuf};

use segue_log::{Log, LogError};

use crate::{append, first, options, payloads};

const HEADER_BYTES: usize = 32;
const FRAME_BYTES: usize = 28;

/// A log of three records in three rounds; returns its only file.
fn three_records(dir: &Path) -> PathBuf {
    let log = Log::open(dir, options(1 << 20)).unwrap();
    for payload in [b"one", b"two", b"six"] {
        append(&log, payload);
    }
    dir.join("00000/00000000000000000000.log")
}

fn reopen(dir: &Path) -> Result<Vec<Vec<u8>>, LogError> {
    Log::open(dir, options(1 << 20)).map(|log| payloads(&log))
}

#[test]
fn a_tail_cut_at_any_byte_costs_only_what_was_cut() {
    const RECORD_BYTES: usize = FRAME_BYTES + 3;
    const ROUND_BYTES: usize = RECORD_BYTES + FRAME_BYTES;
    let length = HEADER_BYTES + 3 * ROUND_BYTES;
    for cut in 0..=length {
        let dir = tempfile::tempdir().unwrap();
        let file = three_records(dir.path());
        let bytes = std::fs::read(&file).unwrap();
        assert_eq!(bytes.len(), length);
        std::fs::write(&file, &bytes[..cut]).unwrap();
        let whole = (cut + FRAME_BYTES).saturating_sub(HEADER_BYTES) / ROUND_BYTES;
        let expected = [b"one", b"two", b"six"][..whole].iter().map(|payload| payload.to_vec());
        assert_eq!(reopen(dir.path()).unwrap(), expected.collect::<Vec<_>>(), "cut at {cut}");
    }
}

/// Each record was acknowledged and has its mark, so not one bit of them may be lost silently.
#[test]
fn a_flipped_bit_in_an_acknowledged_record_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = three_records(dir.path());
    let bytes = std::fs::read(&file).unwrap();
    for position in HEADER_BYTES..bytes.len() - FRAME_BYTES {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x10;
        std::fs::write(&file, damaged).unwrap();
        match reopen(dir.path()).unwrap_err() {
            LogError::Damaged { path, position: found, .. } => {
                assert_eq!(path, file);
                assert!(found as usize <= position, "{found} is after {position}");
                assert!(position - (found as usize) < FRAME_BYTES + 3, "{found}, {position}");
            }
            error => panic!("{error}"),
        }
    }
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(reopen(dir.path()).unwrap().len(), 3, "refusing has changed nothing");
}

#[test]
fn a_hole_of_zeros_is_no_end() {
    let dir = tempfile::tempdir().unwrap();
    let file = three_records(dir.path());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[HEADER_BYTES + FRAME_BYTES..][..40].fill(0);
    std::fs::write(&file, bytes).unwrap();
    let error = reopen(dir.path()).unwrap_err();
    assert!(matches!(error, LogError::Damaged { offset: 0, .. }), "{error}");
}

#[test]
fn garbage_after_the_end_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let file = three_records(dir.path());
    let mut bytes = std::fs::read(&file).unwrap();
    let whole = bytes.len() as u64;
    bytes.extend(std::iter::repeat_n(0xa5, 10_000));
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(reopen(dir.path()).unwrap().len(), 3);
    assert_eq!(std::fs::metadata(&file).unwrap().len(), whole);
}

/// A payload that holds the bytes of a mark must not make a torn tail look acknowledged.
#[test]
fn a_log_inside_a_log_is_only_payload() {
    let inner = tempfile::tempdir().unwrap();
    let inner = std::fs::read(three_records(inner.path())).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = three_records(dir.path());
    let log = Log::open(dir.path(), options(1 << 20)).unwrap();
    append(&log, &inner);
    drop(log);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - FRAME_BYTES - 1]).unwrap();
    assert_eq!(reopen(dir.path()).unwrap().len(), 3);
}

#[test]
fn an_append_torn_between_its_records_goes_whole() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), options(1 << 20)).unwrap();
    append(&log, b"before");
    first(&log).append(0, &[b"a", b"b", b"c"]).unwrap().wait().unwrap();
    drop(log);
    let file = dir.path().join("00000/00000000000000000000.log");
    let bytes = std::fs::read(&file).unwrap();
    let without_c = bytes.len() - FRAME_BYTES - (FRAME_BYTES + 1);
    std::fs::write(&file, &bytes[..without_c]).unwrap();
    assert_eq!(reopen(dir.path()).unwrap(), [b"before"]);
}

#[test]
fn a_segment_that_was_never_begun_is_removed() {
    for content in [&b""[..], b"SEGUEL", &[0; HEADER_BYTES]] {
        let dir = tempfile::tempdir().unwrap();
        three_records(dir.path());
        let unfinished = dir.path().join("00000/00000000000000000003.log");
        std::fs::write(&unfinished, content).unwrap();
        let log = Log::open(dir.path(), options(1 << 20)).unwrap();
        assert!(!unfinished.exists());
        assert_eq!(append(&log, b"ten"), 3);
    }
}

#[test]
fn closed_segments_must_reach_to_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), options(100)).unwrap();
    for _ in 0..6 {
        append(&log, &[7; 30]);
    }
    drop(log);
    let segment = |offset: u64| dir.path().join(format!("00000/{offset:020}.log"));
    assert!(segment(5).exists(), "one record each");

    let bytes = std::fs::read(segment(2)).unwrap();
    std::fs::write(segment(2), &bytes[..bytes.len() - 1]).unwrap();
    let error = reopen(dir.path()).unwrap_err();
    assert!(matches!(&error, LogError::Damaged { path, .. } if *path == segment(2)), "{error}");
    std::fs::remove_file(segment(2)).unwrap();
    let error = reopen(dir.path()).unwrap_err();
    assert!(matches!(&error, LogError::Damaged { path, .. } if *path == segment(1)), "{error}");
}

#[test]
fn damage_inside_a_closed_segment_stops_every_reader_there() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), options(300)).unwrap();
    for number in 0..9 {
        append(&log, &[number; 30]);
    }
    drop(log);
    let file = dir.path().join("00000/00000000000000000000.log");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[HEADER_BYTES + (FRAME_BYTES + 30 + FRAME_BYTES) + FRAME_BYTES] ^= 1;
    std::fs::write(&file, bytes).unwrap();

    let log = Log::open(dir.path(), options(300)).unwrap();
    let mut reader = first(&log).reader(0);
    assert_eq!(reader.read(usize::MAX).unwrap().len(), 1, "what is before the damage");
    for _ in 0..2 {
        let error = reader.read(usize::MAX).unwrap_err();
        assert!(matches!(&error, LogError::Damaged { path, offset: 1, .. } if *path == file));
        assert_eq!(reader.offset(), 1, "nothing is skipped");
    }
    let error = first(&log).reader(2).read(1).unwrap_err();
    assert!(matches!(error, LogError::Damaged { offset: 1, .. }), "{error}");
    assert_eq!(first(&log).reader(8).read(1).unwrap()[0].payload, [8; 30]);
}

#[test]
fn files_of_another_version_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = three_records(dir.path());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[8] = 2;
    for bytes in [&bytes[..], &bytes[..HEADER_BYTES]] {
        std::fs::write(&file, bytes).unwrap();
        let error = reopen(dir.path()).unwrap_err();
        assert!(matches!(error, LogError::UnknownVersion { found: 2, known: 1, .. }), "{error}");
        assert_eq!(std::fs::read(&file).unwrap(), bytes);
    }
}
