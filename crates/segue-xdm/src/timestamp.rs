//! Moments: milliseconds since the Unix epoch.
//!
//! Invariant: a [`Timestamp`] lies between [`Timestamp::MIN`] and [`Timestamp::MAX`] (the years 1
//! to 9999), so that each one can be printed as RFC 3339 and taken through a calendar. Arithmetic
//! saturates at these ends and never overflows.
//!
//! What [`Timestamp::parse`] accepts, RFC 3339 section 5.6 plus the offset without a colon, which
//! some clients send:
//!
//! ```text
//! 2024-11-21T07:33:52[.digits]Z
//! 2024-11-21T07:33:52[.digits]+01:00
//! 2024-11-21T07:33:52[.digits]+0100
//! ```

use std::fmt;
use std::str::FromStr;

/// A moment, exact to the millisecond, between the years 1 and 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

/// Why a text is no timestamp. Says what to send instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// The text does not have the shape of RFC 3339.
    #[error(
        "`{0}` is no RFC 3339 timestamp; \
         write date, time and offset, such as 2026-01-31T10:00:00.000Z"
    )]
    Shape(String),
    /// The shape is right, but there is no such day, time, or offset, or it lies outside the years
    /// 1 to 9999.
    #[error("`{0}` is no moment between the years 0001 and 9999; check day, time and offset")]
    Range(String),
}

impl Timestamp {
    /// 0001-01-01T00:00:00Z
    pub const MIN: Timestamp = Timestamp(-62_135_596_800_000);
    /// 9999-12-30T22:00:00Z: the last full second that every time zone's calendar can show.
    pub const MAX: Timestamp = Timestamp(253_402_207_200_000);

    /// The moment `millis` milliseconds after the Unix epoch; the nearest end when out of range.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Timestamp {
        if millis < Timestamp::MIN.0 {
            Timestamp::MIN
        } else if millis > Timestamp::MAX.0 {
            Timestamp::MAX
        } else {
            Timestamp(millis)
        }
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 with an offset. Digits beyond the millisecond are cut off.
    ///
    /// # Errors
    /// [`TimestampError::Shape`] for another notation, [`TimestampError::Range`] for a moment that
    /// does not exist or lies outside the years 1 to 9999.
    pub fn parse(text: &str) -> Result<Timestamp, TimestampError> {
        let parts = Parts::split(text).ok_or_else(|| TimestampError::Shape(text.to_owned()))?;
        parts.resolve().ok_or_else(|| TimestampError::Range(text.to_owned()))
    }

    /// Later by `millis` (earlier when negative); stops at the ends of the range.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_add(millis))
    }

    /// Earlier by `millis` (later when negative); stops at the ends of the range.
    #[must_use]
    pub const fn minus_millis(self, millis: i64) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_sub(millis))
    }

    /// RFC 3339 in whole seconds, the milliseconds cut off: `2024-11-21T07:33:52Z`.
    #[must_use]
    pub fn to_seconds_string(self) -> String {
        format!("{:.0}", self.to_jiff())
    }

    /// The same moment for calendar arithmetic.
    #[must_use]
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }

    /// The moment of a calendar's result, cut off to the millisecond; the nearest end when out of
    /// range.
    #[must_use]
    pub fn from_jiff(moment: jiff::Timestamp) -> Timestamp {
        Timestamp::from_millis(moment.as_millisecond())
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with `Z`, with milliseconds only when there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.rem_euclid(1000) == 0 {
            write!(f, "{:.0}", self.to_jiff())
        } else {
            write!(f, "{:.3}", self.to_jiff())
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Timestamp, TimestampError> {
        Timestamp::parse(text)
    }
}

/// The pieces of a text that has the right shape; whether they name a moment is not known yet.
struct Parts<'a> {
    /// `YYYY-MM-DDTHH:MM:SS`
    civil: &'a str,
    /// The digits after the point, possibly none.
    fraction: &'a str,
    /// Offset from UTC in minutes.
    offset_minutes: i32,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Option<Parts<'a>> {
        const CIVIL: &[u8; 19] = b"0000-00-00T00:00:00";
        let (civil, rest) = text.split_at_checked(CIVIL.len())?;
        let fits = civil.bytes().zip(CIVIL).all(|(found, &wanted)| match wanted {
            b'0' => found.is_ascii_digit(),
            b'T' => found.eq_ignore_ascii_case(&b'T'),
            punctuation => found == punctuation,
        });
        if !fits {
            return None;
        }
        let (fraction, offset) = match rest.strip_prefix('.') {
            None => ("", rest),
            Some(rest) => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                if digits == 0 {
                    return None;
                }
                rest.split_at(digits)
            }
        };
        Some(Parts { civil, fraction, offset_minutes: parse_offset(offset)? })
    }

    fn resolve(&self) -> Option<Timestamp> {
        let seconds = self.civil.parse::<jiff::civil::DateTime>().ok()?;
        let mut digits = self.fraction.bytes().map(|digit| i64::from(digit - b'0'));
        let millis = (0..3).fold(0, |sum, _| sum * 10 + digits.next().unwrap_or(0));
        let offset = jiff::tz::Offset::from_seconds(self.offset_minutes.checked_mul(60)?).ok()?;
        let moment = offset.to_timestamp(seconds).ok()?.as_millisecond() + millis;
        (Timestamp::MIN.0..=Timestamp::MAX.0).contains(&moment).then_some(Timestamp(moment))
    }
}

/// `Z`, `+HH:MM` or `+HHMM` in minutes; at most 23:59, as RFC 3339 has it.
fn parse_offset(text: &str) -> Option<i32> {
    if text.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let (sign, digits) = match text.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None => digits.split_at_checked(2)?,
    };
    Some(sign * (two_digits(hours, 23)? * 60 + two_digits(minutes, 59)?))
}

/// The number that exactly two digits make, if it is at most `max`.
fn two_digits(text: &str, max: i32) -> Option<i32> {
    let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text.parse().ok()?;
    (plain && number <= max).then_some(number)
}
