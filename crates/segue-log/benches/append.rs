//! What the log costs over the least that durability costs: a loop of write and fdatasync.
//!
//! `cargo bench -p segue-log` — both run in turn on the same disk, in the same run, several times;
//! the median ratio is what to look at. Over 1: the log is faster than the loop.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that reports")]

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use segue_log::{Log, LogOptions};

/// Bytes of a record: about one event.
const PAYLOAD_BYTES: usize = 1_000;
const REPEATS: usize = 5;

struct Case {
    name: &'static str,
    /// Threads that append and wait.
    appenders: usize,
    /// Payloads in each append.
    batch: usize,
    /// Appends of each thread.
    appends: usize,
}

const CASES: [Case; 4] = [
    Case { name: "one appender, one record", appenders: 1, batch: 1, appends: 1_000 },
    Case { name: "one appender, 1000 records", appenders: 1, batch: 1_000, appends: 100 },
    Case { name: "16 appenders, one record", appenders: 16, batch: 1, appends: 500 },
    Case { name: "64 appenders, one record", appenders: 64, batch: 1, appends: 300 },
];

fn main() {
    println!("{:<28} {:>12} {:>12} {:>7}", "records/s of 1,000 bytes", "raw loop", "log", "ratio");
    for case in &CASES {
        let records = case.appenders * case.appends * case.batch;
        let mut runs: Vec<[f64; 2]> = (0..REPEATS)
            .map(|_| [raw_loop(case), through_log(case)].map(|took| per_second(records, took)))
            .collect();
        runs.sort_by(|[raw_a, log_a], [raw_b, log_b]| (log_a / raw_a).total_cmp(&(log_b / raw_b)));
        if let Some([raw, log]) = runs.get(REPEATS / 2) {
            println!("{:<28} {raw:>12.0} {log:>12.0} {:>7.2}", case.name, log / raw);
        }
    }
}

fn per_second(records: usize, took: Duration) -> f64 {
    records as f64 / took.as_secs_f64()
}

/// One thread that writes each append and syncs it, as a program without group commit would.
fn raw_loop(case: &Case) -> Duration {
    let dir = dir();
    let mut file = File::create(dir.path().join("raw")).unwrap();
    let bytes = vec![7; PAYLOAD_BYTES * case.batch];
    let start = Instant::now();
    for _ in 0..case.appenders * case.appends {
        file.write_all(&bytes).unwrap();
        file.sync_data().unwrap();
    }
    start.elapsed()
}

fn through_log(case: &Case) -> Duration {
    let dir = dir();
    let log = Log::open(dir.path(), LogOptions::default()).unwrap();
    let partition = log.partition(0).unwrap();
    let payload = vec![7; PAYLOAD_BYTES];
    let payloads: Vec<&[u8]> = vec![&payload; case.batch];
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..case.appenders {
            scope.spawn(|| {
                for _ in 0..case.appends {
                    partition.append(0, &payloads).unwrap().wait().unwrap();
                }
            });
        }
    });
    start.elapsed()
}

/// On the disk that the build is on: /tmp may be memory.
fn dir() -> tempfile::TempDir {
    tempfile::tempdir_in(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap()
}
