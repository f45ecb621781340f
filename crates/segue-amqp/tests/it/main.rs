//! Tests of the crate from outside, one module per idea.

mod codec;
mod frames;
mod generators;
mod messages;
mod sas;
