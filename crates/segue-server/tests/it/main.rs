//! The HTTP interface from outside: a real server on a free port, a real runtime in a temporary
//! directory, a real client. Only the activation log is in memory, and the clock stands still.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

mod bad_days;
mod definitions;
mod ingest;
mod jobs;
mod limits;
mod live;
mod origin;
mod problems;
mod questions;
mod site;
mod startup;
mod support;
