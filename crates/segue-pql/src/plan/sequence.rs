//! Sequences: events in order, over the events that were kept for each step.
//!
//! A step that takes events is *positive*; one that takes none bounds how many may lie between the
//! positive steps beside it. From left to right, each positive step has a set of events that may be
//! the last that it takes:
//!
//! ```text
//! steps      A          not B        C COUNT(2)
//!            a1 ─ a2 ─── b1 ─── a3 ─── c1 ─── c2 ─── c3 ──▶
//! last of A  a1   a2            a3
//! last of C                                   c2     c3     after a3: c1 is the first one taken,
//!                                                           and no b lies between a3 and c1
//! ```
//!
//! Of the events that may be taken first, the earliest is taken: it leaves the shortest gap behind
//! it, and the fewest events in that gap.

use segue_xdm::Timestamp;

use super::evaluate::{Clock, Kept, Occurred, earlier};
use super::leaf::Step;
use crate::interpreter::Evaluation;

pub(super) fn over(steps: &[Step], kept: &[Kept<'_>], clock: Clock<'_>) -> Evaluation {
    let mut holds_until = None;
    let mut counting: Vec<Track<'_>> = Vec::with_capacity(steps.len());
    for (step, kept) in steps.iter().zip(kept) {
        let mut events = Vec::with_capacity(kept.events.len());
        for event in kept.events {
            let stretch = step.window.stretch(event.timestamp, clock.time_zone);
            if stretch.contains(clock.now) {
                events.push(*event);
            }
            holds_until = earlier(holds_until, stretch.next_edge(clock.now));
        }
        counting.push(Track { step, events });
    }
    let (value, edge) = Search { clock }.run(&counting);
    Evaluation { value, holds_until: earlier(holds_until, edge) }
}

/// A step, and the events that pass it now.
struct Track<'a> {
    step: &'a Step,
    events: Vec<Occurred>,
}

struct Search<'a> {
    clock: Clock<'a>,
}

impl Search<'_> {
    /// The value, and the first later moment at which the end of a `WITHIN` may change it.
    fn run(&self, tracks: &[Track<'_>]) -> (bool, Option<Timestamp>) {
        // `None`: nothing is taken yet.
        let mut lasts: Vec<Option<Occurred>> = vec![None];
        let mut bounds: Vec<&Track<'_>> = Vec::new();
        for track in tracks {
            if track.step.counting.min == 0 {
                bounds.push(track);
                continue;
            }
            lasts = self.extend(&lasts, &bounds, track);
            bounds.clear();
        }
        let mut edge = None;
        let mut value = false;
        for last in lasts {
            let (holds, later) = self.ends_well(last, &bounds);
            value |= holds;
            edge = earlier(edge, later);
        }
        (value, edge)
    }

    /// The events that may be the last that a positive step takes.
    fn extend(
        &self,
        lasts: &[Option<Occurred>],
        bounds: &[&Track<'_>],
        track: &Track<'_>,
    ) -> Vec<Option<Occurred>> {
        let taken = track.step.counting.min as usize;
        let may_end = |position: usize, event: &Occurred| {
            lasts.iter().any(|before| {
                let free = track.after(*before);
                let Some(first) = position.checked_sub(taken - 1).filter(|at| *at >= free) else {
                    return false;
                };
                let first = if taken == 1 { first } else { free };
                let in_time = self.is_within(track.step, *before, event.timestamp);
                let first = track.events.get(first);
                in_time && bounds.iter().all(|bound| self.is_kept(bound, *before, first))
            })
        };
        let events = track.events.iter().enumerate();
        events.filter(|(at, event)| may_end(*at, event)).map(|(_, event)| Some(*event)).collect()
    }

    /// Whether the bounds after the last positive step are kept, and when their time is over.
    fn ends_well(
        &self,
        last: Option<Occurred>,
        bounds: &[&Track<'_>],
    ) -> (bool, Option<Timestamp>) {
        let mut edge = None;
        let mut holds = true;
        for bound in bounds {
            holds &= self.is_kept(bound, last, None);
            if let Some(over) = self.over_at(bound.step, last) {
                holds &= self.clock.now >= over;
                edge = earlier(edge, Some(over).filter(|over| *over > self.clock.now));
            }
        }
        (holds, edge)
    }

    /// Whether no more events than allowed lie after `last` and before `first`.
    fn is_kept(&self, bound: &Track<'_>, last: Option<Occurred>, first: Option<&Occurred>) -> bool {
        let events = bound.events.get(bound.after(last)..).unwrap_or_default();
        let over = self.over_at(bound.step, last);
        let counts = events.iter().filter(|event| {
            first.is_none_or(|first| event.place() < first.place())
                && over.is_none_or(|over| event.timestamp < over)
        });
        bound.step.counting.includes(counts.count())
    }

    fn is_within(&self, step: &Step, last: Option<Occurred>, timestamp: Timestamp) -> bool {
        self.over_at(step, last).is_none_or(|over| timestamp < over)
    }

    /// The first moment that no longer lies within the step's time after `last`.
    fn over_at(&self, step: &Step, last: Option<Occurred>) -> Option<Timestamp> {
        let end = step.within?.after(last?.timestamp, self.clock.time_zone);
        Some(end.plus_millis(1))
    }
}

impl Track<'_> {
    /// The position of the first event after `last`.
    fn after(&self, last: Option<Occurred>) -> usize {
        let Some(last) = last else { return 0 };
        self.events.partition_point(|event| event.place() <= last.place())
    }
}

impl Occurred {
    /// Its place in the order of events.
    pub(super) fn place(&self) -> (Timestamp, u64) {
        (self.timestamp, self.arrival)
    }
}
