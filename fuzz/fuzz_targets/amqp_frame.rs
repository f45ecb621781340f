//! Any bytes as AMQP: nothing panics, and what is accepted as a value, a frame, a message or a
//! batch keeps its meaning on the way out and in again.

#![no_main]

#[path = "../../crates/segue-amqp/tests/it/bytes_property.rs"]
mod bytes_property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bytes_property::holds(input));
