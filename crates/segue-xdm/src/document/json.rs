//! Reading documents from JSON text.

use std::fmt;

use serde_core::Deserializer;
use serde_core::de::{DeserializeSeed, SeqAccess, Visitor};
use serde_json::de::Read;

use super::Document;
use super::builder::{Builder, Put};

/// Reads JSON, one text after the other, in the same memory. Where an object has a name twice, the
/// last value counts.
#[derive(Default)]
pub struct JsonReader(Builder);

impl JsonReader {
    /// The value that a text is.
    ///
    /// # Errors
    /// It is not JSON, it nests more than 127 values, or something follows it.
    pub fn value(&mut self, json: &[u8]) -> Result<Document, serde_json::Error> {
        read(json, Value(&mut self.0))
    }

    /// The items of the array that a text is.
    ///
    /// # Errors
    /// As [`JsonReader::value`], or it is no array.
    pub fn items(&mut self, json: &[u8]) -> Result<Vec<Document>, serde_json::Error> {
        read(json, Items(&mut self.0))
    }
}

impl fmt::Debug for JsonReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonReader").finish_non_exhaustive()
    }
}

fn read<T>(
    json: &[u8],
    what: impl for<'de> DeserializeSeed<'de, Value = T>,
) -> Result<T, serde_json::Error> {
    // To check the UTF-8 of it all takes a fraction of checking that of each text in it.
    match str::from_utf8(json) {
        Ok(json) => read_whole(serde_json::Deserializer::from_str(json), what),
        Err(_) => read_whole(serde_json::Deserializer::from_slice(json), what),
    }
}

fn read_whole<'de, T>(
    mut json: serde_json::Deserializer<impl Read<'de>>,
    what: impl DeserializeSeed<'de, Value = T>,
) -> Result<T, serde_json::Error> {
    let value = what.deserialize(&mut json)?;
    json.end()?;
    Ok(value)
}

/// Reads one value.
struct Value<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Document;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        self.0.begin();
        Put(self.0).deserialize(deserializer)?;
        Ok(self.0.finish())
    }
}

/// Reads the items of an array.
struct Items<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Items<'_> {
    type Value = Vec<Document>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Document>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Vec<Document>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<Document>, A::Error> {
        let mut documents = Vec::new();
        while let Some(document) = items.next_element_seed(Value(self.0))? {
            documents.push(document);
        }
        Ok(documents)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_the_text_before() {
        let mut reader = JsonReader::default();
        for broken in [r#"{"a": 1, "a": [{"b": "#, r#"[1, "x" 2]"#, r#"{"a": 1, "a": 2} x"#] {
            assert!(reader.value(broken.as_bytes()).is_err(), "{broken}");
            let text = r#"{"a": {"c": 1}, "b": [null]}"#;
            let document = reader.value(text.as_bytes()).unwrap();
            assert_eq!(document, Document::from_json(text.as_bytes()).unwrap());
            assert_eq!(document.to_value().to_string(), r#"{"a":{"c":1},"b":[null]}"#);
        }
    }

    #[test]
    fn the_items_of_an_array_are_documents_of_their_own() {
        let mut reader = JsonReader::default();
        let items = reader.items(br#" [{"b": 1, "a": 2}, {"b": 1, "b": 2}, [], 3] "#).unwrap();
        let texts = [r#"{"b": 1, "a": 2}"#, r#"{"b": 2}"#, "[]", "3"];
        let values = texts.map(|text| Document::from_json(text.as_bytes()).unwrap());
        assert_eq!(items, values);
        for (refused, why) in [("[1", "EOF"), ("[1] 2", "trailing characters"), ("1", "an array")] {
            let error = reader.items(refused.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(why), "{refused}: {error}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_refused_where_they_are() {
        let error = JsonReader::default().value(b"{\"a\":\n \"\xff\"}").unwrap_err();
        assert_eq!((error.line(), error.to_string().contains("unicode")), (2, true), "{error}");
        assert!(JsonReader::default().items(b"[\xff]").is_err());
    }
}
