//! What readers of a partition see: its segments, and how far they are durable.
//!
//! The writer changes it, after syncs only; readers look and wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use event_listener::Event;
use parking_lot::RwLock;

use crate::scan::Place;
use crate::segment::Segment;

/// The readers' side of a partition.
pub(crate) struct View {
    visible: RwLock<Visible>,
    /// Notified when [`Visible::end`] moves or the log closes.
    pub(crate) changed: Event,
    hold_from: AtomicU64,
    /// While there are any, retention removes nothing.
    pub(crate) pins: AtomicUsize,
}

struct Visible {
    /// Without gaps; the last one is being written. Never empty.
    segments: VecDeque<Arc<Segment>>,
    end: Place,
    closed: bool,
}

impl View {
    pub(crate) fn new(segments: VecDeque<Arc<Segment>>, end: Place) -> View {
        let visible = RwLock::new(Visible { segments, end, closed: false });
        let hold_from = AtomicU64::new(u64::MAX);
        View { visible, changed: Event::new(), hold_from, pins: AtomicUsize::new(0) }
    }

    /// After the last durable record.
    pub(crate) fn end(&self) -> Place {
        self.visible.read().end
    }

    pub(crate) fn start_offset(&self) -> u64 {
        let visible = self.visible.read();
        visible.segments.front().map_or(visible.end.offset, |first| first.header.first_offset)
    }

    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        self.visible.read().segments.iter().cloned().collect()
    }

    /// The segment that holds, or will hold, the record `offset`; `None` if it was removed.
    pub(crate) fn segment_of(&self, offset: u64) -> Option<Arc<Segment>> {
        let segments = &self.visible.read().segments;
        let after = segments.partition_point(|segment| segment.header.first_offset <= offset);
        after.checked_sub(1).and_then(|index| segments.get(index)).cloned()
    }

    /// The first record that retention must keep.
    pub(crate) fn hold_from(&self) -> u64 {
        match self.pins.load(Ordering::Acquire) {
            0 => self.hold_from.load(Ordering::Acquire),
            _ => 0,
        }
    }

    pub(crate) fn set_hold_from(&self, offset: u64) {
        self.hold_from.store(offset, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.visible.read().closed
    }

    pub(crate) fn close(&self) {
        self.visible.write().closed = true;
        self.changed.notify(usize::MAX);
    }

    /// Shows everything before `end`; the segment already shows as many bytes.
    pub(crate) fn publish(&self, end: Place) {
        self.visible.write().end = end;
        self.changed.notify(usize::MAX);
    }

    pub(crate) fn push_segment(&self, segment: Arc<Segment>) {
        self.visible.write().segments.push_back(segment);
    }

    /// Hides the oldest segment, unless it is the one being written.
    pub(crate) fn pop_oldest(&self) -> Option<Arc<Segment>> {
        let segments = &mut self.visible.write().segments;
        if segments.len() > 1 { segments.pop_front() } else { None }
    }

    /// Puts back what [`View::pop_oldest`] took.
    pub(crate) fn restore_oldest(&self, segment: Arc<Segment>) {
        self.visible.write().segments.push_front(segment);
    }
}
