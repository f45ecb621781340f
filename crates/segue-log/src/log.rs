//! A log as a whole: its directory, its lock, its committer thread.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::Mutex;

use crate::commit::{self, Work};
use crate::error::LogError;
use crate::format::{Header, NO_TIME, parse_partition_name, partition_name};
use crate::host::{Committer, Host};
use crate::lookup::Lookups;
use crate::options::LogOptions;
use crate::partition::{Partition, Shared};
use crate::queue::Queue;
use crate::recovery;
use crate::storage::{Disk, Storage, StorageLock};
use crate::view::View;
use crate::writer::{Active, Writer};

const LOCK_NAME: &str = "LOCK";

/// An open log. Cheap to clone; it closes when [`Log::close`] is called or the last clone dropped.
#[derive(Clone)]
pub struct Log(Arc<Open>);

struct Open {
    partitions: Vec<Partition>,
    work: Arc<Work>,
    running: Mutex<Option<Running>>,
}

/// The committer; the log's lock is freed only after it ended.
struct Running {
    thread: Option<JoinHandle<()>>,
    _lock: StorageLock,
}

impl Log {
    /// Opens the log in `dir`, creating it when absent, and recovers what a crash left behind.
    ///
    /// # Errors
    /// [`LogError::Locked`] if it is open elsewhere, [`LogError::NotWritable`],
    /// [`LogError::Damaged`] if acknowledged records are lost, [`LogError::TooFewPartitions`],
    /// [`LogError::UnknownVersion`] and [`LogError::Io`].
    pub fn open(dir: &Path, options: LogOptions) -> Result<Log, LogError> {
        Log::open_on(&Host::default(), dir, options)
    }

    /// Opens a log on another host than the real machine.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_on(host: &Host, dir: &Path, options: LogOptions) -> Result<Log, LogError> {
        let storage = &host.storage;
        let lock = lock(&**storage, dir)?;
        let partitions = options.partitions.max(1);
        check_partitions(&**storage, dir, partitions)?;
        let work = Arc::new(Work::new(host.committer));
        let partitions = (0..partitions)
            .map(|number| open_partition(storage, &work, dir, number, &options))
            .collect::<Result<Vec<_>, _>>()?;
        storage.sync_dir(dir).map_err(LogError::io("sync", dir))?;

        let thread = match host.committer {
            Committer::Thread => Some(start_committer(dir, &work)?),
            Committer::Caller => None,
        };
        let running = Mutex::new(Some(Running { thread, _lock: lock }));
        Ok(Log(Arc::new(Open { partitions, work, running })))
    }

    /// Makes a partition of a log that goes on from another one: its first record will be
    /// `first_offset`, and none is before `last_time_ms`. It must not be there yet, and the log in
    /// `dir` not be open.
    ///
    /// # Errors
    /// [`LogError::NotWritable`] and [`LogError::Io`], also when the partition is there already.
    pub fn begin_at(
        dir: &Path,
        partition: u16,
        first_offset: u64,
        last_time_ms: Option<i64>,
    ) -> Result<(), LogError> {
        let _lock = lock(&Disk, dir)?;
        let dir = dir.join(partition_name(partition));
        if dir.try_exists().map_err(LogError::io("look for", &dir))? {
            return Err(LogError::io("create", &dir)(std::io::ErrorKind::AlreadyExists.into()));
        }
        Disk.create_dir(&dir).map_err(LogError::io("create", &dir))?;
        let floor_time_ms = last_time_ms.unwrap_or(NO_TIME);
        Active::create(&Disk, &dir, Header { partition, first_offset, floor_time_ms }).map(drop)
    }

    /// Writes and syncs what has gathered, on this thread. Only a log that was opened with
    /// [`Committer::Caller`] needs it.
    pub fn commit(&self) {
        self.0.work.commit();
    }

    /// Number of partitions, at least 1.
    pub fn partition_count(&self) -> u16 {
        // Opened from a u16, so it fits.
        u16::try_from(self.0.partitions.len()).unwrap_or(u16::MAX)
    }

    /// The partition with this number, counted from 0.
    pub fn partition(&self, number: u16) -> Option<&Partition> {
        self.0.partitions.get(usize::from(number))
    }

    /// All partitions, in order.
    pub fn partitions(&self) -> &[Partition] {
        &self.0.partitions
    }

    /// Writes and syncs what was appended, then frees the directory. Appends that come later are
    /// refused as [`LogError::Closed`]; readers can still read, but wait no more. Closing twice
    /// is fine.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Open {
    fn close(&self) {
        for Partition(partition) in &self.partitions {
            partition.queue.lock().refuse(LogError::Closed);
        }
        self.work.stop();
        if let Some(Running { thread, _lock }) = self.running.lock().take() {
            match thread.map(JoinHandle::join) {
                None => self.work.commit(),
                Some(Ok(())) => {}
                Some(Err(_)) => tracing::error!("the committer thread had panicked"),
            }
        }
        for Partition(partition) in &self.partitions {
            partition.view.close();
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.close();
    }
}

fn start_committer(dir: &Path, work: &Arc<Work>) -> Result<JoinHandle<()>, LogError> {
    let thread = std::thread::Builder::new().name("segue-log".into());
    let work = work.clone();
    let thread = thread.spawn(move || commit::run(&work));
    thread.map_err(LogError::io("start the committer thread for", dir))
}

/// Makes sure that the directory exists, can be written to, and is ours alone.
fn lock(storage: &dyn Storage, dir: &Path) -> Result<StorageLock, LogError> {
    let lock = storage.create_dir(dir).and_then(|()| storage.lock(&dir.join(LOCK_NAME)));
    match lock {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(LogError::Locked { dir: dir.to_owned() }),
        Err(source) => Err(LogError::NotWritable { dir: dir.to_owned(), source: Arc::new(source) }),
    }
}

fn check_partitions(storage: &dyn Storage, dir: &Path, asked: u16) -> Result<(), LogError> {
    let names = storage.list(dir).map_err(LogError::io("list", dir))?;
    let numbers = names.iter().filter_map(|name| parse_partition_name(name));
    let found = numbers.map(|number| usize::from(number) + 1).max().unwrap_or(0);
    if found > usize::from(asked) {
        return Err(LogError::TooFewPartitions { dir: dir.to_owned(), found, asked });
    }
    Ok(())
}

fn open_partition(
    storage: &Arc<dyn Storage>,
    work: &Arc<Work>,
    dir: &Path,
    number: u16,
    options: &LogOptions,
) -> Result<Partition, LogError> {
    let dir: PathBuf = dir.join(partition_name(number));
    let (segments, active) = recovery::open(&**storage, &dir, number)?;
    let end = active.place;
    let view = Arc::new(View::new(segments, end));
    let writer = Writer::new(storage.clone(), dir, number, options, view.clone(), active);
    Ok(Partition(Arc::new(Shared {
        number,
        storage: storage.clone(),
        work: work.clone(),
        erasing: Mutex::new(()),
        queue: Mutex::new(Queue::after(end)),
        writer: Mutex::new(writer),
        view,
        lookups: Lookups::default(),
    })))
}
