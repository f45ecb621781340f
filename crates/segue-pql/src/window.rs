//! Windows: during which moments an event counts.
//!
//! Each window turns an event's timestamp into one stretch of time. While "now" lies within it the
//! event counts, so the moments at which it begins and ends are the only ones at which a window
//! can change a definition's value. That is what timers are set by.
//!
//! ```text
//!                               event           now ──▶
//!                     ────────────┼──────────────────────────────▶
//! no window           ◀━━━━━━━━━━━┿━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━▶
//! < 3 hours before    ◀━━━━━━━━━━━┿━━━━━━━┥ event + 3 h, excluded
//! <= 3 hours before   ◀━━━━━━━━━━━┿━━━━━━━┥ event + 3 h + 1 ms, excluded
//! today                      ┝━━━━┿━━━━━━━━━┥ midnight to midnight, the first included
//! ```
//!
//! - An event dated after now has the age 0: the senders' clocks differ a little, and an event
//!   that is here has happened.
//! - Seconds to weeks have a fixed length, a day 24 hours. Months and longer follow the calendar of
//!   the time zone: 31 January 10:00 plus a month is the last day of February, 10:00.
//! - A stretch that would end after the year 9999 does not end.

use jiff::tz::TimeZone;
use segue_xdm::Timestamp;

use crate::limits::WINDOW_YEARS_MAX;

/// Which events a step considers, by their age.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Window {
    /// No `WHEN`: every event.
    Always,
    /// `< period before now`, or `<=` when `inclusive`.
    Recent { period: Period, inclusive: bool },
    /// The calendar day of now, in the time zone.
    Today,
}

/// A length of time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Period {
    Millis(i64),
    Months(i64),
}

/// The units of the language with their length, shortest first.
pub(crate) const UNITS: [(&str, &str, Period); 11] = [
    ("millisecond", "milliseconds", Period::Millis(1)),
    ("second", "seconds", Period::Millis(1000)),
    ("minute", "minutes", Period::Millis(60 * 1000)),
    ("hour", "hours", Period::Millis(60 * 60 * 1000)),
    ("day", "days", Period::Millis(DAY_MS)),
    ("week", "weeks", Period::Millis(7 * DAY_MS)),
    ("month", "months", Period::Months(1)),
    ("year", "years", Period::Months(12)),
    ("decade", "decades", Period::Months(10 * 12)),
    ("century", "centuries", Period::Months(100 * 12)),
    ("millennium", "millennia", Period::Months(1000 * 12)),
];

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Period {
    /// `amount` times as long; `None` when that is longer than [`WINDOW_YEARS_MAX`].
    pub(crate) fn times(self, amount: i64) -> Option<Period> {
        let (period, max) = match self {
            Period::Millis(unit) => {
                (Period::Millis(unit.saturating_mul(amount)), WINDOW_YEARS_MAX * 366 * DAY_MS)
            }
            Period::Months(unit) => {
                (Period::Months(unit.saturating_mul(amount)), WINDOW_YEARS_MAX * 12)
            }
        };
        let (Period::Millis(length) | Period::Months(length)) = period;
        (length <= max).then_some(period)
    }

    /// The moment that is this much later, unless it lies beyond the range of timestamps.
    fn after(self, start: Timestamp, time_zone: &TimeZone) -> Option<Timestamp> {
        let end = match self {
            Period::Millis(millis) => start.plus_millis(millis),
            Period::Months(months) => {
                let months = jiff::Span::new().try_months(months).ok()?;
                let start = start.to_jiff().to_zoned(time_zone.clone());
                Timestamp::from_jiff(start.checked_add(months).ok()?.timestamp())
            }
        };
        (end < Timestamp::MAX).then_some(end)
    }
}

/// The moments at which an event counts: from `from` on (`None`: always did) to just before `until`
/// (`None`: for ever).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stretch {
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

impl Stretch {
    pub(crate) fn contains(self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

impl Window {
    /// When an event with this timestamp counts.
    pub(crate) fn stretch(self, event: Timestamp, time_zone: &TimeZone) -> Stretch {
        match self {
            Window::Always => Stretch { from: None, until: None },
            Window::Recent { period, inclusive } => {
                let end = period.after(event, time_zone);
                let until = end.map(|end| end.plus_millis(i64::from(inclusive)));
                Stretch { from: None, until }
            }
            Window::Today => {
                let event = event.to_jiff().to_zoned(time_zone.clone());
                let midnight = |day: jiff::Zoned| {
                    day.start_of_day().ok().map(|start| Timestamp::from_jiff(start.timestamp()))
                };
                Stretch { until: event.tomorrow().ok().and_then(midnight), from: midnight(event) }
            }
        }
    }
}
