//! When a moment lies: `occurs …`, and the `WHEN(…)` of a chain's step, which asks the same of an
//! event's timestamp.
//!
//! Asked about one moment `t`, each form is true during one stretch of "now", so the moments at
//! which that stretch begins and ends are the only ones at which the answer changes. That is what
//! timers are set by.
//!
//! ```text
//!                                 t             now ──▶
//!                     ────────────┼──────────────────────────────▶
//! < 3 hours before now  ◀━━━━━━━━━┿━━━━━━━┥ t + 3 h, excluded
//! <= 3 hours before now ◀━━━━━━━━━┿━━━━━━━┥ t + 3 h + 1 ms, excluded
//! > 3 hours before now            │          ┝━━━━━━━━━━━━━━━━━━━▶ from t + 3 h + 1 ms on
//! = 3 hours before now            │          ┝━━━┥ the fourth hour: three whole ones have passed
//! before today                    │     ┝━━━━━━━━━━━━━━━━━━━━━━━━▶ from the next midnight on
//! today                      ┝━━━━┿━━━━━┥ midnight to midnight, the first included
//! ```
//!
//! - An event after now has, for `before now`, the age 0: the senders' clocks differ a little, and
//!   an event that is here has happened. Any other moment after now is not before it.
//! - Seconds to weeks have a fixed length, a day 24 hours. Months and longer follow the calendar of
//!   the time zone: 31 January 10:00 plus a month is the last day of February, 10:00. Measured from
//!   a day (`today`, `date(…)`), so do days and weeks, since a day begins at midnight however long
//!   the one before was.
//! - A distance is counted from `t`, which stays where it is, whichever of the two comes first.
//! - Calendar weeks begin on Monday (ISO 8601).
//! - A stretch that would end after the year 9999 does not end.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{RoundMode, Span, Unit, Zoned, ZonedRound};
use segue_xdm::Timestamp;

use crate::expression::Comparison;
use crate::limits::WINDOW_YEARS_MAX;

/// Where a moment must lie. `M` is how the moments that it is measured from are given.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Occurrence<M> {
    /// `< 3 days before now`; `from` is another word for `after`. Never [`Comparison::NotEqual`].
    Distance { comparison: Comparison, period: Period, direction: Direction, anchor: M },
    /// `before today`, `after date(2020, 3, 14)`
    Side { direction: Direction, anchor: M },
    /// `this week`, `last month`; `today` is this day.
    Calendar { unit: CalendarUnit, offset: i64 },
    /// `on date(2020, 3, 14)`: the calendar day that holds the moment.
    On(M),
    /// `between date(2020, 1, 1) and today`: both included, a day to its end.
    Between { from: M, to: M },
}

/// A moment that is known but for "now".
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Moment {
    Now,
    /// Midnight of the day that is this many days after today: `today`, `yesterday`, `tomorrow`.
    Day(i64),
    /// `date(2020, 3, 14)`: its midnight.
    Date(Date),
    At(Timestamp),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Before,
    After,
}

/// A length of time: a number of units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Period {
    pub(crate) amount: i64,
    pub(crate) unit: PeriodUnit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum PeriodUnit {
    Millis(i64),
    Months(i64),
}

/// A stretch of the calendar.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CalendarUnit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    /// This many months: a month, a year, a decade and longer, each counted from the year 0.
    Months(i64),
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A word for a unit: in the singular, in the plural, as a length, and on the calendar (a
/// millisecond is no stretch of it).
pub(crate) struct UnitWord {
    pub(crate) singular: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) period: PeriodUnit,
    pub(crate) calendar: Option<CalendarUnit>,
}

const fn word(
    singular: &'static str,
    plural: &'static str,
    period: PeriodUnit,
    calendar: Option<CalendarUnit>,
) -> UnitWord {
    UnitWord { singular, plural, period, calendar }
}

const fn months(singular: &'static str, plural: &'static str, count: i64) -> UnitWord {
    word(singular, plural, PeriodUnit::Months(count), Some(CalendarUnit::Months(count)))
}

const fn millis(
    singular: &'static str,
    plural: &'static str,
    count: i64,
    calendar: CalendarUnit,
) -> UnitWord {
    word(singular, plural, PeriodUnit::Millis(count), Some(calendar))
}

/// The units of the language, shortest first.
pub(crate) const UNITS: [UnitWord; 11] = [
    word("millisecond", "milliseconds", PeriodUnit::Millis(1), None),
    millis("second", "seconds", 1000, CalendarUnit::Second),
    millis("minute", "minutes", 60 * 1000, CalendarUnit::Minute),
    millis("hour", "hours", 60 * 60 * 1000, CalendarUnit::Hour),
    millis("day", "days", DAY_MS, CalendarUnit::Day),
    millis("week", "weeks", 7 * DAY_MS, CalendarUnit::Week),
    months("month", "months", 1),
    months("year", "years", 12),
    months("decade", "decades", 10 * 12),
    months("century", "centuries", 100 * 12),
    months("millennium", "millennia", 1000 * 12),
];

impl Period {
    /// Whether the period is longer than [`WINDOW_YEARS_MAX`] years.
    pub(crate) fn is_too_long(self) -> bool {
        let (length, max) = match self.unit {
            PeriodUnit::Millis(unit) => {
                (unit.saturating_mul(self.amount), WINDOW_YEARS_MAX * 366 * DAY_MS)
            }
            PeriodUnit::Months(unit) => (unit.saturating_mul(self.amount), WINDOW_YEARS_MAX * 12),
        };
        length > max
    }

    /// The period and one unit more.
    fn longer(self) -> Period {
        Period { amount: self.amount.saturating_add(1), unit: self.unit }
    }

    /// The moment that is this much later than `start`.
    pub(crate) fn after(self, start: Timestamp, time_zone: &TimeZone) -> Timestamp {
        self.shift(start, 1, Days::Fixed, time_zone)
    }

    /// The moment that is this much later than `start`, or earlier where `sign` is -1.
    fn shift(self, start: Timestamp, sign: i64, days: Days, time_zone: &TimeZone) -> Timestamp {
        let units = |unit: i64| unit.saturating_mul(self.amount).saturating_mul(sign);
        let span = match self.unit {
            PeriodUnit::Millis(unit) if days == Days::OfCalendar && unit % DAY_MS == 0 => {
                Span::new().try_days(units(unit / DAY_MS))
            }
            PeriodUnit::Millis(unit) => return start.plus_millis(units(unit)),
            PeriodUnit::Months(unit) => Span::new().try_months(units(unit)),
        };
        match span.and_then(|span| zoned(start, time_zone).checked_add(span)) {
            Ok(moment) => Timestamp::from_jiff(moment.timestamp()),
            Err(_) if sign < 0 => Timestamp::MIN,
            Err(_) => Timestamp::MAX,
        }
    }
}

/// What is meant by a number of days or weeks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Days {
    /// So many times 24 hours.
    Fixed,
    OfCalendar,
}

/// The moments of "now" from `from` on (`None`: since ever) to just before `until` (`None`: for
/// ever).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stretch {
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
}

impl Stretch {
    pub(crate) const ALWAYS: Stretch = Stretch { from: None, until: None };
    pub(crate) const NEVER: Stretch = Stretch { from: None, until: Some(Timestamp::MIN) };

    /// From just after a moment on.
    pub(crate) fn after(moment: Timestamp) -> Stretch {
        match moment.plus_millis(1) {
            Timestamp::MAX => Stretch::NEVER,
            from => Stretch { from: Some(from), until: None },
        }
    }

    pub(crate) fn contains(self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }

    /// The first moment after `now` at which `contains` may answer otherwise than now.
    pub(crate) fn next_edge(self, now: Timestamp) -> Option<Timestamp> {
        [self.from, self.until].into_iter().flatten().filter(|edge| *edge > now).min()
    }

    /// The moments that lie in both.
    pub(crate) fn and(self, other: Stretch) -> Stretch {
        let until = self.until.into_iter().chain(other.until).min();
        Stretch { from: self.from.max(other.from), until }
    }
}

impl<M> Occurrence<M> {
    /// The same, measured from other moments; `None` where one of them has no other.
    pub(crate) fn try_map<'m, N>(
        &'m self,
        mut of: impl FnMut(&'m M) -> Option<N>,
    ) -> Option<Occurrence<N>> {
        Some(match self {
            Occurrence::Distance { comparison, period, direction, anchor } => {
                Occurrence::Distance {
                    comparison: *comparison,
                    period: *period,
                    direction: *direction,
                    anchor: of(anchor)?,
                }
            }
            Occurrence::Side { direction, anchor } => {
                Occurrence::Side { direction: *direction, anchor: of(anchor)? }
            }
            Occurrence::Calendar { unit, offset } => {
                Occurrence::Calendar { unit: *unit, offset: *offset }
            }
            Occurrence::On(anchor) => Occurrence::On(of(anchor)?),
            Occurrence::Between { from, to } => {
                let (from, to) = (of(from), of(to));
                Occurrence::Between { from: from?, to: to? }
            }
        })
    }

    /// The moments that it is measured from.
    pub(crate) fn anchors(&self) -> impl Iterator<Item = &M> {
        let (first, second) = match self {
            Occurrence::Distance { anchor, .. }
            | Occurrence::Side { anchor, .. }
            | Occurrence::On(anchor) => (Some(anchor), None),
            Occurrence::Calendar { .. } => (None, None),
            Occurrence::Between { from, to } => (Some(from), Some(to)),
        };
        first.into_iter().chain(second)
    }

    /// The same, to be changed.
    pub(crate) fn anchors_mut(&mut self) -> impl Iterator<Item = &mut M> {
        let (first, second) = match self {
            Occurrence::Distance { anchor, .. }
            | Occurrence::Side { anchor, .. }
            | Occurrence::On(anchor) => (Some(anchor), None),
            Occurrence::Calendar { .. } => (None, None),
            Occurrence::Between { from, to } => (Some(from), Some(to)),
        };
        first.into_iter().chain(second)
    }
}

impl Occurrence<Moment> {
    /// `< 3 days before now` or `<=`: an event's stretch has no beginning.
    pub(crate) fn is_recent(&self) -> bool {
        let Occurrence::Distance { comparison, direction, anchor, .. } = self else {
            return false;
        };
        matches!(comparison, Comparison::Less | Comparison::LessOrEqual)
            && (*direction, *anchor) == (Direction::Before, Moment::Now)
    }

    /// During which moments of "now" the timestamp `t` of an event lies where it must.
    pub(crate) fn stretch(&self, t: Timestamp, time_zone: &TimeZone) -> Stretch {
        let stretch = self.stretch_of_date(t, time_zone);
        let is_age = matches!(
            self,
            Occurrence::Distance { direction: Direction::Before, anchor: Moment::Now, .. }
        );
        let from = if is_age && stretch.contains(t) { None } else { stretch.from };
        Stretch { from, until: stretch.until }
    }

    /// The same of a moment `t` that is no event's, and so may well lie in the future.
    pub(crate) fn stretch_of_date(&self, t: Timestamp, time_zone: &TimeZone) -> Stretch {
        let since = |from| Stretch { from, until: None };
        let up_to = |last: Timestamp| Stretch { from: None, until: Some(last.plus_millis(1)) };
        match self {
            Occurrence::Distance { comparison, period, direction, anchor } => {
                let days = if anchor.is_day() { Days::OfCalendar } else { Days::Fixed };
                let shift = |period: Period, sign| period.shift(t, sign, days, time_zone);
                let wanted = match direction {
                    Direction::Before => {
                        later(*comparison, *period, |period| shift(period, 1)).and(since(Some(t)))
                    }
                    Direction::After => {
                        earlier(*comparison, *period, |period| shift(period, -1)).and(up_to(t))
                    }
                };
                anchor.lies_in(wanted, time_zone)
            }
            Occurrence::Side { direction: Direction::Before, anchor } => {
                anchor.lies_in(Stretch::after(t), time_zone)
            }
            Occurrence::Side { direction: Direction::After, anchor } => {
                anchor.lies_in(Stretch { from: None, until: Some(t) }, time_zone)
            }
            Occurrence::Calendar { unit, offset } => unit.stretch(t, *offset, time_zone),
            Occurrence::On(anchor) => {
                anchor.lies_in(CalendarUnit::Day.stretch(t, 0, time_zone), time_zone)
            }
            Occurrence::Between { from, to } => {
                let day = CalendarUnit::Day.stretch(t, 0, time_zone);
                let ended = since(if to.is_day() { day.from } else { Some(t) });
                from.lies_in(up_to(t), time_zone).and(to.lies_in(ended, time_zone))
            }
        }
    }
}

/// Where a moment must lie for `t` to be, compared with the period, so much before it. `plus` gives
/// the moment that is so much later than `t`.
fn later(comparison: Comparison, period: Period, plus: impl Fn(Period) -> Timestamp) -> Stretch {
    let at = plus(period);
    let (from, until) = match comparison {
        Comparison::Less => (None, Some(at)),
        Comparison::LessOrEqual => (None, Some(at.plus_millis(1))),
        Comparison::Greater => (Some(at.plus_millis(1)), None),
        Comparison::GreaterOrEqual => (Some(at), None),
        Comparison::Equal | Comparison::NotEqual => (Some(at), Some(plus(period.longer()))),
    };
    Stretch { from, until: until.filter(|until| *until < Timestamp::MAX) }
}

/// Where a moment must lie for `t` to be, compared with the period, so much after it. `minus` gives
/// the moment that is so much earlier than `t`.
fn earlier(comparison: Comparison, period: Period, minus: impl Fn(Period) -> Timestamp) -> Stretch {
    let at = minus(period);
    let (from, until) = match comparison {
        Comparison::Less => (Some(at.plus_millis(1)), None),
        Comparison::LessOrEqual => (Some(at), None),
        Comparison::Greater => (None, Some(at)),
        Comparison::GreaterOrEqual => (None, Some(at.plus_millis(1))),
        Comparison::Equal | Comparison::NotEqual => {
            (Some(minus(period.longer()).plus_millis(1)), Some(at.plus_millis(1)))
        }
    };
    Stretch { from, until }
}

impl Moment {
    /// Whether it stands for a whole day where a range ends with it.
    fn is_day(self) -> bool {
        matches!(self, Moment::Day(_) | Moment::Date(_))
    }

    /// During which moments of "now" it lies in `wanted`.
    fn lies_in(self, wanted: Stretch, time_zone: &TimeZone) -> Stretch {
        let fixed = match self {
            Moment::Now => return wanted,
            Moment::Day(offset) => {
                let since = |edge: Timestamp| first_now(edge, offset, time_zone);
                return Stretch {
                    from: wanted.from.map(|from| since(from).unwrap_or(Timestamp::MAX)),
                    until: wanted.until.and_then(since),
                };
            }
            Moment::Date(date) => match midnight(date, time_zone) {
                Some(midnight) => midnight,
                None => return Stretch::NEVER,
            },
            Moment::At(moment) => moment,
        };
        if wanted.contains(fixed) { Stretch::ALWAYS } else { Stretch::NEVER }
    }
}

/// The first "now" at which midnight of the day `offset` days after today is `edge` or later.
fn first_now(edge: Timestamp, offset: i64, time_zone: &TimeZone) -> Option<Timestamp> {
    let day = zoned(edge, time_zone).date();
    let is_before = midnight(day, time_zone)? < edge;
    let day = if is_before { day.tomorrow().ok()? } else { day };
    midnight(day.checked_sub(Span::new().try_days(offset).ok()?).ok()?, time_zone)
}

/// The beginning of a day.
pub(crate) fn midnight(day: Date, time_zone: &TimeZone) -> Option<Timestamp> {
    let midnight = day.to_zoned(time_zone.clone()).ok()?;
    Some(Timestamp::from_jiff(midnight.timestamp()))
}

impl CalendarUnit {
    /// During which moments of "now" `t` lies in the unit that is `offset` after that of now.
    pub(crate) fn stretch(self, t: Timestamp, offset: i64, time_zone: &TimeZone) -> Stretch {
        let edge = |moment: Zoned| Timestamp::from_jiff(moment.timestamp());
        let step = |start: Zoned, _| {
            if offset > 0 { self.previous(&start) } else { self.next(&start) }
        };
        // Unit by unit, since they differ in length: the days and hours at a change of clocks do.
        let start = self.start(&zoned(t, time_zone));
        match start.and_then(|start| (0..offset.unsigned_abs()).try_fold(start, step)) {
            Some(from) => Stretch { until: self.next(&from).map(edge), from: Some(edge(from)) },
            None => Stretch::NEVER,
        }
    }

    /// The beginning of the unit that holds a moment.
    fn start(self, moment: &Zoned) -> Option<Zoned> {
        let day = || moment.start_of_day().ok();
        match self {
            CalendarUnit::Second => floor(moment, Unit::Second),
            CalendarUnit::Minute => floor(moment, Unit::Minute),
            CalendarUnit::Hour => floor(moment, Unit::Hour),
            CalendarUnit::Day => day(),
            CalendarUnit::Week => {
                let since_monday = i64::from(moment.weekday().to_monday_zero_offset());
                let monday = moment.checked_sub(Span::new().try_days(since_monday).ok()?).ok()?;
                monday.start_of_day().ok()
            }
            CalendarUnit::Months(count) => {
                let month = i64::from(moment.year()) * 12 + i64::from(moment.month()) - 1;
                let first = month - month.rem_euclid(count);
                let year = i16::try_from(first.div_euclid(12)).ok()?;
                let number = i8::try_from(first.rem_euclid(12) + 1).ok()?;
                let date = Date::new(year, number, 1).ok()?;
                date.to_zoned(moment.time_zone().clone()).ok()
            }
        }
    }

    /// The beginning of the unit after the one that begins at `start`.
    fn next(self, start: &Zoned) -> Option<Zoned> {
        // Where clocks are put back by half an hour, one hour lasts an hour and a half.
        (1..=2).find_map(|units| {
            let next = self.start(&start.checked_add(self.span(units)?).ok()?)?;
            (next > *start).then_some(next)
        })
    }

    /// The beginning of the unit before the one that begins at `start`.
    fn previous(self, start: &Zoned) -> Option<Zoned> {
        self.start(&start.checked_sub(Span::new().milliseconds(1)).ok()?)
    }

    fn span(self, units: i64) -> Option<Span> {
        let span = Span::new();
        let span = match self {
            CalendarUnit::Second => span.try_seconds(units),
            CalendarUnit::Minute => span.try_minutes(units),
            CalendarUnit::Hour => span.try_hours(units),
            CalendarUnit::Day => span.try_days(units),
            CalendarUnit::Week => span.try_weeks(units),
            CalendarUnit::Months(count) => span.try_months(units.saturating_mul(count)),
        };
        span.ok()
    }
}

fn floor(moment: &Zoned, unit: Unit) -> Option<Zoned> {
    moment.round(ZonedRound::new().smallest(unit).mode(RoundMode::Floor)).ok()
}

fn zoned(moment: Timestamp, time_zone: &TimeZone) -> Zoned {
    moment.to_jiff().to_zoned(time_zone.clone())
}
