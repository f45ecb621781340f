//! Erasing: the payload is in no file, everything else is as it was, whatever happens midway.

use std::path::PathBuf;

use proptest::prelude::*;
use segue_log::simulation::SimulatedDisk;
use segue_log::{Log, LogError, LogOptions, LogRecord, Retention};

use crate::{append, first, options, payloads, read_all};

const SECRET: &[u8] = b"a secret that is to go";
const OTHER: &[u8] = b"something else to keep";

/// A log of which each record whose number is in `secret` holds the secret.
fn log_with(disk: &SimulatedDisk, options: LogOptions, secret: &[u64], count: u64) -> Log {
    let log = open(disk, options);
    for number in 0..count {
        let payload = if secret.contains(&number) { SECRET } else { OTHER };
        assert_eq!(append(&log, payload), number);
    }
    log
}

fn open(disk: &SimulatedDisk, options: LogOptions) -> Log {
    Log::open_on(&disk.host(), "/log".as_ref(), options).unwrap()
}

/// The files that hold the secret.
fn holders(disk: &SimulatedDisk) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| disk.get(path).windows(SECRET.len()).any(|part| part == SECRET);
    disk.paths().into_iter().filter(holds).collect()
}

fn check_erased(records: &[LogRecord], secret: &[u64]) {
    for record in records {
        let is_secret = secret.contains(&record.offset);
        assert_eq!(record.is_erased, is_secret, "record {}", record.offset);
        assert_eq!(record.payload, if is_secret { &b""[..] } else { OTHER });
    }
}

#[test]
fn takes_the_payload_out_of_every_file_and_leaves_the_rest() {
    let disk = SimulatedDisk::default();
    let secret = [0, 7, 8, 29];
    let log = log_with(&disk, options(300), &secret, 30);
    assert!(!holders(&disk).is_empty());
    let lengths = |disk: &SimulatedDisk| -> Vec<usize> {
        disk.paths().iter().map(|path| disk.get(path).len()).collect()
    };
    let before = lengths(&disk);
    assert_eq!(first(&log).erase(&secret).unwrap(), 4);
    assert_eq!(holders(&disk), Vec::<PathBuf>::new());
    assert_eq!(lengths(&disk)[..before.len()], before, "and no other byte moves");
    check_erased(&read_all(first(&log)), &secret);
    assert_eq!(append(&log, OTHER), 30, "appends go on where they were");
    drop(log);
    let log = open(&disk, options(300));
    check_erased(&read_all(first(&log)), &secret);
    assert_eq!(first(&log).erase(&secret).unwrap(), 0);
    assert_eq!(first(&log).end_offset(), 31);
}

#[test]
fn is_told_from_damage() {
    let disk = SimulatedDisk::default();
    let log = log_with(&disk, options(300), &[2], 12);
    first(&log).erase(&[2]).unwrap();
    drop(log);
    let segment = PathBuf::from("/log/00000/00000000000000000000.log");
    let mut bytes = disk.get(&segment);
    // A byte of the erased payload: behind header, two records of a round each, their marks, and
    // the frame.
    let position = 32 + 2 * (28 + SECRET.len() + 28) + 28 + 3;
    assert_eq!(bytes[position], 0);
    bytes[position] = 1;
    disk.put(&segment, &bytes);
    let log = open(&disk, options(300));
    let mut reader = first(&log).reader(0);
    assert_eq!(reader.read(usize::MAX).unwrap().len(), 2);
    let error = reader.read(1).unwrap_err();
    assert!(matches!(error, LogError::Damaged { offset: 2, .. }), "{error}");
}

#[test]
fn a_reader_that_has_the_old_file_open_gives_out_nothing_of_it() {
    let disk = SimulatedDisk::default();
    let log = log_with(&disk, options(1 << 20), &[5], 8);
    let mut reader = first(&log).reader(0);
    let before: Vec<u64> = reader.read(1).unwrap().iter().map(|record| record.offset).collect();
    assert_eq!(before, [0], "and it has read ahead by now");
    first(&log).erase(&[5]).unwrap();
    let after = reader.read(usize::MAX).unwrap();
    assert_eq!(after.len(), 7);
    check_erased(&after, &[5]);
}

#[test]
fn a_record_that_was_looked_up_before_is_not_found_again() {
    let disk = SimulatedDisk::default();
    let log = log_with(&disk, options(300), &[7], 30);
    let find = || first(&log).record(7).unwrap().unwrap();
    assert_eq!(find().payload, SECRET);
    first(&log).erase(&[7]).unwrap();
    check_erased(&[find()], &[7]);
}

#[test]
fn a_full_disk_refuses_and_nothing_changes() {
    let disk = SimulatedDisk::default();
    let log = log_with(&disk, options(1 << 20), &[1], 8);
    disk.set_free_bytes(Some(150));
    first(&log).erase(&[1]).unwrap_err();
    disk.heal();
    let names = |disk: &SimulatedDisk| {
        disk.paths().iter().any(|path| path.extension().is_some_and(|it| it == "erasing"))
    };
    assert!(!names(&disk), "no half copy is left");
    assert_eq!(payloads(&log)[1], SECRET);
    assert_eq!(first(&log).erase(&[1]).unwrap(), 1);
    assert_eq!(append(&log, OTHER), 8);
}

#[test]
fn appends_go_on_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open(dir.path(), options(4 << 10)).unwrap();
    std::thread::scope(|scope| {
        let appender = scope.spawn(|| {
            for number in 0..400_u64 {
                assert_eq!(append(&log, &number.to_le_bytes()), number);
            }
        });
        let mut erased = 0;
        while !appender.is_finished() {
            let newest = first(&log).end_offset().saturating_sub(1);
            erased += first(&log).erase(&[newest]).unwrap();
        }
        assert!(erased > 0);
        let records = read_all(first(&log));
        assert_eq!(records.iter().filter(|record| record.is_erased).count() as u64, erased);
        for record in records.iter().filter(|record| !record.is_erased) {
            assert_eq!(record.payload, record.offset.to_le_bytes());
        }
    });
}

#[test]
fn a_visit_passes_over_what_is_erased_and_what_retention_takes_meanwhile() {
    let disk = SimulatedDisk::default();
    let retention = Retention { max_age_ms: Some(1000), max_bytes: None };
    let log = open(&disk, LogOptions { retention, ..options(1) });
    let partition = first(&log);
    partition.hold_from(0);
    // The second one is the last that is read together with the first.
    for (second, bytes) in [(0, 10), (1, 2 << 20), (2, 10), (3, 10), (4, 10), (5, 10), (6, 10)] {
        partition.append(second * 1000, &[&vec![7; bytes]]).unwrap().wait().unwrap();
    }
    partition.erase(&[4]).unwrap();

    let mut visited = Vec::new();
    let visit = partition.visit(0..6, |record| {
        visited.push(record.offset);
        partition.hold_from(u64::MAX);
        partition.retain(4000)
    });
    visit.unwrap();
    assert_eq!(partition.start_offset(), 3);
    assert_eq!(visited, [0, 1, 3, 5]);

    let stopped = partition.visit(0..6, |_| Err(LogError::Empty));
    assert!(matches!(stopped, Err(LogError::Empty)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The power goes, or the process ends, at any change that erasing makes: each record is as it
    /// was or erased, all others are there, and erasing once more ends it.
    #[test]
    fn can_be_cut_short_anywhere(
        secret in prop::collection::btree_set(0..24_u64, 1..6),
        segment_bytes in 100..900_u64,
        changes in 0..60_usize,
        failing_syncs in prop::option::of(0..6_usize),
        is_power_lost in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let secret: Vec<u64> = secret.into_iter().collect();
        let disk = SimulatedDisk::default();
        let log = log_with(&disk, options(segment_bytes), &secret, 24);
        disk.lose_power_after(changes);
        failing_syncs.iter().for_each(|after| disk.fail_syncs(*after, 1));
        let was_done = first(&log).erase(&secret).is_ok();
        drop(log);
        let mut random = seed | 1;
        if is_power_lost {
            disk.restart(|| next(&mut random));
        } else {
            disk.kill();
        }

        let log = open(&disk, options(segment_bytes));
        let records = read_all(first(&log));
        prop_assert_eq!(records.len(), 24);
        for record in &records {
            let expected = if secret.contains(&record.offset) { SECRET } else { OTHER };
            let is_as_it_was = !record.is_erased && record.payload == expected;
            let is_erased = record.is_erased && secret.contains(&record.offset);
            prop_assert!(is_erased || is_as_it_was && !was_done || expected == OTHER);
            prop_assert!(is_erased || is_as_it_was, "{:?}", record);
        }
        first(&log).erase(&secret).unwrap();
        check_erased(&read_all(first(&log)), &secret);
        prop_assert_eq!(holders(&disk), Vec::<PathBuf>::new());
        prop_assert!(disk.paths().iter().all(|path| !path.to_string_lossy().ends_with("erasing")));
        prop_assert_eq!(append(&log, OTHER), 24);
    }
}

/// xorshift64: decides what survives.
fn next(random: &mut u64) -> bool {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random & (1 << 33) != 0
}
