//! Values that have no parts, and how they compare.
//!
//! A [`Scalar`] borrows its text, from a parsed body as well as from bytes that were only scanned.
//!
//! - Numbers compare by value: whole ones exactly, all others as doubles.
//! - Texts compare by the code points of their characters; `false` comes before `true`.
//! - A moment compares with a text that names one: RFC 3339 with an offset, or a date, which is its
//!   midnight in the time zone.
//! - Values of any two other types are not equal, and neither is less than the other.

use std::cmp::Ordering;

use jiff::tz::TimeZone;
use segue_xdm::Timestamp;
use serde_json::Value as Json;

use crate::expression::{Comparison, Literal};
use crate::occurrence::{Moment, midnight};

/// A value without parts.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Scalar<'a> {
    Boolean(bool),
    Whole(i128),
    /// Always finite.
    Decimal(f64),
    Text(&'a str),
    Moment(Timestamp),
}

impl<'a> Scalar<'a> {
    /// `None` for null, arrays and objects.
    pub(crate) fn of_json(json: &'a Json) -> Option<Scalar<'a>> {
        match json {
            Json::Bool(flag) => Some(Scalar::Boolean(*flag)),
            Json::Number(number) => match number.as_i128() {
                Some(whole) => Some(Scalar::Whole(whole)),
                None => number.as_f64().map(Scalar::Decimal),
            },
            Json::String(text) => Some(Scalar::Text(text)),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        }
    }

    pub(crate) fn of_literal(literal: &'a Literal) -> Scalar<'a> {
        match literal {
            Literal::Text(text) => Scalar::Text(text),
            Literal::Integer(number) => Scalar::Whole(i128::from(*number)),
            Literal::Decimal(number) => Scalar::Decimal(*number),
            Literal::Boolean(flag) => Scalar::Boolean(*flag),
        }
    }

    /// The moment that it is or names.
    pub(crate) fn moment(self, time_zone: &TimeZone) -> Option<Timestamp> {
        match self {
            Scalar::Moment(moment) => Some(moment),
            Scalar::Text(text) => match moment_of_text(text)? {
                Moment::Date(date) => midnight(date, time_zone),
                Moment::At(moment) => Some(moment),
                Moment::Now | Moment::Day(_) => None,
            },
            Scalar::Boolean(_) | Scalar::Whole(_) | Scalar::Decimal(_) => None,
        }
    }
}

/// How the left value relates to the right one; `None`: they are not comparable, so not equal.
pub(crate) fn compare(
    left: Scalar<'_>,
    right: Scalar<'_>,
    time_zone: &TimeZone,
) -> Option<Ordering> {
    match (left, right) {
        (Scalar::Boolean(left), Scalar::Boolean(right)) => Some(left.cmp(&right)),
        (Scalar::Whole(left), Scalar::Whole(right)) => Some(left.cmp(&right)),
        (Scalar::Whole(left), Scalar::Decimal(right)) => (left as f64).partial_cmp(&right),
        (Scalar::Decimal(left), Scalar::Whole(right)) => left.partial_cmp(&(right as f64)),
        (Scalar::Decimal(left), Scalar::Decimal(right)) => left.partial_cmp(&right),
        (Scalar::Text(left), Scalar::Text(right)) => Some(left.cmp(right)),
        (Scalar::Moment(_), Scalar::Moment(_) | Scalar::Text(_))
        | (Scalar::Text(_), Scalar::Moment(_)) => {
            Some(left.moment(time_zone)?.cmp(&right.moment(time_zone)?))
        }
        _ => None,
    }
}

impl Comparison {
    /// Whether two values that relate so pass.
    pub(crate) fn accepts(self, order: Option<Ordering>) -> bool {
        match self {
            Comparison::Equal => order == Some(Ordering::Equal),
            Comparison::NotEqual => order != Some(Ordering::Equal),
            Comparison::Less => order.is_some_and(Ordering::is_lt),
            Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
            Comparison::Greater => order.is_some_and(Ordering::is_gt),
            Comparison::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        }
    }
}

/// The moment or the day that a text names: RFC 3339, or `2020-03-14`.
pub(crate) fn moment_of_text(text: &str) -> Option<Moment> {
    let is_date = text.len() == 10 && text.bytes().filter(|byte| *byte == b'-').count() == 2;
    if is_date {
        text.parse().ok().map(Moment::Date)
    } else {
        Timestamp::parse(text).ok().map(Moment::At)
    }
}
