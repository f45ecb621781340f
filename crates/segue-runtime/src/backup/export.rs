//! Writing an export, beside everything that goes on.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use segue_log::Reader;

use super::file::{BackupError, Header, Writer};
use crate::RuntimeError;
use crate::checkpoint::{Checkpoint, Mark, Snapshot, key_of_engine};
use crate::options::WRITE_RETRY;
use crate::shared::Shared;

/// Pause between two looks whether the checkpoint has come far enough.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Bytes of inputs that are read at once.
const READ_BYTES: usize = 1 << 20;

/// Writes what there is when this is called, or somewhat later, to `out`.
pub(crate) fn export<W: Write>(
    shared: &Shared,
    timeout: Duration,
    open: impl FnOnce() -> W,
) -> Result<(), RuntimeError> {
    let (mark, snapshot) = begin(shared, timeout)?;
    write(shared, &mark, snapshot, open()).map_err(|error| match error {
        BackupError::Io(source) => RuntimeError::Export { source },
        error => RuntimeError::Export { source: io::Error::other(error.to_string()) },
    })
}

/// Waits for a checkpoint of all that was acknowledged before, and takes a snapshot of it.
fn begin(shared: &Shared, timeout: Duration) -> Result<(Mark, Snapshot), RuntimeError> {
    let position = shared.progress.acknowledged();
    let deadline = Instant::now() + timeout;
    while shared.progress.checkpointed() < position {
        if Instant::now() > deadline {
            let applied = shared.progress.checkpointed();
            return Err(RuntimeError::NotCaughtUp { applied, position });
        }
        if shared.progress.wait_stopped(LOOK_AGAIN) {
            shared.progress.check_running()?;
        }
    }
    let asked = shared.snapshots.ask();
    // The writer comes by at least this often, but for a checkpoint under way.
    let given = asked.recv_timeout(timeout + WRITE_RETRY);
    let mut snapshot = given.map_err(|_| RuntimeError::Stopped {
        reason: "the checkpoint is not to be had; is the disk slow?".to_owned(),
    })??;
    let mark = Checkpoint::mark_of(&mut snapshot)?;
    Ok((mark, snapshot))
}

fn write<W: Write>(
    shared: &Shared,
    mark: &Mark,
    snapshot: Snapshot,
    out: W,
) -> Result<(), BackupError> {
    let data = |error: &dyn std::fmt::Display| io::Error::other(error.to_string());
    let start = shared.input.start().min(mark.applied);
    let mut inputs = shared.input.reader(start);
    let mut batch = read(&mut inputs, mark.applied)?;
    let first = batch.first().map(|first| first.time_ms);
    let mut writer = Writer::new(out)?;
    writer.header(&Header {
        applied: mark.applied,
        start,
        floor_ms: first.or_else(|| shared.input.last_time_ms()),
        created_at: shared.clock.now().to_string(),
        profiles: shared.engine.read().profile_count() as u64,
    })?;
    for entry in snapshot {
        let (key, value) = entry.map_err(|error| data(&error))?;
        if let Some(key) = key_of_engine(&key) {
            writer.entry(&key, &value)?;
        }
    }
    while !batch.is_empty() {
        for record in &batch {
            let (position, time_ms) = (record.offset, record.time_ms);
            writer.input(position, time_ms, record.is_erased, &record.payload)?;
        }
        batch = read(&mut inputs, mark.applied)?;
    }
    writer.finish()?.flush()?;
    Ok(())
}

fn read(inputs: &mut Reader, end: u64) -> Result<Vec<segue_log::LogRecord>, BackupError> {
    let read = inputs.read(READ_BYTES).map_err(|error| io::Error::other(error.to_string()));
    let mut records = read?;
    records.retain(|record| record.offset < end);
    Ok(records)
}
