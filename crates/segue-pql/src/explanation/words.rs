//! An explanation in words, and as JSON.

use std::fmt;

use serde_json::{Value as Json, json};

use crate::interpreter::Value;
use crate::json::object;
use crate::value::Scalar;

use super::{ClauseKind, DecidingEvent, Explanation};

/// Characters of a text that are shown.
const TEXT_SHOWN_MAX: usize = 60;

impl Explanation {
    /// The explanation as JSON: the fields by their names, moments as RFC 3339.
    #[must_use]
    pub fn to_value(&self) -> Json {
        let events: Vec<Json> = self
            .events
            .iter()
            .map(|event| {
                let timestamp = event.timestamp.to_string();
                json!({"index": event.index, "timestamp": timestamp, "id": event.id})
            })
            .collect();
        object([
            ("clause", self.clause.as_str().into()),
            ("kind", self.kind.name().into()),
            ("value", self.value.into()),
            ("holdsUntil", self.holds_until.map(|until| until.to_string()).into()),
            ("events", events.into()),
            ("notes", self.notes.as_slice().into()),
            ("parts", self.parts.iter().map(Explanation::to_value).collect()),
        ])
    }

    /// The events that decide it: those of the parts that give it its value, in their order, each
    /// once.
    #[must_use]
    pub fn deciding_events(&self) -> Vec<&DecidingEvent> {
        let mut events: Vec<&DecidingEvent> = self.events.iter().collect();
        events.extend(self.deciding().flat_map(Explanation::deciding_events));
        events.sort_by_key(|event| event.index);
        events.dedup_by_key(|event| event.index);
        events
    }

    /// The parts that give the clause its value.
    fn deciding(&self) -> impl Iterator<Item = &Explanation> {
        self.parts.iter().filter(|part| match self.kind {
            // Of true parts and false ones, those that have the value of the whole.
            ClauseKind::All | ClauseKind::Any => part.value == self.value,
            ClauseKind::Not | ClauseKind::Choice | ClauseKind::Leaf => true,
        })
    }
}

impl ClauseKind {
    /// Its name in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ClauseKind::All => "all",
            ClauseKind::Any => "any",
            ClauseKind::Not => "not",
            ClauseKind::Choice => "choice",
            ClauseKind::Leaf => "leaf",
        }
    }
}

impl fmt::Display for Explanation {
    /// One paragraph: the leaves that decide, each with its notes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = if self.value { "true" } else { "false" };
        write!(f, "`{}` is {value}", on_one_line(&self.clause))?;
        if let Some(until) = self.holds_until {
            write!(f, " at least until {until}")?;
        }
        for (number, note) in self.notes.iter().enumerate() {
            let joint = if number == 0 { ": " } else { "; " };
            write!(f, "{joint}{}", on_one_line(note))?;
        }
        write!(f, ".")?;
        for part in self.deciding() {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

/// What may be written on several lines; a text has none within.
fn on_one_line(source: &str) -> String {
    let lines: Vec<&str> = source.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

/// A value in a few words.
pub(super) fn described(value: &Value<'_>) -> String {
    match value {
        Value::Missing => "missing".to_owned(),
        Value::Scalar(Scalar::Boolean(flag)) => flag.to_string(),
        Value::Scalar(Scalar::Whole(number)) => number.to_string(),
        Value::Scalar(Scalar::Decimal(number)) => number.to_string(),
        Value::Scalar(Scalar::Moment(moment)) => moment.to_string(),
        Value::Scalar(Scalar::Text(text)) => {
            let shown: String = text.chars().take(TEXT_SHOWN_MAX).collect();
            let rest = if shown.len() < text.len() { "…" } else { "" };
            format!("\"{shown}{rest}\"")
        }
        Value::List(items) if items.len() == 1 => "a list of 1 item".to_owned(),
        Value::List(items) => format!("a list of {} items", items.len()),
        Value::Object(_) => "an object".to_owned(),
        Value::Event(event) => format!("the event of {}", event.timestamp),
    }
}
