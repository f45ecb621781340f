//! Reads the keys of a definition, and collects everything that is wrong with them.

use std::collections::BTreeSet;

use segue_xdm::{Path, Violation, child_pointer, nearest};
use serde_json::{Map, Value};

use super::variables::Secret;

/// Characters of an id or a name: they stand in every payload, and ids in every stored key.
pub const NAME_CHARS_MAX: usize = 256;

/// The word that means this.
pub(super) fn word<T: PartialEq>(words: &[(&'static str, T)], meaning: &T) -> &'static str {
    words.iter().find(|(_, other)| other == meaning).map_or("", |(word, _)| word)
}

/// The keys of one object of a definition.
///
/// Reading goes on after a violation, with a default in place of what was wrong; the caller
/// throws the result away when there are violations.
pub(super) struct Keys<'a> {
    fields: &'a Map<String, Value>,
    pointer: String,
    violations: &'a mut Vec<Violation>,
}

impl<'a> Keys<'a> {
    /// The keys of `fields`, which lie at `pointer`; none but the `known` ones may occur.
    pub(super) fn new(
        fields: &'a Map<String, Value>,
        pointer: &str,
        known: &[&str],
        violations: &'a mut Vec<Violation>,
    ) -> Keys<'a> {
        for key in fields.keys().filter(|key| !known.contains(&key.as_str())) {
            let advice = match nearest(key, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() => "none is known here; leave it out".to_owned(),
                None => format!("known here: {}", known.join(", ")),
            };
            let message = format!("found the unknown key `{key}`; {advice}");
            violations.push(Violation::new(child_pointer(pointer, key), "unknown-field", message));
        }
        Keys { fields, pointer: pointer.to_owned(), violations }
    }

    /// Reports that the value of `key` breaks `rule`.
    pub(super) fn refuse(&mut self, key: &str, rule: &'static str, message: impl Into<String>) {
        self.violations.push(Violation::new(child_pointer(&self.pointer, key), rule, message));
    }

    fn wrong_type(&mut self, key: &str, found: &Value, wanted: &str) {
        let pointer = child_pointer(&self.pointer, key);
        self.violations.push(Violation::wrong_type(&pointer, found, wanted));
    }

    /// Whether the key is there, whatever it holds.
    pub(super) fn has(&self, key: &str) -> bool {
        self.fields.contains_key(key)
    }

    /// Refuses those of `keys` that are given: they contradict what else is there.
    pub(super) fn misplaced(&mut self, keys: &[&str], message: &str) {
        for key in keys {
            if self.has(key) {
                self.refuse(key, "mismatch", message);
            }
        }
    }

    /// The value of the key, if it is an object.
    pub(super) fn object(&self, key: &str) -> Option<&'a Value> {
        self.fields.get(key).filter(|value| value.is_object())
    }

    /// A text that may be absent; not blank.
    pub(super) fn text(&mut self, key: &str) -> Option<&'a str> {
        let value = self.fields.get(key)?;
        let Value::String(text) = value else {
            self.wrong_type(key, value, "a string");
            return None;
        };
        if text.trim().is_empty() {
            self.refuse(key, "required", "found an empty text; leave the key out or fill it in");
            return None;
        }
        Some(text)
    }

    /// Reports `key` when it is missing, with what could stand there.
    pub(super) fn require(&mut self, key: &str, example: &str) {
        if !self.has(key) {
            let message = format!("the key `{key}` is missing; write {example}");
            self.refuse(key, "required", message);
        }
    }

    /// An id or a name: a text of limited length.
    pub(super) fn name(&mut self, key: &str) -> Option<&'a str> {
        let text = self.text(key)?;
        let chars = text.chars().count();
        if chars > NAME_CHARS_MAX {
            let message = format!("found {chars} characters; write at most {NAME_CHARS_MAX}");
            self.refuse(key, "limit", message);
            return None;
        }
        Some(text)
    }

    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        match self.fields.get(key) {
            None => default,
            Some(Value::Bool(flag)) => *flag,
            Some(other) => {
                self.wrong_type(key, other, "true or false");
                default
            }
        }
    }

    /// A whole number from 1 to `max` that may be absent.
    pub(super) fn number(&mut self, key: &str, max: u32) -> Option<u32> {
        let value = self.fields.get(key)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (1..=max).contains(number));
        if number.is_none() {
            let wanted = format!("a whole number from 1 to {max}");
            match value {
                Value::Number(found) => {
                    self.refuse(key, "limit", format!("found {found}; write {wanted}"));
                }
                other => self.wrong_type(key, other, &wanted),
            }
        }
        number
    }

    /// One of a few words, each with its meaning.
    pub(super) fn choice<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text);
        if found.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let meant = nearest(text, all.iter().copied());
            let meant = meant.map_or(String::new(), |word| format!("did you mean `{word}`? "));
            let message = format!("found `{text}`; {meant}write one of {}", all.join(", "));
            self.refuse(key, "format", message);
        }
        found.map(|(_, meaning)| *meaning)
    }

    /// The names of the keys that are there.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.fields.keys().map(String::as_str)
    }

    /// A secret: nothing but `${NAME}`. What was found is not repeated.
    pub(super) fn secret(&mut self, key: &str) -> Option<Secret> {
        let secret = Secret::parse(self.text(key)?);
        if secret.is_none() {
            self.refuse_literal(key);
        }
        secret
    }

    /// Reports that a secret is written out.
    pub(super) fn refuse_literal(&mut self, key: &str) {
        let message = "found a secret written out, which would be kept with the definition; write \
                       ${NAME} and set the environment variable NAME where Segue runs";
        self.refuse(key, "secret", message);
    }

    /// An address of HTTP, without a name and a password in it.
    pub(super) fn address(&mut self, key: &str) -> Option<&'a str> {
        let text = self.text(key)?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
        if host.contains('@') {
            let message = "found a name or a password in the address; leave it out and write \
                           the header `authorization`, such as Basic ${NAME}";
            self.refuse(key, "secret", message);
            return None;
        }
        if host.is_empty() || text.contains(char::is_whitespace) {
            let message = format!("found `{text}`; write an address such as https://example.com/x");
            self.refuse(key, "format", message);
            return None;
        }
        Some(text)
    }

    /// A list of texts, at most `max`.
    pub(super) fn texts(&mut self, key: &str, max: usize) -> Option<Vec<&'a str>> {
        let value = self.fields.get(key)?;
        let Value::Array(items) = value else {
            self.wrong_type(key, value, "a list such as [a, b]");
            return None;
        };
        if items.len() > max {
            let message = format!("found {} items; write at most {max}", items.len());
            self.refuse(key, "limit", message);
        }
        let list = child_pointer(&self.pointer, key);
        let mut texts = Vec::new();
        for (index, item) in items.iter().enumerate() {
            match item.as_str() {
                Some(text) if !text.trim().is_empty() => texts.push(text),
                Some(_) => self.violations.push(Violation::new(
                    child_pointer(&list, index),
                    "required",
                    "found an empty text; leave it out or fill it in",
                )),
                None => self.violations.push(Violation::wrong_type(
                    &child_pointer(&list, index),
                    item,
                    "a string",
                )),
            }
        }
        Some(texts)
    }

    /// A list of paths, at most `max`.
    pub(super) fn paths(&mut self, key: &str, max: usize) -> BTreeSet<Path> {
        let mut paths = BTreeSet::new();
        for text in self.texts(key, max).unwrap_or_default() {
            match text.parse::<Path>() {
                Ok(path) => drop(paths.insert(path)),
                Err(error) => self.refuse(key, "format", error.to_string()),
            }
        }
        paths
    }

    /// An object within, with known keys of its own.
    pub(super) fn section(&mut self, key: &str, known: &[&str]) -> Option<Keys<'_>> {
        let wanted = match known {
            [] => "an object without keys".to_owned(),
            known => format!("an object with the keys {}", known.join(", ")),
        };
        let fields = self.fields_of(key, &wanted)?;
        let pointer = child_pointer(&self.pointer, key);
        Some(Keys::new(fields, &pointer, known, self.violations))
    }

    /// An object within, with keys of the user's own.
    pub(super) fn map(&mut self, key: &str) -> Option<Keys<'_>> {
        let fields = self.fields_of(key, "an object such as {name: text}")?;
        let pointer = child_pointer(&self.pointer, key);
        Some(Keys { fields, pointer, violations: self.violations })
    }

    fn fields_of(&mut self, key: &str, wanted: &str) -> Option<&'a Map<String, Value>> {
        match self.fields.get(key)? {
            Value::Object(fields) => Some(fields),
            other => {
                self.wrong_type(key, other, wanted);
                None
            }
        }
    }
}
