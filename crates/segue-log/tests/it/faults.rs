//! A full disk and a failing one: the appender is told, and nothing is left half-done.

use segue_log::simulation::SimulatedDisk;
use segue_log::{Log, LogError};

use crate::{append, first, options, payloads};

fn open(disk: &SimulatedDisk, segment_bytes: u64) -> Log {
    Log::open_on(&disk.host(), "/log".as_ref(), options(segment_bytes)).unwrap()
}

/// Whatever number of bytes still fits, also in the midst of rolling to another segment.
#[test]
fn a_full_disk_refuses_the_append_and_nothing_else() {
    for segment_bytes in [1 << 20, 150] {
        for free_bytes in 0..120 {
            let disk = SimulatedDisk::default();
            let log = open(&disk, segment_bytes);
            append(&log, b"before");
            disk.set_free_bytes(Some(free_bytes));
            let payload = [b'x'; 70];
            let refused = first(&log).append(0, &[&payload]).unwrap().wait();
            let kept = match refused {
                Ok(()) => vec![b"before".to_vec(), payload.to_vec()],
                Err(LogError::Io { .. }) => vec![b"before".to_vec()],
                Err(error) => panic!("{error}"),
            };
            assert_eq!(payloads(&log), kept);

            disk.set_free_bytes(None);
            assert_eq!(append(&log, b"after"), kept.len() as u64, "the offset is free again");
            let kept = [kept, vec![b"after".to_vec()]].concat();
            assert_eq!(payloads(&log), kept);
            drop(log);
            assert_eq!(payloads(&open(&disk, segment_bytes)), kept, "{free_bytes} bytes free");
        }
    }
}

#[test]
fn what_was_queued_behind_a_failed_round_fails_with_it() {
    let disk = SimulatedDisk::default();
    let log = open(&disk, 1 << 20);
    append(&log, b"before");
    let stall = disk.stall_syncs();
    let durable = first(&log).append(0, &[b"durable"]).unwrap();
    stall.wait_until_stalled();
    let together: Vec<_> = (0..3).map(|_| first(&log).append(0, &[b"lost"]).unwrap()).collect();
    disk.set_free_bytes(Some(28 + 40)); // The mark, and a part of the next round.
    drop(stall);
    durable.wait().unwrap();
    for append in together {
        let error = append.wait().unwrap_err();
        assert!(matches!(error, LogError::Io { action: "write", .. }), "{error}");
    }
    disk.set_free_bytes(None);
    append(&log, b"after");
    assert_eq!(payloads(&log), [&b"before"[..], b"durable", b"after"]);
}

/// Nothing of the round is left, and the next one goes on, without the log being opened anew.
#[test]
fn a_failed_sync_is_refused_and_mended() {
    for failing in 1..4 {
        let disk = SimulatedDisk::default();
        let log = open(&disk, 1 << 20);
        append(&log, b"before");
        disk.fail_syncs(0, failing);
        let refusals: Vec<LogError> =
            std::iter::from_fn(|| first(&log).append(0, &[b"lost"]).unwrap().wait().err())
                .collect();
        // The sync of the round fails, then that of mending the file; what came next was not
        // written at all.
        let doubts = refusals.iter().filter(|error| matches!(error, LogError::Unknown { .. }));
        assert_eq!(doubts.count(), usize::from(failing > 1), "{refusals:?}");
        assert_eq!(payloads(&log), [&b"before"[..], b"lost"], "the one that was accepted");
        append(&log, b"after");
        disk.lose_power_after(0);
        drop(log);
        disk.restart(|| false);
        assert_eq!(payloads(&open(&disk, 1 << 20)), [&b"before"[..], b"lost", b"after"]);
    }
}

/// What a failed sync should have written can still be read, and no sync writes it any more.
#[test]
fn what_is_only_in_memory_is_not_taken_for_durable() {
    let disk = SimulatedDisk::default();
    let log = open(&disk, 1 << 20);
    append(&log, b"before");
    disk.fail_syncs(0, usize::MAX);
    disk.fail_truncates(usize::MAX);
    let error = first(&log).append(0, &[b"unknown"]).unwrap().wait().unwrap_err();
    assert!(matches!(error, LogError::Unknown { partition: 0, .. }), "{error}");
    disk.lose_power_after(0);
    drop(log);
    disk.kill();

    let log = open(&disk, 1 << 20);
    let seen = payloads(&log);
    assert_eq!(seen, [&b"before"[..], b"unknown"]);
    append(&log, b"after");
    disk.lose_power_after(0);
    drop(log);
    disk.restart(|| false);
    let seen = [seen, vec![b"after".to_vec()]].concat();
    assert_eq!(payloads(&open(&disk, 1 << 20)), seen, "what readers saw is there");
}

/// However full the disk is then: whether the mark that the reader is behind can be written again.
#[test]
fn a_reader_goes_on_after_a_mend() {
    for free_bytes in (0..300).step_by(7) {
        let disk = SimulatedDisk::default();
        append(&open(&disk, 1 << 20), b"before");
        let log = open(&disk, 1 << 20);
        let mut reader = first(&log).reader(0);
        assert_eq!(reader.read(1).unwrap().len(), 1);
        assert_eq!(reader.read(1).unwrap().len(), 0, "past the mark");
        disk.fail_syncs(0, 1);
        disk.set_free_bytes(Some(free_bytes));
        first(&log).append(0, &[b"lost"]).unwrap().wait().unwrap_err();
        disk.heal();
        append(&log, b"after");
        assert_eq!(reader.read(1).unwrap()[0].payload, b"after", "{free_bytes} bytes were free");
    }
}

#[test]
fn a_write_that_cannot_be_undone_is_undone_later() {
    let disk = SimulatedDisk::default();
    let log = open(&disk, 1 << 20);
    append(&log, b"before");
    disk.set_free_bytes(Some(10));
    disk.fail_truncates(1);
    let error = first(&log).append(0, &[b"lost"]).unwrap().wait().unwrap_err();
    assert!(matches!(error, LogError::Unknown { .. }), "{error}");
    assert!(error.to_string().contains("may be found"), "{error}");
    disk.set_free_bytes(None);
    append(&log, b"after");
    drop(log);
    assert_eq!(payloads(&open(&disk, 1 << 20)), [&b"before"[..], b"after"]);
}

/// Of two appends in one round the first is written whole, the second is not: both are refused, so
/// neither may come back, even if the power goes and the disk forgets what it was not told to keep.
#[test]
fn what_was_refused_does_not_come_back() {
    let disk = SimulatedDisk::default();
    let log = open(&disk, 1 << 20);
    let stall = disk.stall_syncs();
    let durable = first(&log).append(0, &[b"durable"]).unwrap();
    stall.wait_until_stalled();
    let refused = [b"whole", b"parts"].map(|it| first(&log).append(0, &[it]).unwrap());
    disk.set_free_bytes(Some(28 + 28 + 5 + 10)); // The mark, the first, a part of the second.
    drop(stall);
    durable.wait().unwrap();
    refused.into_iter().for_each(|append| drop(append.wait().unwrap_err()));
    disk.lose_power_after(0);
    drop(log);
    // If the truncation was not synced: the mark and the frames reached the disk, it did not.
    let mut kept = [true, true, false].into_iter();
    disk.restart(|| kept.next().unwrap());
    assert_eq!(payloads(&open(&disk, 1 << 20)), [b"durable"]);
}

/// The segment that could not be begun must not stand in the way of the old one, which goes on.
#[test]
fn a_roll_that_fails_leaves_no_file_behind() {
    let disk = SimulatedDisk::default();
    let log = open(&disk, 150);
    append(&log, b"before");
    disk.fail_dir_syncs(1);
    let error = first(&log).append(0, &[&[b'x'; 70]]).unwrap().wait().unwrap_err();
    assert!(matches!(error, LogError::Io { action: "sync", .. }), "{error}");
    append(&log, b"after");
    drop(log);
    assert_eq!(payloads(&open(&disk, 150)), [&b"before"[..], b"after"]);
}

#[test]
fn one_failing_partition_leaves_the_others_alone() {
    let disk = SimulatedDisk::default();
    let two = segue_log::LogOptions { partitions: 2, ..options(1 << 20) };
    let log = Log::open_on(&disk.host(), "/log".as_ref(), two).unwrap();
    disk.fail_syncs(0, 1);
    first(&log).append(0, &[b"lost"]).unwrap().wait().unwrap_err();
    let other = log.partition(1).unwrap();
    other.append(0, &[b"kept"]).unwrap().wait().unwrap();
    assert_eq!(other.end_offset(), 1);
}
