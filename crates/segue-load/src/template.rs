//! Events that are sent again and again: only id and timestamp are written anew into a body, so
//! that a sender spends next to nothing on making them.

use segue_xdm::Timestamp;

use crate::stream::Arrival;

/// Different events that a sender keeps at most; after them they come again, with new ids.
pub const TEMPLATES_MAX: usize = 100_000;

/// Hexadecimal digits of an event's id.
pub const ID_DIGITS: usize = 32;

/// A timestamp as it is written: always with milliseconds, so that it always has this length.
const TIMESTAMP: &str = "2026-01-01T00:00:00.000Z";

/// An event, and where in it is what changes.
#[derive(Clone, Debug)]
pub struct Template {
    body: Vec<u8>,
    id_at: usize,
    timestamp_at: usize,
    age_ms: i64,
}

impl Template {
    /// The template of an event; none of what has no `_id` and `timestamp`, as records have not.
    #[must_use]
    pub fn new(arrival: &Arrival) -> Option<Template> {
        let id_at = place(&arrival.body, "_id")?;
        let timestamp_at = place(&arrival.body, "timestamp")?;
        let (timestamp, _) = arrival.body.get(timestamp_at..)?.split_once('"')?;
        let age_ms = arrival.at.as_millis() - Timestamp::parse(timestamp).ok()?.as_millis();
        let mut body = arrival.body.clone();
        body.replace_range(timestamp_at..timestamp_at + timestamp.len(), TIMESTAMP);
        // The id comes first, as the names of fields are sorted: it has not moved.
        Some(Template { body: body.into_bytes(), id_at, timestamp_at, age_ms })
    }

    /// The body, with the id of the arrival.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The id of the arrival: repeats have that of the one that they repeat.
    #[must_use]
    pub fn id(&self) -> &[u8] {
        self.body.get(self.id_at..self.id_at + ID_DIGITS).unwrap_or_default()
    }

    /// How long before it arrived it happened.
    #[must_use]
    pub fn age_ms(&self) -> i64 {
        self.age_ms
    }

    /// Appends the event with this number as its id, as one that happened at this time.
    pub fn write(&self, number: u64, happened: Timestamp, to: &mut Vec<u8>) {
        let start = to.len();
        to.extend_from_slice(&self.body);
        let fields = [
            (self.id_at, format!("{number:0ID_DIGITS$x}")),
            (self.timestamp_at, format!("{:.3}", happened.to_jiff())),
        ];
        for (at, text) in fields {
            if let Some(field) = to.get_mut(start + at..start + at + text.len()) {
                field.copy_from_slice(text.as_bytes());
            }
        }
    }
}

/// Where the text of a field begins.
fn place(body: &str, name: &str) -> Option<usize> {
    let key = format!("\"{name}\":\"");
    body.find(&key).map(|at| at + key.len())
}
