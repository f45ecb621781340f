//! Random histories: some events around a midnight, so that `today` has an edge within reach.

use proptest::prelude::*;
use segue_pql::EventFact;
use segue_xdm::Timestamp;
use serde_json::json;

use super::Profile;

pub(crate) const MIDNIGHT_MS: i64 = 1_767_225_600_000;
pub(crate) const REACH_MS: i64 = 40;

/// When it happened, and its kind, 0 to 2.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event(pub(crate) Timestamp, pub(crate) u8);

pub(crate) fn moment() -> impl Strategy<Value = Timestamp> {
    (-REACH_MS..REACH_MS).prop_map(|offset| Timestamp::from_millis(MIDNIGHT_MS + offset))
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    (moment(), 0..3_u8).prop_map(|(timestamp, kind)| Event(timestamp, kind))
}

/// Events in order.
pub(crate) fn history() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 0..8).prop_map(in_order)
}

pub(crate) fn in_order(mut events: Vec<Event>) -> Vec<Event> {
    events.sort_by_key(|Event(timestamp, _)| *timestamp);
    events
}

pub(crate) fn profile(events: &[Event]) -> Profile {
    Profile { events: events.iter().map(fact).collect(), ..Profile::default() }
}

pub(crate) fn fact(Event(timestamp, kind): &Event) -> EventFact {
    EventFact { timestamp: *timestamp, body: json!({"kind": kind}) }
}
