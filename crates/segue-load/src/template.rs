//! Events that are sent again and again: only id, timestamp and the crowd that its person is of are
//! written anew into a copy of the body, so that a sender spends next to nothing on making them.
//!
//! A crowd is as many persons as the templates have, who do what these do. Rounds of the same
//! events, with one crowd after the other, are the events of many persons.

use segue_xdm::Timestamp;

use crate::clock::Text;
use crate::stream::Arrival;

/// Different events that a sender keeps at most; after them they come again, with new ids.
pub const TEMPLATES_MAX: usize = 100_000;

/// Hexadecimal digits of an event's id.
pub const ID_DIGITS: usize = 32;

/// Hexadecimal digits of a crowd, with which every id of its persons begins.
const CROWD_DIGITS: usize = 4;

/// Crowds that can be told apart.
pub const CROWDS_MAX: u64 = 1 << (4 * CROWD_DIGITS);

/// What stands where the timestamp will be.
const TIMESTAMP: &str = "2026-01-01T00:00:00.000Z";

/// An event, and where in it is what changes.
#[derive(Clone, Debug)]
pub struct Template {
    body: Vec<u8>,
    id_at: usize,
    timestamp_at: usize,
    crowd_at: Vec<usize>,
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
        let (body, crowd_at) = in_first_crowd(&body);
        // The id comes first, as the names of fields are sorted: it has not moved.
        let timestamp_at = place(&body, "timestamp")?;
        Some(Template { body: body.into_bytes(), id_at, timestamp_at, crowd_at, age_ms })
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

    /// The first id of its person.
    #[must_use]
    pub fn person(&self) -> &[u8] {
        let id = self.crowd_at.first().and_then(|at| self.body.get(*at..)).unwrap_or_default();
        id.split(|byte| *byte == b'"').next().unwrap_or_default()
    }

    /// Makes of a copy of the body the event with this number as its id, as one of this crowd that
    /// happened at this time.
    pub fn mark(&self, copy: &mut [u8], number: u64, crowd: u64, happened: &Text) {
        let mut put = |at: usize, text: &[u8]| {
            if let Some(field) = copy.get_mut(at..at + text.len()) {
                field.copy_from_slice(text);
            }
        };
        put(self.id_at, &hexadecimal::<ID_DIGITS>(number));
        put(self.timestamp_at, happened);
        let crowd = hexadecimal::<CROWD_DIGITS>(crowd % CROWDS_MAX);
        for at in &self.crowd_at {
            put(*at, &crowd);
        }
    }
}

/// The last digits of a number.
fn hexadecimal<const DIGITS: usize>(mut number: u64) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = match (number % 16) as u8 {
            low @ 0..10 => b'0' + low,
            high => b'a' + high - 10,
        };
        number /= 16;
    }
    digits
}

/// A body whose person is of the first crowd, and where its ids begin.
#[must_use]
pub fn in_first_crowd(body: &str) -> (String, Vec<usize>) {
    const MAP: &str = "\"identityMap\":";
    const ID: &str = "\"id\":\"";
    let start = body.find(MAP).unwrap_or(body.len());
    let end = body.get(start..).and_then(|rest| rest.find("]}")).map_or(start, |end| start + end);
    let (mut marked, mut places) = (body.to_owned(), Vec::new());
    let ids = body.match_indices(ID).filter(|(at, _)| (start..end).contains(at));
    for (earlier, (at, _)) in ids.enumerate() {
        let place = at + ID.len() + earlier * CROWD_DIGITS;
        marked.insert_str(place, &"0".repeat(CROWD_DIGITS));
        places.push(place);
    }
    (marked, places)
}

/// Where the text of a field begins.
fn place(body: &str, name: &str) -> Option<usize> {
    let key = format!("\"{name}\":\"");
    body.find(&key).map(|at| at + key.len())
}
