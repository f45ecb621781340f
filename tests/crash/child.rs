//! The process that is killed: opens everything, says so, submits what it is told to.
//!
//! ```text
//!   stdin    <from> <to>        submit the inputs from..to, in one batch
//!   stdout   ready | ack <from> <to>
//! ```

use std::io::{Stdin, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use segue_core::Input;
use segue_runtime::{Runtime, SystemClock};

use crate::random::from_environment;
use crate::world;

/// Environment variable with the directory; who has it is a child.
pub(crate) const DIRECTORY: &str = "SEGUE_CRASH_DIRECTORY";
/// Environment variable with the number of this life.
pub(crate) const LIFE: &str = "SEGUE_CRASH_LIFE";

/// Threads that submit at the same time.
const SUBMITTERS: usize = 3;

/// Rest of a thread between two batches: enough that a debug build keeps up for a hundred lives,
/// little enough that something is going on at every moment.
const PACE: Duration = Duration::from_millis(4);

pub(crate) fn run(directory: &Path) {
    let (_hub, runtime) = world::open(directory, Arc::new(SystemClock));
    world::define(&runtime, from_environment(LIFE, 0));
    say("ready");
    let stdin = std::io::stdin();
    thread::scope(|scope| {
        for _ in 0..SUBMITTERS {
            scope.spawn(|| {
                while let Some(range) = next_range(&stdin) {
                    submit(&runtime, range);
                    // tidy: sleep because load is paced, see PACE; nothing is awaited.
                    thread::sleep(PACE);
                }
            });
        }
    });
}

fn next_range(stdin: &Stdin) -> Option<(u64, u64)> {
    let mut line = String::new();
    stdin.read_line(&mut line).unwrap();
    let (from, to) = line.trim().split_once(' ')?;
    Some((from.parse().unwrap(), to.parse().unwrap()))
}

fn submit(runtime: &Runtime, (from, to): (u64, u64)) {
    let now = runtime.now();
    let inputs: Vec<Input> = (from..to).map(|number| world::input(number, now)).collect();
    runtime.submit_blocking(&inputs).unwrap_or_else(|error| panic!("{error}"));
    say(&format!("ack {from} {to}"));
}

fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").unwrap();
    stdout.flush().unwrap();
}
