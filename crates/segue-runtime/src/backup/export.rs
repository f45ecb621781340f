//! Writing an export, beside everything that goes on.
//!
//! ```text
//!   cursors ─▶ dead letters ─▶ tick at P-1 ─▶ checkpoint at P ─▶ receipts ─▶ all else
//! ```
//! In this order, because
//! - what lies before a cursor was taken, or its dead letter is durable;
//! - a checkpoint behind the tick was made after all of that, so its `ends` lie behind every cursor
//!   and behind whatever was appended to the logs by others than the engine. Up to `ends`, the logs
//!   hold what the inputs before P caused, and nothing of a later one;
//! - whoever was erased before P has an entry among the receipts: either she is still to be erased
//!   from logs, and the other side will, or nothing of her is in what is read afterwards.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use segue_core::Input;
use segue_xdm::Timestamp;

use super::file::{BackupError, Writer};
use super::frame::{Header, LogHeader, Span};
use super::parts::{Delivered, ExportedLog};
use crate::checkpoint::{Checkpoint, CheckpointSnapshot, Mark, key_of_engine};
use crate::data_dir;
use crate::ids::Merge;
use crate::options::WRITE_RETRY;
use crate::shared::Shared;
use crate::{RuntimeError, Submission};

/// Pause between two looks whether the checkpoint has come far enough.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Bytes of records that are read at once.
const READ_BYTES: usize = 1 << 20;

/// Writes what there is when this is called, or somewhat later, to `out`.
pub(crate) fn export<W: Write>(
    shared: &Shared,
    timeout: Duration,
    open: impl FnOnce() -> W,
) -> Result<(), RuntimeError> {
    let delivered = shared.activation_log.export_delivered();
    let (mark, snapshot) = begin(shared, timeout)?;
    write(shared, &mark, snapshot, &delivered, open()).map_err(|error| match error {
        BackupError::Io(source) => RuntimeError::Export { source },
        error => RuntimeError::Export { source: io::Error::other(error.to_string()) },
    })
}

/// Waits for a checkpoint that is made from now on, and takes a snapshot of it.
fn begin(shared: &Shared, timeout: Duration) -> Result<(Mark, CheckpointSnapshot), RuntimeError> {
    let deadline = Instant::now() + timeout;
    // Without a new input there would be no new checkpoint.
    let tick = shared.append_blocking(&Submission::of(&[Input::Tick]), u64::MAX)?;
    shared.counters.ticks.add(1);
    let mut position = tick.first_position + 1;
    loop {
        wait_checkpointed(shared, position, deadline)?;
        let asked = shared.snapshots.ask();
        // The writer comes by at least this often, but for a checkpoint under way.
        let given = asked.recv_timeout(timeout + WRITE_RETRY);
        let mut snapshot = given.map_err(|_| RuntimeError::Stopped {
            reason: "the checkpoint is not to be had; is the disk slow?".to_owned(),
        })??;
        let mark = Checkpoint::mark_of(&mut snapshot.entries)?;
        let replay_end = shared.progress.replay_end();
        if mark.applied >= replay_end {
            return Ok((mark, snapshot));
        }
        // In the middle of a replay, its `ends` may be those of an earlier position.
        position = replay_end;
    }
}

fn wait_checkpointed(
    shared: &Shared,
    position: u64,
    deadline: Instant,
) -> Result<(), RuntimeError> {
    while shared.progress.checkpointed() < position {
        if Instant::now() > deadline {
            let applied = shared.progress.checkpointed();
            return Err(RuntimeError::NotCaughtUp { applied, position });
        }
        if shared.progress.wait_stopped(LOOK_AGAIN) {
            shared.progress.check_running()?;
        }
    }
    Ok(())
}

fn write<W: Write>(
    shared: &Shared,
    mark: &Mark,
    snapshot: CheckpointSnapshot,
    delivered: &Delivered,
    out: W,
) -> Result<(), BackupError> {
    let input = ExportedLog::pin(data_dir::INPUT.to_owned(), shared.input.log(), &[mark.applied]);
    let logs = shared.activation_log.export_logs(&mark.ends);
    let mut writer = Writer::new(out)?;
    writer.header(&Header {
        applied: mark.applied,
        ends: mark.ends.clone(),
        created_at: shared.clock.now().to_string(),
        profiles: shared.engine.read().profile_count() as u64,
        ids: snapshot.ids.iter().map(|run| run.ids()).sum(),
    })?;
    for (name, bytes) in shared.erasures.files(mark.applied) {
        writer.file(&format!("{}/{name}", data_dir::ERASURES), &bytes)?;
    }
    for cursor in &delivered.cursors {
        writer.file(&cursor.path, &cursor.bytes)?;
    }
    for entry in snapshot.entries {
        let (key, value) = entry.map_err(io::Error::other)?;
        if let Some(key) = key_of_engine(&key) {
            writer.entry(&key, &value)?;
        }
    }
    let mut ids = Merge::of(&snapshot.ids, Timestamp::MIN)?;
    while let Some(id) = ids.next()? {
        writer.id(&id)?;
    }
    for log in [&input].into_iter().chain(&delivered.logs).chain(&logs) {
        write_log(&mut writer, log)?;
    }
    writer.finish()?.flush()?;
    Ok(())
}

fn write_log<W: Write>(writer: &mut Writer<W>, log: &ExportedLog) -> Result<(), BackupError> {
    let mut partitions = Vec::with_capacity(log.partitions.len());
    for (partition, end) in log.partitions.iter().zip(&log.ends) {
        let start = partition.start_offset().min(*end);
        let first = partition.record(start).map_err(io::Error::other)?;
        let first = first.filter(|_| start < *end).map(|first| first.time_ms);
        let floor_ms = first.or_else(|| partition.last_time_ms());
        partitions.push(Span { start, end: *end, floor_ms });
    }
    let header = LogHeader { path: log.path.clone(), partitions };
    writer.log(&header)?;
    for (partition, span) in log.partitions.iter().zip(&header.partitions) {
        let mut reader = partition.reader(span.start);
        while reader.offset() < span.end {
            let records = reader.read(READ_BYTES).map_err(io::Error::other)?;
            if records.is_empty() {
                let end = format!("{} ends before {}", log.path, span.end);
                return Err(io::Error::other(end).into());
            }
            for record in records.iter().take_while(|record| record.offset < span.end) {
                writer.record(partition.number(), record)?;
            }
        }
    }
    Ok(())
}
