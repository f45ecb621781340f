//! What happens, as it happens: a bounded feed that many readers follow.
//!
//! ```text
//!  engine, function host ──publish──▶ [ring of the newest 1024 entries] ◀──read at own pace── SSE
//!                        never waits         oldest falls out             cursor = last id seen
//! ```
//!
//! While nobody reads, no more is kept in a second than the ring holds: what comes then would push
//! out what came just before, and nobody would have seen either.
//!
//! Invariants: ids ascend by one; publishing never waits for a reader; a reader that fell behind
//! the ring is told how many entries it missed and goes on with the oldest one left.

pub(crate) mod observer;
mod sse;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::watch;

pub(crate) use sse::follow;

/// Entries kept for readers that come back or are slow: at about 300 bytes each, a third of a
/// megabyte, and some minutes of a demo.
pub const FEED_ENTRIES_MAX: usize = 1024;

const SECOND: Duration = Duration::from_secs(1);

/// What an entry of the feed tells of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LiveKind {
    /// An event, record or definition was applied.
    Input,
    /// A membership changed its status.
    Change,
    /// A message about a profile was written for a destination.
    Activation,
    /// Profiles followed definitions that changed.
    Progress,
    /// A destination took a message, or refused it.
    Delivery,
    /// A function ran.
    FunctionRun,
}

impl LiveKind {
    /// The name of the server-sent event.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            LiveKind::Input => "input",
            LiveKind::Change => "change",
            LiveKind::Activation => "activation",
            LiveKind::Progress => "progress",
            LiveKind::Delivery => "delivery",
            LiveKind::FunctionRun => "function-run",
        }
    }
}

/// The feed; clones share it. Given to the runtime as its observer, and to the server.
#[derive(Clone, Default, Debug)]
pub struct LiveFeed {
    shared: Arc<Shared>,
}

#[derive(Default, Debug)]
struct Shared {
    ring: Mutex<Ring>,
    /// Wakes readers; they look into the ring for what is new.
    changed: watch::Sender<()>,
}

#[derive(Default, Debug)]
struct Ring {
    entries: VecDeque<Entry>,
    /// Id of the newest entry; 0 before the first.
    newest: u64,
    closed: bool,
    /// When the second began that is counted, and the id of its first entry.
    second: Option<(Instant, u64)>,
}

impl Ring {
    /// Whether fewer entries came within this second than the ring holds.
    fn has_room(&mut self, now: Instant) -> bool {
        match self.second {
            Some((began, first)) if now.duration_since(began) < SECOND => {
                self.newest - first < FEED_ENTRIES_MAX as u64
            }
            _ => {
                self.second = Some((now, self.newest));
                true
            }
        }
    }
}

/// One entry, ready to be sent.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) kind: LiveKind,
    /// JSON, on one line.
    pub(crate) data: Arc<str>,
}

impl LiveFeed {
    /// An empty feed.
    #[must_use]
    pub fn new() -> LiveFeed {
        LiveFeed::default()
    }

    /// Whether an entry would be seen: somebody reads, or may still find it in the ring.
    pub(crate) fn is_of_use(&self) -> bool {
        self.shared.changed.receiver_count() > 0 || self.shared.ring.lock().has_room(Instant::now())
    }

    /// Adds an entry. Never waits for readers.
    pub fn publish(&self, kind: LiveKind, data: &Value) {
        let data: Arc<str> = data.to_string().into();
        {
            let mut ring = self.shared.ring.lock();
            ring.newest += 1;
            let id = ring.newest;
            ring.entries.push_back(Entry { id, kind, data });
            if ring.entries.len() > FEED_ENTRIES_MAX {
                ring.entries.pop_front();
            }
        }
        self.shared.changed.send_replace(());
    }

    /// Ends every reader once it has read what is there.
    pub(crate) fn close(&self) {
        self.shared.ring.lock().closed = true;
        self.shared.changed.send_replace(());
    }

    /// A reader of everything after the entry `after`; of what comes from now on if `None`.
    pub(crate) fn subscribe(&self, after: Option<u64>) -> Subscription {
        let newest = self.shared.ring.lock().newest;
        // An id that this feed never gave is from before a restart: all that is here is new.
        let cursor = match after {
            Some(after) if after <= newest => after,
            Some(_) => 0,
            None => newest,
        };
        let changed = self.shared.changed.subscribe();
        Subscription { shared: Arc::clone(&self.shared), changed, cursor }
    }
}

/// One reader's place in the feed.
#[derive(Debug)]
pub(crate) struct Subscription {
    shared: Arc<Shared>,
    changed: watch::Receiver<()>,
    cursor: u64,
}

/// What a reader gets next.
#[derive(PartialEq, Debug)]
pub(crate) enum Next {
    Entry(Entry),
    /// So many entries fell out of the ring before this reader came to them.
    Lagged(u64),
}

impl Subscription {
    /// Waits for the next entry; `None` after the feed was closed.
    pub(crate) async fn next(&mut self) -> Option<Next> {
        loop {
            self.changed.mark_unchanged();
            if let Some(next) = self.take() {
                return Some(next);
            }
            if self.shared.ring.lock().closed || self.changed.changed().await.is_err() {
                return None;
            }
        }
    }

    fn take(&mut self) -> Option<Next> {
        let ring = self.shared.ring.lock();
        let oldest = ring.entries.front()?.id;
        let missed = oldest.saturating_sub(self.cursor + 1);
        if missed > 0 {
            self.cursor += missed;
            return Some(Next::Lagged(missed));
        }
        let index = usize::try_from(self.cursor + 1 - oldest).ok()?;
        let entry = ring.entries.get(index)?.clone();
        self.cursor = entry.id;
        Some(Next::Entry(entry))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn ids(subscription: &mut Subscription, count: usize) -> Vec<u64> {
        let mut ids = Vec::new();
        for _ in 0..count {
            match subscription.next().await {
                Some(Next::Entry(entry)) => ids.push(entry.id),
                other => panic!("expected an entry, found {other:?}"),
            }
        }
        ids
    }

    fn publish(feed: &LiveFeed, count: usize) {
        for number in 0..count {
            feed.publish(LiveKind::Input, &json!(number));
        }
    }

    #[tokio::test]
    async fn readers_get_every_entry_from_where_they_want() {
        let feed = LiveFeed::new();
        publish(&feed, 3);
        let mut all = feed.subscribe(Some(0));
        let mut later = feed.subscribe(None);
        let mut after_restart = feed.subscribe(Some(77));
        publish(&feed, 1);
        assert_eq!(ids(&mut all, 4).await, [1, 2, 3, 4]);
        assert_eq!(ids(&mut later, 1).await, [4]);
        assert_eq!(ids(&mut after_restart, 1).await, [1]);
    }

    #[tokio::test]
    async fn a_reader_that_waits_is_woken() {
        let feed = LiveFeed::new();
        let mut reader = feed.subscribe(None);
        let reading = tokio::spawn(async move { ids(&mut reader, 1).await });
        tokio::task::yield_now().await;
        publish(&feed, 1);
        assert_eq!(reading.await.unwrap(), [1]);
    }

    #[tokio::test]
    async fn a_slow_reader_learns_what_it_missed() {
        let feed = LiveFeed::new();
        let mut slow = feed.subscribe(None);
        publish(&feed, FEED_ENTRIES_MAX + 5);
        assert_eq!(slow.next().await, Some(Next::Lagged(5)));
        assert_eq!(ids(&mut slow, 1).await, [6]);
    }

    #[tokio::test]
    async fn closing_ends_readers_after_the_last_entry() {
        let feed = LiveFeed::new();
        let mut reader = feed.subscribe(Some(0));
        publish(&feed, 1);
        feed.close();
        assert_eq!(ids(&mut reader, 1).await, [1]);
        assert_eq!(reader.next().await, None);
    }

    #[test]
    fn while_nobody_reads_a_second_is_kept_that_fits_into_the_ring() {
        let mut ring = Ring::default();
        let start = Instant::now();
        for _ in 0..FEED_ENTRIES_MAX {
            assert!(ring.has_room(start));
            ring.newest += 1;
        }
        assert!(!ring.has_room(start + SECOND / 2));
        assert!(ring.has_room(start + SECOND));
        assert!(LiveFeed::new().is_of_use());
    }
}
