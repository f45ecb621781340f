//! What survives `kill -9`: a real process with the runtime and the hub is killed at random
//! moments while events stream in, a hundred times over one data directory. Afterwards the input
//! log is replayed into an empty engine, and what the hub holds must be that, byte for byte.
//!
//! ```text
//!   this process                                    child (this program again)
//!   submit 17..29 ────────── its stdin ───────────▶ threads that submit
//!   notes what was acknowledged ◀─── its stdout ─── ack 17..29     engine, timer, checkpoints
//!   SIGKILL at a random moment: while it opens, replays, appends, checkpoints …
//! ```
//!
//! The moments depend on the seed and on the machine. `SEGUE_CRASH_SEED` sets the seed (printed
//! when a run fails), `SEGUE_CRASH_KILLS` the number of kills.

// Without libtest nobody else prints the outcome.
#![allow(clippy::print_stdout, clippy::print_stderr)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod backfill;
mod child;
mod killer;
mod oracle;
mod process;
#[path = "../random.rs"]
mod random;
#[path = "../reference.rs"]
mod reference;
mod timer;
mod world;

/// Its name, and what gives its report or panics.
type Test = (&'static str, fn() -> String);

/// Runs as a test without libtest, because the same program is also the child.
fn main() {
    if let Ok(directory) = std::env::var(child::DIRECTORY) {
        return child::run(directory.as_ref());
    }
    let tests: [Test; 3] = [
        ("kills_while_events_stream_in", killer::run),
        ("kill_before_an_exit", timer::run),
        ("kills_while_profiles_follow_an_edit", backfill::run),
    ];
    let filters: Vec<String> =
        std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    for (name, test) in tests {
        if filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str())) {
            let report = test();
            println!("crash::{name}: {report}");
        }
    }
}
