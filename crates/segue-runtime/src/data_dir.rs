//! The data directory: who may use it, and what is in it.
//!
//! ```text
//!   data_dir/
//!     LOCK       held (flock) by the process that uses the directory
//!     FORMAT     "segue data 3": what the rest looks like; 1 is read, anything else is refused
//!     input/     the input log: the truth
//!     state/     the checkpoint store: a cache of what the input log adds up to
//!     ids/       the `_id`s of the last seven days: they belong to the checkpoint
//!     erasures/  who is being erased, and the receipts of those who were
//! ```
//!
//! Whatever is wrong with it is said at start, before a single input is accepted.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use segue_log::{Disk, Storage};

use crate::RuntimeError;

/// First and only line of `FORMAT`. The number grows when an older binary could misread the data.
const FORMAT: &str = "segue data 3";

/// Had no `ids/`: all `_id`s were in the checkpoint. What such a directory holds is read, and goes
/// on as the newer format.
const FORMAT_WITHOUT_IDS: &str = "segue data 1";

/// A data directory that this process alone may use for as long as this value lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    /// Closing the file gives the lock back, also when the process is killed.
    _lock: File,
}

impl DataDir {
    /// Creates what is missing, takes the lock, checks the format.
    pub(crate) fn open(path: &Path) -> Result<DataDir, RuntimeError> {
        let unusable = |source| RuntimeError::DataDir { path: path.to_owned(), source };
        // Durably: what is acknowledged must not go with a directory that was never written.
        Disk.create_dir(path).map_err(unusable)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("LOCK"))
            .map_err(unusable)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => RuntimeError::InUse { path: path.to_owned() },
            TryLockError::Error(source) => unusable(source),
        })?;
        check_format(path)?;
        Ok(DataDir { _lock: lock })
    }
}

/// Name of the directory of the input log.
pub(crate) const INPUT: &str = "input";

/// Name of the directory of the erasures.
pub(crate) const ERASURES: &str = "erasures";

/// Directory of the input log.
pub(crate) fn input(data_dir: &Path) -> PathBuf {
    data_dir.join(INPUT)
}

/// Directory of the checkpoint store.
pub(crate) fn state(data_dir: &Path) -> PathBuf {
    data_dir.join("state")
}

/// Directory of the `_id`s.
pub(crate) fn ids(data_dir: &Path) -> PathBuf {
    data_dir.join("ids")
}

/// Directory of the erasures.
pub(crate) fn erasures(data_dir: &Path) -> PathBuf {
    data_dir.join(ERASURES)
}

/// Writes the format of a new directory, or compares that of an old one.
fn check_format(path: &Path) -> Result<(), RuntimeError> {
    let file = path.join("FORMAT");
    let unusable = |source| RuntimeError::DataDir { path: file.clone(), source };
    match fs::read_to_string(&file) {
        Ok(found) if found.trim_end() == FORMAT => Ok(()),
        Ok(found) if found.trim_end() != FORMAT_WITHOUT_IDS => Err(RuntimeError::UnknownFormat {
            path: file,
            found: found.trim_end().to_owned(),
            expected: FORMAT,
        }),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(unusable(error)),
        _ => write_durably(path, "FORMAT", FORMAT).map_err(unusable),
    }
}

/// The file appears whole or not at all, also when the power fails.
fn write_durably(directory: &Path, name: &str, line: &str) -> io::Result<()> {
    let unfinished = directory.join(format!("{name}.new"));
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{line}")?;
    file.sync_all()?;
    fs::rename(&unfinished, directory.join(name))?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_used_by_one_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("new/data");
        let first = DataDir::open(&path).unwrap();
        let refused = DataDir::open(&path).unwrap_err();
        assert!(matches!(&refused, RuntimeError::InUse { path: named } if *named == path));
        drop(first);
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn of_another_format_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("FORMAT"), "segue data 2\n").unwrap();
        let refused = DataDir::open(parent.path()).unwrap_err().to_string();
        assert!(refused.contains("segue data 3") && refused.contains("segue data 2"), "{refused}");
    }

    #[test]
    fn of_the_format_before_it_becomes_one_of_this() {
        let parent = tempfile::tempdir().unwrap();
        let format = parent.path().join("FORMAT");
        fs::write(&format, "segue data 1\n").unwrap();
        drop(DataDir::open(parent.path()).unwrap());
        assert_eq!(fs::read_to_string(&format).unwrap(), "segue data 3\n");
    }

    #[test]
    fn that_cannot_be_made_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("file/data");
        fs::write(parent.path().join("file"), "").unwrap();
        let refused = DataDir::open(&path).unwrap_err().to_string();
        assert!(refused.contains("file/data"), "{refused}");
    }
}
