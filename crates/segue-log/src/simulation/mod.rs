//! A disk in memory for tests: it fails on demand and, when the power goes, keeps only what was
//! synced and an arbitrary part of what was not.
//!
//! It decides nothing by chance. What survives is the caller's choice, so that a run is repeated
//! by repeating the choices.

mod content;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::host::{Committer, Host};
use crate::storage::{Storage, StorageFile, StorageLock};
use content::Content;

/// A simulated disk. Clones are the same disk.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Shared>);

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
    locks: BTreeSet<PathBuf>,
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
    /// Syncs that succeed before those that fail.
    syncs_before_failing: usize,
    failing_syncs: usize,
    failing_dir_syncs: usize,
    failing_truncates: usize,
    failing_reads: usize,
    are_syncs_stalled: bool,
    stalled: usize,
}

impl SimulatedDisk {
    /// This disk, with a committer thread for each log.
    pub fn host(&self) -> Host {
        Host { storage: Arc::new(self.clone()), committer: Committer::Thread }
    }

    /// This disk, and no thread at all: whoever waits writes, or calls
    /// [`Log::commit`](crate::Log::commit).
    pub fn host_without_threads(&self) -> Host {
        Host { storage: Arc::new(self.clone()), committer: Committer::Caller }
    }

    /// Puts a file there, durably.
    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let state = &mut *self.state();
        let id = state.files.len();
        state.files.push(Content::settled(bytes));
        state.entries.insert(path.to_owned(), id);
        state.durable_entries.insert(path.to_owned(), id);
    }

    /// The bytes of a file; none if there is no such file.
    pub fn get(&self, path: &Path) -> Vec<u8> {
        let state = self.state();
        let content = state.entries.get(path).and_then(|id| state.files.get(*id));
        content.map(|content| content.seen().to_vec()).unwrap_or_default()
    }

    /// Every file that there is.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.state().entries.keys().cloned().collect()
    }

    /// How many syncs of files have succeeded.
    pub fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// Whatever changes something fails.
    pub fn refuse_everything(&self, kind: ErrorKind) {
        self.state().faults.everything = Some(kind);
    }

    /// The disk takes so many more bytes (`None`: any number).
    pub fn set_free_bytes(&self, bytes: Option<usize>) {
        self.state().faults.free_bytes = bytes;
    }

    /// After so many more syncs of files, `count` fail, and what they should have written is
    /// forgotten.
    pub fn fail_syncs(&self, after: usize, count: usize) {
        let faults = &mut self.state().faults;
        (faults.syncs_before_failing, faults.failing_syncs) = (after, count);
    }

    /// The next `count` syncs of directories fail.
    pub fn fail_dir_syncs(&self, count: usize) {
        self.state().faults.failing_dir_syncs = count;
    }

    /// The next `count` truncations fail.
    pub fn fail_truncates(&self, count: usize) {
        self.state().faults.failing_truncates = count;
    }

    /// The next `count` reads fail.
    pub fn fail_reads(&self, count: usize) {
        self.state().faults.failing_reads = count;
    }

    /// The power goes after so many more changes; everything fails from then on.
    pub fn lose_power_after(&self, changes: usize) {
        self.state().faults.changes_left = Some(changes);
    }

    /// Whether it has not gone yet.
    pub fn has_power(&self) -> bool {
        self.state().faults.changes_left != Some(0)
    }

    /// Another device of the same machine is about to change something.
    ///
    /// # Errors
    /// The power is off.
    pub fn draw_power(&self) -> io::Result<()> {
        self.change().map(drop)
    }

    /// Nothing fails any more.
    pub fn heal(&self) {
        self.state().faults = Faults::default();
    }

    /// Ends the process, not the machine: what was written is there, and still not synced.
    pub fn kill(&self) {
        let state = &mut *self.state();
        state.faults = Faults::default();
        state.locks.clear();
    }

    /// Switches on again after a power loss. `keep` decides for each thing not synced whether it
    /// reached the disk all the same.
    pub fn restart(&self, mut keep: impl FnMut() -> bool) {
        self.kill();
        let state = &mut *self.state();
        let State { entries, durable_entries, .. } = state;
        let mut survivors = durable_entries.clone();
        survivors.retain(|path, _| entries.contains_key(path) || keep());
        for (path, file) in entries.iter() {
            if durable_entries.get(path) == Some(file) || keep() {
                survivors.insert(path.clone(), *file);
            }
        }
        entries.clone_from(&survivors);
        *durable_entries = survivors;
        for content in &mut state.files {
            content.restart(&mut keep);
        }
    }

    /// Holds every sync until the returned guard is dropped.
    pub fn stall_syncs(&self) -> Stall {
        self.state().faults.are_syncs_stalled = true;
        Stall(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
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

impl State {
    fn content(&mut self, id: FileId) -> io::Result<&mut Content> {
        self.files.get_mut(id).ok_or_else(|| ErrorKind::NotFound.into())
    }
}

/// Syncs wait while this lives.
pub struct Stall(SimulatedDisk);

impl Stall {
    /// Blocks until a sync waits.
    pub fn wait_until_stalled(&self) {
        let changed = &self.0.0.changed;
        changed.wait_while(&mut self.0.state(), |state| state.faults.stalled == 0);
    }
}

impl Drop for Stall {
    fn drop(&mut self) {
        self.0.state().faults.are_syncs_stalled = false;
        self.0.0.changed.notify_all();
    }
}

impl Storage for SimulatedDisk {
    fn create_dir(&self, _dir: &Path) -> io::Result<()> {
        self.change().map(drop)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let below = state.entries.keys().filter_map(|path| path.strip_prefix(dir).ok());
        let names: BTreeSet<&str> = below.filter_map(|path| path.iter().next()?.to_str()).collect();
        Ok(names.into_iter().map(str::to_owned).collect())
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

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let entries = &mut self.change()?.entries;
        let file = entries.remove(from).ok_or(ErrorKind::NotFound)?;
        entries.insert(to.to_owned(), file);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<StorageLock>> {
        let is_free = self.change()?.locks.insert(path.to_owned());
        let lock = || Box::new(Lock { disk: self.clone(), path: path.to_owned() }) as StorageLock;
        Ok(is_free.then(lock))
    }
}

struct Lock {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.disk.state().locks.remove(&self.path);
    }
}

struct OpenFile {
    disk: SimulatedDisk,
    id: FileId,
}

impl StorageFile for OpenFile {
    fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut state = self.disk.state();
        if state.faults.failing_reads > 0 {
            state.faults.failing_reads -= 1;
            return Err(io::Error::other("the device does not answer"));
        }
        let seen = state.content(self.id)?.seen();
        let rest = seen.get(position as usize..).unwrap_or_default();
        let both = buffer.iter_mut().zip(rest);
        Ok(both.map(|(into, byte)| *into = *byte).count())
    }

    fn write_at(&self, bytes: &[u8], position: u64) -> io::Result<()> {
        let mut state = self.disk.change()?;
        let fitting = bytes.len().min(state.faults.free_bytes.unwrap_or(usize::MAX));
        if let Some(free_bytes) = &mut state.faults.free_bytes {
            *free_bytes -= fitting;
        }
        let fitting = bytes.get(..fitting).unwrap_or(bytes);
        state.content(self.id)?.write(position as usize, fitting);
        if fitting.len() < bytes.len() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        if state.faults.are_syncs_stalled {
            state.faults.stalled += 1;
            self.disk.0.changed.notify_all();
            self.disk.0.changed.wait_while(&mut state, |state| state.faults.are_syncs_stalled);
            state.faults.stalled -= 1;
        }
        drop(state);
        let mut state = self.disk.change()?;
        let faults = &mut state.faults;
        if faults.failing_syncs > 0 && faults.syncs_before_failing == 0 {
            faults.failing_syncs -= 1;
            state.content(self.id)?.fail_sync();
            return Err(io::Error::other("the device lost the data"));
        }
        faults.syncs_before_failing = faults.syncs_before_failing.saturating_sub(1);
        state.syncs += 1;
        state.content(self.id)?.sync();
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.change()?;
        if state.faults.failing_truncates > 0 {
            state.faults.failing_truncates -= 1;
            return Err(io::Error::other("the device is gone"));
        }
        let content = state.content(self.id)?;
        let freed = content.seen().len().saturating_sub(length as usize);
        content.truncate(length as usize);
        if let Some(free_bytes) = &mut state.faults.free_bytes {
            *free_bytes += freed;
        }
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state().content(self.id)?.seen().len() as u64)
    }
}
