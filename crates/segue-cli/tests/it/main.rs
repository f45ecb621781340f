//! The real binary, as a user runs it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr)]

mod backing_up;
mod benching;
mod definitions;
mod delivering;
mod erasing;
mod full_disk;
mod moving;
mod questions;
mod refusals;
mod running;
mod sending;
mod tracing;
mod watching;
mod words;
