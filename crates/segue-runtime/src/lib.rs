//! The embedded runtime: a durable shell around the pure core.
//!
//! The core is a function from (state, input) to (state, activations). This crate gives it what a
//! function lacks: a log that inputs survive in, a clock, a place for the state to be found again
//! after a restart, and logs that each activation is appended to exactly once.
//!
//! ```text
//!  submit ─▶ [input log] ─▶ engine thread ─▶ [activation logs]
//!            durable, then      │   ▲             exactly once
//!            acknowledged       │   ├─ Tick ◀─ timer thread
//!                               │   └─ Advance ◀─ backfill thread
//!                               ▼
//!                          [checkpoint]  every second; rebuilt from the input log if lost
//! ```
//!
//! Invariants, each argued where it is kept:
//! - What was acknowledged is durable, and is applied once ([`Runtime::submit`]).
//! - The state is a function of the input log alone; replaying it gives the same bytes.
//! - A checkpoint is exactly the state at one position, and no activation before that position is
//!   missing from its log (`applier`, `checkpoint`, `recovery`).
//! - A read sees what was acknowledged before it (`progress`).
//! - Nothing waits without a bound: [`BACKLOG_LIMIT`], [`RuntimeOptions::read_timeout`].
//!
//! The whole story, with what survives which accident: `docs/durability.md`.

mod activation_log;
mod applier;
mod archive;
mod backfill;
mod backup;
pub mod checking;
mod checkpoint;
mod clock;
mod data_dir;
mod definitions;
mod engine_thread;
mod erasure;
mod error;
mod ids;
mod input_log;
mod observer;
mod options;
mod progress;
mod questions;
mod recovery;
mod runtime;
pub mod scenario;
mod shards;
mod shared;
pub mod simulation;
mod spans;
mod stages;
mod status;
mod steps;
mod submission;
mod threads;
mod timer;

pub use activation_log::{
    ActivationLog, ActivationLogError, Appending, LogEnds, LogErasures, OUTBOX, Routed, log_of,
};
pub use applier::Applying;
pub use backup::{BackupError, Delivered, ExportedFile, ExportedLog, Imported, import};
pub use checkpoint::{Batch, Entry, Snapshot, StateStore, StoreError};
pub use clock::{Clock, SystemClock};
pub use definitions::{ChangeMode, ChangeOutcome, Changed, DefinitionChange, Expected};
pub use erasure::{LogErasure, Persons, Receipt, Subject};
pub use error::{IndexedViolation, RecoveryError, RuntimeError};
pub use input_log::Accepted;
pub use observer::{LiveEvent, Observer};
pub use options::{
    BACKLOG_LIMIT, CLOCK_RECHECK, ID_MEMORY_BYTES, PROFILE_MEMORY_BYTES, RETRY_AFTER_SECS,
    RuntimeOptions,
};
pub use questions::{Survey, SurveyObserver};
pub use runtime::Runtime;
pub use shards::Shards;
pub use stages::Stages;
pub use status::{Counters, ProfilesHeld, Status};
pub use steps::Steps;
pub use submission::Submission;
