//! A JSON value in a form in which a few fields are found without reading the others.
//!
//! ```text
//! value    tag: u8 | what the tag says
//! 0 null   1 false   2 true
//! 3 integer: i64   4 integer over that: u64   5 double        8 bytes, little endian
//! 6 text   length | UTF-8
//! 7 array  bytes that follow: u32, little endian | value…
//! 8 object bytes that follow: u32, little endian | field…     in the order of the sender
//! field    length of the name | its UTF-8 | value
//!
//! length   1 to 5 bytes: seven bits each, low ones first, the top bit set on all but the last
//! ```
//!
//! Every value says how long it is, so that a reader steps over what it does not want. JSON is read
//! once, when it comes in, and not each time that somebody looks.

mod builder;
mod json;
mod tag;
mod view;

use std::fmt;
use std::sync::Arc;

use serde_core::de::DeserializeSeed;
use serde_json::Value;

use builder::{Builder, Put};
pub use json::JsonReader;
pub use view::{Fields, Items, Slice, View};

/// Values within values that are read: as deep as `serde_json` reads, so that nothing which came
/// in as JSON is cut off, and damaged bytes cannot exhaust the stack.
const DEPTH_MAX: usize = 128;

/// A JSON value as bytes that are cheap to keep, to pass on and to read a few fields of. Cloning
/// it copies nothing.
///
/// Invariant: an object has each of its names once, unless stored bytes were damaged.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Document(Arc<[u8]>);

impl Document {
    /// Reads JSON, as [`JsonReader::value`] does.
    ///
    /// # Errors
    /// As [`JsonReader::value`].
    pub fn from_json(json: &[u8]) -> Result<Document, serde_json::Error> {
        JsonReader::default().value(json)
    }

    /// The same value as bytes.
    #[must_use]
    pub fn from_value(value: &Value) -> Document {
        let mut builder = Builder::default();
        // Only what is longer than 4 GiB fails, and nobody can have sent it.
        drop(Put(&mut builder).deserialize(value));
        builder.finish()
    }

    /// Bytes that [`as_bytes`](Document::as_bytes) gave before.
    #[must_use]
    pub fn from_stored(bytes: &[u8]) -> Document {
        Document(bytes.into())
    }

    /// The bytes, as the head of the module draws them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The whole value, to look into.
    #[must_use]
    pub fn root(&self) -> Slice<'_> {
        Slice::new(&self.0)
    }

    /// The value as a tree; what was damaged in stored bytes is null, or missing.
    #[must_use]
    pub fn to_value(&self) -> Value {
        self.root().to_value()
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({})", self.to_value())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,200}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 40, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..40).prop_map(Value::from),
                prop::collection::btree_map(".{0,3}", inner, 0..40)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_comes_back_from_text_and_from_a_tree(value in value()) {
            prop_assert_eq!(Document::from_value(&value).to_value(), value.clone());
            let text = value.to_string();
            let document = Document::from_json(text.as_bytes()).unwrap();
            prop_assert_eq!(document.to_value(), serde_json::from_str::<Value>(&text).unwrap());
            prop_assert_eq!(Document::from_stored(document.as_bytes()), document);
        }

        #[test]
        fn damaged_bytes_are_read_without_panic(
            value in value(),
            at in any::<prop::sample::Index>(),
            damage in any::<u8>(),
        ) {
            let mut bytes = Document::from_value(&value).as_bytes().to_vec();
            let at = at.index(bytes.len());
            drop(Document::from_stored(&bytes[..at]).to_value());
            bytes[at] = damage;
            drop(Document::from_stored(&bytes).to_value());
        }
    }

    #[test]
    fn of_a_name_that_comes_twice_the_last_counts() {
        let document = Document::from_json(br#"{"b": {"a": 1, "a": 2}, "c": 3, "b": 4}"#).unwrap();
        assert_eq!(document, Document::from_value(&json!({"b": 4, "c": 3})));
        let many: String =
            (0..100).map(|number| format!(r#""{}": {number},"#, number % 99)).collect();
        let document = Document::from_json(format!("{{{many} \"x\": 0}}").as_bytes()).unwrap();
        let View::Object(fields) = document.root().view() else { panic!("an object") };
        assert_eq!(fields.count(), 100);
        assert_eq!(document.to_value()["0"], 99);
    }

    #[test]
    fn a_name_that_serde_json_uses_itself_is_a_name_like_others() {
        // Found by the fuzzer: with its feature `raw_value`, `serde_json` reads no tree of this.
        let value = json!({"$serde_json::private::RawValue": 2});
        let document = Document::from_json(value.to_string().as_bytes()).unwrap();
        assert_eq!(document.to_value(), value);
        assert_eq!(Document::from_value(&value), document);
    }

    #[test]
    fn what_is_too_deep_is_refused_as_json_and_cut_off_in_stored_bytes() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let deepest = Document::from_json(nested(127).as_bytes()).unwrap();
        assert_eq!(deepest.to_value().to_string(), nested(127));
        assert!(Document::from_json(nested(128).as_bytes()).is_err());
        let mut bytes = Vec::new();
        for _ in 0..100_000 {
            let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
            bytes.splice(0..0, [7].into_iter().chain(length));
        }
        assert_eq!(Document::from_stored(&bytes).to_value().to_string().len(), 2 * DEPTH_MAX + 4);
    }
}
