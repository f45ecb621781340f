//! Stopping anywhere and starting again is the same as never having stopped.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use segue_core::{
    Archive, ArchiveEntry, Delta, ENDING_ENTRIES, Engine, Input, MemoryArchive, Settings, has_ended,
};
use segue_xdm::Timestamp;
use serde_json::json;

use crate::model::{commands, inputs, settings};
use crate::world::{World, archived, at, definition, identity, restarted};

/// The entries that a start would find and that count. When a profile is looked at next may be
/// earlier there than it is, and is left out.
fn entries(archive: &MemoryArchive, now: Timestamp) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let counts =
        |(key, value): &ArchiveEntry| !key.starts_with(ENDING_ENTRIES) || !has_ended(value, now);
    let blank = |(key, value): ArchiveEntry| match key.first() {
        Some(b't') => (key, Vec::new()),
        _ => (key, value),
    };
    archive.entries(&[]).filter(counts).map(blank).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_restart_changes_nothing(
        commands in commands(32),
        marks in prop::collection::vec(0..10u8, 64),
    ) {
        let inputs: Vec<_> = (0u64..).zip(inputs(&commands)).collect();
        let (mut steady, whole) = archived(settings());
        let outcomes: Vec<_> = inputs
            .iter()
            .map(|(position, (now, input))| steady.apply(*position, *now, input.clone()))
            .collect();

        let (mut engine, archive) = archived(settings());
        for (index, (position, (now, input))) in inputs.iter().enumerate() {
            let outcome = engine.apply(*position, *now, input.clone());
            prop_assert_eq!(&outcome, &outcomes[index]);
            match marks[index % marks.len()] {
                0 | 1 => archive.write(engine.take_dirty()),
                2 | 3 => {
                    archive.write(engine.take_dirty());
                    engine.archived();
                    engine.let_go(0, usize::MAX);
                }
                // What the archive lacks must stay, also while it is on its way there.
                4 | 5 => drop(engine.let_go(0, usize::MAX)),
                6 => {
                    let delta = engine.take_dirty();
                    engine.let_go(0, usize::MAX);
                    archive.write(delta);
                }
                7 => {
                    // A crash: what came after the checkpoint is replayed from the log.
                    engine = Engine::restore(settings(), archive.clone()).unwrap();
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

        archive.write(engine.take_dirty());
        whole.write(steady.take_dirty());
        let now = steady.now();
        prop_assert!(entries(&archive, now) == entries(&whole, now), "the deltas are the state");
        let mut restored = Engine::restore(settings(), archive.clone()).unwrap();
        prop_assert!(engine.next_wake() <= steady.next_wake());
        prop_assert!(restored.next_wake() <= steady.next_wake());
        // Whoever is in the queue too early finds the right place when its turn comes.
        while let Some(wake) = steady.next_wake() {
            let position = steady.applied().map_or(0, |applied| applied + 1);
            let outcome = steady.apply(position, wake, Input::Tick);
            prop_assert_eq!(&engine.apply(position, wake, Input::Tick), &outcome);
            prop_assert_eq!(&restored.apply(position, wake, Input::Tick), &outcome);
        }
    }
}

#[test]
fn an_input_moves_to_a_profile_that_is_not_in_memory() {
    let now = at("2026-01-01T00:00:00Z");
    let settings = Settings { identities_per_profile_max: 3, ..Settings::default() };
    let (engine, archive) = archived(settings);
    let mut world = World { engine, archive, position: 0 };
    let crm = json!({"kind": "Namespace", "code": "crm", "type": "person", "unique": true});
    world.define(now, definition(crm));
    world.event(now, &["ecid:1", "ecid:2"], json!({}));
    world.event(now, &["ecid:1", "crm:x"], json!({}));
    world.event(now, &["ecid:2", "crm:y"], json!({}));
    let count = |world: &World, id| world.engine.profile(&identity(id)).unwrap().event_count;
    assert_eq!((count(&world, "crm:x"), count(&world, "crm:y")), (2, 1), "ecid:1 decides");

    world.archive.write(world.engine.take_dirty());
    world.engine.archived();
    world.engine.let_go(0, usize::MAX);
    assert_eq!(world.engine.in_memory(), (0, 0));
    // Four identities are too many for crm:x. ecid:1 has to leave, and ecid:2 decides, which
    // neither this input nor any profile that it names has.
    world.event(now, &["crm:x", "ecid:3", "ecid:4"], json!({}));
    assert_eq!((count(&world, "crm:x"), count(&world, "crm:y")), (2, 2));
}

#[test]
fn numbers_and_odd_names_survive_a_restart_exactly() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    let odd = json!({"a.b": {"`c`": 0.1, "": [1e300, -0.0, 123456789.12345679]}, "ü": null});
    world.record(now, &["ecid:1", "ns:a:b:c"], odd);
    let id = identity("ns:a:b:c");
    let wanted = world.engine.profile(&id);
    let restored = restarted(world.engine, Settings::default(), &world.archive);
    assert_eq!(restored.profile(&id), wanted);
    assert!(restored.profile(&id).is_some());
}

#[test]
fn a_damaged_checkpoint_is_refused_and_named() {
    let mut world = World::new();
    world.event(at("2026-01-01T00:00:00Z"), &["ecid:1"], json!({}));
    let writes: BTreeMap<_, _> = world.engine.take_dirty().writes.into_iter().collect();
    let writes: Vec<_> = writes.into_iter().collect();
    for place in 0..writes.len() {
        let mut damaged = writes.clone();
        damaged[place].1.as_mut().unwrap().pop();
        let error = damage_found_in(damaged);
        assert!(error.contains("cannot be read"), "{error}");
        let mut newer = writes.clone();
        newer[place].1.as_mut().unwrap()[0] = 99;
        let error = damage_found_in(newer);
        assert!(error.contains("version 99"), "{error}");
    }
}

/// What a start says of damaged entries, or else the event that needs them.
fn damage_found_in(writes: Vec<(Vec<u8>, Option<Vec<u8>>)>) -> String {
    let archive = Arc::new(MemoryArchive::default());
    archive.write(Delta { writes });
    let engine = match Engine::restore(Settings::default(), archive.clone()) {
        Err(error) => return error.to_string(),
        Ok(engine) => engine,
    };
    let mut world = World { engine, archive, position: 0 };
    world.event(at("2026-01-01T00:00:00Z"), &["ecid:1"], json!({}));
    world.event(at("2026-01-01T00:00:00Z"), &["ecid:1"], json!({}));
    world.engine.damage().unwrap().to_string()
}
