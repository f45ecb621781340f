//! Moments: where "now" and days lie, what `occurs` is measured from, and the calendar's numbers.

use segue_xdm::Timestamp;

use super::Scope;
use super::value::{Value, value};
use crate::expression::{Expr, ExprKind};
use crate::occurrence::{CalendarUnit, Moment, Occurrence, Stretch, midnight};
use crate::value::{Scalar, moment_of_text};

/// Where a moment lies now.
pub(super) fn at_now(moment: Moment, scope: &Scope<'_>) -> Option<Timestamp> {
    match moment {
        Moment::Now => Some(scope.clock.now_during(|now| {
            // It is another one every millisecond.
            Stretch { from: None, until: Some(now.plus_millis(1)) }
        })),
        Moment::Day(offset) => {
            let today = now_within(CalendarUnit::Day, scope);
            let date = today.to_jiff().to_zoned(scope.time_zone().clone()).date();
            let days = jiff::Span::new().try_days(offset).ok()?;
            midnight(date.checked_add(days).ok()?, scope.time_zone())
        }
        Moment::Date(date) => midnight(date, scope.time_zone()),
        Moment::At(moment) => Some(moment),
    }
}

/// `moment occurs …`. A moment that is missing is nowhere, and nothing is measured from what is no
/// moment: that is false, also when negated.
pub(super) fn occurs<'a>(
    moment: &'a Expr,
    occurrence: &'a Occurrence<Expr>,
    negated: bool,
    scope: &Scope<'a>,
) -> bool {
    let moment = value(moment, scope);
    let Some(occurrence) = occurrence.try_map(|anchor| anchor_of(anchor, scope)) else {
        return false;
    };
    let stretch = match moment {
        Value::Missing => return false,
        // Only events have moments; all other dates are texts.
        Value::Scalar(Scalar::Moment(event)) => Some(occurrence.stretch(event, scope.time_zone())),
        other => {
            moment_of(&other, scope).map(|date| occurrence.stretch_of_date(date, scope.time_zone()))
        }
    };
    stretch.is_some_and(|stretch| scope.clock.is_in(stretch)) != negated
}

/// What `occurs` is measured from.
fn anchor_of<'a>(anchor: &'a Expr, scope: &Scope<'a>) -> Option<Moment> {
    if let ExprKind::Moment(moment) = &anchor.kind {
        return Some(*moment);
    }
    match value(anchor, scope).scalar()? {
        Scalar::Moment(moment) => Some(Moment::At(moment)),
        Scalar::Text(text) => moment_of_text(text),
        Scalar::Boolean(_) | Scalar::Whole(_) | Scalar::Decimal(_) => None,
    }
}

fn moment_of(value: &Value<'_>, scope: &Scope<'_>) -> Option<Timestamp> {
    value.scalar()?.moment(scope.time_zone())
}

/// The year, the month (from 1) or the day of the month of a moment.
pub(super) fn number_of<'a>(part: Part, value: &Value<'_>, scope: &Scope<'_>) -> Value<'a> {
    Value::of(moment_of(value, scope).map(|moment| part.number(moment, scope)))
}

/// The same of now.
pub(super) fn number_of_now<'a>(part: Part, scope: &Scope<'_>) -> Value<'a> {
    part.number(now_within(part.unit(), scope), scope).into()
}

/// Now, of which only the unit that it lies in is looked at.
fn now_within(unit: CalendarUnit, scope: &Scope<'_>) -> Timestamp {
    scope.clock.now_during(|now| unit.stretch(now, 0, scope.time_zone()))
}

/// A part of a date.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Year,
    Month,
    DayOfMonth,
}

impl Part {
    fn unit(self) -> CalendarUnit {
        match self {
            Part::Year => CalendarUnit::Months(12),
            Part::Month => CalendarUnit::Months(1),
            Part::DayOfMonth => CalendarUnit::Day,
        }
    }

    fn number<'a>(self, moment: Timestamp, scope: &Scope<'_>) -> Scalar<'a> {
        let date = moment.to_jiff().to_zoned(scope.time_zone().clone()).date();
        Scalar::Whole(match self {
            Part::Year => i128::from(date.year()),
            Part::Month => i128::from(date.month()),
            Part::DayOfMonth => i128::from(date.day()),
        })
    }
}
