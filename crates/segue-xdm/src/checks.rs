//! Checking the values of an input: what is wrong is noted with its place, and the rest goes on.

use std::fmt;

use crate::document::{Fields, Slice};
use crate::nearest::nearest;
use crate::violation::{Violation, child_pointer};

/// Where a value lies. It becomes a text only when something is wrong there.
#[derive(Clone, Copy)]
pub(crate) enum Place<'a> {
    /// The whole input.
    Root,
    /// A field of the object there.
    Field(&'a Place<'a>, &'a str),
    /// An item of the array there.
    Item(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Root => Ok(()),
            Place::Field(parent, name) => f.write_str(&child_pointer(&parent.to_string(), name)),
            Place::Item(parent, index) => f.write_str(&child_pointer(&parent.to_string(), index)),
        }
    }
}

/// What was found to be wrong.
#[derive(Default)]
pub(crate) struct Checks(Vec<Violation>);

impl Checks {
    /// What was found, if anything was wrong.
    pub(crate) fn finish(self) -> Result<(), Vec<Violation>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }

    pub(crate) fn violate(
        &mut self,
        place: Place<'_>,
        rule: &'static str,
        message: impl Into<String>,
    ) {
        self.0.push(Violation::new(place.to_string(), rule, message));
    }

    pub(crate) fn wrong_type(&mut self, place: Place<'_>, found: Slice<'_>, wanted: &str) {
        self.0.push(Violation::wrong_type(&place.to_string(), &found.to_value(), wanted));
    }

    /// The value of a field that must be there; names the field that was perhaps meant when it is
    /// not.
    pub(crate) fn required<'a>(
        &mut self,
        fields: &Fields<'a>,
        name: &str,
        parent: Place<'_>,
    ) -> Option<Slice<'a>> {
        let value = fields.get(name);
        if value.is_none() {
            let message = match nearest(name, fields.names()) {
                Some(found) => format!("found no `{name}`; if `{found}` was meant, rename it"),
                None => format!("found no `{name}`; send one"),
            };
            self.violate(Place::Field(&parent, name), "required", message);
        }
        value
    }

    /// The text of a field that must be there, not blank, and not longer than `chars_max`.
    pub(crate) fn required_text<'a>(
        &mut self,
        fields: &Fields<'a>,
        name: &str,
        parent: Place<'_>,
        chars_max: usize,
    ) -> Option<&'a str> {
        let value = self.required(fields, name, parent)?;
        let place = Place::Field(&parent, name);
        let Some(text) = value.as_text() else {
            self.wrong_type(place, value, "a string");
            return None;
        };
        if text.trim().is_empty() {
            let message = "found a string without characters; send one that has some";
            self.violate(place, "required", message);
            return None;
        }
        let chars = text.chars().count();
        if chars > chars_max {
            let message = format!("found {chars} characters; send at most {chars_max}");
            self.violate(place, "limit", message);
            return None;
        }
        Some(text)
    }
}
