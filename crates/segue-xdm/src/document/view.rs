//! Looking into a document's bytes.
//!
//! Damaged bytes end early, or show null; they never panic.

use serde_json::{Number, Value};

use super::{DEPTH_MAX, tag};

/// The bytes of one value; what it is has yet to be looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slice<'a>(&'a [u8]);

/// One value.
#[derive(Clone, Debug)]
pub enum View<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A text.
    Text(&'a str),
    /// The items of an array.
    Array(Items<'a>),
    /// The fields of an object.
    Object(Fields<'a>),
}

/// The items of an array, in order.
#[derive(Clone, Debug)]
pub struct Items<'a>(&'a [u8]);

/// The fields of an object, in the order of the sender: the UTF-8 of the name, and the value.
#[derive(Clone, Debug)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Slice<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Slice<'a> {
        Slice(bytes)
    }

    /// What the value is.
    #[must_use]
    pub fn view(self) -> View<'a> {
        self.look().unwrap_or(View::Null)
    }

    /// The text, if it is one.
    #[must_use]
    pub fn as_text(self) -> Option<&'a str> {
        match self.view() {
            View::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a tree.
    #[must_use]
    pub fn to_value(self) -> Value {
        self.tree(DEPTH_MAX)
    }

    fn look(self) -> Option<View<'a>> {
        let (tag, rest) = self.0.split_first()?;
        let number = || rest.first_chunk::<8>().copied();
        let view = match *tag {
            tag::FALSE => View::Boolean(false),
            tag::TRUE => View::Boolean(true),
            tag::INTEGER => View::Number(i64::from_le_bytes(number()?).into()),
            tag::UNSIGNED => View::Number(u64::from_le_bytes(number()?).into()),
            tag::DOUBLE => View::Number(Number::from_f64(f64::from_le_bytes(number()?))?),
            tag::TEXT => View::Text(std::str::from_utf8(split_text(rest)?.0).ok()?),
            tag::ARRAY => View::Array(Items(split_container(rest)?.0)),
            tag::OBJECT => View::Object(Fields(split_container(rest)?.0)),
            _ => View::Null,
        };
        Some(view)
    }

    fn tree(self, depth: usize) -> Value {
        match self.view() {
            View::Null => Value::Null,
            View::Boolean(flag) => flag.into(),
            View::Number(number) => number.into(),
            View::Text(text) => text.into(),
            View::Array(_) | View::Object(_) if depth == 0 => Value::Null,
            View::Array(items) => items.map(|item| item.tree(depth - 1)).collect(),
            View::Object(fields) => {
                let name = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
                let fields = fields.map(|(key, value)| (name(key), value.tree(depth - 1)));
                Value::Object(fields.collect())
            }
        }
    }
}

impl<'a> Fields<'a> {
    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Slice<'a>> {
        self.clone().find_map(|(found, value)| (found == name.as_bytes()).then_some(value))
    }

    /// The names; damaged ones are left out.
    pub fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.clone().filter_map(|(name, _)| std::str::from_utf8(name).ok())
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Slice<'a>;

    fn next(&mut self) -> Option<Slice<'a>> {
        let (item, rest) = split_value(self.0)?;
        self.0 = rest;
        Some(item)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a [u8], Slice<'a>);

    fn next(&mut self) -> Option<(&'a [u8], Slice<'a>)> {
        let (name, rest) = split_text(self.0)?;
        let (value, rest) = split_value(rest)?;
        self.0 = rest;
        Some((name, value))
    }
}

/// Parts the first value from what follows it.
fn split_value(bytes: &[u8]) -> Option<(Slice<'_>, &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let after = match *tag {
        tag::NULL | tag::FALSE | tag::TRUE => rest,
        tag::INTEGER | tag::UNSIGNED | tag::DOUBLE => rest.get(size_of::<u64>()..)?,
        tag::TEXT => split_text(rest)?.1,
        tag::ARRAY | tag::OBJECT => split_container(rest)?.1,
        _ => return None,
    };
    let value = bytes.get(..bytes.len() - after.len())?;
    Some((Slice(value), after))
}

/// Parts a text, behind its length, from what follows it.
fn split_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut length = 0;
    let mut rest = bytes;
    for shift in (0..35).step_by(7) {
        let (byte, after) = rest.split_first()?;
        rest = after;
        length |= usize::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return rest.split_at_checked(length);
        }
    }
    None
}

/// Parts what an array or object holds, behind its length, from what follows it.
fn split_container(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}
