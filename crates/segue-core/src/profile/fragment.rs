//! What one dataset says of a profile: for each field the newest value that it ever wrote.
//!
//! A record is cut into its leaves, and each leaf remembers its stamp: the moment that the record
//! speaks of and, among equals, its arrival.
//!
//! ```text
//! {"person": {"name": {"firstName": "Ann"}, "tags": ["a"]}, "loyalty": null}
//!     person.name.firstName = "Ann"
//!     person.tags = ["a"]            an array is one value; an empty object writes nothing
//!     loyalty = null                 removes the field and everything under it
//! ```
//!
//! Invariant: no leaf is older than one at the same place or above it. What such a leaf wrote is
//! overwritten for good, so that it is dropped, or not even taken. A `null` stays, so that an
//! older value does not come back.

use std::collections::BTreeMap;

use segue_xdm::{PATH_SEGMENTS_MAX, Path, Segment};
use serde_json::Value;

use super::{Stamp, leaves};
use crate::codec::{DecodeError, Reader, Writer};
use crate::stamps::Stamps;

/// The leaves that one dataset wrote.
#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Fragment(BTreeMap<Path, Leaf>);

/// A value, and when it was written.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Leaf {
    pub(super) stamp: Stamp,
    pub(super) value: Value,
}

impl Fragment {
    pub(super) fn leaves(&self) -> impl Iterator<Item = (&Path, &Leaf)> {
        self.0.iter()
    }

    /// Writes a leaf, unless something newer stands there; says whether it did.
    pub(super) fn put(&mut self, path: Path, leaf: Leaf) -> bool {
        if self.is_newer_at(&path, leaf.stamp) {
            return false;
        }
        let under = self.0.range(&path..).take_while(|(other, _)| other.overlaps(&path));
        let older = under.filter(|(_, other)| other.stamp <= leaf.stamp);
        let overwritten: Vec<Path> = older.map(|(other, _)| other.clone()).collect();
        for other in overwritten {
            self.0.remove(&other);
        }
        self.0.insert(path, leaf);
        true
    }

    /// Whether something newer than `stamp` was written at the path, or above it.
    pub(super) fn is_newer_at(&self, path: &Path, stamp: Stamp) -> bool {
        let segments = path.segments();
        let lengths = 1..=segments.len();
        let above = lengths.filter_map(|length| Path::new(segments.get(..length)?.to_vec()).ok());
        above.filter_map(|path| self.0.get(&path)).any(|leaf| leaf.stamp > stamp)
    }

    /// Takes in what the same dataset said of a profile that became one with this one.
    pub(super) fn absorb(&mut self, other: Fragment) {
        for (path, leaf) in other.0 {
            self.put(path, leaf);
        }
    }

    /// The stamps of the leaves.
    pub(super) fn stamps(&self) -> impl Iterator<Item = Stamp> {
        self.0.values().map(|leaf| leaf.stamp)
    }

    /// Writes the leaves, whose stamps are in the table.
    pub(super) fn write(&self, stamps: &Stamps, writer: &mut Writer) {
        leaves::write(&self.0, stamps, writer);
    }

    pub(super) fn read(stamps: &Stamps, reader: &mut Reader<'_>) -> Result<Fragment, DecodeError> {
        leaves::read(stamps, reader).map(Fragment)
    }
}

/// The leaves of an object. What lies deeper than a path can reach is one value.
pub(super) fn leaves_of(attributes: &Value) -> Vec<(Path, Value)> {
    let mut leaves = Vec::new();
    let mut open = vec![(Vec::new(), attributes)];
    while let Some((segments, value)) = open.pop() {
        match value {
            Value::Object(fields) if segments.len() < PATH_SEGMENTS_MAX || fields.is_empty() => {
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
