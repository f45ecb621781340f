//! The two inputs that callers send: experience events and records of attributes.
//!
//! Both are checked whole, and every broken rule is reported at once; nothing is half accepted.

use serde_json::Value;

use crate::checks::{Checks, Place};
use crate::document::{Document, Fields, Slice, View};
use crate::identity::Identity;
use crate::identity_map;
use crate::timestamp::Timestamp;
use crate::violation::Violation;

/// How far an input may be dated in the future: a day forgives clocks that are off and time zones
/// that were mixed up; more is a defect that would count in windows long after it was sent.
pub const FUTURE_MAX_MS: i64 = 24 * 60 * 60 * 1000;
/// Characters of an event's `_id`: it is a key of the deduplication store.
pub const EVENT_ID_CHARS_MAX: usize = 1024;
/// Characters of a record's `datasetId`: it is stored with every profile that the dataset knows.
pub const DATASET_ID_CHARS_MAX: usize = 256;

const TIMESTAMP: &str = "timestamp";
const IDENTITY_MAP: &str = "identityMap";
const DATASET: &str = "datasetId";

/// An experience event that passed validation. Immutable from here on.
#[derive(Clone, PartialEq, Debug)]
pub struct Event {
    /// The sender's `_id`, by which repeats are recognised.
    pub id: String,
    /// When it happened, by the sender.
    pub timestamp: Timestamp,
    /// Who it is about: at least one, sorted, each once.
    pub identities: Vec<Identity>,
    /// The whole object as sent, with `_id`, `timestamp` and `identityMap`.
    pub body: Document,
}

impl Event {
    /// Checks an event that comes in at `now`.
    ///
    /// # Errors
    /// All violations: `_id` must be a string, `timestamp` RFC 3339 and no more than
    /// [`FUTURE_MAX_MS`] after `now`, `identityMap` must hold an identity.
    pub fn new(body: Document, now: Timestamp) -> Result<Event, Vec<Violation>> {
        let mut checks = Checks::default();
        let fields = fields_of(&body)?;
        let id = checks.required_text(&fields, "_id", Place::Root, EVENT_ID_CHARS_MAX);
        let timestamp = checks.required(&fields, TIMESTAMP, Place::Root);
        let timestamp = timestamp.and_then(|value| read_timestamp(value, now, &mut checks));
        let identities = read_identities(&fields, &mut checks);
        checks.finish()?;
        let id = id.unwrap_or_default().to_owned();
        Ok(Event { id, timestamp: timestamp.unwrap_or(now), identities, body })
    }

    /// [`Event::new`] of a tree.
    ///
    /// # Errors
    /// As [`Event::new`].
    pub fn from_value(body: &Value, now: Timestamp) -> Result<Event, Vec<Violation>> {
        Event::new(Document::from_value(body), now)
    }
}

/// An upsert of profile attributes that passed validation.
#[derive(Clone, PartialEq, Debug)]
pub struct Record {
    /// When the attributes were true, by the sender, if it said so.
    pub timestamp: Option<Timestamp>,
    /// The dataset that it belongs to, if the sender named one: merge policies go by it.
    pub dataset: Option<String>,
    /// Who it is about: at least one, sorted, each once.
    pub identities: Vec<Identity>,
    /// The object as sent, without `identityMap`, `timestamp`, `datasetId` and `_id`.
    pub attributes: Value,
}

impl Record {
    /// Checks a record that comes in at `now`.
    ///
    /// # Errors
    /// All violations: `identityMap` must hold an identity; `timestamp`, if there is one, is held
    /// to the rules of an event's, and `datasetId` must be a string of up to
    /// [`DATASET_ID_CHARS_MAX`] characters.
    pub fn new(body: &Document, now: Timestamp) -> Result<Record, Vec<Violation>> {
        let mut checks = Checks::default();
        let fields = fields_of(body)?;
        let timestamp = fields.get(TIMESTAMP);
        let timestamp = timestamp.and_then(|value| read_timestamp(value, now, &mut checks));
        let dataset = fields.get(DATASET).and_then(|_| {
            checks.required_text(&fields, DATASET, Place::Root, DATASET_ID_CHARS_MAX)
        });
        let identities = read_identities(&fields, &mut checks);
        checks.finish()?;
        let mut attributes = body.to_value();
        if let Value::Object(fields) = &mut attributes {
            for name in [IDENTITY_MAP, TIMESTAMP, DATASET, "_id"] {
                fields.remove(name);
            }
        }
        Ok(Record { timestamp, dataset: dataset.map(str::to_owned), identities, attributes })
    }

    /// [`Record::new`] of a tree.
    ///
    /// # Errors
    /// As [`Record::new`].
    pub fn from_value(body: &Value, now: Timestamp) -> Result<Record, Vec<Violation>> {
        Record::new(&Document::from_value(body), now)
    }
}

fn fields_of(body: &Document) -> Result<Fields<'_>, Vec<Violation>> {
    match body.root().view() {
        View::Object(fields) => Ok(fields),
        _ => Err(vec![Violation::wrong_type("", &body.to_value(), "a JSON object")]),
    }
}

fn read_identities(fields: &Fields<'_>, checks: &mut Checks) -> Vec<Identity> {
    match checks.required(fields, IDENTITY_MAP, Place::Root) {
        Some(map) => identity_map::read(map, Place::Field(&Place::Root, IDENTITY_MAP), checks),
        None => Vec::new(),
    }
}

fn read_timestamp(value: Slice<'_>, now: Timestamp, checks: &mut Checks) -> Option<Timestamp> {
    let place = Place::Field(&Place::Root, TIMESTAMP);
    let Some(text) = value.as_text() else {
        let wanted = "an RFC 3339 string such as 2026-01-31T10:00:00.000Z";
        checks.wrong_type(place, value, wanted);
        return None;
    };
    match Timestamp::parse(text) {
        Err(error) => {
            checks.violate(place, "format", error.to_string());
            None
        }
        Ok(timestamp) if timestamp > now.plus_millis(FUTURE_MAX_MS) => {
            let message = format!(
                "found {timestamp}, more than 24 hours after now ({now}); \
                 check the sender's clock and offset"
            );
            checks.violate(place, "limit", message);
            None
        }
        Ok(timestamp) => Some(timestamp),
    }
}
