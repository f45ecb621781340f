//! The `_id`s of events that were seen within the window, by their hashes.
//!
//! ```text
//! put away for good          in the checkpoint, in parts    not yet
//! ───────────────────────────┬──────────────┬──────────────┬────────▶  the newest
//!   the archive is asked     │  in memory, in the order in which they came
//! ```
//!
//! When too many are in memory, all of them are given away with the next checkpoint: from then on
//! the archive is asked. Until it has them, they are in memory still.
//!
//! Invariant: hashes end in the order in which they came, since the window is of one length and
//! logical time does not go back.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use segue_xdm::Timestamp;

use crate::codec::{DecodeError, Reader, Writer};

/// Hashes that are held in memory, some 80 bytes each, when nothing else is set.
pub(super) const IDS_HELD_MAX: usize = 262_144;

/// That the `_id` of an event was seen.
///
/// It counts for inputs behind its position only. So whoever keeps it may keep it for longer than
/// the state that it came with, and be asked by an engine that begins with an older one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct SeenId {
    /// The hash of the `_id`.
    pub hash: u128,
    /// The log position of the event.
    pub position: u64,
    /// Up to this moment, in logical time, another event with the `_id` is a repetition.
    pub until: Timestamp,
}

/// What was seen, until when each counts.
#[derive(Debug, Default)]
pub(super) struct Seen {
    held: FxHashMap<u128, Timestamp>,
    /// The same in the order in which they came.
    order: VecDeque<SeenId>,
    /// The oldest of them that are in the checkpoint.
    parts: VecDeque<Part>,
    /// What was given away, until the archive has it.
    leaving: FxHashMap<u128, Timestamp>,
}

/// Hashes that are one entry of the checkpoint.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// Position of the first of them when it was written.
    position: u64,
    /// How many of them have not ended.
    count: usize,
}

/// What a checkpoint has to do about what was seen.
#[derive(Debug)]
pub(super) struct SeenChanges {
    /// The parts that are new or to be removed.
    pub(super) parts: Vec<u64>,
    /// What the archive is to put away for good.
    pub(super) ids: Vec<SeenId>,
}

impl Seen {
    /// Until when a hash counts, as far as it is in memory.
    pub(super) fn held(&self, hash: u128) -> Option<Timestamp> {
        self.held.get(&hash).or_else(|| self.leaving.get(&hash)).copied()
    }

    pub(super) fn insert(&mut self, id: SeenId) {
        self.held.insert(id.hash, id.until);
        self.order.push_back(id);
    }

    /// Lets go of what has ended. Gives the parts of which nothing is left.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<u64> {
        let mut ended = Vec::new();
        while let Some(id) = self.order.pop_front_if(|id| id.until <= now) {
            // Unless it came again since.
            if self.held.get(&id.hash) == Some(&id.until) {
                self.held.remove(&id.hash);
            }
            if let Some(part) = self.parts.front_mut() {
                part.count -= 1;
                if part.count == 0 {
                    ended.push(part.position);
                    self.parts.pop_front();
                }
            }
        }
        ended
    }

    /// Makes a part of what came since the last call or, if more than `held_max` are in memory,
    /// gives all away.
    pub(super) fn take(&mut self, held_max: usize) -> SeenChanges {
        if self.order.len() > held_max {
            let parts = self.parts.drain(..).map(|part| part.position).collect();
            self.leaving.extend(std::mem::take(&mut self.held));
            return SeenChanges { parts, ids: std::mem::take(&mut self.order).into() };
        }
        let in_parts: usize = self.parts.iter().map(|part| part.count).sum();
        let first = self.order.get(in_parts).map(|id| id.position);
        let part = first.map(|position| Part { position, count: self.order.len() - in_parts });
        self.parts.extend(part);
        SeenChanges { parts: first.into_iter().collect(), ids: Vec::new() }
    }

    /// What was taken is in the archive now.
    pub(super) fn archived(&mut self) {
        self.leaving = FxHashMap::default();
    }

    /// Writes what is left of a part, if anything is.
    pub(super) fn write_part(&self, position: u64, writer: &mut Writer) -> Option<()> {
        let number = self.parts.iter().position(|part| part.position == position)?;
        let before: usize = self.parts.iter().take(number).map(|part| part.count).sum();
        let count = self.parts.get(number)?.count;
        writer.count(count);
        for id in self.order.iter().skip(before).take(count) {
            writer.u128(id.hash);
            writer.u64(id.position);
            writer.timestamp(id.until);
        }
        Some(())
    }

    /// Takes back a part. Parts come in the order of their positions.
    pub(super) fn read_part(
        &mut self,
        position: u64,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let ids: Vec<SeenId> = reader.list(|reader| {
            let (hash, position) = (reader.u128()?, reader.u64()?);
            Ok(SeenId { hash, position, until: reader.timestamp()? })
        })?;
        let count = ids.len();
        ids.into_iter().for_each(|id| self.insert(id));
        self.parts.push_back(Part { position, count });
        Ok(())
    }
}
