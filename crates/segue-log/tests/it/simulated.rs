//! A disk in memory that fails on demand and, when the power goes, keeps only what was synced and
//! an arbitrary part of what was not.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use segue_log::{Storage, StorageFile, StorageLock};

/// What a real disk writes in one piece.
const SECTOR_BYTES: usize = 512;

#[derive(Clone, Default)]
pub(crate) struct SimulatedDisk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// What a running program sees.
    entries: BTreeMap<PathBuf, FileId>,
    /// What is in the directories after a power loss.
    durable_entries: BTreeMap<PathBuf, FileId>,
    files: Vec<Content>,
    is_locked: bool,
    syncs: usize,
    faults: Faults,
}

type FileId = usize;

#[derive(Default)]
struct Faults {
    everything: Option<ErrorKind>,
    /// Operations that change something, before the power goes.
    changes_left: Option<usize>,
    /// Bytes that can still be written before the disk is full.
    free_bytes: Option<usize>,
    failing_syncs: usize,
    failing_dir_syncs: usize,
    failing_truncates: usize,
    are_syncs_stalled: bool,
    stalled: usize,
}

#[derive(Clone, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl SimulatedDisk {
    pub(crate) fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(self.clone())
    }

    /// Puts a file there, durably.
    pub(crate) fn put(&self, path: &Path, bytes: &[u8]) {
        let state = &mut *self.state();
        let bytes = bytes.to_vec();
        let id = state.files.len();
        state.files.push(Content { seen: bytes.clone(), durable: bytes, unsynced: Vec::new() });
        state.entries.insert(path.to_owned(), id);
        state.durable_entries.insert(path.to_owned(), id);
    }

    /// The bytes of a file.
    pub(crate) fn get(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        state.files[state.entries[path]].seen.clone()
    }

    pub(crate) fn syncs(&self) -> usize {
        self.state().syncs
    }

    pub(crate) fn refuse_everything(&self, kind: ErrorKind) {
        self.state().faults.everything = Some(kind);
    }

    /// The disk takes so many more bytes (`None`: any number).
    pub(crate) fn set_free_bytes(&self, bytes: Option<usize>) {
        self.state().faults.free_bytes = bytes;
    }

    pub(crate) fn fail_syncs(&self, count: usize) {
        self.state().faults.failing_syncs = count;
    }

    pub(crate) fn fail_dir_syncs(&self, count: usize) {
        self.state().faults.failing_dir_syncs = count;
    }

    pub(crate) fn fail_truncates(&self, count: usize) {
        self.state().faults.failing_truncates = count;
    }

    /// The power goes after so many more changes; everything fails from then on.
    pub(crate) fn lose_power_after(&self, changes: usize) {
        self.state().faults.changes_left = Some(changes);
    }

    pub(crate) fn has_power(&self) -> bool {
        self.state().faults.changes_left != Some(0)
    }

    /// Ends the process, not the machine: what was written is there, and still not synced.
    pub(crate) fn kill(&self) {
        let state = &mut *self.state();
        state.faults = Faults::default();
        state.is_locked = false;
    }

    /// Switches on again after a power loss. `keep` decides for each thing not synced whether it
    /// reached the disk all the same.
    pub(crate) fn restart(&self, mut keep: impl FnMut() -> bool) {
        let state = &mut *self.state();
        state.faults = Faults::default();
        state.is_locked = false;
        let State { entries, durable_entries, .. } = state;
        let mut survivors = durable_entries.clone();
        survivors.retain(|path, _| entries.contains_key(path) || keep());
        for (path, file) in entries.iter() {
            if durable_entries.get(path) == Some(file) || keep() {
                survivors.insert(path.clone(), *file);
            }
        }
        *entries = survivors.clone();
        *durable_entries = survivors;
        for content in &mut state.files {
            let mut survivor = std::mem::take(&mut content.durable);
            for change in content.unsynced.drain(..) {
                for part in change.in_sectors() {
                    if keep() {
                        part.apply(&mut survivor);
                    }
                }
            }
            content.durable = survivor.clone();
            content.seen = survivor;
        }
    }

    /// Holds every sync until the returned guard is dropped.
    pub(crate) fn stall_syncs(&self) -> Stall {
        self.state().faults.are_syncs_stalled = true;
        Stall(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// The state for an operation that changes something, if it may.
    fn change(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.state();
        if let Some(kind) = state.faults.everything {
            return Err(kind.into());
        }
        match &mut state.faults.changes_left {
            Some(0) => return Err(io::Error::other("the power is off")),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(state)
    }

    fn file(&self, id: FileId) -> Arc<dyn StorageFile> {
        Arc::new(OpenFile { disk: self.clone(), id })
    }
}

/// Syncs wait while this lives.
pub(crate) struct Stall(SimulatedDisk);

impl Stall {
    pub(crate) fn wait_until_stalled(&self) {
        let state = self.0.state();
        drop(self.0.0.changed.wait_while(state, |state| state.faults.stalled == 0).unwrap());
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        self.0.state().faults.are_syncs_stalled = false;
        self.0.0.changed.notify_all();
    }
}

impl Change {
    fn in_sectors(self) -> Vec<Change> {
        let Change::Write(start, bytes) = self else {
            return vec![self];
        };
        let mut parts = Vec::new();
        let mut position = start;
        while position < start + bytes.len() {
            let end = ((position / SECTOR_BYTES + 1) * SECTOR_BYTES).min(start + bytes.len());
            parts.push(Change::Write(position, bytes[position - start..end - start].to_vec()));
            position = end;
        }
        parts
    }

    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write(position, bytes) => {
                let end = position + bytes.len();
                content.resize(content.len().max(end), 0);
                content[*position..end].copy_from_slice(bytes);
            }
            Change::Truncate(length) => content.truncate(*length),
        }
    }
}

impl Storage for SimulatedDisk {
    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        self.change().map(drop)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let below = state.entries.keys().filter_map(|path| path.strip_prefix(dir).ok());
        let names = below.filter_map(|path| path.iter().next()?.to_str());
        Ok(names.map(str::to_owned).collect())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let state = &mut *self.change()?;
        if state.faults.failing_dir_syncs > 0 {
            state.faults.failing_dir_syncs -= 1;
            return Err(io::Error::other("the device is busy"));
        }
        let is_inside = |path: &PathBuf| path.parent() == Some(dir);
        state.durable_entries.retain(|path, _| !is_inside(path));
        let inside = state.entries.iter().filter(|(path, _)| is_inside(path));
        state.durable_entries.extend(inside.map(|(path, file)| (path.clone(), *file)));
        Ok(())
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let mut state = self.change()?;
        let id = state.files.len();
        state.files.push(Content::default());
        state.entries.insert(path.to_owned(), id);
        Ok(self.file(id))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn StorageFile>> {
        let id = self.state().entries.get(path).copied();
        id.map(|id| self.file(id)).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let removed = self.change()?.entries.remove(path);
        removed.map(drop).ok_or_else(|| ErrorKind::NotFound.into())
    }

    fn lock(&self, _path: &Path) -> io::Result<Option<StorageLock>> {
        let was_locked = std::mem::replace(&mut self.change()?.is_locked, true);
        Ok((!was_locked).then(|| Box::new(Lock(self.clone())) as StorageLock))
    }
}

struct Lock(SimulatedDisk);

impl Drop for Lock {
    fn drop(&mut self) {
        self.0.state().is_locked = false;
    }
}

struct OpenFile {
    disk: SimulatedDisk,
    id: FileId,
}

impl StorageFile for OpenFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let state = self.disk.state();
        let rest = state.files[self.id].seen.get(position as usize..).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        Ok(length)
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let mut state = self.disk.change()?;
        let fitting = bytes.len().min(state.faults.free_bytes.unwrap_or(usize::MAX));
        if let Some(free_bytes) = &mut state.faults.free_bytes {
            *free_bytes -= fitting;
        }
        let write = Change::Write(position as usize, bytes[..fitting].to_vec());
        let content = &mut state.files[self.id];
        write.apply(&mut content.seen);
        content.unsynced.push(write);
        if fitting < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        if state.faults.are_syncs_stalled {
            state.faults.stalled += 1;
            self.disk.0.changed.notify_all();
            let changed = &self.disk.0.changed;
            state = changed.wait_while(state, |s| s.faults.are_syncs_stalled).unwrap();
            state.faults.stalled -= 1;
        }
        drop(state);
        let mut state = self.disk.change()?;
        if state.faults.failing_syncs > 0 {
            state.faults.failing_syncs -= 1;
            return Err(io::Error::other("the device lost the data"));
        }
        state.syncs += 1;
        let content = &mut state.files[self.id];
        content.durable = content.seen.clone();
        content.unsynced.clear();
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.change()?;
        if state.faults.failing_truncates > 0 {
            state.faults.failing_truncates -= 1;
            return Err(io::Error::other("the device is gone"));
        }
        let truncate = Change::Truncate(length as usize);
        let content = &mut state.files[self.id];
        let before = content.seen.len();
        truncate.apply(&mut content.seen);
        if let Some(free_bytes) = &mut state.faults.free_bytes {
            *free_bytes += before.saturating_sub(length as usize);
        }
        state.files[self.id].unsynced.push(truncate);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().files[self.id].seen.len() as u64)
    }
}
