//! The incremental engine against the reference interpreter: on random audiences, inputs, orders,
//! clocks, merges and restarts, both must make the same changes and send the same messages.
//!
//! `SEGUE_CASES` sets how many cases are tried (200,000 in `make test`), `SEGUE_SEED` where to
//! begin. A case that fails is shrunk and shown; keep it as a test in `regressions.rs`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

mod audiences;
mod inputs;
mod regressions;
mod run;
mod together;

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::inputs::{Case, case};
use crate::run::check;
use crate::together::check_together;

/// Cases when nothing is set: what an ordinary `cargo test` has time for.
const CASES: u32 = 1000;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|value| value.parse().unwrap())
}

#[test]
fn both_evaluations_do_the_same() {
    check_all(check);
}

#[test]
fn inputs_that_are_applied_together_do_the_same() {
    check_all(check_together);
}

fn check_all(check: impl Fn(&Case) -> Result<(), TestCaseError>) {
    let cases = setting("SEGUE_CASES").map_or(CASES, |cases| cases as u32);
    let seed = setting("SEGUE_SEED").unwrap_or(1);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    if let Err(error) = runner.run(&case(), |case| check(&case)) {
        panic!("seed {seed}: {error}");
    }
    println!("{cases} cases, seed {seed}: no difference");
}
