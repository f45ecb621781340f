//! The fields of an event that somebody asks for, read from its document in one pass that steps
//! over the rest.
//!
//! ```text
//! asked for: eventType, web.page.name, productListItems (whole), productListItems[].sku
//!
//! root ─┬─ eventType          ● field 0
//!       ├─ web ── page ── name ● field 1
//!       └─ productListItems    ● field 2   its value is a tree
//!            └─ each item ── sku ● field 3   a value for each item
//! ```
//!
//! Invariant: the fields found are those that the event has at these paths; null is no value.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use segue_pql::Extracted;
use segue_xdm::{Document, Path, Segment, Slice, View};

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
    /// By the UTF-8 of the name.
    names: FxHashMap<Box<[u8]>, Node>,
    positions: BTreeMap<usize, Node>,
    each: Option<Box<Node>>,
}

/// The fields of one event, in the order of the sender; that of an array's items once for each.
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
    pub(crate) fn read<'a>(&self, event: &'a Document) -> Found<'a> {
        let mut found = Vec::with_capacity(FOUND_CAPACITY);
        self.root.read(event.root(), &mut found);
        found
    }
}

impl Node {
    fn descend(&mut self, segments: &[Segment]) -> &mut Node {
        let Some((first, rest)) = segments.split_first() else {
            return self;
        };
        let next = match first {
            Segment::Field(name) => self.names.entry(name.as_bytes().into()).or_default(),
            Segment::Index(index) => self.positions.entry(*index).or_default(),
        };
        next.descend(rest)
    }

    /// Reads what is asked for of a value, and under it.
    fn read<'a>(&self, value: Slice<'a>, found: &mut Found<'a>) {
        let view = value.view();
        if let Some(field) = self.field {
            found.extend(extracted(&view, value).map(|extracted| (field, extracted)));
        }
        match view {
            View::Object(fields) if !self.names.is_empty() => {
                let nodes = fields
                    .filter_map(|(name, value)| Some((self.names.get(name)?, value)))
                    .take(self.names.len());
                nodes.for_each(|(node, value)| node.read(value, found));
            }
            View::Array(items) if !self.positions.is_empty() || self.each.is_some() => {
                for (index, item) in items.enumerate() {
                    let nodes = self.positions.get(&index).into_iter().chain(self.each.as_deref());
                    nodes.for_each(|node| node.read(item, found));
                }
            }
            _ => {}
        }
    }
}

/// A value as tests of events see it; none when it is null.
fn extracted<'a>(view: &View<'a>, value: Slice<'a>) -> Option<Extracted<'a>> {
    match view {
        View::Null => None,
        View::Boolean(flag) => Some(Extracted::Boolean(*flag)),
        View::Number(number) => Some(Extracted::Number(number.clone())),
        View::Text(text) => Some(Extracted::Text((*text).into())),
        View::Array(_) | View::Object(_) => Some(Extracted::Tree(value.to_value())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

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
        let event = Document::from_value(&event);
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
        let read = |event: Value| {
            let event = Document::from_value(&event);
            let found = fields.read(&event).into_iter();
            found.map(|(field, value)| (field, value.into_owned())).collect::<Vec<_>>()
        };
        let found = read(json!({"web": {"name": "a"}}));
        let tree = Extracted::Tree(json!({"name": "a"}));
        assert_eq!(found, [(web, tree), (name, Extracted::Text("a".into()))]);
        assert_eq!(read(json!({"web": [{"name": 1}]})).len(), 1);
        assert_eq!(read(json!({"web": null})), []);
    }
}
