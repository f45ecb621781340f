//! The `_id`s of events that were seen within the window, by their hashes.
//!
//! ```text
//! in the archive   ──────────────────────────┐
//! in memory                      ────────────┴──────────▶  the newest
//!                  ↑ ends first  ↑ let go of up to here
//! ```
//!
//! The newest are in memory. Older ones are looked up in the archive while any of them may count.
//!
//! Invariant: hashes end in the order in which they came, since the window is of one length and
//! logical time does not go back.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;
use segue_xdm::Timestamp;

/// Hashes that are held in memory, some 60 bytes each; beyond, the oldest are let go of.
const HELD_MAX: usize = 2_000_000;

/// What was seen, until when each counts.
#[derive(Debug)]
pub(super) struct Seen {
    held: FxHashMap<u128, Timestamp>,
    /// The same hashes in the order in which they came.
    order: VecDeque<u128>,
    /// Hashes that ever came, were taken for the checkpoint, and are in the archive.
    came: u64,
    taken: u64,
    in_archive: u64,
    /// From then on nothing counts that is in the archive alone.
    archive_counts_until: Timestamp,
}

impl Seen {
    /// Nothing is in memory; what is in the archive counts until then.
    pub(super) fn new(archive_counts_until: Timestamp) -> Seen {
        Seen {
            held: FxHashMap::default(),
            order: VecDeque::new(),
            came: 0,
            taken: 0,
            in_archive: 0,
            archive_counts_until,
        }
    }

    /// Until when a hash counts, as far as it is in memory.
    pub(super) fn held(&self, hash: u128) -> Option<Timestamp> {
        self.held.get(&hash).copied()
    }

    /// Whether a hash that is not in memory may count at `now`.
    pub(super) fn is_archive_asked(&self, now: Timestamp) -> bool {
        now < self.archive_counts_until
    }

    pub(super) fn insert(&mut self, hash: u128, until: Timestamp) {
        self.held.insert(hash, until);
        self.order.push_back(hash);
        self.came += 1;
    }

    /// Lets go of what has ended, and says what that is.
    pub(super) fn expire(&mut self, now: Timestamp) -> Vec<u128> {
        let mut gone = Vec::new();
        while let Some(hash) = self.order.front()
            && self.held.get(hash).is_none_or(|until| *until <= now)
        {
            self.held.remove(hash);
            gone.extend(self.order.pop_front());
        }
        gone
    }

    /// Everything so far goes into the checkpoint.
    pub(super) fn take(&mut self) {
        self.taken = self.came;
    }

    /// What was taken is in the archive now; the oldest of it may be let go of.
    pub(super) fn archived(&mut self) {
        self.in_archive = self.taken;
        self.let_go(HELD_MAX);
    }

    /// Holds no more than so many, as far as the others are in the archive.
    pub(super) fn let_go(&mut self, held_max: usize) {
        let left = self.came - self.order.len() as u64;
        let archived = usize::try_from(self.in_archive.saturating_sub(left)).unwrap_or(usize::MAX);
        let too_many = self.order.len().saturating_sub(held_max).min(archived);
        for hash in self.order.drain(..too_many) {
            let until = self.held.remove(&hash);
            self.archive_counts_until =
                self.archive_counts_until.max(until.unwrap_or(Timestamp::MIN));
        }
    }
}
