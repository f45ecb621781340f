//! Writing a document's bytes from whatever can describe itself: JSON text, or a tree.

use std::fmt;
use std::ops::Range;

use serde_core::Deserializer;
use serde_core::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};

use super::{Document, tag};

/// Names of an object up to which each is compared with each; more are sorted.
const COMPARED_MAX: usize = 16;
/// Bytes of an ordinary event.
const CAPACITY: usize = 2048;

/// Bytes under construction: of one document after the other.
pub(super) struct Builder {
    bytes: Vec<u8>,
    /// Where the names of the objects lie that are not complete yet.
    names: Vec<Range<usize>>,
    /// Whether an object has a name twice.
    repeats: bool,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder { bytes: Vec::with_capacity(CAPACITY), names: Vec::new(), repeats: false }
    }
}

impl Builder {
    /// Begins a document; forgets one that was not finished.
    pub(super) fn begin(&mut self) {
        self.bytes.clear();
        self.names.clear();
        self.repeats = false;
    }

    pub(super) fn finish(&mut self) -> Document {
        let document = Document(self.bytes.as_slice().into());
        // A tree keeps the last of the values that have one name.
        if self.repeats { Document::from_value(&document.to_value()) } else { document }
    }

    fn number(&mut self, tag: u8, bytes: [u8; 8]) {
        self.bytes.push(tag);
        self.bytes.extend_from_slice(&bytes);
    }

    /// Writes length and text; gives where the text lies.
    fn text(&mut self, text: &str) -> Range<usize> {
        let mut length = text.len();
        while length >= 0x80 {
            self.bytes.push((length as u8) | 0x80);
            length >>= 7;
        }
        self.bytes.push(length as u8);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        start..self.bytes.len()
    }

    /// Begins an array or object; gives where its length will be.
    fn open(&mut self, tag: u8) -> Range<usize> {
        self.bytes.push(tag);
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; size_of::<u32>()]);
        start..self.bytes.len()
    }

    /// Ends an array or object.
    fn close<E: Error>(&mut self, length_at: Range<usize>) -> Result<(), E> {
        let length = u32::try_from(self.bytes.len() - length_at.end).map_err(E::custom)?;
        if let Some(place) = self.bytes.get_mut(length_at) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        Ok(())
    }

    /// Looks whether an object has a name twice, and forgets its names.
    fn close_names(&mut self, first: usize) {
        let name = |place: &Range<usize>| self.bytes.get(place.clone()).unwrap_or_default();
        let names = self.names.get_mut(first..).unwrap_or_default();
        self.repeats |= if names.len() <= COMPARED_MAX {
            let mut others = names.iter();
            names.iter().any(|one| {
                others.next();
                others.clone().any(|other| one.len() == other.len() && name(one) == name(other))
            })
        } else {
            names.sort_unstable_by(|one, other| name(one).cmp(name(other)));
            names.windows(2).any(|pair| matches!(pair, [one, other] if name(one) == name(other)))
        };
        self.names.truncate(first);
    }
}

/// Writes one value.
pub(super) struct Put<'b>(pub(super) &'b mut Builder);

impl<'de> DeserializeSeed<'de> for Put<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Put<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.bytes.push(tag::NULL);
        Ok(())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        self.0.bytes.push(if flag { tag::TRUE } else { tag::FALSE });
        Ok(())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.0.number(tag::INTEGER, number.to_le_bytes());
        Ok(())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => {
                self.0.number(tag::UNSIGNED, number.to_le_bytes());
                Ok(())
            }
        }
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        self.0.number(tag::DOUBLE, number.to_le_bytes());
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.bytes.push(tag::TEXT);
        self.0.text(text);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let length_at = self.0.open(tag::ARRAY);
        while items.next_element_seed(Put(self.0))?.is_some() {}
        self.0.close(length_at)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let length_at = self.0.open(tag::OBJECT);
        let first_name = self.0.names.len();
        while fields.next_key_seed(PutName(self.0))?.is_some() {
            fields.next_value_seed(Put(self.0))?;
        }
        self.0.close_names(first_name);
        self.0.close(length_at)
    }
}

/// Writes a field's name.
struct PutName<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for PutName<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for PutName<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<(), E> {
        let place = self.0.text(name);
        self.0.names.push(place);
        Ok(())
    }
}
