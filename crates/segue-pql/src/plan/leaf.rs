//! The parts of a plan: conditions on a profile, each with what decides it.

use jiff::tz::TimeZone;
use segue_xdm::{Path, Timestamp};

use super::condition::Condition;
use super::evaluate::Clock;
use super::event_test::EventTest;
use crate::expression::{Aggregate, Comparison, Count, Literal};
use crate::occurrence::{Moment, Occurrence, Period, Stretch};

/// A condition on a profile.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The condition itself, for the interpreter.
    pub condition: Condition,
    /// The form that it has.
    pub form: Form,
}

/// The forms of a condition.
#[derive(Clone, Debug)]
pub enum Form {
    /// So many events pass a test within a window.
    Count {
        /// Which events.
        events: EventTest,
        /// For how long each of them counts.
        window: Window,
        /// How many there must be.
        counting: Counting,
    },
    /// Events occurred in this order, by the rules of a chain. At least two steps, none of which
    /// refers to the event of another, and none of which both takes events and bounds their number.
    Sequence(Vec<Step>),
    /// A total over a value of the events that pass a test within a window.
    Total(Total),
    /// The profile's attributes satisfy a condition, in which "now" may stand.
    Attribute,
    /// The profile is in the audience with this id.
    Member(String),
    /// Anything: evaluated over the stored events. The reason says why it has no other form.
    Interpreted(&'static str),
}

/// One step of a sequence.
#[derive(Clone, Debug)]
pub struct Step {
    /// Which events.
    pub events: EventTest,
    /// For how long each of them counts.
    pub window: Window,
    /// How many of them the step takes; of none taken, how many may lie there at most.
    pub counting: Counting,
    pub(crate) within: Option<Period>,
}

/// During which moments of "now" an event counts.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Window(pub(crate) Vec<Occurrence<Moment>>);

/// How many: from `min` to `max`, both included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counting {
    /// At least so many.
    pub min: u32,
    /// At most so many; without one there is no upper end.
    pub max: Option<u32>,
}

/// A total over events, compared with a number.
#[derive(Clone, Debug)]
pub struct Total {
    /// Which events.
    pub events: EventTest,
    /// The value of each event that goes into the total.
    pub value: Path,
    /// For how long each of them counts.
    pub window: Window,
    pub(crate) aggregate: Aggregate,
    pub(crate) comparison: Comparison,
    pub(crate) bound: Literal,
}

impl Step {
    /// Whether it only takes events, however long after those of the step before.
    pub(crate) fn is_plain(&self) -> bool {
        self.counting.min > 0 && self.counting.max.is_none() && self.within.is_none()
    }
}

impl Window {
    /// Whether every event counts, for ever.
    #[must_use]
    pub fn is_always(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every event counts from its beginning on, also one that is dated after now.
    #[must_use]
    pub fn begins_at_once(&self) -> bool {
        self.0.iter().all(Occurrence::is_recent)
    }

    pub(crate) fn stretch(&self, event: Timestamp, time_zone: &TimeZone) -> Stretch {
        let stretches = self.0.iter().map(|occurrence| occurrence.stretch(event, time_zone));
        stretches.fold(Stretch::ALWAYS, Stretch::and)
    }

    /// Whether an event of this timestamp counts now.
    #[must_use]
    pub fn counts(&self, event: Timestamp, clock: Clock<'_>) -> bool {
        self.stretch(event, clock.time_zone).contains(clock.now)
    }

    /// Whether an event of this timestamp does not count yet, but will.
    #[must_use]
    pub fn is_ahead(&self, event: Timestamp, clock: Clock<'_>) -> bool {
        let stretch = self.stretch(event, clock.time_zone);
        let is_over = stretch.until.is_some_and(|until| until <= clock.now);
        !is_over && stretch.from.is_some_and(|from| from > clock.now)
    }

    /// Whether an event of this timestamp counts neither now nor ever after.
    #[must_use]
    pub fn is_over(&self, event: Timestamp, clock: Clock<'_>) -> bool {
        self.stretch(event, clock.time_zone).until.is_some_and(|until| until <= clock.now)
    }
}

impl Counting {
    pub(crate) const fn new(count: Count) -> Counting {
        Counting { min: count.min, max: count.max }
    }

    /// Whether so many are as many as there must be.
    #[must_use]
    pub fn includes(self, count: usize) -> bool {
        count >= self.min as usize && self.max.is_none_or(|max| count <= max as usize)
    }

    /// How many of the newest events decide it: one more than the upper end shows that there are
    /// too many.
    #[must_use]
    pub fn decided_by(self) -> usize {
        self.max.map_or(self.min, |max| max.saturating_add(1).max(self.min)) as usize
    }
}
