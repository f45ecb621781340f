//! The outbox of a destination outside: its activations, durably, until it has taken them.
//!
//! ```text
//!   <data>/delivery/outboxes/<id>/
//!     log/           the activation log: all of a profile in one partition, in order
//!     cursor.json    how far the destination has got in each partition
//!
//!   partition   start ─────── delivered ─────── next ═════════ to do ═════════ end
//!                 removed when old            │ kept, however old
//! ```
//! Retention keeps what is not delivered, and what recovery needs to recognise (everything since
//! the last checkpoint).

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use percent_encoding::{percent_decode_str, percent_encode_byte};
use segue_amqp::partition::partition_for_key;
use segue_core::{ActivationId, ProfileId};
use segue_log::{Append, Log, LogError, LogOptions, Partition, Retention};
use segue_runtime::{ExportedFile, ExportedLog, LogErasures, Persons};
use segue_xdm::Timestamp;

use crate::cursor::Cursor;
use crate::erasure;
use crate::error::DeliveryError;
use crate::message::activation_id;

/// Partitions of an outbox: as many batches may be under way at the same time.
pub(crate) const OUTBOX_PARTITIONS: u16 = 8;

/// Where outboxes are, below the data directory.
pub(crate) const OUTBOXES: &str = "delivery/outboxes";

/// Names in the directory of an outbox.
const LOG: &str = "log";
const CURSOR: &str = "cursor.json";

/// Retention works in segments: an eighth of a gigabyte for all partitions of an outbox.
const SEGMENT_BYTES: u64 = 16 << 20;

/// How long what was delivered is kept, for a look at it.
const DELIVERED_KEPT_MS: u64 = 24 * 60 * 60 * 1000;

/// Bytes that are read at once when looking for activations.
const SCAN_BYTES: usize = 1 << 20;

/// Bytes that the id of a destination may take as the name of a directory.
const DIRECTORY_BYTES_MAX: usize = 200;

/// The name of the directory for a destination's id; what is wrong if it has none.
pub(crate) fn directory_name(id: &str) -> Result<String, String> {
    let mut name = String::new();
    for byte in id.bytes() {
        match byte {
            // Not capital letters, which some file systems do not tell from small ones.
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => name.push_str(percent_encode_byte(byte)),
        }
    }
    if name.len() > DIRECTORY_BYTES_MAX {
        let bytes = name.len();
        return Err(format!(
            "as the name of a directory it takes {bytes} bytes; shorten it to \
             {DIRECTORY_BYTES_MAX} (capital letters and other signs take 3 and more)"
        ));
    }
    Ok(name)
}

/// The destination's id of a directory.
pub(crate) fn id_of_directory(name: &str) -> Option<String> {
    percent_decode_str(name).decode_utf8().ok().map(|id| id.into_owned())
}

pub(crate) struct Outbox {
    id: String,
    log: Log,
    cursor: Cursor,
    /// Where recovery begins to look, per partition.
    recovery: Mutex<Vec<u64>>,
}

impl Outbox {
    /// Opens the outbox of a destination, making it when it is new.
    pub(crate) fn open(directory: &Path, id: &str) -> Result<Outbox, DeliveryError> {
        Outbox::open_in_segments(directory, id, SEGMENT_BYTES)
    }

    fn open_in_segments(
        directory: &Path,
        id: &str,
        segment_bytes: u64,
    ) -> Result<Outbox, DeliveryError> {
        let options = LogOptions {
            partitions: OUTBOX_PARTITIONS,
            segment_bytes,
            retention: Retention { max_age_ms: Some(DELIVERED_KEPT_MS), max_bytes: None },
        };
        let log = Log::open(&directory.join(LOG), options)?;
        let path: PathBuf = directory.join(CURSOR);
        let cursor = Cursor::open(path.clone(), log.partitions().len())
            .map_err(|source| DeliveryError::Cursor { path: path.clone(), source })?;
        for partition in log.partitions() {
            let (next, end) = (cursor.next(partition.number()), partition.end_offset());
            if next > end {
                return Err(DeliveryError::LostActivations { path, next, end });
            }
            // Until recovery says more, everything stays.
            partition.hold_from(0);
        }
        let recovery = Mutex::new(vec![0; log.partitions().len()]);
        Ok(Outbox { id: id.to_owned(), log, cursor, recovery })
    }

    /// The destination's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn partitions(&self) -> &[Partition] {
        self.log.partitions()
    }

    /// The partition of a profile.
    pub(crate) fn partition_of(&self, profile: ProfileId) -> Option<&Partition> {
        let number = partition_for_key(&profile.to_string(), OUTBOX_PARTITIONS);
        self.log.partition(number)
    }

    /// Appends messages of one profile.
    pub(crate) fn append(
        &self,
        profile: ProfileId,
        time_ms: i64,
        message: &[u8],
    ) -> Result<Append, LogError> {
        let partition = self.partition_of(profile).ok_or(LogError::Closed)?;
        partition.append(time_ms, &[message])
    }

    /// Where every partition ends.
    pub(crate) fn ends(&self) -> Vec<u64> {
        self.log.partitions().iter().map(Partition::end_offset).collect()
    }

    /// Adds the ids of all activations at or after `ends`.
    pub(crate) fn collect_ids(
        &self,
        ends: &[u64],
        ids: &mut HashSet<ActivationId>,
    ) -> Result<(), DeliveryError> {
        for partition in self.log.partitions() {
            let from = ends.get(usize::from(partition.number())).copied().unwrap_or_default();
            let end = partition.end_offset();
            if end < from {
                return Err(DeliveryError::LostOutbox { id: self.id.clone(), from, end });
            }
            let mut reader = partition.reader(from.max(partition.start_offset()));
            loop {
                let records = reader.read(SCAN_BYTES)?;
                if records.is_empty() {
                    break;
                }
                ids.extend(records.iter().filter_map(|record| activation_id(&record.payload)));
            }
        }
        Ok(())
    }

    /// Messages that are not delivered.
    pub(crate) fn backlog(&self) -> u64 {
        let waiting = |partition: &Partition| {
            partition.end_offset().saturating_sub(self.cursor.next(partition.number()))
        };
        self.log.partitions().iter().map(waiting).sum()
    }

    /// When the oldest message that is not delivered was appended. What cannot be read is left
    /// out: the workers tell of it.
    pub(crate) fn waiting_since(&self) -> Option<Timestamp> {
        let first = |partition: &Partition| {
            let next = self.cursor.next(partition.number());
            let first = (next < partition.end_offset()).then(|| partition.reader(next).read(1));
            first?.ok()?.first().map(|record| Timestamp::from_millis(record.time_ms))
        };
        self.log.partitions().iter().filter_map(first).min()
    }

    /// The next message to deliver in a partition.
    pub(crate) fn next(&self, partition: u16) -> u64 {
        self.cursor.next(partition)
    }

    /// Everything before `offset` is delivered, or a durable dead letter.
    pub(crate) fn advance(&self, partition: u16, offset: u64) {
        self.cursor.advance(partition, offset);
    }

    /// Gives up what is not delivered, durably.
    pub(crate) fn discard(&self) -> Result<(), DeliveryError> {
        for partition in self.log.partitions() {
            self.cursor.advance(partition.number(), partition.end_offset());
        }
        self.save_cursor()
    }

    /// Makes durable how far the destination has got. Blocks on the disk.
    pub(crate) fn save_cursor(&self) -> Result<(), DeliveryError> {
        let saved = self.cursor.save().map_err(|source| {
            let path = self.cursor.path().to_owned();
            DeliveryError::Cursor { path, source }
        })?;
        self.hold(&saved);
        Ok(())
    }

    /// Recovery needs everything at or after `ends`.
    pub(crate) fn hold_from(&self, ends: &[u64]) {
        let mut recovery = ends.to_vec();
        recovery.resize(self.log.partitions().len(), 0);
        *self.recovery.lock() = recovery;
        self.hold(&self.cursor.saved());
    }

    fn hold(&self, saved: &[u64]) {
        let recovery = self.recovery.lock();
        for partition in self.log.partitions() {
            let number = usize::from(partition.number());
            let from = |offsets: &[u64]| offsets.get(number).copied().unwrap_or_default();
            partition.hold_from(from(saved).min(from(&recovery)));
        }
    }

    /// Erases what is about persons and will not be sent again, whatever happens.
    pub(crate) fn erase(
        &self,
        log: &str,
        persons: &Persons,
        counts: &mut [LogErasures],
    ) -> Result<(), LogError> {
        let saved = self.cursor.saved();
        for partition in self.log.partitions() {
            let delivered = saved.get(usize::from(partition.number())).copied().unwrap_or_default();
            erasure::erase(log, partition, delivered, persons, counts)?;
        }
        Ok(())
    }

    /// Removes what was delivered long ago. Blocks on the disk.
    pub(crate) fn retain(&self, now_ms: i64) -> Result<(), LogError> {
        self.log.partitions().iter().try_for_each(|partition| partition.retain(now_ms))
    }

    /// How far the destination has got now, for an export: the path of a file and its content.
    pub(crate) fn export_cursor(&self) -> ExportedFile {
        ExportedFile { path: self.path(CURSOR), bytes: self.cursor.content() }
    }

    /// Its log up to `ends`, for an export.
    pub(crate) fn export_log(&self, ends: &[u64]) -> ExportedLog {
        ExportedLog::pin(self.path(LOG), &self.log, ends)
    }

    /// The path of something in its directory, below the data directory.
    fn path(&self, name: &str) -> String {
        // An id that names no directory has no outbox.
        let directory = directory_name(&self.id).unwrap_or_default();
        format!("{OUTBOXES}/{directory}/{name}")
    }

    /// Writes what was appended and frees the directory.
    pub(crate) fn close(&self) {
        self.log.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_keeps_what_is_not_delivered_and_what_recovery_needs() {
        let directory = tempfile::tempdir().unwrap();
        let outbox = Outbox::open_in_segments(directory.path(), "d", 1000).unwrap();
        let profile = ProfileId::from_u128(1);
        for time_ms in 0..100 {
            outbox.append(profile, time_ms, &[b'x'; 100]).unwrap().wait().unwrap();
        }
        let partition = outbox.partition_of(profile).unwrap().clone();
        let long_after = i64::MAX / 2;
        let start_after = |advance: u64, ends: u64| {
            outbox.advance(partition.number(), advance);
            outbox.save_cursor().unwrap();
            outbox.hold_from(&vec![ends; usize::from(OUTBOX_PARTITIONS)]);
            outbox.retain(long_after).unwrap();
            partition.start_offset()
        };
        assert_eq!(start_after(0, 100), 0, "nothing is delivered");
        let start = start_after(50, 100);
        assert!((30..=50).contains(&start), "{start}");
        assert_eq!(start_after(100, start), start, "recovery needs it");
        assert!(start_after(100, 100) > 80);
        assert_eq!(outbox.backlog(), 0);
    }

    #[test]
    fn every_id_has_a_directory_of_its_own_and_back() {
        for id in ["crm", "CRM", "a/b c", "..", "Ä", "%41"] {
            let name = directory_name(id).unwrap();
            assert_eq!(id_of_directory(&name).as_deref(), Some(id), "{name}");
            assert!(!name.contains(['/', '.']) && !name.contains(' '), "{name}");
        }
        assert_eq!(directory_name("crm").unwrap(), "crm");
        assert_ne!(directory_name("CRM").unwrap().to_lowercase(), "crm");
        assert!(directory_name(&"Ä".repeat(60)).unwrap_err().contains("360 bytes"));
    }
}
