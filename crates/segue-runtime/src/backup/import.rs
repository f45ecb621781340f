//! Making a data directory of an export.
//!
//! It is made under another name, beside its place, and renamed when it is whole.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_log::{Append, Log, LogError, LogOptions};

use super::file::{BackupError, Frame, Header, Reader};
use crate::checkpoint::{Checkpoint, FjallStore, Mark};
use crate::data_dir::{self, DataDir};

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
    let mut inputs = Inputs::open(directory, &header)?;
    loop {
        match reader.next()? {
            Frame::Entry { key, value } => state.add(key, value)?,
            Frame::Input { position, time_ms, is_erased, payload } => {
                inputs.add(position, time_ms, is_erased, payload)?;
            }
            Frame::End => break,
            Frame::Header(_) => {
                return Err(BackupError::Damaged("it has two headers".to_owned()));
            }
        }
    }
    inputs.finish(header.applied)?;
    state.finish(header.applied)?;
    Ok(Imported { profiles: header.profiles, position: header.applied })
}

/// The checkpoint being written.
struct State {
    checkpoint: Checkpoint,
    batch: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    bytes: usize,
}

impl State {
    fn open(directory: &Path) -> Result<State, BackupError> {
        let store = FjallStore::open(&data_dir::state(directory)).map_err(|error| data(&error))?;
        let checkpoint = Checkpoint::new(Arc::new(store));
        Ok(State { checkpoint, batch: Vec::new(), bytes: 0 })
    }

    fn add(&mut self, key: Vec<u8>, value: Vec<u8>) -> Result<(), BackupError> {
        self.bytes += key.len() + value.len();
        self.batch.push((key, Some(value)));
        if self.bytes > BATCH_BYTES {
            // Nothing is applied yet, as far as a start would know.
            self.write(&Mark::default())?;
        }
        Ok(())
    }

    /// The activation logs are empty and stay where they are: they begin with the next activation.
    fn finish(mut self, applied: u64) -> Result<(), BackupError> {
        self.write(&Mark { applied, ..Mark::default() })
    }

    fn write(&mut self, mark: &Mark) -> Result<(), BackupError> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        self.checkpoint.write(mark, &batch).map_err(|error| data(&error))
    }
}

/// The input log being written.
struct Inputs {
    log: Log,
    next: u64,
    /// Inputs of one time, which are appended together.
    batch: Vec<Vec<u8>>,
    bytes: usize,
    time_ms: i64,
    last: Option<Append>,
    erased: Vec<u64>,
}

impl Inputs {
    fn open(directory: &Path, header: &Header) -> Result<Inputs, BackupError> {
        let directory = data_dir::input(directory);
        Log::begin_at(&directory, header.start, header.floor_ms).map_err(|error| data(&error))?;
        let log = Log::open(&directory, LogOptions::default()).map_err(|error| data(&error))?;
        Ok(Inputs {
            log,
            next: header.start,
            batch: Vec::new(),
            bytes: 0,
            time_ms: i64::MIN,
            last: None,
            erased: Vec::new(),
        })
    }

    fn add(
        &mut self,
        position: u64,
        time_ms: i64,
        is_erased: bool,
        payload: Vec<u8>,
    ) -> Result<(), BackupError> {
        if position != self.next {
            let next = self.next;
            return Err(BackupError::Damaged(format!("input {next} is missing")));
        }
        if time_ms != self.time_ms || self.bytes > BATCH_BYTES {
            self.append()?;
        }
        self.time_ms = time_ms;
        self.next += 1;
        self.bytes += payload.len();
        self.erased.extend(is_erased.then_some(position));
        self.batch.push(payload);
        Ok(())
    }

    fn append(&mut self) -> Result<(), BackupError> {
        let batch = std::mem::take(&mut self.batch);
        self.bytes = 0;
        let payloads: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        let Some(partition) = self.log.partition(0).filter(|_| !payloads.is_empty()) else {
            return Ok(());
        };
        loop {
            match partition.append(self.time_ms, &payloads) {
                Ok(append) => {
                    self.last = Some(append);
                    return Ok(());
                }
                Err(LogError::Busy { .. }) => wait(self.last.take())?,
                Err(error) => return Err(data(&error)),
            }
        }
    }

    fn finish(mut self, applied: u64) -> Result<(), BackupError> {
        self.append()?;
        wait(self.last.take())?;
        if self.next != applied {
            return Err(BackupError::Damaged(format!("input {} is missing", self.next)));
        }
        if let Some(partition) = self.log.partition(0) {
            partition.erase(&self.erased).map_err(|error| data(&error))?;
        }
        self.log.close();
        Ok(())
    }
}

fn wait(append: Option<Append>) -> Result<(), BackupError> {
    append.map_or(Ok(()), |append| append.wait().map_err(|error| data(&error)))
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
