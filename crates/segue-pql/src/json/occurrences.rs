//! When something occurs, as JSON.
//!
//! ```text
//! {"comparison": "<", "amount": 3, "unit": "day", "direction": "before", "anchor": …}
//! {"direction": "before", "anchor": …}        {"unit": "week", "offset": -1}
//! {"on": …}                                   {"from": …, "to": …}
//! ```

use serde_json::Value;

use super::object;
use crate::expression::Comparison;
use crate::occurrence::{Direction, Moment, Occurrence, Period, UNITS};
use crate::vocabulary::{DAYS, NOW};

/// Comparisons by their symbols.
pub(super) const COMPARISONS: [Comparison; 6] = [
    Comparison::Equal,
    Comparison::NotEqual,
    Comparison::Less,
    Comparison::LessOrEqual,
    Comparison::Greater,
    Comparison::GreaterOrEqual,
];

pub(super) const DIRECTIONS: [(&str, Direction); 3] =
    [("before", Direction::Before), ("after", Direction::After), ("from", Direction::After)];

/// The occurrence, of which `anchor` writes the moments.
pub(super) fn written<M>(occurrence: &Occurrence<M>, mut anchor: impl FnMut(&M) -> Value) -> Value {
    match occurrence {
        Occurrence::Distance { comparison, period, direction, anchor: from } => object([
            ("comparison", comparison.symbol().into()),
            ("amount", period.amount.into()),
            ("unit", unit_word(*period).into()),
            ("direction", direction_word(*direction).into()),
            ("anchor", anchor(from)),
        ]),
        Occurrence::Side { direction, anchor: from } => {
            object([("direction", direction_word(*direction).into()), ("anchor", anchor(from))])
        }
        Occurrence::Calendar { unit, offset } => {
            let word = UNITS.iter().find(|word| word.calendar == Some(*unit));
            let unit = word.map_or("", |word| word.singular);
            object([("unit", unit.into()), ("offset", (*offset).into())])
        }
        Occurrence::On(moment) => object([("on", anchor(moment))]),
        Occurrence::Between { from, to } => object([("from", anchor(from)), ("to", anchor(to))]),
    }
}

pub(super) fn period_written(period: Period) -> Value {
    object([("amount", period.amount.into()), ("unit", unit_word(period).into())])
}

fn unit_word(period: Period) -> &'static str {
    let word = UNITS.iter().find(|word| word.period == period.unit);
    word.map_or("", |word| word.singular)
}

fn direction_word(direction: Direction) -> &'static str {
    DIRECTIONS.iter().find(|(_, known)| *known == direction).map_or("", |(word, _)| word)
}

pub(super) fn moment_written(moment: Moment) -> Value {
    let text = match moment {
        Moment::Now => NOW.to_owned(),
        Moment::Day(offset) => {
            let day = DAYS.iter().find(|(_, known)| *known == offset);
            day.map_or(NOW, |(word, _)| word).to_owned()
        }
        Moment::Date(date) => date.to_string(),
        Moment::At(moment) => moment.to_string(),
    };
    object([("nodeType", "moment".into()), ("value", text.into())])
}
