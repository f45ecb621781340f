//! Export and import: a running Segue as one file, and a data directory made of it.
//!
//! ```text
//!   checkpoint at position P ──▶ its entries ────┐
//!   input log from its start up to P ────────────┤
//!   activation logs up to that checkpoint's ends ┼▶ file ─▶ data directory that goes on at P
//!   cursors, dead letters, erasures ─────────────┘
//! ```
//! Nothing stops meanwhile: the checkpoint is a snapshot, and what is before P and the ends in the
//! logs does not change any more, but for what is erased. `export` argues why the parts fit.
//!
//! Positions and offsets stay what they were. Ids of profiles come from positions and those of
//! activations from change numbers, which are in the entries, so no id that was given out gets
//! another content; who reads a log goes on where she was.
//!
//! What users need to know: `docs/backup.md`.

mod export;
mod file;
mod frame;
mod import;
mod log_writer;
mod parts;

pub(crate) use export::export;
pub use file::BackupError;
pub use import::{Imported, import};
pub use parts::{Delivered, ExportedFile, ExportedLog};
