//! Tests of the crate from outside, one module per idea.

// Clippy lets test functions unwrap and index, but not the functions beside them.
#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

mod bytes_property;
mod client;
mod codec;
mod frames;
mod generators;
mod messages;
mod sas;
mod untrusted;
