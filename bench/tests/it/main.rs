//! What is measured is right.

// A test that panics has failed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod audiences;
mod roll;
