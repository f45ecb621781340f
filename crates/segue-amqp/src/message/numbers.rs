//! The numbers by which a hub knows an event that comes twice: those of idempotent producers.
//!
//! ```text
//!  attach ─▶  capability idempotent-producer, producer unknown
//!        ◀─   offered:   producer 7, epoch 0, last number 0
//!  events ─▶  7 0 1 │ 7 0 2 │ 7 0 3        as message annotations, one after the other
//!  events ─▶  7 0 1 │ 7 0 2 │ 7 0 3        again: accepted, and not stored once more
//! ```
//! Numbers count the events of one producer in one partition. After the largest comes 0.

use super::sections::{MessageError, Sections};
use crate::codec::{DecodeError, Decoder, Map, Value};

/// Capability of links whose events are numbered.
pub const IDEMPOTENT_PRODUCER: &str = "com.microsoft:idempotent-producer";
/// Annotation, and property of a link, that says who the producer is.
pub const PRODUCER_ID: &str = "com.microsoft:producer-id";
/// Annotation, and property of a link: of two that claim to be the same producer, the one with
/// the higher epoch is.
pub const PRODUCER_EPOCH: &str = "com.microsoft:producer-epoch";
/// Annotation with the number of an event; as the property of a link, that of the last one.
pub const PRODUCER_SEQUENCE_NUMBER: &str = "com.microsoft:producer-sequence-number";

/// Who numbers events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdentity {
    /// Its name, given by the hub.
    pub id: i64,
    /// How often its name was claimed anew.
    pub epoch: i16,
}

/// What an event is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventNumber {
    /// Who has given the number.
    pub producer: ProducerIdentity,
    /// The number, not negative.
    pub sequence: i32,
}

impl EventNumber {
    /// The number `count` events later.
    #[must_use]
    pub fn after(self, count: usize) -> EventNumber {
        // Only the low bits matter, whatever is counted.
        let sequence = self.sequence.wrapping_add(count as i32) & i32::MAX;
        EventNumber { sequence, ..self }
    }

    /// How many events come after `earlier`, of the same producer, up to this one. Almost as many
    /// as there are numbers, if it is the other way round.
    pub fn distance_from(self, earlier: EventNumber) -> u32 {
        (self.sequence.wrapping_sub(earlier.sequence) & i32::MAX).unsigned_abs()
    }

    /// The number that a message carries, if it has all three annotations.
    ///
    /// # Errors
    /// When the bytes are no message, or an annotation is no number that can be one.
    pub fn of_message(encoded: &[u8]) -> Result<Option<EventNumber>, MessageError> {
        let (mut id, mut epoch, mut sequence) = (None, None, None);
        let sections = Sections::slice(encoded)?;
        let mut entries = sections.annotations()?;
        while let Some(entry) = entries.next_entry()? {
            match entry.name() {
                Some(PRODUCER_ID) => id = optional(entry.value)?,
                Some(PRODUCER_EPOCH) => epoch = optional(entry.value)?,
                Some(PRODUCER_SEQUENCE_NUMBER) => sequence = optional(entry.value)?,
                _ => {}
            }
        }
        Ok(match (id, epoch, sequence) {
            (Some(id), Some(epoch), Some(sequence)) => {
                Some(EventNumber { producer: ProducerIdentity { id, epoch }, sequence })
            }
            _ => None,
        })
    }

    /// Adds it to the annotations of a message.
    #[must_use]
    pub fn annotate(self, annotations: Map) -> Map {
        annotations
            .with_symbol(PRODUCER_EPOCH, Value::Short(self.producer.epoch))
            .with_symbol(PRODUCER_ID, self.producer.id)
            .with_symbol(PRODUCER_SEQUENCE_NUMBER, self.sequence)
    }
}

/// A number; none where it is null.
fn optional<T: TryFrom<u64>>(value: &[u8]) -> Result<Option<T>, DecodeError> {
    let mut value = Decoder::new(value);
    if value.null() { Ok(None) } else { value.integer().map(Some) }
}

/// What the two sides of a link say of its producer; none where it is for the other side to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Numbering {
    /// Who numbers.
    pub id: Option<i64>,
    /// Its epoch.
    pub epoch: Option<i16>,
    /// The number of the last event.
    pub last: Option<i32>,
}

impl Numbering {
    /// A producer that numbers on from where the hub knows it to be.
    pub fn of(producer: ProducerIdentity) -> Numbering {
        Numbering { id: Some(producer.id), epoch: Some(producer.epoch), last: None }
    }

    /// As the properties of a link. The service wants all three of them or none.
    pub fn properties(self) -> Map {
        if self == Numbering::default() {
            return Map::new();
        }
        Map::new()
            .with_symbol(PRODUCER_EPOCH, self.epoch.map_or(Value::Null, Value::Short))
            .with_symbol(PRODUCER_ID, self.id.map_or(Value::Null, Value::Long))
            .with_symbol(PRODUCER_SEQUENCE_NUMBER, self.last.map_or(Value::Null, Value::Int))
    }

    /// What the properties of a link say.
    pub fn of_properties(properties: &Map) -> Numbering {
        let number = |name| properties.get(name).and_then(Value::as_i64).filter(|one| *one >= 0);
        Numbering {
            id: number(PRODUCER_ID),
            epoch: number(PRODUCER_EPOCH).and_then(|epoch| epoch.try_into().ok()),
            last: number(PRODUCER_SEQUENCE_NUMBER).and_then(|last| last.try_into().ok()),
        }
    }

    /// The last event, if all is said.
    pub fn last_event(self) -> Option<EventNumber> {
        let producer = ProducerIdentity { id: self.id?, epoch: self.epoch? };
        Some(EventNumber { producer, sequence: self.last? })
    }
}

impl From<EventNumber> for Numbering {
    fn from(last: EventNumber) -> Numbering {
        Numbering { last: Some(last.sequence), ..Numbering::of(last.producer) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn number(sequence: i32) -> EventNumber {
        EventNumber { producer: ProducerIdentity { id: 7, epoch: 3 }, sequence }
    }

    #[test]
    fn numbers_come_round_to_0_and_so_do_distances() {
        assert_eq!(number(5).after(2), number(7));
        assert_eq!(number(i32::MAX).after(1), number(0));
        assert_eq!(number(i32::MAX - 1).after(3), number(1));
        assert_eq!(number(1).distance_from(number(i32::MAX - 1)), 3);
        assert_eq!(number(5).distance_from(number(5)), 0);
        assert_eq!(number(4).distance_from(number(5)), i32::MAX.unsigned_abs());
    }

    #[test]
    fn a_message_has_a_number_when_all_three_are_there() {
        let encoded = |message_annotations| {
            Message {
                message_annotations,
                body: crate::message::Body::default(),
                ..Message::default()
            }
            .encode()
        };
        let key = Map::new().with_symbol("x-opt-partition-key", "key");
        let numbered = encoded(number(9).annotate(key.clone()));
        assert_eq!(EventNumber::of_message(&numbered), Ok(Some(number(9))));
        let without = encoded(key.clone().with_symbol(PRODUCER_ID, 7_i64));
        assert_eq!(EventNumber::of_message(&without), Ok(None));
        let null = key.with_symbol(PRODUCER_ID, Value::Null);
        assert_eq!(EventNumber::of_message(&encoded(null)), Ok(None));
        let negative = Map::new().with_symbol(PRODUCER_SEQUENCE_NUMBER, -1);
        assert!(EventNumber::of_message(&encoded(negative)).is_err());
    }

    #[test]
    fn the_properties_of_a_link_are_all_there_or_none() {
        assert!(Numbering::default().properties().is_empty());
        let resumed = Numbering::of(number(9).producer);
        assert_eq!(resumed.properties().get(PRODUCER_SEQUENCE_NUMBER), Some(&Value::Null));
        assert_eq!(resumed.last_event(), None);
        for numbering in [Numbering::default(), resumed, Numbering::from(number(9))] {
            assert_eq!(Numbering::of_properties(&numbering.properties()), numbering);
        }
        assert_eq!(Numbering::from(number(9)).last_event(), Some(number(9)));
    }
}
