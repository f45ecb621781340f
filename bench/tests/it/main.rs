//! The load is what it says it is, and what is measured is right.

mod audiences;
mod roll;
mod stream;
