//! A hundred lives of the child, one after the other, none of which ends well.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::oracle;
use crate::process::{Heard, Process};
use crate::random::{Random, from_environment};

const KILLS: u64 = 100;
/// Inputs that are offered in one life; more than it lives to submit.
const INPUTS_PER_LIFE: u64 = 1000;
const BATCH_MAX: u64 = 4;
/// A child that needs longer than this to get ready hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// A quarter die this early: while they open and replay.
const EARLY_DEATH_MS: u64 = 60;
/// The others die within this time of being ready: while they work.
const LATE_DEATH_MS: u64 = 80;

/// Numbers of inputs that were acknowledged.
type Acknowledged = BTreeSet<u64>;

pub(crate) fn run() -> String {
    let seed = from_environment("SEGUE_CRASH_SEED", new_seed());
    let kills = from_environment("SEGUE_CRASH_KILLS", KILLS);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let judged = std::panic::catch_unwind(|| {
        let acknowledged = kill_again_and_again(path, &mut Random::new(seed), kills);
        let verdict = oracle::judge(path, &acknowledged);
        assert!(verdict.exits_by_timer > 0, "no timer fired: this tested too little");
        format!("{} inputs acknowledged, {verdict}", acknowledged.len())
    });
    match judged {
        Ok(report) => format!("{kills} kills, {report} (seed {seed})"),
        Err(failure) => {
            let kept = directory.keep();
            let kept = kept.display();
            eprintln!(
                "the data is kept in {kept}; reproduce with\n  \
                 SEGUE_CRASH_SEED={seed} cargo test -p segue-delivery --test crash",
            );
            std::panic::resume_unwind(failure)
        }
    }
}

fn kill_again_and_again(path: &Path, random: &mut Random, kills: u64) -> Acknowledged {
    let mut acknowledged = Acknowledged::new();
    let mut begin = 0;
    for life in 0..kills {
        live(path, life, begin, random, &mut acknowledged);
        // What was not acknowledged is sent again, as senders do.
        begin = (begin..).find(|number| !acknowledged.contains(number)).unwrap();
    }
    assert!(!acknowledged.is_empty(), "no life was long enough");
    acknowledged
}

/// Starts a child, offers it inputs, kills it at a random moment.
fn live(path: &Path, life: u64, begin: u64, random: &mut Random, acknowledged: &mut Acknowledged) {
    let mut process = Process::start(path, life);
    process.say(&offer(begin, random, acknowledged));
    let dies_early = random.below(4) == 0;
    let (early, late) = (millis_below(random, EARLY_DEATH_MS), millis_below(random, LATE_DEATH_MS));
    let mut dies = Instant::now() + if dies_early { early } else { PATIENCE };
    let mut ready = false;
    while let Heard::Line(line) = process.hear(dies) {
        if line == "ready" {
            ready = true;
            dies = dies.min(Instant::now() + late);
        }
        note(&line, acknowledged);
    }
    assert!(ready || dies_early, "life {life} was never ready");
    // What it said before it died is true.
    for line in process.kill() {
        note(&line, acknowledged);
    }
}

/// Ranges of inputs that were not all acknowledged yet, a line each.
fn offer(begin: u64, random: &mut Random, acknowledged: &Acknowledged) -> String {
    let mut lines = String::new();
    let mut from = begin;
    while from < begin + INPUTS_PER_LIFE {
        let to = from + 1 + random.below(BATCH_MAX);
        if (from..to).any(|number| !acknowledged.contains(&number)) {
            lines.push_str(&format!("{from} {to}\n"));
        }
        from = to;
    }
    lines
}

fn note(line: &str, acknowledged: &mut Acknowledged) {
    if let Some(range) = line.strip_prefix("ack ") {
        let (from, to) = range.split_once(' ').unwrap();
        acknowledged.extend(from.parse::<u64>().unwrap()..to.parse().unwrap());
    }
}

fn millis_below(random: &mut Random, end: u64) -> Duration {
    Duration::from_micros(random.below(end * 1000))
}

fn new_seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Random::new(now.as_nanos() as u64).next() % 1_000_000
}
