//! The two inputs that callers send: experience events and records of attributes.
//!
//! Both are checked whole, and every broken rule is reported at once; nothing is half accepted.

use serde_json::{Map, Value};

use crate::identity::{Identity, parse_identity_map, required, required_string};
use crate::timestamp::Timestamp;
use crate::violation::Violation;

/// How far an input may be dated in the future: a day forgives clocks that are off and time zones
/// that were mixed up; more is a defect that would count in windows long after it was sent.
pub const FUTURE_MAX_MS: i64 = 24 * 60 * 60 * 1000;
/// Characters of an event's `_id`: it is a key of the deduplication store.
pub const EVENT_ID_CHARS_MAX: usize = 1024;
/// Characters of a record's `datasetId`: it is stored with every profile that the dataset knows.
pub const DATASET_ID_CHARS_MAX: usize = 256;

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
    pub body: Value,
}

impl Event {
    /// Checks an event that comes in at `now`.
    ///
    /// # Errors
    /// All violations: `_id` must be a string, `timestamp` RFC 3339 and no more than
    /// [`FUTURE_MAX_MS`] after `now`, `identityMap` must hold an identity.
    pub fn from_value(body: Value, now: Timestamp) -> Result<Event, Vec<Violation>> {
        let mut violations = Vec::new();
        let fields = as_fields(&body)?;
        let id = required_string(fields, "_id", "", EVENT_ID_CHARS_MAX, &mut violations);
        let timestamp = required(fields, "timestamp", "", &mut violations)
            .and_then(|timestamp| parse_timestamp(timestamp, now, &mut violations));
        let identities = identities_of(fields, &mut violations);
        match (id, timestamp) {
            (Some(id), Some(timestamp)) if violations.is_empty() => {
                Ok(Event { id: id.to_owned(), timestamp, identities, body })
            }
            _ => Err(violations),
        }
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
    pub fn from_value(mut body: Value, now: Timestamp) -> Result<Record, Vec<Violation>> {
        let mut violations = Vec::new();
        let fields = as_fields(&body)?;
        let timestamp = fields
            .get("timestamp")
            .and_then(|timestamp| parse_timestamp(timestamp, now, &mut violations));
        let dataset = dataset_of(fields, &mut violations).map(str::to_owned);
        let identities = identities_of(fields, &mut violations);
        if !violations.is_empty() {
            return Err(violations);
        }
        if let Value::Object(fields) = &mut body {
            for name in ["identityMap", "timestamp", "datasetId", "_id"] {
                fields.remove(name);
            }
        }
        Ok(Record { timestamp, dataset, identities, attributes: body })
    }
}

fn as_fields(body: &Value) -> Result<&Map<String, Value>, Vec<Violation>> {
    body.as_object().ok_or_else(|| vec![Violation::wrong_type("", body, "a JSON object")])
}

fn identities_of(fields: &Map<String, Value>, violations: &mut Vec<Violation>) -> Vec<Identity> {
    match required(fields, "identityMap", "", violations) {
        Some(map) => parse_identity_map(map, "/identityMap", violations),
        None => Vec::new(),
    }
}

fn dataset_of<'a>(
    fields: &'a Map<String, Value>,
    violations: &mut Vec<Violation>,
) -> Option<&'a str> {
    const NAME: &str = "datasetId";
    fields.get(NAME)?;
    required_string(fields, NAME, "", DATASET_ID_CHARS_MAX, violations)
}

fn parse_timestamp(
    value: &Value,
    now: Timestamp,
    violations: &mut Vec<Violation>,
) -> Option<Timestamp> {
    const POINTER: &str = "/timestamp";
    let Value::String(text) = value else {
        let wanted = "an RFC 3339 string such as 2026-01-31T10:00:00.000Z";
        violations.push(Violation::wrong_type(POINTER, value, wanted));
        return None;
    };
    match Timestamp::parse(text) {
        Err(error) => {
            violations.push(Violation::new(POINTER, "format", error.to_string()));
            None
        }
        Ok(timestamp) if timestamp > now.plus_millis(FUTURE_MAX_MS) => {
            let message = format!(
                "found {timestamp}, more than 24 hours after now ({now}); \
                 check the sender's clock and offset"
            );
            violations.push(Violation::new(POINTER, "limit", message));
            None
        }
        Ok(timestamp) => Some(timestamp),
    }
}
