//! Any bytes as a segment file: opening does not panic, and what it accepts stays as it is.

#![no_main]

#[path = "../../crates/segue-log/tests/it/recovery_property.rs"]
mod recovery_property;
#[allow(dead_code)] // The log's own tests use more of it.
#[path = "../../crates/segue-log/tests/it/simulated.rs"]
mod simulated;

libfuzzer_sys::fuzz_target!(|input: &[u8]| recovery_property::holds(input));
