//! Which event tests an event passes, at a cost that grows with those that it passes, not with
//! those that there are.
//!
//! ```text
//! test                                   filed under
//! page = "Sports" and price > 5          field page, key "Sports"
//! page in ["Sports", "Home"]             field page, either key; nothing more to ask
//! a = 1 or b contains "x"                field a, key 1; field b, any value
//! not (page = "Sports")                  every event
//! ```
//!
//! Each test is filed under what narrows it down most: keys before any value of a field before
//! every event, and of several keys those that the fewest tests want. An event looks its values
//! up, and asks the tests that it finds there for the rest.

use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;
use segue_pql::{Access, Amount, EventTest, Extracted, FieldTest, Formula, Key, ValueTest};
use segue_xdm::Path;

use super::event::EventView;
use super::extraction::{Field, Fields, Found, Place};

/// The number of an event test.
pub(crate) type TestNumber = u32;

/// The event tests of all audiences.
#[derive(Debug, Default)]
pub(crate) struct EventIndex {
    fields: Fields,
    /// By number.
    tests: Vec<Formula<Asked>>,
    /// By field.
    filed: Vec<Filed>,
    /// Tests that every event is asked.
    always: Vec<TestNumber>,
    /// The fields of the values that are read beside the tests.
    values: Vec<Field>,
}

/// A test of a field, by the field's number.
#[derive(Debug)]
enum Asked {
    /// Of a value.
    Value(Field, ValueTest),
    /// Of the items of an array.
    Item(Field, FieldTest),
    /// Of the whole event.
    Event(FieldTest),
}

/// One way to find a test: by the values of a field.
#[derive(Clone, Debug)]
struct Way {
    field: Field,
    access: Access,
}

/// The tests that are found by one field.
#[derive(Debug, Default)]
struct Filed {
    texts: FxHashMap<Box<str>, Vec<Posting>>,
    folded: FxHashMap<Box<str>, Vec<Posting>>,
    numbers: FxHashMap<u64, Vec<Posting>>,
    booleans: FxHashMap<bool, Vec<Posting>>,
    present: Vec<Posting>,
}

#[derive(Clone, Copy, Debug)]
struct Posting {
    test: TestNumber,
    /// To be found here is all that the test asks.
    exact: bool,
}

impl EventIndex {
    /// An index of tests, and of values to read beside; each has its place in its list as its
    /// number.
    pub(crate) fn new(tests: &[EventTest], values: &[Path]) -> EventIndex {
        let mut index = EventIndex::default();
        let place = |path: &Path| Place { path: path.clone(), item: None };
        index.values = values.iter().map(|path| index.fields.ask(&place(path))).collect();
        let mut candidates = Vec::new();
        for test in tests {
            candidates.push(ways(test.condition(), &mut index.fields));
            let fields = &mut index.fields;
            index.tests.push(test.condition().map(&mut |test| asked(test, fields)));
        }
        index.filed.resize_with(index.fields.len(), Filed::default);
        let popularity = popularity(&candidates);
        for (test, alternatives) in (0..).zip(candidates) {
            let cost = |ways: &Vec<Way>| ways.iter().map(|way| cost(way, &popularity)).sum::<u64>();
            match alternatives.into_iter().min_by_key(cost) {
                Some(ways) => ways.into_iter().for_each(|way| index.add(test, way)),
                None => index.always.push(test),
            }
        }
        index
    }

    fn add(&mut self, test: TestNumber, way: Way) {
        let Some(filed) = self.filed.get_mut(way.field as usize) else { return };
        let is_whole = matches!(self.tests.get(test as usize), Some(Formula::Is(Asked::Value(..))));
        match way.access {
            Access::Present => filed.present.push(Posting { test, exact: false }),
            Access::Keys { keys, exact } => {
                let posting = Posting { test, exact: exact && is_whole };
                for key in keys {
                    filed.postings_mut(key).push(posting);
                }
            }
        }
    }

    /// Reads an event, and asks it all tests.
    pub(crate) fn see<'a>(&self, event: &EventView<'a>, time_zone: &TimeZone) -> Seen<'a> {
        let found = self.fields.read(event.document());
        let mut passed = Vec::new();
        let mut candidates = self.always.clone();
        let mut folded = String::new();
        for (field, value) in &found {
            let Some(filed) = self.filed.get(*field as usize) else { continue };
            filed.look_up(value, &mut folded, &mut |posting| {
                if posting.exact {
                    passed.push(posting.test);
                } else {
                    candidates.push(posting.test);
                }
            });
        }
        candidates.sort_unstable();
        candidates.dedup();
        passed.extend(candidates.into_iter().filter(|test| {
            let condition = self.tests.get(*test as usize);
            condition.is_some_and(|condition| {
                condition.holds(&mut |asked| asked.accepts(&found, event, time_zone))
            })
        }));
        passed.sort_unstable();
        passed.dedup();
        Seen { found, passed }
    }

    /// A value that was asked for, by its place in the list of values; none when the event has
    /// none there, or something other than a number.
    pub(crate) fn value(&self, seen: &Seen<'_>, value: usize) -> Option<Amount> {
        let wanted = self.values.get(value)?;
        seen.found.iter().find_map(|(field, value)| match value {
            Extracted::Number(number) if field == wanted => Some(Amount::from_json(number)),
            _ => None,
        })
    }
}

/// What an event showed.
pub(crate) struct Seen<'a> {
    found: Found<'a>,
    /// The tests that it passes, each once, in order.
    pub(crate) passed: Vec<TestNumber>,
}

impl Asked {
    fn accepts(&self, found: &Found<'_>, event: &EventView<'_>, time_zone: &TimeZone) -> bool {
        let of = |wanted: Field| {
            let values = found.iter().filter(move |(field, _)| *field == wanted);
            values.map(|(_, value)| value)
        };
        match self {
            Asked::Value(field, test) => of(*field).any(|value| test.accepts(value)),
            Asked::Item(field, test) => of(*field).any(|array| test.accepts_array(array)),
            Asked::Event(test) => test.accepts_event(event.fact(), time_zone),
        }
    }
}

impl Filed {
    fn postings_mut(&mut self, key: Key) -> &mut Vec<Posting> {
        match key {
            Key::Text(text) => self.texts.entry(text.into()).or_default(),
            Key::Folded(text) => self.folded.entry(text.into()).or_default(),
            Key::Number(bits) => self.numbers.entry(bits).or_default(),
            Key::Boolean(flag) => self.booleans.entry(flag).or_default(),
        }
    }

    fn look_up(&self, value: &Extracted<'_>, folded: &mut String, see: &mut impl FnMut(Posting)) {
        self.present.iter().copied().for_each(&mut *see);
        let mut see_all = |postings: Option<&Vec<Posting>>| {
            postings.into_iter().flatten().copied().for_each(&mut *see);
        };
        match value {
            Extracted::Text(text) => {
                see_all(self.texts.get(text.as_ref()));
                if !self.folded.is_empty() {
                    segue_pql::fold(text, folded);
                    see_all(self.folded.get(folded.as_str()));
                }
            }
            Extracted::Number(number) => {
                if let Key::Number(bits) = Key::of_json(number) {
                    see_all(self.numbers.get(&bits));
                }
            }
            Extracted::Boolean(flag) => see_all(self.booleans.get(flag)),
            Extracted::Tree(_) => {}
        }
    }
}

/// A test by the numbers of the fields that it reads.
fn asked(test: &FieldTest, fields: &mut Fields) -> Asked {
    match test {
        FieldTest::Value(path, value) => {
            Asked::Value(fields.ask(&Place { path: path.clone(), item: None }), value.clone())
        }
        FieldTest::Item(path, Formula::Is((item, value))) => {
            let place = Place { path: path.clone(), item: Some(item.clone()) };
            Asked::Value(fields.ask(&place), value.clone())
        }
        FieldTest::Item(path, _) => {
            Asked::Item(fields.ask(&Place { path: path.clone(), item: None }), test.clone())
        }
        FieldTest::Interpreted(_) => Asked::Event(test.clone()),
    }
}

/// The ways to find a test: any one list of them finds every event that passes. None when only
/// every event can be asked.
fn ways(condition: &Formula<FieldTest>, fields: &mut Fields) -> Vec<Vec<Way>> {
    match condition {
        Formula::All(parts) => parts.iter().flat_map(|part| ways(part, fields)).collect(),
        Formula::Any(parts) => {
            // The first way of each part, if each has one.
            let firsts = parts.iter().map(|part| ways(part, fields).into_iter().next());
            let all: Option<Vec<Vec<Way>>> = firsts.collect();
            all.map(|ways| ways.concat()).into_iter().collect()
        }
        Formula::Not(_) => Vec::new(),
        Formula::Is(FieldTest::Interpreted(_)) => Vec::new(),
        Formula::Is(FieldTest::Value(path, test)) => {
            let field = fields.ask(&Place { path: path.clone(), item: None });
            vec![vec![Way { field, access: test.access() }]]
        }
        Formula::Is(FieldTest::Item(path, tests)) => item_ways(path, tests, fields),
    }
}

/// The ways to find a test of an array's items: by the items' fields.
fn item_ways(
    path: &Path,
    tests: &Formula<(Path, ValueTest)>,
    fields: &mut Fields,
) -> Vec<Vec<Way>> {
    match tests {
        Formula::Is((item, test)) => {
            let place = Place { path: path.clone(), item: Some(item.clone()) };
            vec![vec![Way { field: fields.ask(&place), access: test.access() }]]
        }
        Formula::All(parts) => {
            parts.iter().flat_map(|part| item_ways(path, part, fields)).collect()
        }
        Formula::Any(_) | Formula::Not(_) => {
            let field = fields.ask(&Place { path: path.clone(), item: None });
            vec![vec![Way { field, access: Access::Present }]]
        }
    }
}

type Popularity = FxHashMap<(Field, Key), u64>;

/// How many tests could be found by each key.
fn popularity(candidates: &[Vec<Vec<Way>>]) -> Popularity {
    let mut popularity = Popularity::default();
    for way in candidates.iter().flatten().flatten() {
        if let Access::Keys { keys, .. } = &way.access {
            for key in keys {
                *popularity.entry((way.field, key.clone())).or_default() += 1;
            }
        }
    }
    popularity
}

/// How many tests an event would find this way, were all filed so. More than any number of keys
/// where any value will do.
fn cost(way: &Way, popularity: &Popularity) -> u64 {
    const ANY_VALUE: u64 = 1 << 40;
    match &way.access {
        Access::Present => ANY_VALUE,
        Access::Keys { keys, .. } => {
            let of = |key: &Key| popularity.get(&(way.field, key.clone())).copied().unwrap_or(0);
            keys.iter().map(of).sum()
        }
    }
}
