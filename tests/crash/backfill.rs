//! Definitions are edited while there are profiles, and the process is killed before all of them
//! have followed: the next one goes on where the log ends.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::oracle;
use crate::process::{Heard, Process};

/// Inputs that make the profiles.
const INPUTS: u64 = 3000;
/// Kills in the middle of a job that are wanted.
const HITS: u64 = 3;
/// Kills until then, at most.
const KILLS_MAX: u64 = 60;
/// Lives between two edits of a definition, see `world`.
const LIVES_PER_EDIT: u64 = 5;

pub(crate) fn run() -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    fill(path);
    let (mut kills, mut hits) = (0, 0);
    while hits < HITS {
        kills += 1;
        assert!(kills <= KILLS_MAX, "no job was hit often enough: {hits} of {KILLS_MAX} kills");
        let mut process = Process::start(path, kills * LIVES_PER_EDIT);
        process.wait_for("ready");
        // A moment later each time, and then from the beginning.
        let dies = Instant::now() + Duration::from_millis(kills % 20);
        while let Heard::Line(_) = process.hear(dies) {}
        process.kill();
        hits += u64::from(oracle::is_job_running(path));
    }
    let verdict = oracle::judge(path, &(0..INPUTS).collect());
    format!("{hits} of {kills} kills in the middle of a job, {verdict}")
}

fn fill(path: &Path) {
    let mut process = Process::start(path, 0);
    process.wait_for("ready");
    process.say(&format!("0 {INPUTS}\n"));
    process.wait_for(&format!("ack 0 {INPUTS}"));
}
