//! The runtime as its callers see it, with activation logs in memory and, mostly, a clock that
//! stands still until it is told otherwise.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod definitions;
mod intake;
mod questions;
mod recovery;
mod timers;
mod traces;
mod world;
