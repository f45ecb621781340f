//! AMQP 1.0 as Azure Event Hubs speaks it.
//!
//! From the wire up: [`codec`] knows values, [`frame`] the performatives and how they are framed,
//! [`message`] the sections of a message, [`sas`] tokens and connection strings, [`partition`]
//! where a key goes; [`stream`] and [`websocket`] are what carries the bytes. The broker and the
//! [`client`] stand on these alike, so that both speak one dialect.
//!
//! The profile of the protocol that Event Hubs speaks, and where its clients differ, is described
//! in `docs/amqp.md`.
//!
//! # Invariants
//! - Nothing here reads a clock, except the client; nothing stores anything.
//! - Bytes from the network never panic, and never make anything allocate more than they are long
//!   or a named limit allows.
//! - What Segue does not interpret passes through byte for byte: a message is sliced, not decoded.

pub mod client;
pub mod codec;
pub mod frame;
pub mod message;
pub mod partition;
pub mod sas;
pub mod stream;
pub mod websocket;
