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

use super::evaluate::{Clock, Kept, Occurred, Place, earlier};
use super::leaf::Step;
use crate::interpreter::Evaluation;

pub(super) fn over<'k>(
    steps: &[Step],
    kept: &dyn Fn(usize) -> Kept<'k>,
    clock: Clock<'_>,
) -> Option<Evaluation> {
    let is_whole = (0..steps.len()).all(|place| kept(place).lost.is_none());
    let is_plain = steps.iter().all(Step::is_plain);
    let begins_at_once = steps.iter().all(|step| step.window.begins_at_once());
    if !(is_whole || is_plain && begins_at_once) {
        return None;
    }
    if is_plain {
        return plain_over(steps, kept, clock);
    }
    let mut holds_until = None;
    let mut tracks: Vec<Track<'_>> = Vec::with_capacity(steps.len());
    for (place, step) in steps.iter().enumerate() {
        let mut events = Vec::new();
        for event in kept(place).events {
            let stretch = step.window.stretch(event.timestamp, clock.time_zone);
            if stretch.contains(clock.now) {
                events.push(*event);
            }
            holds_until = earlier(holds_until, stretch.next_edge(clock.now));
        }
        tracks.push(Track { step, events });
    }
    let (value, edge) = Search { clock }.run(&tracks);
    Some(Evaluation { value, holds_until: earlier(holds_until, edge) })
}

/// Of steps that only take events: from the last one back, each takes its newest events before
/// those that the step after it takes. If any choice of events holds, this one does, and the
/// longest. So what is missing matters only where a step has to look that far back; none then.
fn plain_over<'k>(
    steps: &[Step],
    kept: &dyn Fn(usize) -> Kept<'k>,
    clock: Clock<'_>,
) -> Option<Evaluation> {
    let mut bound: Option<Place> = None;
    let mut holds_until = None;
    for (place, step) in steps.iter().enumerate().rev() {
        let Kept { events, lost, .. } = kept(place);
        let events = events.iter().rev().take_while(|event| Some(event.timestamp) > lost);
        let before = events.filter(|event| bound.is_none_or(|bound| event.place() < bound));
        let mut taken = 0;
        let mut first = None;
        for event in before {
            let stretch = step.window.stretch(event.timestamp, clock.time_zone);
            if stretch.contains(clock.now) {
                taken += 1;
                holds_until = earlier(holds_until, stretch.until);
                if taken == step.counting.min {
                    first = Some(event.place());
                    break;
                }
            }
        }
        if first.is_none() {
            let holds_until = next_begin(steps, kept, clock);
            return lost.is_none().then_some(Evaluation { value: false, holds_until });
        }
        bound = first;
    }
    Some(Evaluation { value: true, holds_until })
}

/// When the next event begins to count that does not yet.
fn next_begin<'k>(
    steps: &[Step],
    kept: &dyn Fn(usize) -> Kept<'k>,
    clock: Clock<'_>,
) -> Option<Timestamp> {
    let begins = steps.iter().enumerate().flat_map(|(place, step)| {
        kept(place).events.iter().filter_map(|event| {
            let stretch = step.window.stretch(event.timestamp, clock.time_zone);
            stretch.from.filter(|from| *from > clock.now)
        })
    });
    begins.min()
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
