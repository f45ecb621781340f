//! What is in a simulated file: as the running program sees it, and as the disk holds it.
//!
//! ```text
//! seen      what reads give: every change, in order
//! durable   what is on the disk for sure, followed by changes of which each is
//!             dirty     in memory only, or written early
//!             dropped   the sync that should have written it failed, and the system has let go
//!                       of it: no later sync writes it any more (as Linux does)
//!             synced    on the disk, but behind one that was dropped
//! ```

/// What a real disk writes in one piece.
const SECTOR_BYTES: usize = 512;

#[derive(Clone, Default)]
pub(super) struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
    changes: Vec<(Change, Fate)>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Dirty,
    Dropped,
    Synced,
}

impl Content {
    /// A file that has been there for long.
    pub(super) fn settled(bytes: &[u8]) -> Content {
        Content { seen: bytes.to_vec(), durable: bytes.to_vec(), changes: Vec::new() }
    }

    pub(super) fn seen(&self) -> &[u8] {
        &self.seen
    }

    pub(super) fn write(&mut self, position: usize, bytes: &[u8]) {
        self.change(Change::Write(position, bytes.to_vec()));
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.change(Change::Truncate(length));
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.changes.push((change, Fate::Dirty));
    }

    /// Writes what is dirty.
    pub(super) fn sync(&mut self) {
        self.settle_dirty(Fate::Synced);
        let settled = self.changes.iter().take_while(|(_, fate)| *fate == Fate::Synced).count();
        for (change, _) in self.changes.drain(..settled) {
            change.apply(&mut self.durable);
        }
    }

    /// Fails to write what is dirty, and forgets that it was.
    pub(super) fn fail_sync(&mut self) {
        self.settle_dirty(Fate::Dropped);
    }

    fn settle_dirty(&mut self, settled: Fate) {
        for (_, fate) in self.changes.iter_mut().filter(|(_, fate)| *fate == Fate::Dirty) {
            *fate = settled;
        }
    }

    /// The power is back: `keep` decides for each sector that was not synced whether it is there.
    pub(super) fn restart(&mut self, keep: &mut dyn FnMut() -> bool) {
        for (change, fate) in std::mem::take(&mut self.changes) {
            for part in change.in_sectors() {
                if fate == Fate::Synced || keep() {
                    part.apply(&mut self.durable);
                }
            }
        }
        self.seen.clone_from(&self.durable);
    }
}

impl Change {
    fn in_sectors(self) -> Vec<Change> {
        let Change::Write(start, bytes) = self else {
            return vec![self];
        };
        let mut parts = Vec::new();
        let mut rest = bytes.as_slice();
        let mut position = start;
        while !rest.is_empty() {
            let to_boundary = SECTOR_BYTES - position % SECTOR_BYTES;
            let (part, after) = rest.split_at(to_boundary.min(rest.len()));
            parts.push(Change::Write(position, part.to_vec()));
            position += part.len();
            rest = after;
        }
        parts
    }

    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Change::Write(position, bytes) => {
                let end = position + bytes.len();
                content.resize(content.len().max(end), 0);
                if let Some(place) = content.get_mut(*position..end) {
                    place.copy_from_slice(bytes);
                }
            }
            Change::Truncate(length) => content.resize(*length, 0),
        }
    }
}
