//! Random cases: audiences, and what comes in when.

use proptest::prelude::*;
use segue_core::{Definition, Input, Kind, ProfileId};
use segue_xdm::{Event, Identity, Record, Timestamp};
use serde_json::{Map, Value, json};

use crate::audiences::definition;

/// Audiences, and inputs with the moments at which they come in.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) definitions: Vec<String>,
    pub(crate) commands: Vec<(i64, Command)>,
    /// After this many inputs the engine is restarted from its checkpoint.
    pub(crate) restart: usize,
}

/// An input, before it has a time.
#[derive(Clone, Debug)]
pub(crate) enum Command {
    Event {
        ids: Vec<usize>,
        body: Value,
        late_ms: i64,
        repeats: bool,
    },
    Record {
        ids: Vec<usize>,
        age: Option<i64>,
        since_ms: Option<i64>,
    },
    Tick,
    Forget(usize),
    Exit(usize),
    /// The audience of the first number is edited to be what the second one is.
    Edit(usize, usize),
    Remove(usize),
    /// The profiles up to this id follow what was edited and removed.
    Advance(ProfileId),
    /// A namespace is defined anew.
    Namespace {
        code: &'static str,
        unique: bool,
        exclude: bool,
    },
}

const IDENTITIES: [&str; 4] = ["ecid:1", "ecid:2", "email:a", "email:b"];

pub(crate) fn case() -> impl Strategy<Value = Case> {
    let definitions = (definition(0), definition(1), definition(2))
        .prop_map(|(first, second, third)| vec![first, second, third]);
    let commands = prop::collection::vec((pause(), command()), 1..14);
    (definitions, commands, 0..14usize).prop_map(|(definitions, commands, restart)| Case {
        definitions,
        commands,
        restart,
    })
}

fn pause() -> impl Strategy<Value = i64> {
    let day = 24 * 60 * 60 * 1000;
    prop_oneof![
        4 => Just(0),
        10 => 1..4000i64,
        2 => 4000..12_000i64,
        1 => Just(day),
        1 => Just(31 * day),
    ]
}

fn command() -> impl Strategy<Value = Command> {
    let ids = || prop::collection::vec(0..IDENTITIES.len(), 1..3);
    let late = prop_oneof![3 => Just(0), 2 => 0..9000i64, 1 => Just(-2000), 1 => Just(-70_000)];
    let event = (ids(), event_body(), late, prop::bool::weighted(0.05))
        .prop_map(|(ids, body, late_ms, repeats)| Command::Event { ids, body, late_ms, repeats });
    let age = prop::option::weighted(0.8, 0..4i64);
    let record = (ids(), age, prop::option::of(-8000..8000i64))
        .prop_map(|(ids, age, since_ms)| Command::Record { ids, age, since_ms });
    prop_oneof![
        16 => event,
        4 => record,
        2 => Just(Command::Tick),
        1 => (0..IDENTITIES.len()).prop_map(Command::Forget),
        1 => (0..IDENTITIES.len()).prop_map(Command::Exit),
        1 => (0..3usize, 0..3usize).prop_map(|(edited, like)| Command::Edit(edited, like)),
        1 => (0..3usize).prop_map(Command::Remove),
        2 => any::<u128>().prop_map(|id| Command::Advance(ProfileId::from_u128(id))),
        2 => (prop::sample::select(vec!["ecid", "email"]), any::<bool>(), any::<bool>())
            .prop_map(|(code, unique, exclude)| Command::Namespace { code, unique, exclude }),
    ]
}

fn event_body() -> impl Strategy<Value = Value> {
    let page = prop::option::weighted(0.9, prop::sample::select(vec!["a", "b", "c"]));
    let number = || {
        prop_oneof![
            2 => (0..4i64).prop_map(|n| json!(n)),
            1 => Just(json!(0.1)),
            1 => Just(json!("x")),
            1 => Just(Value::Null),
        ]
    };
    let item = (prop::sample::select(vec!["x", "y"]), number())
        .prop_map(|(sku, n)| json!({"sku": sku, "n": n}));
    let items = prop::option::weighted(0.3, prop::collection::vec(item, 0..3));
    (page, prop::option::weighted(0.7, number()), items).prop_map(|(page, n, items)| {
        let mut body = Map::new();
        let mut put = |name: &str, value: Option<Value>| {
            value.into_iter().for_each(|value| drop(body.insert(name.to_owned(), value)));
        };
        put("page", page.map(Value::from));
        put("n", n);
        put("items", items.map(Value::from));
        Value::Object(body)
    })
}

/// The inputs of a case, in order: definitions, then a destination of each kind, then the commands.
pub(crate) fn inputs(case: &Case) -> Vec<(Timestamp, Input)> {
    let mut now = Timestamp::parse("2026-01-01T23:59:50Z").unwrap();
    let numbers = 0..case.definitions.len();
    let mut inputs: Vec<(Timestamp, Input)> =
        numbers.map(|number| (now, Input::Define(audience(case, number, number)))).collect();
    for (id, more) in [
        ("three", json!({"triggers": {"identity": true}})),
        ("two", json!({"status_model": "two_state"})),
    ] {
        inputs.push((now, Input::Define(destination(id, more))));
    }
    inputs.push((now, Input::Define(namespace("email", true, false))));
    for (number, (pause_ms, command)) in case.commands.iter().enumerate() {
        now = now.plus_millis(*pause_ms);
        inputs.push((now, input(case, command, number, now)));
    }
    inputs
}

fn audience(case: &Case, id: usize, like: usize) -> Definition {
    // An edit must not make an audience of a later one: that could be a cycle.
    let like = if like > id { id } else { like };
    let definition = &case.definitions[like];
    let document = json!({
        "kind": "Audience", "id": format!("a{id}"), "name": format!("a{id}"),
        "definition": definition,
    });
    Definition::from_value(document).unwrap_or_else(|violations| {
        let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
        panic!("{definition}\n{}", lines.join("\n"))
    })
}

fn destination(id: &str, more: Value) -> Definition {
    let mut document = json!({
        "kind": "Destination", "id": id, "type": "azure-event-hubs",
        "connection": {"embedded": true, "event_hub": "activations"},
        "audiences": ["a0", "a2"],
    });
    let fields = document.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    Definition::from_value(document).unwrap()
}

fn namespace(code: &str, unique: bool, exclude: bool) -> Definition {
    let exclude = if exclude { vec!["^[2b]$"] } else { Vec::new() };
    let kind = if code == "email" { "person" } else { "cookie" };
    let document = json!({
        "kind": "Namespace", "code": code, "type": kind, "unique": unique, "exclude": exclude,
    });
    Definition::from_value(document).unwrap()
}

fn input(case: &Case, command: &Command, number: usize, now: Timestamp) -> Input {
    match command {
        Command::Event { ids, body, late_ms, repeats } => {
            let mut body = body.clone();
            let number = if *repeats { number.saturating_sub(1) } else { number };
            body["_id"] = json!(format!("e{number}"));
            body["timestamp"] = json!(now.minus_millis(*late_ms).to_string());
            body["identityMap"] = identity_map(ids);
            Input::Event(Event::from_value(&body, now).unwrap())
        }
        Command::Record { ids, age, since_ms } => {
            let since = since_ms.map(|ms| now.plus_millis(ms).to_string());
            let person = json!({"age": age, "since": since});
            let body = json!({"identityMap": identity_map(ids), "person": person});
            Input::Record(Record::from_value(&body, now).unwrap())
        }
        Command::Tick => Input::Tick,
        Command::Forget(id) => Input::Forget(identities()[*id].clone()),
        Command::Exit(id) => Input::Exit(identities()[*id].clone()),
        Command::Edit(edited, like) => Input::Define(audience(case, *edited, *like)),
        Command::Remove(id) => Input::Remove(Kind::Audience, format!("a{id}")),
        Command::Advance(through) => Input::Advance(*through),
        Command::Namespace { code, unique, exclude } => {
            Input::Define(namespace(code, *unique, *exclude))
        }
    }
}

pub(crate) fn identities() -> Vec<Identity> {
    let split = |text: &&str| text.split_once(':').map(|(code, id)| Identity::new(code, id));
    IDENTITIES.iter().filter_map(split).collect()
}

fn identity_map(ids: &[usize]) -> Value {
    let mut map: Map<String, Value> = Map::new();
    for id in ids {
        let identity = &identities()[*id];
        let list = map.entry(identity.namespace().to_owned()).or_insert_with(|| json!([]));
        list.as_array_mut().unwrap().push(json!({"id": identity.id()}));
    }
    Value::Object(map)
}
