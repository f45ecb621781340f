//! The broker from outside: frames over a socket, and the embedding API.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod authorization;
mod client;
mod control;
mod fault_proxy;
mod faults;
mod golden;
mod lifecycle;
mod numbered;
mod own_client;
mod receiving;
mod sending;
mod tls;
mod websocket;
