//! The commands, one file each: its arguments, its help, and what it does.

pub(crate) mod apply;
pub(crate) mod audience;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod completions;
pub(crate) mod dead_letters;
pub(crate) mod demo;
pub(crate) mod destination;
pub(crate) mod diff;
mod erasure;
pub(crate) mod explain;
pub(crate) mod func;
pub(crate) mod get;
pub(crate) mod hub;
pub(crate) mod identity;
pub(crate) mod profile;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod tail;
pub(crate) mod test;
