//! A profile's attributes: what its datasets say of it, merged into one object.
//!
//! ```text
//! records of a dataset ─▶ fragment ─┐ by the merge policy:
//! records of another   ─▶ fragment ─┼─▶ the object that readers see
//! records of none      ─▶ fragment ─┘
//! ```
//!
//! Datasets that the policy ranks equally speak with one voice: their leaves are written one over
//! the other in the order of their stamps, and a `null` removes what any of them wrote before. In
//! timestamp order that is all of them. Under dataset precedence what comes of this is laid over
//! what the datasets that come later say, so that a `null` takes back the word of its own dataset
//! only.
//!
//! Nothing here depends on the order in which records came in. Two profiles join by joining
//! their fragments, and a change of policy needs nothing but the fragments.

use std::collections::BTreeMap;

use segue_xdm::{Path, Record, Segment, Timestamp};
use serde_json::{Map, Value};

use super::fragment::{Fragment, Leaf, leaves_of};
use super::history::Recorded;
use crate::codec::{DecodeError, Reader, Writer};
use crate::stamps::Stamps;

/// Which of two writes is newer: by the moment they speak of, then by arrival (log position).
pub(crate) type Stamp = (Timestamp, u64);

/// What each dataset says, and the object that it makes.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Attributes {
    /// By dataset; records that name none are under the empty name.
    fragments: BTreeMap<String, Fragment>,
    /// Made from the fragments, always an object.
    object: Value,
}

impl Default for Attributes {
    fn default() -> Attributes {
        Attributes { fragments: BTreeMap::new(), object: Value::Object(Map::new()) }
    }
}

impl Attributes {
    /// What these records add up to, whatever their order. The object has yet to be merged.
    pub(super) fn of<'a>(records: impl Iterator<Item = (Stamp, &'a Recorded)>) -> Attributes {
        let mut attributes = Attributes::default();
        for (stamp, Recorded { dataset, attributes: written }) in records {
            let dataset = dataset.clone().unwrap_or_default();
            let fragment = attributes.fragments.entry(dataset).or_default();
            for (path, value) in leaves_of(written) {
                fragment.put(path, Leaf { stamp, value });
            }
        }
        attributes
    }

    /// The attributes as one object.
    pub(crate) fn as_value(&self) -> &Value {
        &self.object
    }

    /// Writes a record's attributes; gives the paths that were written. It leaves out those at
    /// which, or above which, something stands that is newer or comes first in `precedence`.
    pub(crate) fn write(
        &mut self,
        record: &Record,
        stamp: Stamp,
        precedence: &[String],
    ) -> Vec<Path> {
        let dataset = record.dataset.as_deref().unwrap_or_default();
        let fragment = self.fragments.entry(dataset.to_owned()).or_default();
        let mut written = Vec::new();
        for (path, value) in leaves_of(&record.attributes) {
            if fragment.put(path.clone(), Leaf { stamp, value }) {
                written.push(path);
            }
        }
        let rank = rank(dataset, precedence);
        let first = self.merged_where(precedence, |other| other < rank);
        let equals = self.ranked(precedence).filter(|(other, _)| *other == rank);
        let equals: Vec<&Fragment> = equals.map(|(_, fragment)| fragment).collect();
        written.retain(|path| {
            let is_outdated = equals.iter().any(|fragment| fragment.is_newer_at(path, stamp));
            !is_outdated && !stands_at(&first, path)
        });
        self.merge(precedence);
        written
    }

    /// Takes in the attributes of a profile that became one with this one.
    pub(crate) fn absorb(&mut self, other: Attributes, precedence: &[String]) {
        for (dataset, fragment) in other.fragments {
            self.fragments.entry(dataset).or_default().absorb(fragment);
        }
        self.merge(precedence);
    }

    /// Makes the object anew: the datasets in `precedence` come first, in this order, and all
    /// others after them.
    pub(crate) fn merge(&mut self, precedence: &[String]) {
        self.object = self.merged_where(precedence, |_| true);
    }

    /// Whether [`merge`](Attributes::merge) would make another object.
    pub(crate) fn would_change(&self, precedence: &[String]) -> bool {
        self.fragments.len() > 1 && self.merged_where(precedence, |_| true) != self.object
    }

    /// What the datasets of some ranks say together.
    fn merged_where(&self, precedence: &[String], wanted: impl Fn(usize) -> bool) -> Value {
        let mut by_rank: BTreeMap<usize, Vec<(&Path, &Leaf)>> = BTreeMap::new();
        for (rank, fragment) in self.ranked(precedence).filter(|(rank, _)| wanted(*rank)) {
            by_rank.entry(rank).or_default().extend(fragment.leaves());
        }
        let mut merged = Value::Object(Map::new());
        for leaves in by_rank.into_values().rev() {
            lay_over(&mut merged, written_in_order(leaves));
        }
        merged
    }

    fn ranked(&self, precedence: &[String]) -> impl Iterator<Item = (usize, &Fragment)> {
        self.fragments.iter().map(|(dataset, fragment)| (rank(dataset, precedence), fragment))
    }

    /// About how many bytes they take in memory: path and value of each, twice.
    pub(super) fn weight(&self) -> usize {
        const LEAF: usize = 400;
        self.fragments.values().map(|fragment| fragment.leaves().count() * LEAF).sum()
    }

    pub(crate) fn write_to(&self, writer: &mut Writer) {
        let stamps: Stamps = self.fragments.values().flat_map(Fragment::stamps).collect();
        stamps.write(writer);
        writer.count(self.fragments.len());
        for (dataset, fragment) in &self.fragments {
            writer.text(dataset);
            fragment.write(&stamps, writer);
        }
    }

    /// Reads the fragments back; the object has yet to be merged.
    pub(crate) fn read_from(reader: &mut Reader<'_>) -> Result<Attributes, DecodeError> {
        let stamps = Stamps::read(reader)?;
        let fragments = reader.list(|reader| {
            let dataset = reader.text()?.to_owned();
            Ok((dataset, Fragment::read(&stamps, reader)?))
        })?;
        Ok(Attributes { fragments, ..Attributes::default() })
    }
}

/// The place of a dataset among those that come first; what is not listed comes last.
fn rank(dataset: &str, precedence: &[String]) -> usize {
    precedence.iter().position(|listed| listed == dataset).unwrap_or(precedence.len())
}

/// The object that leaves make when they are written one over the other, the newest last.
fn written_in_order(mut leaves: Vec<(&Path, &Leaf)>) -> Value {
    leaves.sort_by_key(|(_, leaf)| leaf.stamp);
    let mut object = Value::Object(Map::new());
    for (path, leaf) in leaves {
        path.set(&mut object, leaf.value.clone());
    }
    remove_nulls(&mut object);
    object
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

/// Lays one value over another: objects field by field, anything else as a whole.
fn lay_over(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                lay_over(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

/// Whether an object has a value at the path, or one above it that is in the way.
fn stands_at(object: &Value, path: &Path) -> bool {
    let mut place = object;
    for segment in path.segments() {
        let (Value::Object(fields), Segment::Field(name)) = (place, segment) else {
            return true;
        };
        match fields.get(name) {
            Some(value) => place = value,
            None => return false,
        }
    }
    !place.is_object()
}

#[cfg(test)]
mod tests {
    use segue_xdm::Identity;
    use serde_json::json;

    use super::*;

    /// Writes records of (dataset, milliseconds, attributes) as they arrive; gives the paths that
    /// each wrote.
    fn write(
        attributes: &mut Attributes,
        precedence: &[&str],
        records: &[(&str, i64, Value)],
    ) -> Vec<String> {
        let precedence: Vec<String> = precedence.iter().map(|one| (*one).to_owned()).collect();
        let written = (0..).zip(records).map(|(arrival, (dataset, millis, value))| {
            let record = Record {
                timestamp: None,
                dataset: (!dataset.is_empty()).then(|| (*dataset).to_owned()),
                identities: vec![Identity::new("ecid", "1")],
                attributes: value.clone(),
            };
            let stamp = (Timestamp::from_millis(*millis), arrival);
            let mut paths = attributes.write(&record, stamp, &precedence);
            paths.sort();
            paths.iter().map(Path::to_string).collect::<Vec<_>>().join(" ")
        });
        written.collect()
    }

    fn written(records: &[(&str, i64, Value)]) -> Value {
        let mut attributes = Attributes::default();
        write(&mut attributes, &[], records);
        attributes.as_value().clone()
    }

    #[test]
    fn the_newest_value_of_each_field_wins() {
        let old = ("", 1, json!({"person": {"age": 1, "name": "a"}}));
        let new = ("", 2, json!({"person": {"age": 2}}));
        let both = json!({"person": {"age": 2, "name": "a"}});
        assert_eq!(written(&[old.clone(), new.clone()]), both);
        assert_eq!(written(&[new, old]), both);
    }

    #[test]
    fn a_field_can_become_an_object_and_back() {
        let scalar = ("", 1, json!({"a": 5}));
        let object = ("", 2, json!({"a": {"b": 1}}));
        let again = ("", 3, json!({"a": 6}));
        assert_eq!(written(&[object.clone(), scalar.clone()]), json!({"a": {"b": 1}}));
        assert_eq!(written(&[again, object, scalar]), json!({"a": 6}));
    }

    #[test]
    fn null_removes_and_stays_removed() {
        let value = ("", 1, json!({"a": {"b": 1}, "list": [null, {}]}));
        let null = ("", 2, json!({"a": {"b": null}, "list": {}}));
        let without = json!({"list": [null, {}]});
        assert_eq!(written(&[value.clone(), null.clone()]), without);
        assert_eq!(written(&[null, value]), without);
    }

    #[test]
    fn a_removed_object_comes_back_with_what_is_newer_only() {
        let old = ("", 1, json!({"person": {"name": "a", "age": 1}}));
        let null = ("", 2, json!({"person": null}));
        let new = ("", 3, json!({"person": {"age": 2}}));
        let only_new = json!({"person": {"age": 2}});
        assert_eq!(written(&[new.clone(), null.clone(), old.clone()]), only_new);
        assert_eq!(written(&[old.clone(), new, null.clone()]), only_new);
        assert_eq!(written(&[null, old]), json!({}));
    }

    #[test]
    fn says_what_was_written() {
        let mut attributes = Attributes::default();
        let records = [
            ("", 5, json!({"a": 1, "gone": null})),
            ("", 4, json!({"a": 2, "gone": {"x": 1}, "b": {"c": 3}})),
            ("", 6, json!({"gone": {"x": 1}, "b": null})),
        ];
        assert_eq!(write(&mut attributes, &[], &records), ["a gone", "b.c", "b gone.x"]);
    }

    #[test]
    fn what_another_dataset_outdoes_is_not_written() {
        let records = [
            ("crm", 1, json!({"age": 1, "name": "a"})),
            ("web", 2, json!({"age": 2, "city": "c"})),
            ("app", 1, json!({"city": "d", "zip": {"x": 1}})),
            ("crm", 3, json!({"age": null})),
            ("web", 3, json!({"age": 3, "name": {"first": "b"}})),
        ];
        let mut ranked = Attributes::default();
        let found = write(&mut ranked, &["crm", "web"], &records);
        assert_eq!(found, ["age name", "city", "zip.x", "age", "age"]);
        let merged = json!({"age": 3, "name": "a", "city": "c", "zip": {"x": 1}});
        assert_eq!(*ranked.as_value(), merged);
        let mut by_time = Attributes::default();
        let found = write(&mut by_time, &[], &records);
        assert_eq!(found, ["age name", "age city", "zip.x", "age", "age name.first"]);
    }

    #[test]
    fn what_is_overwritten_for_good_takes_no_room() {
        let records = [
            ("", 1, json!({"a": {"b": 1, "c": {"d": 2}}})),
            ("", 3, json!({"a": {"c": null}})),
            ("", 2, json!({"a": {"c": {"e": 3}}})),
            ("", 4, json!({"a": 1})),
        ];
        let mut attributes = Attributes::default();
        write(&mut attributes, &[], &records);
        let leaves = attributes.fragments.values().flat_map(Fragment::leaves);
        let paths: Vec<String> = leaves.map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["a"]);
    }
}
