use std::sync::Arc;

use serde_json::Value;

/// The JSON object of an event, as compact text with sorted keys: cheap to keep, to pass on and to
/// read a few fields of. Cloning it copies no text.
///
/// Invariant: the text is a valid JSON object, each key once.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Body(Arc<str>);

impl Body {
    /// The text of a document.
    #[must_use]
    pub fn from_value(document: &Value) -> Body {
        Body(document.to_string().into())
    }

    /// A text that [`as_str`](Body::as_str) gave before.
    #[must_use]
    pub fn from_stored(text: &str) -> Body {
        Body(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The document; null should a stored text have been damaged.
    #[must_use]
    pub fn to_value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}
