//! Any bytes as a definition that is to be planned: nothing panics, and the plan says what the
//! definition says.

#![no_main]

#[path = "../../crates/segue-pql/tests/it/plan_property.rs"]
mod plan_property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| plan_property::holds(input));
