//! Where a value lies in a body.
//!
//! ```text
//! web.webPageDetails.name        fields, with dots between
//! productListItems[0].name       an item of an array, counted from 0
//! _acme.`first-name`.`a.b`       a name with other characters, between backticks
//! ```
//!
//! Invariant: a path has 1 to [`PATH_SEGMENTS_MAX`] segments and begins with a field; no index
//! exceeds [`PATH_INDEX_MAX`]. Printing a path and parsing it again gives the same path.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

/// Segments of a path: deeper than any XDM schema goes (about 10), and it bounds recursion over
/// bodies that are built from paths.
pub const PATH_SEGMENTS_MAX: usize = 32;
/// Highest index of an array: twice Adobe's limit for arrays of a profile, and it bounds what
/// setting a single path can allocate.
pub const PATH_INDEX_MAX: usize = 999;

/// One step of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Segment {
    /// A field of an object.
    Field(String),
    /// An item of an array, counted from 0.
    Index(usize),
}

/// A place in a body; the module's head shows how it is written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Path(Vec<Segment>);

/// Why a text or a list of segments is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A name, a bracket or a backtick is missing.
    #[error("`{text}` is no path: expected {expected} at character {at}")]
    Syntax {
        /// The whole text.
        text: String,
        /// What would continue the path.
        expected: &'static str,
        /// Which character, counted from 1.
        at: usize,
    },
    /// The path does not begin with a field.
    #[error("a path must begin with the name of a field, such as person.name")]
    NoField,
    /// An index exceeds [`PATH_INDEX_MAX`].
    #[error("the index {0} is too high; at most {PATH_INDEX_MAX} is possible")]
    IndexTooHigh(String),
    /// There are more than [`PATH_SEGMENTS_MAX`] segments.
    #[error("the path has {0} segments; at most {PATH_SEGMENTS_MAX} are possible")]
    TooLong(usize),
}

impl Path {
    /// A path of these segments.
    ///
    /// # Errors
    /// [`PathError`] when a limit is exceeded or the first segment is no field.
    pub fn new(segments: Vec<Segment>) -> Result<Path, PathError> {
        if !matches!(segments.first(), Some(Segment::Field(_))) {
            return Err(PathError::NoField);
        }
        if segments.len() > PATH_SEGMENTS_MAX {
            return Err(PathError::TooLong(segments.len()));
        }
        for segment in &segments {
            if let Segment::Index(index) = segment
                && *index > PATH_INDEX_MAX
            {
                return Err(PathError::IndexTooHigh(index.to_string()));
            }
        }
        Ok(Path(segments))
    }

    /// The steps from the outermost object inward.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// The value at this path; `None` where any step leads nowhere.
    #[must_use]
    pub fn get<'a>(&self, body: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(body, |value, segment| match segment {
            Segment::Field(name) => value.as_object()?.get(name),
            Segment::Index(index) => value.as_array()?.get(*index),
        })
    }

    /// Puts `value` at this path. Objects and arrays on the way are made where they are missing,
    /// replacing what has another type; items missing before an index become `null`.
    pub fn set(&self, body: &mut Value, value: Value) {
        let mut place = body;
        for segment in &self.0 {
            place = match segment {
                Segment::Field(name) => {
                    as_object(place).entry(name.as_str()).or_insert(Value::Null)
                }
                Segment::Index(index) => item(as_array(place), *index),
            };
        }
        *place = value;
    }

    /// Whether one of the two paths leads to or through the other: writing one may change what
    /// the other reads.
    #[must_use]
    pub fn overlaps(&self, other: &Path) -> bool {
        self.0.iter().zip(&other.0).all(|(mine, theirs)| mine == theirs)
    }
}

fn as_object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("the value was just made an object")
}

fn as_array(value: &mut Value) -> &mut Vec<Value> {
    if !value.is_array() {
        *value = Value::Array(Vec::new());
    }
    value.as_array_mut().expect("the value was just made an array")
}

fn item(items: &mut Vec<Value>, index: usize) -> &mut Value {
    if items.len() <= index {
        items.resize(index + 1, Value::Null);
    }
    items.get_mut(index).expect("the array was just made long enough")
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.0.iter().enumerate() {
            match segment {
                Segment::Index(index) => write!(f, "[{index}]")?,
                Segment::Field(name) => {
                    let dot = if position == 0 { "" } else { "." };
                    if !name.is_empty() && name.chars().all(is_bare) {
                        write!(f, "{dot}{name}")?;
                    } else {
                        write!(f, "{dot}`{}`", name.replace('`', "``"))?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether a character may stand in a name that has no backticks around it.
fn is_bare(character: char) -> bool {
    character.is_alphanumeric() || character == '_' || character == '$' || character == '@'
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Path, PathError> {
        let mut scanner = Scanner { text, rest: text };
        let mut segments = vec![Segment::Field(scanner.name()?)];
        while !scanner.rest.is_empty() {
            segments.push(if scanner.eat('.') {
                Segment::Field(scanner.name()?)
            } else if scanner.eat('[') {
                Segment::Index(scanner.index()?)
            } else {
                return Err(scanner.expected("`.` or `[`, or backticks around the name"));
            });
        }
        Path::new(segments)
    }
}

/// Reads a path's text from left to right.
struct Scanner<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Scanner<'_> {
    fn eat(&mut self, wanted: char) -> bool {
        let rest = self.rest.strip_prefix(wanted);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn name(&mut self) -> Result<String, PathError> {
        if self.eat('`') {
            return self.quoted_name();
        }
        let name = self.take_while(is_bare);
        if name.is_empty() { Err(self.expected("the name of a field")) } else { Ok(name) }
    }

    /// The name up to the closing backtick; two backticks stand for one.
    fn quoted_name(&mut self) -> Result<String, PathError> {
        let mut name = String::new();
        loop {
            name += &self.take_while(|character| character != '`');
            if !self.eat('`') {
                return Err(self.expected("a closing backtick"));
            }
            if !self.eat('`') {
                return Ok(name);
            }
            name.push('`');
        }
    }

    fn index(&mut self) -> Result<usize, PathError> {
        let digits = self.take_while(|character| character.is_ascii_digit());
        if digits.is_empty() {
            return Err(self.expected("the number of an item"));
        }
        if !self.eat(']') {
            return Err(self.expected("`]`"));
        }
        digits.parse().map_err(|_| PathError::IndexTooHigh(digits))
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> String {
        let length = self.rest.find(|character| !wanted(character)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken.to_owned()
    }

    fn expected(&self, expected: &'static str) -> PathError {
        let read = self.text.chars().count() - self.rest.chars().count();
        PathError::Syntax { text: self.text.to_owned(), expected, at: read + 1 }
    }
}
