//! Any JSON object as an event: nothing panics, and both ways of evaluation find the same fields.

#![no_main]

#[path = "../../crates/segue-core/tests/it/event_property.rs"]
mod event_property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| event_property::holds(input));
