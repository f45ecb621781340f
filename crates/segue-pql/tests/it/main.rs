//! The language from outside: what definitions mean, what is refused, and when values change.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod chains;
mod diagnostics;
mod explanations;
mod fields;
mod flips;
mod forms;
mod history;
mod json;
mod limits;
mod lists;
mod occurs;
mod outlines;
mod pages;
mod parser_property;
mod plan_property;
mod printing;
mod random_definitions;
mod relevance;
mod sequences;
mod values;
mod windows;

use jiff::tz::TimeZone;
use segue_pql::{Evaluation, EventFact, Expression, Facts, evaluate, next_flip, parse};
use segue_xdm::Timestamp;
use serde_json::{Value, json};

/// A profile: attributes, events in order, and the audiences that it is in.
struct Profile {
    attributes: Value,
    events: Vec<EventFact>,
    audiences: &'static [&'static str],
    time_zone: TimeZone,
}

impl Default for Profile {
    fn default() -> Profile {
        Profile { attributes: json!({}), events: vec![], audiences: &[], time_zone: TimeZone::UTC }
    }
}

impl Profile {
    fn with_attributes(attributes: Value) -> Profile {
        Profile { attributes, ..Profile::default() }
    }

    /// A profile with these events, each a timestamp and a body.
    fn with_events(events: &[(&str, Value)]) -> Profile {
        let event = |(timestamp, body): &(&str, Value)| EventFact {
            timestamp: time(timestamp),
            body: body.clone(),
        };
        Profile { events: events.iter().map(event).collect(), ..Profile::default() }
    }

    fn ask<T>(&self, now: Timestamp, question: impl FnOnce(&Facts<'_>) -> T) -> T {
        question(&Facts {
            attributes: &self.attributes,
            events: &self.events.iter().collect::<Vec<_>>(),
            is_member: &|audience| self.audiences.contains(&audience),
            now,
            time_zone: &self.time_zone,
        })
    }

    fn holds(&self, definition: &Expression, now: Timestamp) -> bool {
        self.evaluation(definition, now).value
    }

    fn evaluation(&self, definition: &Expression, now: Timestamp) -> Evaluation {
        self.ask(now, |facts| evaluate(definition, facts))
    }

    fn flip(&self, definition: &Expression, now: Timestamp) -> Option<Timestamp> {
        self.ask(now, |facts| next_flip(definition, facts))
    }
}

/// Whether an event with this body can matter to the definition.
fn matches(definition: &Expression, body: &Value) -> bool {
    let event = EventFact { timestamp: time("11:00:00"), body: body.clone() };
    definition.matches_event(&event, &TimeZone::UTC)
}

/// A moment: `2026-01-01T10:00:00Z`, or the time of that day alone, `10:00:00`.
fn time(text: &str) -> Timestamp {
    let text = if text.len() < 13 { format!("2026-01-01T{text}Z") } else { text.to_owned() };
    Timestamp::parse(&text).unwrap()
}

#[track_caller]
fn sound(definition: &str) -> Expression {
    parse(definition).unwrap_or_else(|diagnostics| {
        let rendered: Vec<String> =
            diagnostics.iter().map(|found| found.render(definition, "definition")).collect();
        panic!("{}", rendered.join("\n\n"))
    })
}
