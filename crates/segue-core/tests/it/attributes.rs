//! Attributes of any shape, from any dataset, in any order, against a plain model.

use proptest::prelude::*;
use segue_core::{Engine, Input, Kind, Settings};
use segue_xdm::{Record, Timestamp};
use serde_json::{Value, json};

use crate::merging::{Written, merged};
use crate::world::{World, archived, at, identity, identity_map, merge_policy, restarted};

const START: &str = "2026-01-01T10:00:00Z";
const DATASETS: [Option<&str>; 4] = [None, Some("crm"), Some("web"), Some("app")];

/// Values over names that are hard on paths, so that the same places are met again and again.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        3 => (0..4u8).prop_map(|number| json!(number)),
        2 => Just(Value::Null),
        1 => Just(json!([{"a": null}, {}, [1]])),
        1 => Just(json!([])),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let name = prop::sample::select(vec!["a", "b", "", "x.y", "two words", "`[0]`"]);
        let fields = prop::collection::btree_map(name, inner, 0..3);
        fields.prop_map(|fields| json!(fields))
    })
}

/// Records of one person with a position each, and times that are often the same.
fn records() -> impl Strategy<Value = Vec<Written>> {
    let fields =
        prop::collection::btree_map(prop::sample::select(vec!["a", "b", ""]), value(), 1..3);
    let dataset = prop::sample::select(DATASETS.to_vec());
    prop::collection::vec((dataset, 0..6i64, fields), 1..12).prop_map(|records| {
        let written = (0..).zip(records).map(|(position, (dataset, seconds, fields))| Written {
            dataset: dataset.map(str::to_owned),
            timestamp: at(START).plus_millis(seconds * 1000),
            position,
            attributes: json!(fields),
        });
        written.collect()
    })
}

fn input(record: &Written, ids: &[&str]) -> Input {
    let mut body = record.attributes.clone();
    body["identityMap"] = identity_map(ids);
    body["timestamp"] = json!(record.timestamp.to_string());
    if let Some(dataset) = &record.dataset {
        body["datasetId"] = json!(dataset);
    }
    Input::Record(Record::from_value(&body, record.timestamp).unwrap())
}

fn attributes(engine: &Engine) -> Value {
    engine.profile(&identity("email:a")).unwrap().attributes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Whatever is written, and whatever policy is in effect, the attributes are what writing
    /// all records in order gives.
    #[test]
    fn attributes_are_what_the_records_say(records in records(), ranked in 0..4usize) {
        let precedence: Vec<String> =
            DATASETS.iter().flatten().take(ranked).map(|one| (*one).to_owned()).collect();
        let (mut engine, archive) = archived(Settings::default());
        let now = at(START).plus_millis(60_000);
        if !precedence.is_empty() {
            let policy = merge_policy("default", json!(precedence));
            engine.apply(0, now, Input::Define(policy));
        }
        for (index, record) in records.iter().enumerate() {
            engine.apply(record.position + 1, now, input(record, &["email:a"]));
            let wanted = merged(records[..=index].to_vec(), &precedence);
            prop_assert_eq!(attributes(&engine), wanted);
        }
        // Another policy, the other way round, and then none at all.
        let mut engine = restarted(engine, Settings::default(), &archive);
        prop_assert_eq!(attributes(&engine), merged(records.clone(), &precedence));
        let reversed = ["app", "web", "crm"].map(str::to_owned);
        engine.apply(50, now, Input::Define(merge_policy("default", json!(reversed))));
        // Whoever has yet to follow is what it was, after a restart too.
        let mut engine = restarted(engine, Settings::default(), &archive);
        prop_assert_eq!(attributes(&engine), merged(records.clone(), &precedence));
        let slice = engine.next_slice(1).unwrap();
        engine.apply(51, now, slice);
        prop_assert_eq!(attributes(&engine), merged(records.clone(), &reversed));
        engine.apply(52, now, Input::Remove(Kind::MergePolicy, "default".to_owned()));
        let slice = engine.next_slice(1).unwrap();
        engine.apply(53, now, slice);
        prop_assert_eq!(attributes(&engine), merged(records, &[]));
    }

    /// Records that came in about two profiles, in whatever order, are those of one after a merge.
    #[test]
    fn neither_order_nor_owner_matters(
        records in records(),
        owners in prop::collection::vec(any::<bool>(), 12),
        keys in prop::collection::vec(any::<u32>(), 12),
    ) {
        // Among equal times the arrival decides, and should.
        let apart = |record: &Written| Written {
            timestamp: record.timestamp.plus_millis(record.position as i64),
            ..record.clone()
        };
        let records: Vec<Written> = records.iter().map(apart).collect();
        let mut shuffled: Vec<_> = records.iter().zip(owners).zip(keys).collect();
        shuffled.sort_by_key(|(_, key)| *key);
        let mut engine = Engine::new(Settings::default());
        engine.apply(0, at(START), Input::Define(merge_policy("default", json!(["web"]))));
        let mut now = Timestamp::MIN;
        for (position, ((record, is_first), _)) in (1..).zip(shuffled) {
            now = now.max(record.timestamp);
            let id = if is_first { "email:a" } else { "email:b" };
            engine.apply(position, now, input(record, &[id]));
        }
        let nothing = Written { attributes: json!({}), ..records[0].clone() };
        engine.apply(99, now, input(&nothing, &["email:a", "email:b"]));
        prop_assert_eq!(attributes(&engine), merged(records, &["web".to_owned()]));
    }
}

#[test]
fn a_map_is_written_key_by_key() {
    let mut world = World::new();
    let map = |values: Value| json!({"consents": {"idSpecific": values}});
    world.record(at(START), &["email:a"], map(json!({"a.b@x": {"y": 1}, "": 2, "c d": [3]})));
    world.record(at(START), &["email:a"], map(json!({"a.b@x": null, "": {"z": 4}})));
    let wanted = map(json!({"": {"z": 4}, "c d": [3]}));
    assert_eq!(attributes(&world.engine), wanted);
    let restarted = restarted(world.engine, Settings::default(), &world.archive);
    assert_eq!(attributes(&restarted), wanted);
}
