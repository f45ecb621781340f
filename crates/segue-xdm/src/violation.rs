use std::fmt;

/// One broken rule of an input: where, which, what was found and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Where: a JSON pointer (RFC 6901) into the input, empty for the whole of it.
    pub pointer: String,
    /// Which rule: `required`, `type`, `format`, `limit`, `unknown-field` or another short word.
    pub rule: &'static str,
    /// What was found and what to send instead.
    pub message: String,
}

impl Violation {
    /// A violation of `rule` at `pointer`.
    pub fn new(
        pointer: impl Into<String>,
        rule: &'static str,
        message: impl Into<String>,
    ) -> Violation {
        Violation { pointer: pointer.into(), rule, message: message.into() }
    }

    /// The value at `pointer` has the wrong type: `wanted` says which one it should have.
    #[must_use]
    pub fn wrong_type(pointer: &str, found: &serde_json::Value, wanted: &str) -> Violation {
        let message = format!("found {}; send {wanted}", describe(found));
        Violation::new(pointer, "type", message)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "the input" } else { &self.pointer };
        write!(f, "{pointer}: {} ({})", self.message, self.rule)
    }
}

/// The JSON pointer of `key` (a field's name or an item's index) within `parent`.
pub fn child_pointer(parent: &str, key: impl fmt::Display) -> String {
    let key = key.to_string().replace('~', "~0").replace('/', "~1");
    format!("{parent}/{key}")
}

/// The value in words, short enough for a message.
fn describe(value: &serde_json::Value) -> String {
    use serde_json::Value;
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("the boolean {flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) if text.is_empty() => "an empty string".to_owned(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(items) => format!("an array of {} items", items.len()),
        Value::Object(_) => "an object".to_owned(),
    }
}
