//! Any bytes as a segment file: opening does not panic, and what it accepts stays as it is.

#![no_main]

#[path = "../../crates/segue-log/tests/it/recovery_property.rs"]
mod recovery_property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| recovery_property::holds(input));
