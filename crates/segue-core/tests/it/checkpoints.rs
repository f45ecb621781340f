//! Stopping anywhere and starting again is the same as never having stopped.

use std::collections::BTreeMap;

use proptest::prelude::*;
use segue_core::{Engine, Settings};
use serde_json::json;

use crate::model::{commands, inputs, settings};
use crate::world::{World, at, audience, identity};

/// Visited the page a.
const VISITED: &str = r#"CHAIN(xEvent, timestamp, [C0: WHAT(page.equals("a", false))])"#;

type Store = BTreeMap<Vec<u8>, Vec<u8>>;

/// What a runtime does with a delta.
fn checkpoint(engine: &mut Engine, store: &mut Store) {
    for (key, value) in engine.take_dirty().writes {
        match value {
            Some(value) => drop(store.insert(key, value)),
            None => drop(store.remove(&key)),
        }
    }
}

fn restore(store: &Store) -> Engine {
    Engine::restore(settings(), store.clone()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_restart_changes_nothing(
        commands in commands(32),
        marks in prop::collection::vec(0..10u8, 64),
    ) {
        let inputs: Vec<_> = (0u64..).zip(inputs(&commands)).collect();
        let mut steady = Engine::new(settings());
        let outcomes: Vec<_> = inputs
            .iter()
            .map(|(position, (now, input))| steady.apply(*position, *now, input.clone()))
            .collect();

        let mut store = Store::new();
        let mut engine = restore(&store);
        for (index, (position, (now, input))) in inputs.iter().enumerate() {
            let outcome = engine.apply(*position, *now, input.clone());
            prop_assert_eq!(&outcome, &outcomes[index]);
            match marks[index % marks.len()] {
                0 | 1 => checkpoint(&mut engine, &mut store),
                2 => {
                    // A crash: what came after the checkpoint is replayed from the log.
                    engine = restore(&store);
                    let from = engine.applied().map_or(0, |applied| applied as usize + 1);
                    for index in from..=index {
                        let (position, (now, input)) = &inputs[index];
                        let replayed = engine.apply(*position, *now, input.clone());
                        prop_assert_eq!(&replayed, &outcomes[index]);
                    }
                }
                _ => {}
            }
        }

        checkpoint(&mut engine, &mut store);
        let mut whole = Store::new();
        checkpoint(&mut steady, &mut whole);
        prop_assert_eq!(&store, &whole, "the deltas add up to the state");
        prop_assert_eq!(engine.next_wake(), steady.next_wake());
        prop_assert_eq!(restore(&store).next_wake(), steady.next_wake());
    }
}

#[test]
fn members_are_counted_where_the_checkpoint_does_not_say() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    world.define(now, audience("visitors", VISITED));
    world.event(now, &["ecid:1"], json!({"page": "a"}));
    world.event(now, &["ecid:2"], json!({"page": "a"}));
    let mut store = Store::new();
    checkpoint(&mut world.engine, &mut store);
    let members = |engine: &Engine| -> u64 {
        engine.audience_tallies().map(|(_, tally)| tally.members).sum()
    };
    assert_eq!(members(&world.engine), 2);
    assert_eq!(members(&restore(&store)), 2);
    store.retain(|key, _| !key.starts_with(b"a"));
    assert_eq!(members(&restore(&store)), 2);
}

#[test]
fn numbers_and_odd_names_survive_a_restart_exactly() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    let odd = json!({"a.b": {"`c`": 0.1, "": [1e300, -0.0, 123456789.12345679]}, "ü": null});
    world.record(now, &["ecid:1", "ns:a:b:c"], odd);
    let mut store = Store::new();
    checkpoint(&mut world.engine, &mut store);
    let restored = restore(&store);
    let id = identity("ns:a:b:c");
    assert_eq!(restored.profile(&id), world.engine.profile(&id));
    assert!(restored.profile(&id).is_some());
}

#[test]
fn a_damaged_checkpoint_is_refused_and_named() {
    let mut world = World::new();
    world.event(at("2026-01-01T00:00:00Z"), &["ecid:1"], json!({}));
    let mut store = Store::new();
    checkpoint(&mut world.engine, &mut store);
    for key in store.keys() {
        let mut damaged = store.clone();
        damaged.get_mut(key).unwrap().pop();
        let error = Engine::restore(Settings::default(), damaged).unwrap_err().to_string();
        assert!(error.contains("cannot be read"), "{error}");
        let mut newer = store.clone();
        newer.get_mut(key).unwrap()[0] = 99;
        let error = Engine::restore(Settings::default(), newer).unwrap_err().to_string();
        assert!(error.contains("version 99"), "{error}");
    }
}
