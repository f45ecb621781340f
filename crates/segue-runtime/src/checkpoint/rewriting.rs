//! Writing the store on fjall anew, so that no value that was replaced is left on the disk.
//!
//! An LSM tree keeps old values until tables happen to be merged, and in its journal until that is
//! cut; fjall can be told neither. So all entries go into a new store, which takes the place of
//! the old one:
//!
//! ```text
//!   state, state.new   copied, synced       a crash: state.new is removed
//!   state → state.old                       a crash: there is no state, so state.new is whole
//!   state.new → state                       a crash: state.old is removed
//! ```

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The directory of the store, and those beside it while it is written anew.
pub(super) struct Places {
    pub(super) store: PathBuf,
    pub(super) new: PathBuf,
    old: PathBuf,
}

impl Places {
    pub(super) fn of(store: &Path) -> Places {
        let (new, old) = (store.with_extension("new"), store.with_extension("old"));
        Places { store: store.to_owned(), new, old }
    }

    /// Ends or undoes what a crash left.
    pub(super) fn recover(&self) -> io::Result<()> {
        if !self.store.try_exists()? && self.old.try_exists()? {
            fs::rename(&self.new, &self.store)?;
            self.sync()?;
        }
        remove(&self.new)?;
        remove(&self.old)
    }

    /// Puts the first store, which is whole, in its place.
    pub(super) fn begin(&self) -> io::Result<()> {
        fs::rename(&self.new, &self.store)?;
        self.sync()
    }

    /// Puts the new store, which is whole and durable, in the place of the old one.
    pub(super) fn swap(&self) -> io::Result<()> {
        fs::rename(&self.store, &self.old)?;
        fs::rename(&self.new, &self.store)?;
        self.sync()?;
        remove(&self.old)?;
        self.sync()
    }

    /// Makes durable which directories there are.
    fn sync(&self) -> io::Result<()> {
        self.store.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
    }
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(directory: &Path, content: &str) {
        fs::create_dir(directory).unwrap();
        fs::write(directory.join("content"), content).unwrap();
    }

    fn content(places: &Places) -> String {
        fs::read_to_string(places.store.join("content")).unwrap()
    }

    #[test]
    fn a_crash_at_any_step_leaves_one_whole_store() {
        for (there, expected) in [
            (vec![("state", "old"), ("state.new", "half")], "old"),
            (vec![("state.old", "old"), ("state.new", "new")], "new"),
            (vec![("state.old", "old"), ("state", "new")], "new"),
            (vec![("state", "old")], "old"),
        ] {
            let parent = tempfile::tempdir().unwrap();
            for (name, content) in &there {
                make(&parent.path().join(name), content);
            }
            let places = Places::of(&parent.path().join("state"));
            places.recover().unwrap();
            assert_eq!(content(&places), expected, "{there:?}");
            assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1, "{there:?}");
        }
    }

    #[test]
    fn the_new_one_takes_the_place_of_the_old_one() {
        let parent = tempfile::tempdir().unwrap();
        let places = Places::of(&parent.path().join("state"));
        make(&places.store, "old");
        make(&places.new, "new");
        places.swap().unwrap();
        assert_eq!(content(&places), "new");
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 1);
    }
}
