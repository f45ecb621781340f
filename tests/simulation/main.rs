//! Segue on a simulated machine: disk, clock, checkpoint store and the order of all that happens
//! come from one seed. Power fails, processes are killed, syncs fail, the disk gets full; in the
//! end the input log is replayed into an empty engine, and everything must be as that says.
//!
//! ```text
//!            ┌ send, commit, apply, tick, follow, checkpoint, change a definition
//!  seed ─▶   ┤ move the clock: on, far on, back
//!  step by   ├ fill the disk, fail syncs, fail the store; mend all, and it must recover by itself
//!  step      └ crash: any part of what was not synced is lost
//!                 └▶ start again … at last: the reference run
//! ```
//! `SEGUE_SIMULATION_SEEDS` says how many seeds, `SEGUE_SIMULATION_SEED` runs a single one and
//! tells every step. What it can and cannot find: `docs/simulation.md`.

// Without libtest nobody else prints the outcome.
#![allow(clippy::print_stdout, clippy::print_stderr)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod erasing;
mod ledger;
mod machine;
mod process;
#[path = "../random.rs"]
mod random;
#[path = "../reference.rs"]
mod reference;
mod run;
mod store;
mod workload;

use random::from_environment;
use run::{Outcome, run};

const SEED: &str = "SEGUE_SIMULATION_SEED";
const SEEDS: &str = "SEGUE_SIMULATION_SEEDS";

/// Seeds when nobody says how many: some seconds.
const SEEDS_DEFAULT: u64 = 50;

/// Seeds between two reports.
const REPORT_EVERY: u64 = 100;

fn main() {
    if std::env::var(SEED).is_ok() {
        let outcome = run(from_environment(SEED, 0), true);
        println!("simulation: {outcome:?}");
        return;
    }
    let seeds = from_environment(SEEDS, SEEDS_DEFAULT);
    let mut total = Outcome::default();
    for seed in 0..seeds {
        add(&mut total, run_or_explain(seed, seeds));
        if (seed + 1).is_multiple_of(REPORT_EVERY) {
            println!("simulation: {} of {seeds} seeds", seed + 1);
        }
    }
    assert_eq!(run(0, false).digest, run(0, false).digest, "a seed must give the same run again");
    check_enough(&total);
    let Outcome { inputs, power_losses, kills, faults, activations, exits_by_timer, .. } = total;
    println!(
        "simulation: {seeds} seeds, {power_losses} power losses, {kills} kills, {faults} faults; \
         {} inputs accepted, {} refused, {} without an answer; {activations} activations, \
         {exits_by_timer} of them by timers: exactly those of the reference runs",
        inputs.accepted, inputs.refused, inputs.unknown
    );
}

/// Runs a seed; when it fails, says how to run it again.
fn run_or_explain(seed: u64, seeds: u64) -> Outcome {
    std::panic::catch_unwind(|| run(seed, false)).unwrap_or_else(|failure| {
        eprintln!("simulation: seed {seed} of {seeds} failed; this shows every step of it:");
        eprintln!("  make simulate SEED={seed}");
        std::panic::resume_unwind(failure)
    })
}

fn add(total: &mut Outcome, one: Outcome) {
    total.inputs.accepted += one.inputs.accepted;
    total.inputs.refused += one.inputs.refused;
    total.inputs.unknown += one.inputs.unknown;
    total.power_losses += one.power_losses;
    total.kills += one.kills;
    total.faults += one.faults;
    total.activations += one.activations;
    total.exits_by_timer += one.exits_by_timer;
}

/// A simulation in which something never happened has tested too little.
fn check_enough(total: &Outcome) {
    let happened = [
        total.inputs.accepted,
        total.inputs.refused,
        total.inputs.unknown,
        total.power_losses,
        total.kills,
        total.faults,
        total.activations,
        total.exits_by_timer,
    ];
    assert!(happened.iter().all(|count| *count > 0), "something never happened: {total:?}");
}
