//! How far a destination has got in each partition of its outbox, durably.
//!
//! One JSON file, replaced atomically, so that after a crash it holds the old or the new state:
//!
//! ```json
//! {"version": 1, "next": [120, 97, 0, 33]}
//! ```
//!
//! Everything before `next` was taken by the destination or is a durable dead letter. The file may
//! lag behind: what lies between is sent again after a crash.

use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    version: u32,
    next: Vec<u64>,
}

pub(crate) struct Cursor {
    path: PathBuf,
    /// Where each partition is now.
    next: Mutex<Vec<u64>>,
    /// What the file says.
    saved: Mutex<Vec<u64>>,
}

impl Cursor {
    /// Reads the file; without one every partition is at its beginning.
    pub(crate) fn open(path: PathBuf, partitions: usize) -> io::Result<Cursor> {
        let mut next = match std::fs::read(&path) {
            Ok(bytes) => {
                let content: Content = serde_json::from_slice(&bytes)?;
                if content.version != VERSION {
                    let found = content.version;
                    let message = format!("version {found}, this program reads {VERSION}");
                    return Err(io::Error::other(message));
                }
                content.next
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        next.resize(partitions.max(next.len()), 0);
        Ok(Cursor { path, saved: Mutex::new(next.clone()), next: Mutex::new(next) })
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What comes next in a partition.
    pub(crate) fn next(&self, partition: u16) -> u64 {
        self.next.lock().get(usize::from(partition)).copied().unwrap_or_default()
    }

    /// The file as it would be now.
    pub(crate) fn content(&self) -> Vec<u8> {
        // Plain numbers always serialize.
        encode(&self.next.lock()).unwrap_or_default()
    }

    /// Everything before `offset` is done with. Never goes back.
    pub(crate) fn advance(&self, partition: u16, offset: u64) {
        if let Some(next) = self.next.lock().get_mut(usize::from(partition)) {
            *next = offset.max(*next);
        }
    }

    /// What the file says.
    pub(crate) fn saved(&self) -> Vec<u64> {
        self.saved.lock().clone()
    }

    /// Writes the file if it lags behind, and gives what it says then. Blocks on the disk.
    pub(crate) fn save(&self) -> io::Result<Vec<u64>> {
        // Held throughout, so that a later state is not replaced by an earlier one.
        let mut saved = self.saved.lock();
        let next = self.next.lock().clone();
        if *saved != next {
            segue_log::replace_file(&self.path, &encode(&next)?)?;
            *saved = next.clone();
        }
        Ok(next)
    }
}

fn encode(next: &[u64]) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(&Content { version: VERSION, next: next.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_there_after_a_restart_and_what_was_not_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("cursor.json");
        let cursor = Cursor::open(path.clone(), 2).unwrap();
        cursor.advance(1, 7);
        cursor.advance(1, 5);
        assert_eq!(cursor.save().unwrap(), [0, 7]);
        cursor.advance(0, 3);

        let reopened = Cursor::open(path.clone(), 3).unwrap();
        assert_eq!([0, 1, 2].map(|partition| reopened.next(partition)), [0, 7, 0]);
        std::fs::write(&path, r#"{"version": 2, "next": []}"#).unwrap();
        assert!(Cursor::open(path, 2).err().unwrap().to_string().contains("version 2"));
    }
}
