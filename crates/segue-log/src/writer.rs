//! The only one who changes the files of an open partition: write, sync, roll, retention.
//!
//! A round goes through [`Writer::write`], then [`Writer::sync`]; whatever fails, the file is
//! taken back to the last durable position, so that a refused append leaves nothing.
//!
//! After a sync that failed, what was to be synced may be on the disk or not, and no later sync
//! settles it: the system has let go of those pages, and calls the next sync a success. So the
//! file is *mended* before anything else is written:
//!
//! ```text
//! open anew ─▶ cut to what a successful sync covered ─▶ sync ─▶ walk it, check it ─▶ go on
//! ```
//! Everything behind the cut is written again by later rounds, and thereby synced again. While
//! that is impossible, appends are refused, and each tries it first.
//!
//! ```text
//! roll:  mark + sync old ─▶ create new ─▶ write header, sync ─▶ sync directory ─▶ show it
//! ```
//! so that at every moment of a crash, all segments but the last are complete.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::LogError;
use crate::format::{FRAME_BYTES, Frame, Header, segment_name};
use crate::index::Index;
use crate::options::LogOptions;
use crate::queue::Round;
use crate::recovery;
use crate::scan::Place;
use crate::segment::{Segment, first_place};
use crate::storage::{Storage, StorageFile};
use crate::view::View;

/// A segment spans at most this part of the retention age, so that records outlive their age by
/// no more than that.
const SEGMENTS_PER_AGE: u64 = 4;

/// The segment that is being written.
pub(crate) struct Active {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: Arc<dyn StorageFile>,
    /// Where the next round goes. All before it is durable, but for the mark that ends there.
    pub(crate) place: Place,
    /// Whether a mark stands right before `place`.
    pub(crate) is_marked: bool,
    /// Time of the segment's first record.
    pub(crate) first_time_ms: Option<i64>,
}

impl Active {
    /// Creates a segment that begins at `header.first_offset`, durable when this returns.
    pub(crate) fn create(
        storage: &dyn Storage,
        dir: &Path,
        header: Header,
    ) -> Result<Active, LogError> {
        let path = dir.join(segment_name(header.first_offset));
        let file = storage.create(&path).map_err(LogError::io("create", &path))?;
        file.write_at(&header.encode(), 0).map_err(LogError::io("write", &path))?;
        file.sync().map_err(LogError::io("sync", &path))?;
        storage.sync_dir(dir).map_err(LogError::io("sync", dir))?;
        let place = first_place(&header);
        let index = Some(Index::new(header.first_offset));
        let segment = Arc::new(Segment::new(path, header, place.position, index));
        Ok(Active { segment, file, place, is_marked: false, first_time_ms: None })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.place.offset == self.segment.header.first_offset
    }

    /// Writes, without syncing, that everything so far is durable.
    fn mark(&mut self) -> Result<(), LogError> {
        if !self.is_marked {
            let Place { offset, position, .. } = self.place;
            let written = self.file.write_at(&Frame::encode_mark(offset, position), position);
            written.map_err(LogError::io("mark", &self.segment.path))?;
            self.place.position += FRAME_BYTES as u64;
            self.is_marked = true;
        }
        Ok(())
    }

    /// Marks if possible. Without the mark, damage to the last round would pass for a torn tail;
    /// so a failure costs no record.
    pub(crate) fn try_mark(&mut self) {
        if let Err(error) = self.mark() {
            tracing::warn!(%error, "damage to the last round would go unnoticed until the next");
        }
    }
}

/// Writes one partition.
pub(crate) struct Writer {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    number: u16,
    options: LogOptions,
    view: Arc<View>,
    active: Active,
    /// Why the file must be mended before the next write.
    broken: Option<Arc<LogError>>,
    /// A segment that could not be begun, and not be removed either.
    unbegun: Option<PathBuf>,
}

impl Writer {
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        dir: PathBuf,
        number: u16,
        options: &LogOptions,
        view: Arc<View>,
        active: Active,
    ) -> Writer {
        let options = options.clone();
        Writer { storage, dir, number, options, view, active, broken: None, unbegun: None }
    }

    /// Where the next record goes.
    pub(crate) fn place(&self) -> Place {
        self.active.place
    }

    /// Writes a round to the file; it is not durable, and nobody sees it, before the sync.
    pub(crate) fn write(&mut self, round: &Round) -> Result<(), LogError> {
        self.mend_if_broken()?;
        if self.is_full_for(round) {
            // First, as it may make the room that rolling needs.
            if let Err(error) = self.remove_expired(round.end.time_ms) {
                tracing::warn!(%error, "could not remove old segments; will try again");
            }
            self.roll()?;
        }
        let active = &self.active;
        let written = active.file.write_at(&round.bytes, active.place.position);
        let written = written.map_err(LogError::io("write", &active.segment.path));
        written.map_err(|error| {
            self.undo();
            self.doubt(error)
        })
    }

    /// Makes the round that was just written durable, marks it and shows it to the readers.
    pub(crate) fn sync(&mut self, round: &Round) -> Result<(), LogError> {
        self.sync_file().map_err(|error| self.doubt(error))?;
        let active = &mut self.active;
        let base = active.place.position;
        let places = round.places.iter();
        let places: Vec<Place> =
            places.map(|place| Place { position: base + place.position, ..*place }).collect();

        active.place = Place { position: base + round.end.position, ..round.end };
        active.segment.publish(active.place.position, &places);
        active.first_time_ms.get_or_insert(round.end.time_ms);
        active.is_marked = false;
        active.try_mark();
        self.view.publish(active.place);
        Ok(())
    }

    /// Removes what retention no longer keeps at this time, closing a segment that is wholly out
    /// of date first.
    pub(crate) fn retain(&mut self, now_ms: i64) -> Result<(), LogError> {
        let is_unheld = self.active.place.offset <= self.view.hold_from();
        let is_expired = self.is_expired(self.active.place.time_ms, now_ms);
        if !self.active.is_empty() && is_unheld && is_expired {
            self.mend_if_broken()?;
            self.roll()?;
        }
        self.remove_expired(now_ms)
    }

    /// Closes the active segment if it holds the record `offset`.
    pub(crate) fn close_segment_of(&mut self, offset: u64) -> Result<(), LogError> {
        if offset >= self.active.segment.header.first_offset && !self.active.is_empty() {
            self.mend_if_broken()?;
            self.roll()?;
        }
        Ok(())
    }

    /// Puts a copy in which records are erased in the place of a closed segment, unless retention
    /// has removed that one meanwhile.
    pub(crate) fn replace(&mut self, segment: &Arc<Segment>, copy: &Path) -> Result<(), LogError> {
        if !self.view.segments().iter().any(|one| Arc::ptr_eq(one, segment)) {
            return self.storage.remove(copy).map_err(LogError::io("remove", copy));
        }
        self.storage.rename(copy, &segment.path).map_err(LogError::io("rename", copy))?;
        segment.count_erasure();
        Ok(())
    }

    /// Makes durable which files there are.
    pub(crate) fn sync_directory(&self) -> Result<(), LogError> {
        self.storage.sync_dir(&self.dir).map_err(LogError::io("sync", &self.dir))
    }

    fn is_full_for(&self, round: &Round) -> bool {
        let Active { place, first_time_ms, .. } = &self.active;
        let is_long = place.position + round.end.position > self.options.segment_bytes;
        let span_ms = self.options.retention.max_age_ms.map(|age_ms| age_ms / SEGMENTS_PER_AGE);
        let is_old = first_time_ms.zip(span_ms).is_some_and(|(first_time_ms, span_ms)| {
            round.end.time_ms.abs_diff(first_time_ms) > span_ms
        });
        !self.active.is_empty() && (is_long || is_old)
    }

    /// Closes the active segment and begins the next.
    fn roll(&mut self) -> Result<(), LogError> {
        self.active.mark()?;
        self.sync_file()?;
        let Place { offset, time_ms, position } = self.active.place;
        let header =
            Header { partition: self.number, first_offset: offset, floor_time_ms: time_ms };
        let next = Active::create(&*self.storage, &self.dir, header)
            .inspect_err(|_| self.undo_create(&self.dir.join(segment_name(offset))))?;
        self.active.segment.publish(position, &[]);
        self.view.push_segment(next.segment.clone());
        self.active = next;
        Ok(())
    }

    fn remove_expired(&mut self, now_ms: i64) -> Result<(), LogError> {
        let segments = self.view.segments();
        let mut total_bytes: u64 = segments.iter().map(|segment| segment.durable_bytes()).sum();
        for (oldest, next) in segments.iter().zip(segments.iter().skip(1)) {
            let is_held = next.header.first_offset > self.view.hold_from();
            let is_expired = self.is_expired(next.header.floor_time_ms, now_ms);
            let is_excess = self.options.retention.max_bytes.is_some_and(|max| total_bytes > max);
            if is_held || !(is_expired || is_excess) {
                break;
            }
            total_bytes -= oldest.durable_bytes();
            self.remove_oldest()?;
        }
        Ok(())
    }

    /// Removes one file at a time, each durably, so that a crash never leaves a gap.
    fn remove_oldest(&mut self) -> Result<(), LogError> {
        let Some(segment) = self.view.pop_oldest() else {
            return Ok(());
        };
        if let Err(error) = self.storage.remove(&segment.path) {
            let error = LogError::io("remove", &segment.path)(error);
            self.view.restore_oldest(segment);
            return Err(error);
        }
        tracing::info!(path = %segment.path.display(), "retention removed a segment");
        self.sync_directory()
    }

    /// Whether a segment whose newest record has this time is past the retention age.
    fn is_expired(&self, newest_time_ms: i64, now_ms: i64) -> bool {
        let age_ms = u64::try_from(now_ms.saturating_sub(newest_time_ms)).unwrap_or(0);
        self.options.retention.max_age_ms.is_some_and(|max_age_ms| age_ms > max_age_ms)
    }

    /// Syncs the active segment; mends it at once if that fails.
    fn sync_file(&mut self) -> Result<(), LogError> {
        let Active { file, segment, .. } = &self.active;
        let synced = file.sync().map_err(LogError::io("sync", &segment.path));
        synced.inspect_err(|error| {
            self.break_with(error);
            drop(self.mend_if_broken());
        })
    }

    /// Takes the file back to the last durable position.
    fn undo(&mut self) {
        let Active { file, segment, place, .. } = &self.active;
        let undone = file.truncate(place.position).and_then(|()| file.sync());
        if let Err(error) = undone.map_err(LogError::io("truncate", &segment.path)) {
            self.break_with(&error);
        }
    }

    /// What to tell of a round that was written, at least in part, and failed: nothing of it is
    /// left, unless the file could not be taken back.
    fn doubt(&self, error: LogError) -> LogError {
        match &self.broken {
            None => error,
            Some(cause) => LogError::Unknown { partition: self.number, cause: cause.clone() },
        }
    }

    /// Brings the files into a state that can be gone on from, if they are not.
    fn mend_if_broken(&mut self) -> Result<(), LogError> {
        if self.broken.is_none() {
            return Ok(());
        }
        match self.mend() {
            Ok(()) => {
                self.broken = None;
                tracing::info!(partition = self.number, "the partition takes appends again");
                Ok(())
            }
            Err(error) => {
                self.broken = Some(Arc::new(error.clone()));
                Err(error)
            }
        }
    }

    fn mend(&mut self) -> Result<(), LogError> {
        if let Some(path) = self.unbegun.clone() {
            self.remove_unbegun(&path)?;
            self.unbegun = None;
        }
        let Active { segment, place, is_marked, .. } = &self.active;
        let was_marked = *is_marked;
        // The mark was written after the last sync that is known to have been one.
        let mark_bytes = if was_marked { FRAME_BYTES as u64 } else { 0 };
        let durable = Place { position: place.position - mark_bytes, ..*place };
        let file = self.storage.open(&segment.path).map_err(LogError::io("open", &segment.path))?;
        let cut = file.truncate(durable.position).and_then(|()| file.sync());
        cut.map_err(LogError::io("truncate", &segment.path))?;
        drop(file);
        let first_offset = segment.header.first_offset;
        let mut mended = recovery::reopen(&*self.storage, &self.dir, self.number, first_offset)?;
        if mended.place.offset != durable.offset {
            return Err(segment.damaged(mended.place, "records that were durable are gone"));
        }
        if was_marked {
            // A reader may have passed it already, and goes on behind it.
            mended.mark()?;
        }
        let Active { file, place, is_marked, .. } = mended;
        (self.active.file, self.active.place, self.active.is_marked) = (file, place, is_marked);
        Ok(())
    }

    /// Removes a segment that could not be begun: left there, it would contradict the records
    /// that the old one goes on to take.
    fn undo_create(&mut self, path: &Path) {
        if let Err(error) = self.remove_unbegun(path) {
            self.unbegun = Some(path.to_owned());
            self.break_with(&error);
        }
    }

    fn remove_unbegun(&self, path: &Path) -> Result<(), LogError> {
        let removed = match self.storage.remove(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        };
        let removed = removed.and_then(|()| self.storage.sync_dir(&self.dir));
        removed.map_err(LogError::io("remove", path))
    }

    fn break_with(&mut self, error: &LogError) {
        let partition = self.number;
        tracing::error!(partition, %error, "the partition takes no appends until it is mended");
        self.broken.get_or_insert_with(|| Arc::new(error.clone()));
    }
}
