//! The leaves of a fragment as bytes.
//!
//! ```text
//! leaves    count | leaf…             by path, so that paths of one object follow one another
//! leaf      u64: 33 × the segments that its path shares with that of the leaf before
//!                + those of its own
//!         | its own segments | stamps in the table × kind + index of its stamp | the value
//! segment   2 × length | the name;   2 × its number + 3 (see names);   or 1 | index of an array
//!
//! kind      0 null   1 false   2 true   3 integer: i128   4 double: 8 bytes, little endian
//!           5 array or object: its document   6 + length: text
//! ```
//!
//! ```text
//! person.name.firstName = "Ann"     0 shared, 3 own: person name firstName   text Ann
//! person.name.lastName = "Lee"      2 shared, 1 own: lastName                text Lee
//! ```
//!
//! Every name is there once for the object that it is in, as in a tree, but without nesting that a
//! reader would have to follow or bound.

use std::collections::BTreeMap;

use segue_xdm::{PATH_SEGMENTS_MAX, Path, Segment};
use serde_json::{Number, Value};

use super::fragment::Leaf;
use super::{Stamp, names};
use crate::codec::{DecodeError, Reader, Writer};
use crate::stamps::Stamps;

/// By path, as a fragment has them.
type Leaves = BTreeMap<Path, Leaf>;

/// More than a path has segments.
const SHARED: u64 = 33;
const _: () = assert!((PATH_SEGMENTS_MAX as u64) < SHARED);

const INDEX: u64 = 1;
const FIRST_NUMBER: u64 = 3;

const NULL: u64 = 0;
const FALSE: u64 = 1;
const TRUE: u64 = 2;
const INTEGER: u64 = 3;
const DOUBLE: u64 = 4;
const TREE: u64 = 5;
const TEXT: u64 = 6;

/// Writes leaves, whose stamps are in the table.
pub(super) fn write(leaves: &Leaves, stamps: &Stamps, writer: &mut Writer) {
    writer.count(leaves.len());
    let mut before: &[Segment] = &[];
    for (path, Leaf { stamp, value }) in leaves {
        let segments = path.segments();
        let shared = segments.iter().zip(before).take_while(|(mine, theirs)| mine == theirs);
        let shared = shared.count();
        let own = segments.get(shared..).unwrap_or_default();
        writer.u64(shared as u64 * SHARED + own.len() as u64);
        for segment in own {
            write_segment(segment, writer);
        }
        write_value(value, *stamp, stamps, writer);
        before = segments;
    }
}

fn write_segment(segment: &Segment, writer: &mut Writer) {
    match segment {
        Segment::Field(name) => match names::number_of(name) {
            Some(number) => writer.u64(number * 2 + FIRST_NUMBER),
            None => {
                writer.u64(name.len() as u64 * 2);
                writer.raw(name.as_bytes());
            }
        },
        Segment::Index(index) => {
            writer.u64(INDEX);
            writer.count(*index);
        }
    }
}

fn write_value(value: &Value, stamp: Stamp, stamps: &Stamps, writer: &mut Writer) {
    let mut kind = |kind: u64| writer.u64(stamps.count() * kind + stamps.index(stamp));
    match value {
        Value::Null => kind(NULL),
        Value::Bool(false) => kind(FALSE),
        Value::Bool(true) => kind(TRUE),
        Value::Number(number) => match (number.as_i128(), number.as_f64()) {
            (Some(whole), _) => {
                kind(INTEGER);
                writer.i128(whole);
            }
            (None, Some(double)) => {
                kind(DOUBLE);
                writer.raw(&double.to_le_bytes());
            }
            (None, None) => {
                kind(TREE);
                writer.tree(value);
            }
        },
        Value::String(text) => {
            kind(TEXT + text.len() as u64);
            writer.raw(text.as_bytes());
        }
        Value::Array(_) | Value::Object(_) => {
            kind(TREE);
            writer.tree(value);
        }
    }
}

/// Reads leaves back, whose stamps are in the table.
pub(super) fn read(stamps: &Stamps, reader: &mut Reader<'_>) -> Result<Leaves, DecodeError> {
    let mut before: Option<Path> = None;
    reader.list(|reader| {
        let path = read_path(before.as_ref(), reader)?;
        if before.as_ref().is_some_and(|before| *before >= path) {
            return Err(reader.invalid("paths do not ascend"));
        }
        before = Some(path.clone());
        Ok((path, read_leaf(stamps, reader)?))
    })
}

fn read_path(before: Option<&Path>, reader: &mut Reader<'_>) -> Result<Path, DecodeError> {
    let head = reader.u64()?;
    let shared = usize::try_from(head / SHARED).ok();
    let before = before.map_or(&[][..], Path::segments);
    let shared = shared.and_then(|shared| before.get(..shared));
    let mut segments =
        shared.ok_or_else(|| reader.invalid("a path shares more than there is"))?.to_vec();
    for _ in 0..head % SHARED {
        segments.push(read_segment(reader)?);
    }
    Path::new(segments).map_err(|error| reader.invalid(error))
}

fn read_segment(reader: &mut Reader<'_>) -> Result<Segment, DecodeError> {
    let head = reader.u64()?;
    if head == INDEX {
        let index = usize::try_from(reader.u64()?);
        return index.map(Segment::Index).map_err(|error| reader.invalid(error));
    }
    let name = if head % 2 == 0 {
        let length = usize::try_from(head / 2).map_err(|error| reader.invalid(error))?;
        reader.text_of(length)?
    } else {
        let name = names::name_of((head - FIRST_NUMBER) / 2);
        name.ok_or_else(|| reader.invalid("no name has this number"))?
    };
    Ok(Segment::Field(name.to_owned()))
}

fn read_leaf(stamps: &Stamps, reader: &mut Reader<'_>) -> Result<Leaf, DecodeError> {
    let head = reader.u64()?;
    // Without stamps there can be no leaf.
    let kind = head.checked_div(stamps.count());
    let stamp = head.checked_rem(stamps.count()).and_then(|index| stamps.get(index));
    let (Some(kind), Some(stamp)) = (kind, stamp) else {
        return Err(reader.invalid("a leaf has no stamp"));
    };
    let value = match kind {
        NULL => Value::Null,
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INTEGER => {
            let whole = Number::from_i128(reader.i128()?);
            whole.ok_or_else(|| reader.invalid("an integer is too large"))?.into()
        }
        DOUBLE => {
            let double = Number::from_f64(f64::from_le_bytes(reader.array()?));
            double.ok_or_else(|| reader.invalid("a double is no number"))?.into()
        }
        TREE => reader.tree()?,
        text => {
            let length = usize::try_from(text - TEXT).map_err(|error| reader.invalid(error))?;
            Value::String(reader.text_of(length)?.to_owned())
        }
    };
    Ok(Leaf { stamp, value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use segue_xdm::Timestamp;
    use serde_json::json;

    use super::*;

    const VERSION: u8 = 1;

    fn bytes(leaves: &Leaves) -> Vec<u8> {
        let stamps: Stamps = leaves.values().map(|leaf| leaf.stamp).collect();
        let mut writer = Writer::new(VERSION);
        stamps.write(&mut writer);
        write(leaves, &stamps, &mut writer);
        writer.finish()
    }

    fn read_back(bytes: &[u8]) -> Result<Leaves, DecodeError> {
        let mut reader = Reader::new("sample", VERSION, bytes)?;
        let stamps = Stamps::read(&mut reader)?;
        let leaves = read(&stamps, &mut reader)?;
        reader.finish().map(|()| leaves)
    }

    fn segment() -> impl Strategy<Value = Segment> {
        prop_oneof![
            4 => prop::sample::select(vec!["person", "name", "adID", "a", "a.b", "", "`ü"])
                .prop_map(|name| Segment::Field(name.to_owned())),
            1 => any::<String>().prop_map(Segment::Field),
            1 => (0..1000_usize).prop_map(Segment::Index),
        ]
    }

    fn path() -> impl Strategy<Value = Path> {
        let segments = prop_oneof![
            9 => prop::collection::vec(segment(), 0..5),
            1 => prop::collection::vec(segment(), 0..PATH_SEGMENTS_MAX),
        ];
        segments.prop_map(|mut segments| {
            segments.insert(0, Segment::Field("person".to_owned()));
            Path::new(segments).unwrap()
        })
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            Just(json!([1, -0.0, {"a": [null, ""]}])),
            Just(json!({})),
        ]
    }

    fn leaves() -> impl Strategy<Value = Leaves> {
        let millis = prop_oneof![0..3_i64, any::<i64>()];
        let stamp = (millis.prop_map(Timestamp::from_millis), prop_oneof![0..3_u64, any::<u64>()]);
        let leaf = (stamp, value()).prop_map(|(stamp, value)| Leaf { stamp, value });
        prop::collection::btree_map(path(), leaf, 0..12)
    }

    proptest! {
        #[test]
        fn leaves_read_back(leaves in leaves()) {
            prop_assert_eq!(read_back(&bytes(&leaves)).unwrap(), leaves);
        }

        #[test]
        fn what_ends_early_is_refused_and_what_is_damaged_ends(
            leaves in leaves(),
            at in any::<prop::sample::Index>(),
            damage in any::<u8>(),
        ) {
            let mut bytes = bytes(&leaves);
            let at = at.index(bytes.len());
            prop_assert!(read_back(&bytes[..at]).is_err());
            bytes[at] = damage;
            drop(read_back(&bytes));
        }
    }

    #[test]
    fn names_are_shared_and_numbered() {
        let leaf = |value: Value| Leaf { stamp: (Timestamp::from_millis(0), 0), value };
        let one = |path: &str, value: Value| (path.parse().unwrap(), leaf(value));
        let first = Leaves::from([one("_acme.person.firstName", json!("Ann"))]);
        let mut both = first.clone();
        both.extend([one("_acme.person.lastName", json!("Lee"))]);
        // Head, the number of the name, kind and text.
        assert_eq!(bytes(&both).len() - bytes(&first).len(), 1 + 1 + 1 + 3);
    }

    #[test]
    fn paths_that_do_not_ascend_are_refused() {
        let twice = [VERSION, 1, 0, 0, 2, 1, 3, NULL as u8, 1, 3, NULL as u8];
        assert!(read_back(&twice).unwrap_err().to_string().contains("ascend"));
        let endless = [VERSION, 1, 0, 0, 1, 34, 3, NULL as u8];
        assert!(read_back(&endless).unwrap_err().to_string().contains("shares more"));
    }
}
