//! The crate from outside: golden payloads, refusals, and properties under random inputs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod checkpoints;
mod definitions;
mod golden;
mod grouping;
mod lifecycle;
mod model;
mod properties;
mod world;
