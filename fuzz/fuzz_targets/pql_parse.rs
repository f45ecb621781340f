//! Any bytes as a definition: nothing panics, mistakes have their places, and what is read keeps
//! its meaning as text and as JSON.

#![no_main]

#[path = "../../crates/segue-pql/tests/it/parser_property.rs"]
mod parser_property;

libfuzzer_sys::fuzz_target!(|input: &[u8]| parser_property::holds(input));
