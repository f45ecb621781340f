//! Making a data directory of an export.
//!
//! It is made under another name, beside its place, and renamed when it is whole.

use std::fs;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use segue_core::{Delta, SeenId};
use segue_log::{Disk, Storage};

use super::file::{BackupError, Reader};
use super::frame::{Frame, Header};
use super::log_writer::LogWriter;
use crate::checkpoint::{Checkpoint, FjallStore, Mark};
use crate::data_dir::{self, DataDir};
use crate::ids::{IdIndex, RunWriter};

/// Entries that are written together.
const BATCH_BYTES: usize = 4 << 20;

/// What an import brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Imported {
    /// Profiles, as counted when the export began.
    pub profiles: u64,
    /// Position at which the new directory's input log goes on.
    pub position: u64,
}

/// Makes a data directory of an export. There must be nothing at `directory` but an empty
/// directory; after an error there is nothing new.
///
/// # Errors
/// [`BackupError`] says what is wrong with the file or the directory.
pub fn import(file: &mut dyn Read, directory: &Path) -> Result<Imported, BackupError> {
    check_empty(directory)?;
    let mut name = directory.as_os_str().to_owned();
    name.push(".importing");
    let unfinished = PathBuf::from(name);
    remove(&unfinished)?;
    let imported = write(file, &unfinished);
    let placed = imported.and_then(|imported| {
        fs::rename(&unfinished, directory)?;
        if let Some(parent) = directory.parent().filter(|one| !one.as_os_str().is_empty()) {
            fs::File::open(parent)?.sync_all()?;
        }
        Ok(imported)
    });
    placed.inspect_err(|_| drop(remove(&unfinished)))
}

fn check_empty(directory: &Path) -> Result<(), BackupError> {
    let is_empty = match fs::read_dir(directory) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(error.into()),
    };
    match is_empty {
        true => Ok(()),
        false => Err(BackupError::Target(format!(
            "{} is not empty; import into a directory that does not exist yet, with --data",
            directory.display()
        ))),
    }
}

fn write(file: &mut dyn Read, directory: &Path) -> Result<Imported, BackupError> {
    let mut reader = Reader::new(file)?;
    let Frame::Header(header) = reader.next()? else {
        return Err(BackupError::Damaged("it does not begin with its header".to_owned()));
    };
    // Held until all is written.
    let _data_dir = DataDir::open(directory).map_err(|error| data(&error))?;
    let mut state = State::open(directory)?;
    let mut log: Option<LogWriter> = None;
    loop {
        match reader.next()? {
            Frame::Entry { key, value } => state.add(key, value)?,
            Frame::Id(id) => state.add_id(id, header.ids)?,
            Frame::File { path, bytes } => write_file(&inside(directory, &path)?, &bytes)?,
            Frame::Log(header) => {
                log.take().map_or(Ok(()), LogWriter::finish)?;
                log = Some(LogWriter::open(&inside(directory, &header.path)?, header)?);
            }
            Frame::Record { partition, record } => match &mut log {
                Some(log) => log.add(partition, record)?,
                None => return Err(BackupError::Damaged("a record is in no log".to_owned())),
            },
            Frame::End(_) => break,
            Frame::Header(_) => {
                return Err(BackupError::Damaged("it has two headers".to_owned()));
            }
        }
    }
    log.map_or(Ok(()), LogWriter::finish)?;
    let Header { applied, ends, profiles, .. } = header;
    state.finish(Mark { applied, ends, ids: None })?;
    Ok(Imported { profiles, position: applied })
}

/// The place of a path of the file: in this directory, whoever wrote it.
fn inside(directory: &Path, path: &str) -> Result<PathBuf, BackupError> {
    let is_name = |one: Component<'_>| matches!(one, Component::Normal(_));
    match !path.is_empty() && Path::new(path).components().all(is_name) {
        true => Ok(directory.join(path)),
        false => Err(BackupError::Damaged(format!("it names the path {path:?}"))),
    }
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let failed = |error: io::Error| BackupError::Data(format!("{}: {error}", path.display()));
    if path.try_exists().map_err(failed)? {
        return Err(BackupError::Damaged(format!("{} is in it twice", path.display())));
    }
    Disk.create_dir(path.parent().unwrap_or(path)).map_err(failed)?;
    segue_log::replace_file(path, bytes).map_err(failed)
}

/// The checkpoint being written.
struct State {
    checkpoint: Checkpoint,
    ids: Option<RunWriter>,
    delta: Delta,
    bytes: usize,
}

impl State {
    fn open(directory: &Path) -> Result<State, BackupError> {
        let store = FjallStore::open(&data_dir::state(directory)).map_err(|error| data(&error))?;
        let ids = IdIndex::open(Arc::new(Disk), data_dir::ids(directory), 0)?;
        let checkpoint = Checkpoint::new(Arc::new(store), Arc::new(ids));
        Ok(State { checkpoint, ids: None, delta: Delta::default(), bytes: 0 })
    }

    fn add(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), BackupError> {
        self.bytes += key.len() + value.len();
        self.delta.writes.push((key, Some(value)));
        if self.bytes > BATCH_BYTES {
            // Nothing is applied yet, as far as a start would know.
            self.write(&Mark::default())?;
        }
        Ok(())
    }

    /// Adds one of so many ids at most.
    fn add_id(&mut self, id: SeenId, ids_max: u64) -> Result<(), BackupError> {
        let run = match &mut self.ids {
            Some(run) => run,
            none => none.insert(self.checkpoint.ids().begin_run("imported", ids_max)?),
        };
        Ok(run.add(id)?)
    }

    fn finish(mut self, mark: Mark) -> Result<(), BackupError> {
        if let Some(run) = self.ids.take() {
            self.checkpoint.ids().end_run(run)?;
        }
        self.write(&mark)
    }

    fn write(&mut self, mark: &Mark) -> Result<(), BackupError> {
        let delta = std::mem::take(&mut self.delta);
        self.bytes = 0;
        self.checkpoint.write(mark, &delta).map_err(|error| data(&error))
    }
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn data(error: &dyn std::fmt::Display) -> BackupError {
    BackupError::Data(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_of_a_file_leads_out_of_the_directory() {
        let directory = Path::new("/data.importing");
        let inner = inside(directory, "hubs/activations").unwrap();
        assert_eq!(inner, Path::new("/data.importing/hubs/activations"));
        for path in ["", "/etc/passwd", "../other", "hubs/../../other", "."] {
            assert!(matches!(inside(directory, path), Err(BackupError::Damaged(_))), "{path:?}");
        }
    }
}
