//! The fields of an event that somebody asks for, read from its text in one pass and without
//! building a document of the rest.
//!
//! ```text
//! asked for: eventType, web.page.name, productListItems (whole), productListItems[].sku
//!
//! root ─┬─ eventType          ● field 0
//!       ├─ web ── page ── name ● field 1
//!       └─ productListItems    ● field 2   its value is a tree: what lies under it is read there
//!            └─ each item ── sku ● field 3   a value for each item
//! ```
//!
//! Invariant: the fields found are those that the event's document has at these paths; null is no
//! value. The text is JSON that was validated when it came in; on any other text what was read up
//! to the mistake is kept.

use std::collections::BTreeMap;
use std::fmt;

use rustc_hash::FxHashMap;
use segue_pql::Extracted;
use segue_xdm::{Path, Segment};
use serde_core::Deserializer;
use serde_core::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// The number of a field that is asked for.
pub(crate) type Field = u32;

/// Where a field lies: at a path of the event, or at a path of each item of an array there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Place {
    pub(crate) path: Path,
    pub(crate) item: Option<Path>,
}

/// The fields that are asked for.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    root: Node,
    numbers: FxHashMap<Place, Field>,
}

/// The fields that lie under one name.
#[derive(Debug, Default)]
struct Node {
    field: Option<Field>,
    names: FxHashMap<Box<str>, Node>,
    positions: BTreeMap<usize, Node>,
    each: Option<Box<Node>>,
}

/// The fields of one event, in the order of its text; that of an array's items once for each.
pub(crate) type Found<'a> = Vec<(Field, Extracted<'a>)>;

/// Fields that an ordinary event has.
const FOUND_CAPACITY: usize = 16;

impl Fields {
    /// Asks for one more field.
    pub(crate) fn ask(&mut self, place: &Place) -> Field {
        if let Some(number) = self.numbers.get(place) {
            return *number;
        }
        let number = Field::try_from(self.numbers.len()).unwrap_or(Field::MAX);
        self.numbers.insert(place.clone(), number);
        let mut node = self.root.descend(place.path.segments());
        if let Some(item) = &place.item {
            node = node.each.get_or_insert_default().descend(item.segments());
        }
        node.field = Some(number);
        number
    }

    /// How many fields are asked for.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Reads the fields of an event.
    pub(crate) fn read<'a>(&self, event: &'a str) -> Found<'a> {
        let mut found = Vec::with_capacity(FOUND_CAPACITY);
        let mut reader = serde_json::Deserializer::from_str(event);
        let read = Read { node: &self.root, found: &mut found };
        // Validated text has no mistakes; see the invariant above.
        drop(read.deserialize(&mut reader));
        found
    }
}

impl Node {
    fn descend(&mut self, segments: &[Segment]) -> &mut Node {
        let Some((first, rest)) = segments.split_first() else {
            return self;
        };
        let next = match first {
            Segment::Field(name) => self.names.entry(name.as_str().into()).or_default(),
            Segment::Index(index) => self.positions.entry(*index).or_default(),
        };
        next.descend(rest)
    }

    /// Reads what lies under a value that was read whole.
    fn walk(&self, value: &Value, found: &mut Found<'_>) {
        if let Some(field) = self.field
            && let Some(value) = Extracted::from_json(value)
        {
            found.push((field, value.into_owned()));
        }
        match value {
            Value::Object(fields) => {
                for (name, node) in &self.names {
                    if let Some(value) = fields.get(name.as_ref()) {
                        node.walk(value, found);
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let nodes = self.positions.get(&index).into_iter().chain(self.each.as_deref());
                    nodes.for_each(|node| node.walk(item, found));
                }
            }
            _ => {}
        }
    }
}

/// Reads one value: what is asked for of it and under it.
struct Read<'n, 'f, 'a> {
    node: &'n Node,
    found: &'f mut Found<'a>,
}

impl<'a> Read<'_, '_, 'a> {
    fn push<E>(self, value: Extracted<'a>) -> Result<(), E> {
        if let Some(field) = self.node.field {
            self.found.push((field, value));
        }
        Ok(())
    }
}

impl<'a> DeserializeSeed<'a> for Read<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Read<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<(), E> {
        self.push(Extracted::Boolean(flag))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<(), E> {
        self.push(Extracted::Number(number.into()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<(), E> {
        self.push(Extracted::Number(number.into()))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<(), E> {
        match serde_json::Number::from_f64(number) {
            Some(number) => self.push(Extracted::Number(number)),
            None => Ok(()),
        }
    }

    fn visit_borrowed_str<E: Error>(self, text: &'a str) -> Result<(), E> {
        self.push(Extracted::Text(text.into()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.push(Extracted::Text(text.to_owned().into()))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        if self.node.field.is_some() {
            let fields = serde_core::de::value::MapAccessDeserializer::new(map);
            let tree = <Value as serde_core::Deserialize>::deserialize(fields)?;
            self.node.walk(&tree, self.found);
            return Ok(());
        }
        while let Some(node) = map.next_key_seed(Name(self.node))? {
            match node {
                Some(node) => map.next_value_seed(Read { node, found: &mut *self.found })?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<(), A::Error> {
        let is_by_position = !self.node.positions.is_empty();
        if self.node.field.is_some() || is_by_position {
            let items = serde_core::de::value::SeqAccessDeserializer::new(items);
            let tree = <Value as serde_core::Deserialize>::deserialize(items)?;
            self.node.walk(&tree, self.found);
            return Ok(());
        }
        match &self.node.each {
            Some(each) => {
                while items
                    .next_element_seed(Read { node: each, found: &mut *self.found })?
                    .is_some()
                {}
            }
            None => while items.next_element::<IgnoredAny>()?.is_some() {},
        }
        Ok(())
    }
}

/// Reads a name, and finds what is asked for under it.
struct Name<'n>(&'n Node);

impl<'a, 'n> DeserializeSeed<'a> for Name<'n> {
    type Value = Option<&'n Node>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'n> Visitor<'_> for Name<'n> {
    type Value = Option<&'n Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.names.get(name))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(path: &str, item: Option<&str>) -> Place {
        Place { path: path.parse().unwrap(), item: item.map(|item| item.parse().unwrap()) }
    }

    #[test]
    fn reads_what_is_asked_for_and_nothing_else() {
        let mut fields = Fields::default();
        let kind = fields.ask(&place("eventType", None));
        let page = fields.ask(&place("web.page.name", None));
        let sku = fields.ask(&place("items", Some("sku")));
        let second = fields.ask(&place("list[1]", None));
        assert_eq!(fields.ask(&place("web.page.name", None)), page);
        let event = json!({
            "eventType": "vi\"ew", "other": {"eventType": 1}, "web": {"page": {"name": 5, "x": []}},
            "items": [{"sku": "a"}, {"sku": null}, {"sku": "b", "more": 1}, 7], "list": [1, true],
        });
        let event = event.to_string();
        let text = |text: &'static str| Extracted::Text(text.into());
        let mut found = fields.read(&event);
        found.sort_by_key(|(field, _)| *field);
        let number = Extracted::Number(5.into());
        let expected = [
            (kind, text("vi\"ew")),
            (page, number),
            (sku, text("a")),
            (sku, text("b")),
            (second, Extracted::Boolean(true)),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn reads_under_what_is_read_whole() {
        let mut fields = Fields::default();
        let web = fields.ask(&place("web", None));
        let name = fields.ask(&place("web.name", None));
        let found = fields.read(r#"{"web": {"name": "a"}}"#);
        let tree = Extracted::Tree(json!({"name": "a"}));
        assert_eq!(found, [(web, tree), (name, Extracted::Text("a".into()))]);
        assert_eq!(fields.read(r#"{"web": [{"name": 1}]}"#).len(), 1);
        assert_eq!(fields.read(r#"{"web": null}"#), []);
    }
}
