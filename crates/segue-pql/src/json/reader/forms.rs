//! Nodes that are more than an application: quantifiers, moments, chains.

use serde_json::Value;

use super::{Place, Reader, comparison};
use crate::expression::{Comparison, Count, Quantifier};
use crate::json::occurrences::DIRECTIONS;
use crate::limits::COUNT_MAX;
use crate::occurrence::{Occurrence, Period, UNITS};
use crate::syntax::{Binding, ChainStep, Node, NodeKind, highest};

impl Reader {
    pub(super) fn quantified(
        &mut self,
        place: Place<'_>,
        pointer: &str,
        quantifier: Quantifier,
    ) -> Option<Node> {
        let mut bindings = Vec::new();
        for (index, json) in self.items(place, "variables")?.iter().enumerate() {
            let pointer = format!("{pointer}/variables/{index}");
            let span = self.mark(&pointer);
            let Some(keys) = json.as_object() else {
                return self.missing(place, "variables", "a list of objects");
            };
            let binding = Place { keys, span };
            let variable = self.name(binding, "varName")?;
            let list = self.below(binding, &pointer, "from")?;
            let has_condition = keys.get("where").is_some_and(|condition| !condition.is_null());
            let condition = has_condition.then(|| self.below(binding, &pointer, "where")).flatten();
            bindings.push(Binding { variable, list, condition });
        }
        if bindings.is_empty() {
            return self.missing(place, "variables", "a list with a variable");
        }
        let highest = bindings.iter().map(Binding::height).max().unwrap_or(0);
        let kind = NodeKind::Quantified { quantifier, bindings };
        Some(Node::above(highest, kind, place.span))
    }

    pub(super) fn occurs(&mut self, place: Place<'_>, pointer: &str) -> Option<Node> {
        let moment = Box::new(self.below(place, pointer, "moment")?);
        let given = self.object(place, "occurrence")?;
        let (occurrence, is_unequal) = self.occurrence(given, &format!("{pointer}/occurrence"))?;
        let negated = is_unequal || place.keys.get("negated") == Some(&Value::Bool(true));
        if negated && let Occurrence::On(date) = occurrence {
            // `!=` is the only way to say so in the text.
            let comparison = Comparison::NotEqual;
            let kind = NodeKind::Comparison { comparison, left: moment, right: Box::new(date) };
            return Some(Node::above(1, kind, place.span));
        }
        let height = moment.height.max(highest(occurrence.anchors()));
        let occurrence = Box::new(occurrence);
        let kind = NodeKind::Occurs { moment, occurrence, negated };
        Some(Node::above(height, kind, place.span))
    }

    /// One of the forms, and whether it was denied by `!=`.
    fn occurrence(&mut self, place: Place<'_>, pointer: &str) -> Option<(Occurrence<Node>, bool)> {
        if place.keys.contains_key("on") {
            return Some((Occurrence::On(self.below(place, pointer, "on")?), false));
        }
        if place.keys.contains_key("to") {
            let from = self.below(place, pointer, "from")?;
            let to = self.below(place, pointer, "to")?;
            return Some((Occurrence::Between { from, to }, false));
        }
        if place.keys.contains_key("offset") {
            let (word, offset) = (self.text(place, "unit")?, self.number(place, "offset")?);
            let found = UNITS.iter().find(|unit| unit.singular == word);
            let unit = found.and_then(|unit| unit.calendar).filter(|_| offset.abs() <= 1);
            let Some(unit) = unit else {
                return self.missing(place, "unit", "a unit of the calendar, this, last or next");
            };
            return Some((Occurrence::Calendar { unit, offset }, false));
        }
        let word = self.text(place, "direction")?;
        let Some((_, direction)) = DIRECTIONS.iter().find(|(known, _)| *known == word) else {
            return self.missing(place, "direction", "`before` or `after`");
        };
        let anchor = self.below(place, pointer, "anchor")?;
        if !place.keys.contains_key("comparison") {
            return Some((Occurrence::Side { direction: *direction, anchor }, false));
        }
        let symbol = self.text(place, "comparison")?;
        let Some(comparison) = comparison(symbol) else {
            return self.missing(place, "comparison", "a comparison such as `<`");
        };
        let period = self.period(place)?;
        let (comparison, is_unequal) = match comparison {
            Comparison::NotEqual => (Comparison::Equal, true),
            other => (other, false),
        };
        let direction = *direction;
        Some((Occurrence::Distance { comparison, period, direction, anchor }, is_unequal))
    }

    fn period(&mut self, place: Place<'_>) -> Option<Period> {
        let (amount, word) = (self.number(place, "amount")?, self.text(place, "unit")?);
        let Some(unit) = UNITS.iter().find(|unit| unit.singular == word || unit.plural == word)
        else {
            return self.missing(place, "unit", "a unit of time such as `day`");
        };
        let period = Period { amount, unit: unit.period };
        if amount < 0 || period.is_too_long() {
            return self.missing(place, "amount", "a length of at most 1000 years");
        }
        Some(period)
    }

    pub(super) fn chain(&mut self, place: Place<'_>, pointer: &str) -> Option<Node> {
        let mut steps: Vec<ChainStep> = Vec::new();
        for (index, json) in self.items(place, "steps")?.iter().enumerate() {
            let pointer = format!("{pointer}/steps/{index}");
            let span = self.mark(&pointer);
            let Some(keys) = json.as_object() else {
                return self.missing(place, "steps", "a list of objects");
            };
            let step = self.chain_step(Place { keys, span }, &pointer)?;
            if steps.iter().any(|other| other.label.text == step.label.text) {
                let help = "give each step its own: C0, C1, C2";
                self.refuse(span, "this label is used twice in this chain", help);
            }
            steps.push(step);
        }
        if steps.is_empty() {
            return self.missing(place, "steps", "a list with a step");
        }
        let height = highest(steps.iter().map(|step| &step.condition));
        Some(Node::above(height, NodeKind::Chain(steps), place.span))
    }

    fn chain_step(&mut self, place: Place<'_>, pointer: &str) -> Option<ChainStep> {
        let given = |key: &str| place.keys.get(key).is_some_and(|value| !value.is_null());
        let label = self.name(place, "label")?;
        let condition = self.below(place, pointer, "what")?;
        let window = match given("when") {
            true => {
                let when = self.object(place, "when")?;
                Some(self.occurrence(when, &format!("{pointer}/when"))?.0)
            }
            false => None,
        };
        let within = match given("within") {
            true => {
                let within = self.object(place, "within")?;
                Some((self.period(within)?, place.span))
            }
            false => None,
        };
        let count = match given("count") {
            true => {
                let count = self.object(place, "count")?;
                self.count(count)?
            }
            false => Count::ONE_OR_MORE,
        };
        Some(ChainStep { label, condition, window, within, count })
    }

    fn count(&mut self, place: Place<'_>) -> Option<Count> {
        let number = |value: &Value| value.as_u64().and_then(|number| u32::try_from(number).ok());
        let min = place.keys.get("min").and_then(number);
        let max = place.keys.get("max").filter(|max| !max.is_null());
        let count = match (min, max.map(number)) {
            (Some(min), None) => Some(Count { min, max: None }),
            (Some(min), Some(Some(max))) => Some(Count { min, max: Some(max) }),
            _ => None,
        };
        let is_sound = |count: &Count| {
            let highest = count.max.unwrap_or(count.min);
            count.min <= highest && highest <= COUNT_MAX && *count != Count::at_least(0)
        };
        let sound = count.filter(is_sound);
        sound.or_else(|| self.missing(place, "count", "a range from `min` to `max`"))
    }
}
