//! Totals of numbers that do not depend on the order in which the numbers come.
//!
//! Doubles do not add up alike in every order, and events come in any. So a total is kept in whole
//! billionths: each number is rounded to nine decimals, the sum of those is exact, and what two
//! profiles saw separately adds up to what one would have seen.

use crate::expression::Aggregate;
use crate::value::Scalar;

/// A number in billionths.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Amount(i128);

const BILLION: i128 = 1_000_000_000;

impl Amount {
    /// The number, rounded to nine decimals; the nearest end of the range (about 10^29) when it
    /// lies beyond.
    #[must_use]
    pub fn from_f64(number: f64) -> Amount {
        let rounded = (number * BILLION as f64).round();
        // `as` saturates, and takes what is no number for 0.
        Amount(rounded as i128)
    }

    /// A whole number.
    #[must_use]
    pub fn from_whole(number: i128) -> Amount {
        Amount(number.saturating_mul(BILLION))
    }

    /// The number of a JSON document.
    #[must_use]
    pub fn from_json(number: &serde_json::Number) -> Amount {
        match number.as_i128() {
            Some(whole) => Amount::from_whole(whole),
            None => Amount::from_f64(number.as_f64().unwrap_or(0.0)),
        }
    }

    /// Whole when it is, else the nearest double.
    #[must_use]
    pub fn to_json(self) -> serde_json::Number {
        let whole = self.0 / BILLION;
        let number = match i64::try_from(whole) {
            Ok(whole) if i128::from(whole) * BILLION == self.0 => Some(whole.into()),
            _ => serde_json::Number::from_f64(self.0 as f64 / BILLION as f64),
        };
        number.unwrap_or_else(|| 0.into())
    }

    /// Whole when it is, else the nearest double.
    pub(crate) fn to_scalar<'a>(self) -> Scalar<'a> {
        if self.0 % BILLION == 0 {
            Scalar::Whole(self.0 / BILLION)
        } else {
            Scalar::Decimal(self.0 as f64 / BILLION as f64)
        }
    }

    /// In billionths, as it is stored.
    #[must_use]
    pub const fn as_billionths(self) -> i128 {
        self.0
    }

    /// The amount that was stored as this.
    #[must_use]
    pub const fn from_billionths(billionths: i128) -> Amount {
        Amount(billionths)
    }
}

/// Count, sum and extremes of some amounts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    /// How many there are.
    pub count: u64,
    /// Their sum.
    pub sum: Amount,
    /// The least and the greatest; none of none.
    pub extremes: Option<(Amount, Amount)>,
}

impl Totals {
    /// Takes one more amount in.
    pub fn add(&mut self, amount: Amount) {
        self.join(&Totals { count: 1, sum: amount, extremes: Some((amount, amount)) });
    }

    /// Takes in what was totalled elsewhere.
    pub fn join(&mut self, other: &Totals) {
        self.count += other.count;
        self.sum = Amount(self.sum.0.saturating_add(other.sum.0));
        self.extremes = match (self.extremes, other.extremes) {
            (Some(mine), Some(theirs)) => Some((mine.0.min(theirs.0), mine.1.max(theirs.1))),
            (mine, theirs) => mine.or(theirs),
        };
    }

    /// The total asked for. The sum of nothing is 0; nothing has no average and no extremes.
    pub(crate) fn get(&self, aggregate: Aggregate) -> Option<Amount> {
        match aggregate {
            Aggregate::Count => Some(Amount::from_whole(i128::from(self.count))),
            Aggregate::Sum => Some(self.sum),
            Aggregate::Average => self.sum.0.checked_div(i128::from(self.count)).map(Amount),
            Aggregate::Minimum => self.extremes.map(|(least, _)| least),
            Aggregate::Maximum => self.extremes.map(|(_, greatest)| greatest),
        }
    }
}
