//! The value of a leaf over the events that were kept for it, and until when it holds.
//!
//! Which events must be kept follows from the leaf: [`Leaf::demands`]. Over those the value is the
//! same as over all events of the profile.

use jiff::tz::TimeZone;
use segue_xdm::Timestamp;

use super::leaf::{Counting, Form, Leaf, Total, Window};
use super::sequence;
use crate::interpreter::Evaluation;
use crate::totals::{Amount, Totals};
use crate::value::{Scalar, compare};

/// An event that passed a test: when it happened, its arrival, and its value where one is asked
/// for. Orders as events do: by timestamp, then by arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Occurred {
    /// When it happened.
    pub timestamp: Timestamp,
    /// Its log position.
    pub arrival: u64,
    /// The value that goes into a total; none of an event that has none.
    pub value: Option<Amount>,
}

/// Where an event lies in the order of events: by timestamp, then by arrival.
pub type Place = (Timestamp, u64);

impl Occurred {
    /// Its place in the order of events.
    #[must_use]
    pub fn place(&self) -> Place {
        (self.timestamp, self.arrival)
    }
}

/// The events that were kept of those that pass one test, in their order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kept<'a> {
    /// The events.
    pub events: &'a [Occurred],
    /// What was totalled of all events.
    pub totals: Totals,
    /// Events of this moment and older ones may be missing, some of which count.
    pub lost: Option<Timestamp>,
}

/// The moment, and where midnight is.
#[derive(Clone, Copy, Debug)]
pub struct Clock<'a> {
    /// The moment.
    pub now: Timestamp,
    /// Whose midnight ends a day.
    pub time_zone: &'a TimeZone,
}

impl Leaf {
    /// The value over what was kept, given for each of the leaf's [demands](Leaf::demands) by its
    /// place; `None` for a leaf that asks for no events.
    #[must_use]
    pub fn over<'k>(
        &self,
        kept: &dyn Fn(usize) -> Kept<'k>,
        clock: Clock<'_>,
    ) -> Option<Evaluation> {
        let whole = |kept: Kept<'k>| kept.lost.is_none().then_some(kept);
        match &self.form {
            Form::Count { window, counting, .. } => {
                Some(count_over(window, *counting, whole(kept(0))?.events, clock))
            }
            Form::Sequence(steps) => sequence::over(steps, kept, clock),
            Form::Total(total) => Some(total.over(whole(kept(0))?, clock)),
            Form::Attribute | Form::Member(_) | Form::Interpreted(_) => None,
        }
    }
}

/// From the newest event on, since later ones never stop counting before earlier ones: the count
/// falls below `min` when the event in that place stops counting, and back to `max` when the one
/// after those does.
fn count_over(
    window: &Window,
    counting: Counting,
    events: &[Occurred],
    clock: Clock<'_>,
) -> Evaluation {
    if window.is_always() {
        return Evaluation { value: counting.includes(events.len()), holds_until: None };
    }
    let turns = [Some(counting.min), counting.max.map(|max| max.saturating_add(1))];
    let last_turn = turns.into_iter().max().flatten();
    let mut count = 0_u32;
    let mut holds_until = None;
    for event in events.iter().rev() {
        let stretch = window.stretch(event.timestamp, clock.time_zone);
        if stretch.contains(clock.now) {
            count += 1;
            if turns.contains(&Some(count)) {
                holds_until = earlier(holds_until, stretch.until);
            }
            if Some(count) >= last_turn {
                break;
            }
        } else {
            holds_until = earlier(holds_until, stretch.next_edge(clock.now));
        }
    }
    Evaluation { value: counting.includes(count as usize), holds_until }
}

impl Total {
    fn accepts(&self, totals: &Totals) -> bool {
        let total = totals.get(self.aggregate).map(Amount::to_json);
        let total = total.as_ref().and_then(Scalar::of_number);
        total.is_some_and(|total| {
            let order = compare(total, Scalar::of_literal(&self.bound), &TimeZone::UTC);
            self.comparison.accepts(order)
        })
    }

    fn over(&self, kept: Kept<'_>, clock: Clock<'_>) -> Evaluation {
        if self.window.is_always() {
            return Evaluation { value: self.accepts(&kept.totals), holds_until: None };
        }
        let mut totals = Totals::default();
        let mut holds_until = None;
        for event in kept.events {
            let stretch = self.window.stretch(event.timestamp, clock.time_zone);
            if let Some(value) = event.value.filter(|_| stretch.contains(clock.now)) {
                totals.add(value);
            }
            holds_until = earlier(holds_until, stretch.next_edge(clock.now));
        }
        Evaluation { value: self.accepts(&totals), holds_until }
    }
}

/// The earlier of two moments that may never come.
pub(super) fn earlier(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    a.into_iter().chain(b).min()
}
