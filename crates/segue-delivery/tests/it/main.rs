//! Delivery from outside: real hubs, files and sockets in temporary directories.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod breakdowns;
mod certificates;
mod dead_letters;
mod embedded_hub;
mod event_hubs;
mod examples;
mod files;
mod http;
mod kafka;
mod kinesis;
mod order;
mod receiver;
mod remote_hub;
mod restarts;
mod tls;
mod world;
