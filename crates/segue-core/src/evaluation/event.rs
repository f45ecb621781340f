//! An event as evaluation sees it: its text, and the document when somebody needs it.

use std::cell::OnceCell;

use segue_pql::{EventFact, Occurred};
use segue_xdm::Timestamp;

/// An event as evaluation sees it.
pub(crate) struct EventView<'a> {
    timestamp: Timestamp,
    arrival: u64,
    text: &'a str,
    fact: OnceCell<EventFact>,
}

impl<'a> EventView<'a> {
    /// An event with its log position. `text` is its whole body, JSON.
    pub(crate) fn new(timestamp: Timestamp, arrival: u64, text: &'a str) -> EventView<'a> {
        EventView { timestamp, arrival, text, fact: OnceCell::new() }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The event as the interpreter reads it.
    pub(crate) fn fact(&self) -> &EventFact {
        self.fact.get_or_init(|| EventFact {
            timestamp: self.timestamp,
            body: serde_json::from_str(self.text).unwrap_or_default(),
        })
    }

    /// That it happened, without a value.
    pub(crate) fn occurred(&self) -> Occurred {
        Occurred { timestamp: self.timestamp, arrival: self.arrival, value: None }
    }
}
