//! A real process, killed while it appends: whatever it acknowledged on stdout is there.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use segue_log::Log;

use crate::{first, options, read_all};

const DIR: &str = "SEGUE_LOG_KILL_TEST_DIR";
const THREADS: usize = 4;
const LIVES: usize = 8;

/// Killed after so many acknowledgements: each life ends at another stage of rolling.
fn acknowledgements(life: usize) -> usize {
    1 + life * 37
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = HashMap::new();
    for life in 0..LIVES {
        let mut child = spawn(dir.path(), life);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledgements_read = lines.map_while(Result::ok).filter_map(acknowledgement);
        for _ in 0..acknowledgements(life) {
            let (offset, payload) = acknowledgements_read.next().expect("the child has ended");
            assert_eq!(acknowledged.insert(offset, payload), None, "one offset, one record");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // What was on its way when the kill came.
        acknowledged.extend(acknowledgements_read);

        let log = Log::open(dir.path(), options(2 << 10)).unwrap();
        let records = read_all(first(&log));
        for (offset, payload) in &acknowledged {
            assert_eq!(records[*offset as usize].payload, payload.as_bytes(), "offset {offset}");
        }
    }
}

/// What a line of the child acknowledges; the test harness prints others.
fn acknowledgement(line: String) -> Option<(u64, String)> {
    let (_, line) = line.split_once("ack ")?;
    let (offset, payload) = line.split_once(' ')?;
    Some((offset.parse().unwrap(), payload.to_owned()))
}

fn spawn(dir: &Path, life: usize) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kill::child", "--nocapture", "--test-threads=1"]);
    command.env(DIR, dir).env("LIFE", life.to_string());
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// The process that is killed. Run by itself, with no directory to write in, it has nothing to do.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else {
        return;
    };
    let life = std::env::var("LIFE").unwrap();
    let log = Log::open(&dir, options(2 << 10)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (log, life) = (&log, &life);
            scope.spawn(move || {
                for number in 0.. {
                    let payload = format!("life-{life}-thread-{thread}-number-{number}");
                    let append = first(log).append(0, &[payload.as_bytes()]).unwrap();
                    let offset = append.first_offset;
                    append.wait().unwrap();
                    writeln!(std::io::stdout(), "ack {offset} {payload}").unwrap();
                }
            });
        }
    });
}
