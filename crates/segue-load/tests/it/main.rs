//! The load is what it says it is.

// A test that panics has failed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod stream;
mod template;
