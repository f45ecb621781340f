//! The host with real Node and the real `@azure/functions` from npm; only the event hubs are kept
//! in memory.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr)]

mod amqp;
mod apps;
mod debugger;
mod failures;
mod hubs;
mod models;
mod outputs;
mod recorder;
mod restarts;
mod startup;
mod tracing;
