//! The crate from outside: golden payloads, refusals, and properties under random inputs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod asking;
mod attributes;
mod checkpoints;
mod connections;
mod consent;
mod definitions;
mod erasing;
mod event_property;
mod golden;
mod grouping;
mod jobs;
mod jobs_reading;
mod lifecycle;
mod merging;
mod model;
mod properties;
mod state_size;
mod world;
