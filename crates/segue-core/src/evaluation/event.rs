//! An event as evaluation sees it: its document, and the tree when somebody needs it.

use std::cell::OnceCell;

use segue_pql::{EventFact, Occurred};
use segue_xdm::{Document, Timestamp};

/// An event as evaluation sees it.
pub(crate) struct EventView<'a> {
    timestamp: Timestamp,
    arrival: u64,
    document: &'a Document,
    fact: OnceCell<EventFact>,
}

impl<'a> EventView<'a> {
    /// An event with its log position, and its whole body.
    pub(crate) fn new(timestamp: Timestamp, arrival: u64, document: &'a Document) -> EventView<'a> {
        EventView { timestamp, arrival, document, fact: OnceCell::new() }
    }

    pub(crate) fn document(&self) -> &'a Document {
        self.document
    }

    /// The event as the interpreter reads it.
    pub(crate) fn fact(&self) -> &EventFact {
        self.fact
            .get_or_init(|| EventFact { timestamp: self.timestamp, body: self.document.to_value() })
    }

    /// That it happened, without a value.
    pub(crate) fn occurred(&self) -> Occurred {
        Occurred { timestamp: self.timestamp, arrival: self.arrival, value: None }
    }
}
