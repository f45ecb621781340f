//! Random inputs over small alphabets, and a model that says what must be so after them.
//!
//! The model keeps every input and derives all else from scratch: groups of identities from the
//! links (`grouping`), whose each input is from whom it names, attributes by writing records in
//! order, memberships by asking the reference interpreter. It is slow and has little state that
//! could go wrong.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use segue_core::{AttributeMerge, Definition, Input, Kind, ProfileId, Settings};
use segue_pql::{EventFact, Expression, Facts, evaluate};
use segue_xdm::{Event, Identity, Record, Timestamp};
use serde_json::{Value, json};

use crate::grouping::{Grouping, Lost};
use crate::merging::{Written, merged};
use crate::world::{at, audience, definition, destination, identity, identity_map, merge_policy};

pub(crate) const IDENTITIES: [&str; 7] =
    ["ecid:1", "ecid:2", "ecid:3", "email:a", "email:b", "crm:x", "crm:y"];
/// The first of them, up to those of the namespace that is unique from the start.
pub(crate) const FREE_IDENTITIES: usize = 5;
/// Identities that a profile may have: fewer than there are.
pub(crate) const IDENTITIES_MAX: usize = 4;

/// Settings under which the alphabet above shows everything.
pub(crate) fn settings() -> Settings {
    Settings { identities_per_profile_max: IDENTITIES_MAX, ..Settings::default() }
}

/// One input, before it has a time.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Event { ids: Vec<usize>, page: &'static str, late_ms: i64, repeat: Option<usize> },
    Record { ids: Vec<usize>, body: Value, late_ms: i64 },
    Tick,
    Forget(usize),
    Define(usize),
    Remove(usize),
    Advance(ProfileId),
}

/// A command, and how long after the one before it.
pub(crate) type Timed = (i64, Command);

pub(crate) fn commands(count: usize) -> impl Strategy<Value = Vec<Timed>> {
    prop::collection::vec((pauses(), command()), 1..count)
}

fn pauses() -> impl Strategy<Value = i64> {
    let day = 24 * 60 * 60 * 1000;
    prop_oneof![
        4 => Just(0),
        8 => 1..4000i64,
        2 => 4000..12_000i64,
        1 => Just(day),
        1 => Just(31 * day),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let ids = || prop::collection::vec(0..IDENTITIES.len(), 1..4);
    let late = || prop_oneof![3 => Just(0), 1 => 0..12_000i64, 1 => Just(-2000)];
    let page = prop::sample::select(vec!["a", "b", "c"]);
    let repeat = prop::option::weighted(0.1, 0..8usize);
    let event = (ids(), page, late(), repeat)
        .prop_map(|(ids, page, late_ms, repeat)| Command::Event { ids, page, late_ms, repeat });
    let record = (ids(), record_body(), late()).prop_map(|(ids, body, late_ms)| Command::Record {
        ids,
        body,
        late_ms,
    });
    prop_oneof![
        12 => event,
        5 => record,
        2 => Just(Command::Tick),
        1 => (0..IDENTITIES.len()).prop_map(Command::Forget),
        2 => (0..palette().len()).prop_map(Command::Define),
        1 => (0..palette().len()).prop_map(Command::Remove),
        3 => any::<u128>().prop_map(|id| Command::Advance(ProfileId::from_u128(id))),
    ]
}

fn record_body() -> impl Strategy<Value = Value> {
    let value = || prop::option::weighted(0.8, 0..4u8);
    let person = prop_oneof![
        8 => (value(), value()).prop_map(|(age, name)| json!({"age": age, "name": {"first": name}})),
        1 => Just(Value::Null),
        1 => Just(json!("nobody")),
    ];
    let choice = (
        prop::sample::select(vec!["any", "email"]),
        prop::sample::select(vec![json!("n"), json!("y"), json!("dn"), Value::Null]),
    );
    let choice = choice.prop_map(|(what, val)| json!({"marketing": {what: {"val": val}}}));
    let consents = prop_oneof![3 => Just(json!({})), 2 => choice, 1 => Just(Value::Null)];
    let dataset = prop::sample::select(vec![None, None, Some("crm"), Some("web")]);
    (person, consents, dataset).prop_map(|(person, consents, dataset)| {
        let mut body = json!({"person": person, "consents": consents});
        if let Some(dataset) = dataset {
            body["datasetId"] = json!(dataset);
        }
        body
    })
}

/// Definitions to begin with, in an order that can be published, and some to edit them with.
pub(crate) fn palette() -> Vec<Definition> {
    let chain = |steps: &str| format!("CHAIN(xEvent, timestamp, [{steps}])");
    let a = r#"WHAT(page.equals("a"))"#;
    let b = r#"WHAT(page.equals("b"))"#;
    let all_triggers = json!({
        "attributes": ["person.age"], "same_value_is_change": true,
        "triggers": {"attribute": true, "identity": true},
    });
    let namespace = |code: &str, with: Value| {
        let mut value = json!({"kind": "Namespace", "code": code, "type": "person"});
        value.as_object_mut().unwrap().extend(with.as_object().unwrap().clone());
        definition(value)
    };
    vec![
        namespace("crm", json!({"unique": true, "priority": 2})),
        audience("recent", &chain(&format!("C0: {a} WHEN(< 5 seconds before now)"))),
        audience("ever", &chain(&format!("C0: {b}"))),
        audience("twice", &chain(&format!("C0: {a} WHEN(<= 8 seconds before now) COUNT(2)"))),
        audience("funnel", &chain(&format!("C0: {a}, C1: {b} WHEN(< 6 seconds before now)"))),
        audience("today", &chain(&format!("C0: {a} WHEN(today)"))),
        audience("adult", "person.age >= 2"),
        audience(
            "lapsed",
            &format!(
                "{} and not({})",
                chain(&format!("C0: {a}")),
                chain(&format!("C0: {a} WHEN(< 3 seconds before now)"))
            ),
        ),
        audience("over", r#"inSegment("recent") and not(inSegment("adult"))"#),
        audience("above", r#"inSegment("over") or inSegment("ever")"#),
        destination("three", &["recent", "ever", "above"], json!({"channel": "email"})),
        destination("two", &["recent", "adult"], json!({"status_model": "two_state"})),
        destination("all", &["today", "over", "lapsed"], all_triggers),
        audience("ever", &chain(r#"C0: WHAT(page.equals("c"))"#)),
        audience("over", r#"inSegment("twice")"#),
        destination(
            "two",
            &["recent", "twice"],
            json!({"status_model": "two_state", "backfill": "none"}),
        ),
        destination("three", &["recent", "ever", "above", "adult"], json!({})),
        merge_policy("default", json!(["crm"])),
        merge_policy("default", json!(["web", "crm"])),
        merge_policy("other", json!(["crm", "web"])),
        namespace("crm", json!({"priority": 2})),
        namespace("email", json!({"unique": true, "priority": 1})),
        namespace("email", json!({"priority": 3, "exclude": ["^b$"]})),
        namespace("ecid", json!({"type": "cookie", "priority": 4, "exclude": ["[3-9]"]})),
        namespace("ecid", json!({"type": "device", "unique": true})),
    ]
}

/// Definitions of the palette that are in effect from the start.
pub(crate) const INITIAL: usize = 13;

/// The inputs of a run with their times: first the initial definitions, then the commands.
pub(crate) fn inputs(commands: &[Timed]) -> Vec<(Timestamp, Input)> {
    let mut now = at("2026-01-01T23:59:50Z");
    let mut inputs: Vec<(Timestamp, Input)> =
        palette().into_iter().take(INITIAL).map(|one| (now, Input::Define(one))).collect();
    for (number, (pause_ms, command)) in commands.iter().enumerate() {
        now = now.plus_millis(*pause_ms);
        inputs.push((now, input(command, number, now)));
    }
    inputs
}

fn input(command: &Command, number: usize, now: Timestamp) -> Input {
    let map = |ids: &[usize]| {
        let names: BTreeSet<&str> = ids.iter().map(|id| IDENTITIES[*id]).collect();
        identity_map(&names.into_iter().collect::<Vec<_>>())
    };
    match command {
        Command::Event { ids, page, late_ms, repeat } => {
            let body = json!({
                "_id": repeat.map_or(format!("n{number}"), |repeat| format!("r{repeat}")),
                "timestamp": now.minus_millis(*late_ms).to_string(),
                "identityMap": map(ids),
                "page": page,
            });
            Input::Event(Event::from_value(&body, now).unwrap())
        }
        Command::Record { ids, body, late_ms } => {
            let mut body = body.clone();
            body["timestamp"] = json!(now.minus_millis(*late_ms).to_string());
            body["identityMap"] = map(ids);
            Input::Record(Record::from_value(&body, now).unwrap())
        }
        Command::Tick => Input::Tick,
        Command::Forget(id) => Input::Forget(identity(IDENTITIES[*id])),
        Command::Define(index) => Input::Define(palette().swap_remove(*index)),
        Command::Remove(index) => {
            let definition = palette().swap_remove(*index);
            Input::Remove(definition.kind(), definition.id().to_owned())
        }
        Command::Advance(through) => Input::Advance(*through),
    }
}

/// Everything that was accepted, and what follows from it.
pub(crate) struct Model {
    taken: Vec<Taken>,
    /// `_id`s with the end of the time in which they count as repeats.
    seen: BTreeMap<String, Timestamp>,
    audiences: BTreeMap<String, Expression>,
    /// The datasets whose attributes come first.
    precedence: Vec<String>,
    grouping: Grouping,
}

struct Taken {
    position: u64,
    /// Whom it names, without those who left since.
    names: Vec<Identity>,
    /// Someone of the profile that it stays with when it names nobody any more.
    home: Option<Identity>,
    timestamp: Timestamp,
    what: What,
}

enum What {
    Event(EventFact),
    /// Its dataset and its attributes.
    Record(Option<String>, Value),
}

impl Model {
    pub(crate) fn new() -> Model {
        Model {
            taken: Vec::new(),
            seen: BTreeMap::new(),
            audiences: BTreeMap::new(),
            precedence: Vec::new(),
            grouping: Grouping::new(IDENTITIES_MAX),
        }
    }

    /// Takes an input in; `refused` says whether the engine refused a definition.
    pub(crate) fn take(&mut self, position: u64, now: Timestamp, input: &Input, refused: bool) {
        match input {
            Input::Event(event) => {
                if self.seen.get(&event.id).is_some_and(|until| *until > now) {
                    return;
                }
                let week = Settings::default().deduplication_window_ms;
                self.seen.insert(event.id.clone(), now.plus_millis(week));
                let fact = EventFact { timestamp: event.timestamp, body: event.body.to_value() };
                self.push(position, &event.identities, event.timestamp, What::Event(fact));
            }
            Input::Record(record) => {
                let timestamp = record.timestamp.unwrap_or(now);
                let attributes = What::Record(record.dataset.clone(), record.attributes.clone());
                self.push(position, &record.identities, timestamp, attributes);
            }
            Input::Forget(identity) | Input::Exit(identity) => {
                let group = self.grouping.group(identity);
                let is_theirs = |taken: &Taken| group.contains(&self.holder(taken).unwrap());
                let theirs: Vec<bool> = self.taken.iter().map(is_theirs).collect();
                let mut theirs = theirs.into_iter();
                self.taken.retain(|_| !theirs.next().unwrap());
                self.grouping.remove(&group);
                self.taken
                    .iter_mut()
                    .for_each(|one| one.names.retain(|name| !group.contains(name)));
            }
            Input::Define(Definition::Audience(audience)) if !refused => {
                self.audiences.insert(audience.id.clone(), audience.expression.clone());
            }
            Input::Define(Definition::Namespace(namespace)) if !refused => {
                self.regroup(|grouping| {
                    grouping.namespaces.insert(namespace.code.clone(), namespace.clone());
                });
            }
            Input::Remove(Kind::Audience, id) if !refused => drop(self.audiences.remove(id)),
            Input::Define(Definition::MergePolicy(policy)) if !refused => {
                self.precedence = match &policy.attribute_merge {
                    AttributeMerge::TimestampOrdered => Vec::new(),
                    AttributeMerge::DatasetPrecedence(datasets) => datasets.clone(),
                };
            }
            Input::Remove(Kind::MergePolicy, _) if !refused => self.precedence.clear(),
            Input::Remove(Kind::Namespace, code) if !refused => {
                self.regroup(|grouping| drop(grouping.namespaces.remove(code)));
            }
            Input::Define(_) | Input::Remove(..) | Input::Tick | Input::Advance(_) => {}
        }
    }

    fn push(&mut self, position: u64, ids: &[Identity], timestamp: Timestamp, what: What) {
        let mut names = ids.to_vec();
        names.retain(|name| !self.grouping.is_excluded(name));
        let lost = self.regroup(|grouping| grouping.see(&names, (timestamp, position)));
        let Some(decides) = self.grouping.first(&names) else { return };
        let home = lost.heirs.get(&decides).cloned();
        names.retain(|name| !lost.all.contains(name));
        self.taken.push(Taken { position, names, home, timestamp, what });
    }

    /// Changes the grouping, and lets every input follow.
    fn regroup(&mut self, change: impl FnOnce(&mut Grouping)) -> Lost {
        let holders = self.taken.iter().map(|taken| self.holder(taken).unwrap());
        let groups: Vec<_> = holders.map(|holder| self.grouping.group(&holder)).collect();
        change(&mut self.grouping);
        let lost = self.grouping.hold_to_the_rules();
        for (taken, group) in self.taken.iter_mut().zip(groups) {
            taken.names.retain(|name| !lost.all.contains(name));
            let stay = group.iter().filter(|one| !self.grouping.is_excluded(one));
            let first = self.grouping.first(stay);
            taken.home = first.map(|first| lost.heirs.get(&first).cloned().unwrap_or(first));
        }
        self.taken.retain(|taken| !taken.names.is_empty() || taken.home.is_some());
        lost
    }

    /// Who of a profile says that an input is theirs.
    fn holder(&self, taken: &Taken) -> Option<Identity> {
        self.grouping.first(&taken.names).or_else(|| taken.home.clone())
    }

    /// All identities that hang together with one; empty when nothing is known of it.
    pub(crate) fn group(&self, identity: &Identity) -> BTreeSet<Identity> {
        self.grouping.group(identity)
    }

    /// The inputs of the profile with this identity, in the order of time.
    fn inputs_of(&self, identity: &Identity) -> Vec<&Taken> {
        let group = self.group(identity);
        let mut taken: Vec<&Taken> = self.taken.iter().collect();
        taken.retain(|taken| group.contains(&self.holder(taken).unwrap()));
        taken.sort_by_key(|taken| (taken.timestamp, taken.position));
        taken
    }

    /// The audiences that the profile with this identity belongs to at a moment.
    pub(crate) fn members_of(&self, identity: &Identity, now: Timestamp) -> BTreeSet<String> {
        let mut events = Vec::new();
        for taken in self.inputs_of(identity) {
            if let What::Event(fact) = &taken.what {
                events.push(fact);
            }
        }
        let attributes = self.attributes_of(identity);
        let audiences = self.audiences.keys();
        audiences.filter(|id| self.is_member(id, &attributes, &events, now)).cloned().collect()
    }

    fn is_member(
        &self,
        id: &str,
        attributes: &Value,
        events: &[&EventFact],
        at: Timestamp,
    ) -> bool {
        let facts = Facts {
            attributes,
            events,
            is_member: &|id| self.is_member(id, attributes, events, at),
            now: at,
            time_zone: &jiff::tz::TimeZone::UTC,
        };
        self.audiences.get(id).is_some_and(|expression| evaluate(expression, &facts).value)
    }

    /// The attributes of the profile with this identity.
    pub(crate) fn attributes_of(&self, identity: &Identity) -> Value {
        let records = self.inputs_of(identity).into_iter().filter_map(|taken| match &taken.what {
            What::Record(dataset, attributes) => Some(Written {
                dataset: dataset.clone(),
                timestamp: taken.timestamp,
                position: taken.position,
                attributes: attributes.clone(),
            }),
            What::Event(_) => None,
        });
        merged(records.collect(), &self.precedence)
    }
}
