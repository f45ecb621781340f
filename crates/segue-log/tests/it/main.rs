//! The log from outside: what it promises, held against models, faults and crashes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A test that panics has failed.

mod behaviour;
mod erasure;
mod faults;
mod kill;
mod model;
mod power_loss;
mod recovery;
mod recovery_property;

use segue_log::{Log, LogOptions, LogRecord, Partition};

/// One partition, closed every `segment_bytes`.
fn options(segment_bytes: u64) -> LogOptions {
    LogOptions { partitions: 1, segment_bytes, ..LogOptions::default() }
}

fn first(log: &Log) -> &Partition {
    log.partition(0).expect("every log has a partition 0")
}

/// Appends one record at time 0 and waits for it.
fn append(log: &Log, payload: &[u8]) -> u64 {
    let append = first(log).append(0, &[payload]).unwrap();
    let offset = append.first_offset;
    append.wait().unwrap();
    offset
}

/// Everything that is there.
fn read_all(partition: &Partition) -> Vec<LogRecord> {
    let mut reader = partition.reader(partition.start_offset());
    let mut records = Vec::new();
    loop {
        let read = reader.read(1 << 20).unwrap();
        if read.is_empty() {
            return records;
        }
        records.extend(read);
    }
}

fn payloads(log: &Log) -> Vec<Vec<u8>> {
    read_all(first(log)).into_iter().map(|record| record.payload).collect()
}
