//! Erasing a person everywhere: from the state at once, then from what is behind it on the disk.
//!
//! ```text
//!  Forget is applied ─▶ entry in the ledger, durable      whom, and where the logs ended
//!        │
//!        ▼
//!  checkpoint without her ─▶ store written anew           no old values are left in it
//!        │
//!        ▼
//!  input log: her inputs, whatever names her, the Forget  each record erased in its place
//!  activation logs: messages about her                    those not delivered yet wait
//!        │
//!        ▼
//!  entry without names: the receipt
//! ```
//!
//! Invariants:
//! - A checkpoint that lacks a profile is not written before its ledger entry is durable, and no
//!   record is erased before such a checkpoint is the oldest that a start can find. So whatever
//!   stops the process, the next one goes on, and a replay never needs what is gone.
//! - Each step can be repeated.
//! - An entry that is complete holds nobody's identity.
//!
//! What it promises users, and what it does not reach: `docs/erasure.md`.

mod inputs;
mod ledger;
mod persons;
mod receipt;
mod round;

pub(crate) use ledger::Ledger;
pub(crate) use persons::Person;
pub use persons::Persons;
pub use receipt::{LogErasure, Receipt, Subject};
pub(crate) use round::{run, step};
