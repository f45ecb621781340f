//! Export and import: a running Segue as one file, and a data directory made of it.
//!
//! ```text
//!   checkpoint at position P ──▶ its entries ─┐
//!   input log from its start S up to P ───────┴▶ file ─▶ data directory whose log goes on at P
//! ```
//! Nothing stops meanwhile: the checkpoint is a snapshot, and what is before P in the log does not
//! change any more.
//!
//! Positions stay what they were. Ids of profiles come from positions and those of activations
//! from change numbers, which are in the entries, so no id that was given out gets another content.
//!
//! What users need to know: `docs/backup.md`.

mod export;
mod file;
mod import;

pub(crate) use export::export;
pub use file::BackupError;
pub use import::{Imported, import};
