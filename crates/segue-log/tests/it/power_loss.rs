//! Syncs fail, the process is killed or the power goes between any two operations, and then any
//! part of what was not synced is lost: every append that was acknowledged, or that a reader has
//! seen, is there afterwards, whole, in order, and nothing else but what was tried.

use proptest::prelude::*;
use segue_log::simulation::SimulatedDisk;
use segue_log::{Log, LogOptions, Retention};

use crate::{first, read_all};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn acknowledged_appends_survive(
        lives in prop::collection::vec(life(), 1..6),
        sizes in prop::collection::vec(prop::collection::vec(0..900_usize, 1..5), 1..12),
        segment_bytes in 100..6000_u64,
        max_bytes in prop::option::of(1000..9000_u64),
    ) {
        let retention = Retention { max_age_ms: None, max_bytes };
        let options = LogOptions { partitions: 1, segment_bytes, retention };
        let disk = SimulatedDisk::default();
        let mut acknowledged = Vec::new();
        for (changes, (syncs, failing_syncs), is_power_lost, seed) in lives {
            disk.lose_power_after(changes);
            disk.fail_syncs(syncs, failing_syncs);
            live(&disk, &options, &sizes, &mut acknowledged);
            let mut random = seed | 1;
            if is_power_lost {
                disk.restart(|| next(&mut random) & 1 == 1);
            } else {
                disk.kill();
            }
            let log = Log::open_on(&disk.host(), "/log".as_ref(), options.clone()).unwrap();
            acknowledged = surviving(&log, &acknowledged, &sizes);
        }
    }
}

/// Changes until it ends; syncs before some fail, and how many; whether it ends by power loss; and
/// what decides which parts survive that.
fn life() -> impl Strategy<Value = (usize, (usize, usize), bool, u64)> {
    (0..60_usize, (0..20_usize, 0..4_usize), any::<bool>(), any::<u64>())
}

/// Appends until the power is gone, three appends at a time, and notes what was acknowledged.
fn live(
    disk: &SimulatedDisk,
    options: &LogOptions,
    sizes: &[Vec<usize>],
    acknowledged: &mut Vec<Vec<u8>>,
) {
    let Ok(log) = Log::open_on(&disk.host(), "/log".as_ref(), options.clone()) else {
        return;
    };
    for round in sizes.chunks(3).cycle().take_while(|_| disk.has_power()) {
        let mut waiting = Vec::new();
        for sizes in round {
            let payloads: Vec<Vec<u8>> = append_of(sizes);
            let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
            if let Ok(append) = first(&log).append(0, &slices) {
                waiting.push((append, payloads));
            }
        }
        for (append, payloads) in waiting {
            let first_offset = append.first_offset;
            if append.wait().is_ok() {
                assert_eq!(first_offset, acknowledged.len() as u64);
                acknowledged.extend(payloads);
            }
        }
    }
}

fn append_of(sizes: &[usize]) -> Vec<Vec<u8>> {
    sizes.iter().map(|size| vec![sizes.len() as u8; *size]).collect()
}

/// Checks what is there against what was acknowledged; returns all that is there, and in place of
/// what retention removed, what is known to have been.
fn surviving(log: &Log, acknowledged: &[Vec<u8>], sizes: &[Vec<usize>]) -> Vec<Vec<u8>> {
    let partition = first(log);
    let start = partition.start_offset() as usize;
    let end = partition.end_offset() as usize;
    assert!(end >= acknowledged.len(), "{end} of {} are there", acknowledged.len());
    let records = read_all(partition);
    assert!(start <= acknowledged.len(), "retention removes durable records only");

    let mut all = acknowledged[..start].to_vec();
    all.extend(records.into_iter().map(|record| record.payload));
    assert!(all.starts_with(acknowledged), "what was acknowledged has changed");

    // What came through without having been acknowledged: only whole appends.
    let mut rest = &all[acknowledged.len()..];
    while !rest.is_empty() {
        let whole = sizes.iter().map(|sizes| append_of(sizes)).find(|a| rest.starts_with(a));
        rest = &rest[whole.expect("a part of an append, or bytes never appended").len()..];
    }
    all
}

/// xorshift64: enough to decide what is lost, and replays from the case.
fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random >> 33
}
