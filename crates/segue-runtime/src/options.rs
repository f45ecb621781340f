//! How a runtime is set up, and the limits that it keeps.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use segue_core::Settings;
use segue_log::Host;
use segue_telemetry::Tracer;

use crate::{Clock, SystemClock};

/// Seconds after which a sender that was told [`Busy`](crate::RuntimeError::Busy) tries again.
pub const RETRY_AFTER_SECS: u64 = 1;

/// Longest time in which a jump of the wall clock goes unnoticed while a wake-up is pending; well
/// within the 250 ms that an exit may take.
pub const CLOCK_RECHECK: Duration = Duration::from_millis(100);

/// Inputs that may wait to be applied: about a tenth of a second's work of the engine, so that this
/// is what an input waits at most. They lie in the log, not in memory.
pub const BACKLOG_LIMIT: u64 = 8192;

/// Bytes of inputs that the engine applies between two looks at anything else: some 10 ms of its
/// work. It bounds the memory of a batch and the time for which reads wait for it. When much waits,
/// the activations of all of them are synced together.
const APPLY_BYTES: usize = 1 << 20;

/// How often watchers are told how far jobs are.
pub(crate) const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);

/// Longest time for which those who watch wait for the engine: it is their work to tell when it
/// hangs.
pub(crate) const GLANCE_TIME_MAX: Duration = Duration::from_secs(1);

/// Wait before a failed write is tried again: a full disk is noticed soon after it has room.
pub(crate) const WRITE_RETRY: Duration = Duration::from_millis(500);

/// Entries of the state that change before a checkpoint is begun, however recent the last one is:
/// it bounds the memory that it takes.
pub(crate) const CHECKPOINT_ENTRIES: usize = 65_536;

/// Profiles of a checkpoint that are encoded between two batches of inputs, at least: in less than
/// a millisecond.
pub(crate) const ENCODED_AT_ONCE: usize = 512;

/// Profiles of a checkpoint that are encoded for each input that is applied meanwhile: more than
/// those that it changes, or each checkpoint would be larger than the one before.
pub(crate) const ENCODED_PER_INPUT: usize = 4;

/// How often the engine looks whether a slow checkpoint is written, when the next one is due.
pub(crate) const CHECKPOINT_RECHECK: Duration = Duration::from_millis(20);

/// Time between checkpoints while something changes: a restart replays about this much.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

/// Longest time for which a read waits for the inputs acknowledged before it.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Memory that profiles may take when nothing else is set, in bytes.
pub const PROFILE_MEMORY_BYTES: usize = 1 << 30;

/// Memory that the filters of `_id`s may take when nothing else is set, in bytes: those of 107
/// million, which come within seven days at 177 events a second.
pub const ID_MEMORY_BYTES: usize = 128 << 20;

/// Profiles that are looked at for each input that is applied, whether they may leave memory: more
/// than an input brings in, or they would be more and more.
pub(crate) const LET_GO_PER_INPUT: usize = 4;

/// Profiles that are looked at before each batch of inputs at least.
pub(crate) const LET_GO_LOOKS: usize = 64;

/// How a runtime is set up.
#[derive(Clone)]
pub struct RuntimeOptions {
    /// Where everything is kept; made if missing.
    pub data_dir: PathBuf,
    /// What the input log is kept on, in the data directory's path there.
    pub host: Host,
    /// What the engine is told.
    pub settings: Settings,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// Time between checkpoints while something changes.
    pub checkpoint_interval: Duration,
    /// Longest time for which a read waits for the inputs acknowledged before it.
    pub read_timeout: Duration,
    /// Inputs that may wait to be applied.
    pub backlog_limit: u64,
    /// Bytes of inputs that are applied together, about.
    pub apply_bytes: usize,
    /// About how many bytes of memory profiles may take; those that were not used lately are then
    /// read from the checkpoint store when they are needed.
    pub profile_memory_bytes: usize,
    /// How many bytes of memory the filters may take that tell of new `_id`s that they are new.
    /// Those of more are read from the disk, a page for each event.
    pub id_memory_bytes: usize,
    /// Threads that apply inputs to profiles, that of the engine with them; at least one. By
    /// default half as many as there are CPUs: the rest of a server takes about as much.
    pub engine_threads: usize,
    /// What records spans.
    pub tracer: Tracer,
}

impl RuntimeOptions {
    /// The defaults, for a data directory.
    pub fn new(data_dir: impl Into<PathBuf>) -> RuntimeOptions {
        RuntimeOptions {
            data_dir: data_dir.into(),
            host: Host::default(),
            settings: Settings::default(),
            clock: Arc::new(SystemClock),
            checkpoint_interval: CHECKPOINT_INTERVAL,
            read_timeout: READ_TIMEOUT,
            backlog_limit: BACKLOG_LIMIT,
            apply_bytes: APPLY_BYTES,
            profile_memory_bytes: PROFILE_MEMORY_BYTES,
            id_memory_bytes: ID_MEMORY_BYTES,
            engine_threads: available_parallelism().map_or(1, |cpus| cpus.get().div_ceil(2)),
            tracer: Tracer::default(),
        }
    }
}
