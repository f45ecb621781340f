//! A profile's attributes: for each field the newest value that was ever written.
//!
//! A record is cut into its leaves, and each leaf remembers its stamp: the moment that the record
//! speaks of and, among equals, its arrival. The object that readers see is made by writing all
//! leaves in the order of their stamps. So it does not depend on the order in which records came
//! in, and two profiles join by joining their leaves.
//!
//! ```text
//! {"person": {"name": {"firstName": "Ann"}, "tags": ["a"]}}
//!     person.name.firstName = "Ann"
//!     person.tags = ["a"]            an array is one value; an empty object writes nothing
//! ```
//!
//! Writing `null` removes a field; the leaf stays, so that an older value does not come back.

use std::collections::BTreeMap;

use segue_xdm::{PATH_SEGMENTS_MAX, Path, Segment, Timestamp};
use serde_json::{Map, Value};

use crate::codec::{DecodeError, Reader, Writer};

/// Which of two writes is newer: by the moment they speak of, then by arrival (log position).
pub(crate) type Stamp = (Timestamp, u64);

/// Leaves with their stamps, and the object that they make.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Attributes {
    leaves: BTreeMap<Path, (Stamp, Value)>,
    /// Made from the leaves, always an object.
    object: Value,
}

impl Default for Attributes {
    fn default() -> Attributes {
        Attributes { leaves: BTreeMap::new(), object: Value::Object(Map::new()) }
    }
}

impl Attributes {
    /// What these records add up to, whatever their order.
    pub(crate) fn of<'a>(records: impl Iterator<Item = (Stamp, &'a Value)>) -> Attributes {
        let mut attributes = Attributes::default();
        for (stamp, record) in records {
            for (path, value) in leaves_of(record) {
                attributes.put(path, stamp, value);
            }
        }
        attributes.object = attributes.make_object();
        attributes
    }

    /// The attributes as one object.
    pub(crate) fn as_value(&self) -> &Value {
        &self.object
    }

    /// Writes a record's attributes; gives the paths that were written, which leaves out those
    /// with a newer value.
    pub(crate) fn write(&mut self, attributes: &Value, stamp: Stamp) -> Vec<Path> {
        let mut written = Vec::new();
        for (path, value) in leaves_of(attributes) {
            if self.put(path.clone(), stamp, value) {
                written.push(path);
            }
        }
        self.object = self.make_object();
        written
    }

    /// Takes in the attributes of a profile that became one with this one.
    pub(crate) fn absorb(&mut self, other: Attributes) {
        for (path, (stamp, value)) in other.leaves {
            self.put(path, stamp, value);
        }
        self.object = self.make_object();
    }

    fn put(&mut self, path: Path, stamp: Stamp, value: Value) -> bool {
        let is_newer = self.leaves.get(&path).is_none_or(|(before, _)| *before <= stamp);
        if is_newer {
            self.leaves.insert(path, (stamp, value));
        }
        is_newer
    }

    fn make_object(&self) -> Value {
        let mut leaves: Vec<_> = self.leaves.iter().collect();
        leaves.sort_by_key(|(_, (stamp, _))| *stamp);
        let mut object = Value::Object(Map::new());
        for (path, (_, value)) in leaves {
            path.set(&mut object, value.clone());
        }
        remove_nulls(&mut object);
        object
    }

    pub(crate) fn write_to(&self, writer: &mut Writer) {
        writer.count(self.leaves.len());
        for (path, ((timestamp, arrival), value)) in &self.leaves {
            writer.text(&path.to_string());
            writer.timestamp(*timestamp);
            writer.u64(*arrival);
            writer.json(value);
        }
    }

    pub(crate) fn read_from(reader: &mut Reader<'_>) -> Result<Attributes, DecodeError> {
        let leaves = reader.list(|reader| {
            let path = reader.text()?.parse().map_err(|error| reader.invalid(error))?;
            let stamp = (reader.timestamp()?, reader.u64()?);
            Ok((path, (stamp, reader.json()?)))
        })?;
        let mut attributes = Attributes { leaves, ..Attributes::default() };
        attributes.object = attributes.make_object();
        Ok(attributes)
    }
}

/// The leaves of an object. What lies deeper than a path can reach is one value.
fn leaves_of(attributes: &Value) -> Vec<(Path, Value)> {
    let mut leaves = Vec::new();
    let mut open = vec![(Vec::new(), attributes)];
    while let Some((segments, value)) = open.pop() {
        match value {
            Value::Object(fields) if segments.len() < PATH_SEGMENTS_MAX => {
                for (name, value) in fields {
                    let mut longer = segments.clone();
                    longer.push(Segment::Field(name.clone()));
                    open.push((longer, value));
                }
            }
            value => leaves.extend(Path::new(segments).ok().map(|path| (path, value.clone()))),
        }
    }
    leaves
}

/// Removes the fields that were written `null`, and the objects that hold nothing else. Arrays
/// are left as they were sent. Recursion ends: paths bound the depth of what they build.
fn remove_nulls(value: &mut Value) {
    if let Value::Object(fields) = value {
        fields.retain(|_, value| {
            remove_nulls(value);
            !value.is_null() && value.as_object().is_none_or(|fields| !fields.is_empty())
        });
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn written(writes: &[(i64, u64, Value)]) -> Value {
        let mut attributes = Attributes::default();
        for (millis, arrival, value) in writes {
            attributes.write(value, (Timestamp::from_millis(*millis), *arrival));
        }
        attributes.as_value().clone()
    }

    #[test]
    fn the_newest_value_of_each_field_wins() {
        let old = (1, 2, json!({"person": {"age": 1, "name": "a"}}));
        let new = (2, 1, json!({"person": {"age": 2}}));
        let both = json!({"person": {"age": 2, "name": "a"}});
        assert_eq!(written(&[old.clone(), new.clone()]), both);
        assert_eq!(written(&[new, old]), both);
    }

    #[test]
    fn a_field_can_become_an_object_and_back() {
        let scalar = (1, 1, json!({"a": 5}));
        let object = (2, 2, json!({"a": {"b": 1}}));
        let again = (3, 3, json!({"a": 6}));
        assert_eq!(written(&[object.clone(), scalar.clone()]), json!({"a": {"b": 1}}));
        assert_eq!(written(&[again, object, scalar]), json!({"a": 6}));
    }

    #[test]
    fn null_removes_and_stays_removed() {
        let value = (1, 1, json!({"a": {"b": 1}, "list": [null, {}]}));
        let null = (2, 2, json!({"a": {"b": null}, "list": {}}));
        let without = json!({"list": [null, {}]});
        assert_eq!(written(&[value.clone(), null.clone()]), without);
        assert_eq!(written(&[null, value]), without);
    }

    #[test]
    fn says_what_was_written() {
        let mut attributes = Attributes::default();
        let at = |millis| (Timestamp::from_millis(millis), 0);
        attributes.write(&json!({"a": 1}), at(5));
        let written = attributes.write(&json!({"a": 2, "b": {"c": 3}}), at(4));
        assert_eq!(written, ["b.c".parse().unwrap()]);
    }
}
