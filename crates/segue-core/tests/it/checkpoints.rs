//! Stopping anywhere and starting again is the same as never having stopped.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use segue_core::{Archive, ArchiveEntry, Delta, Engine, Input, MemoryArchive, Settings};
use segue_xdm::Timestamp;
use serde_json::json;

use crate::model::{commands, inputs, settings};
use crate::world::{World, archived, at, definition, identity, restarted};

/// The entries that a start would find. When a profile is looked at next may be earlier there than
/// it is, and is left out; so are `_id`s, which lie in parts that checkpoints decide.
fn entries(archive: &MemoryArchive) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let blank = |(key, value): ArchiveEntry| match key.first() {
        Some(b's') => None,
        Some(b't') => Some((key, Vec::new())),
        _ => Some((key, value)),
    };
    archive.entries(&[]).filter_map(blank).collect()
}

/// Whether each of these inputs would be left out as a repetition.
fn repetitions(engine: &Engine, inputs: &[(u64, (Timestamp, Input))]) -> Vec<bool> {
    let again = |(_, (_, input)): &(u64, (Timestamp, Input))| {
        let would = engine.dry_run(vec![input.clone()], engine.now());
        would.outcomes()[0].duplicate
    };
    let is_event = |one: &&(u64, (Timestamp, Input))| matches!(one.1.1, Input::Event(_));
    inputs.iter().filter(is_event).map(again).collect()
}

/// An engine to which things happen between inputs.
struct Life {
    settings: Settings,
    engine: Engine,
    archive: Arc<MemoryArchive>,
    /// Whether a delta is being encoded.
    is_underway: bool,
}

#[derive(PartialEq)]
enum Fate {
    Nothing,
    Crash,
}

impl Life {
    fn new(settings: Settings) -> Life {
        let (engine, archive) = archived(settings.clone());
        Life { settings, engine, archive, is_underway: false }
    }

    fn go_through(&mut self, mark: u8) -> Fate {
        let Life { engine, archive, .. } = self;
        // A delta that was begun goes on between inputs, and is written when it is whole.
        if let Some(delta) = engine.continue_delta(1) {
            archive.write(delta);
            engine.archived();
            self.is_underway = false;
        }
        match mark {
            0..=6 | 9 | 10 if self.is_underway => drop(engine.let_go(0, usize::MAX)),
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
            7 => return self.crash(),
            8 if self.is_underway => return self.crash(),
            8 => {
                // In the middle of writing a checkpoint.
                let ids = engine.take_dirty().ids;
                archive.write(Delta { writes: Vec::new(), ids });
                return self.crash();
            }
            9 | 10 => {
                engine.begin_delta();
                self.is_underway = true;
            }
            _ => {}
        }
        Fate::Nothing
    }

    fn crash(&mut self) -> Fate {
        self.engine = Engine::restore(self.settings.clone(), self.archive.clone()).unwrap();
        self.is_underway = false;
        Fate::Crash
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_restart_changes_nothing(
        commands in commands(32),
        marks in prop::collection::vec(0..13u8, 64),
        ids_held_max in 0..4usize,
    ) {
        let inputs: Vec<_> = (0u64..).zip(inputs(&commands)).collect();
        let (mut steady, whole) = archived(settings());
        let outcomes: Vec<_> = inputs
            .iter()
            .map(|(position, (now, input))| steady.apply(*position, *now, input.clone()))
            .collect();

        let mut life = Life::new(Settings { ids_held_max, ..settings() });
        for (index, (position, (now, input))) in inputs.iter().enumerate() {
            let outcome = life.engine.apply(*position, *now, input.clone());
            prop_assert_eq!(&outcome, &outcomes[index]);
            if life.go_through(marks[index % marks.len()]) == Fate::Crash {
                // What came after the checkpoint is replayed from the log.
                let from = life.engine.applied().map_or(0, |applied| applied as usize + 1);
                for index in from..=index {
                    let (position, (now, input)) = &inputs[index];
                    let replayed = life.engine.apply(*position, *now, input.clone());
                    prop_assert_eq!(&replayed, &outcomes[index]);
                }
            }
        }

        let Life { mut engine, archive, settings, .. } = life;
        archive.write(engine.continue_delta(usize::MAX).unwrap_or_default());
        archive.write(engine.take_dirty());
        whole.write(steady.take_dirty());
        prop_assert!(entries(&archive) == entries(&whole), "the deltas are the state");
        let mut restored = Engine::restore(settings, archive.clone()).unwrap();
        let told = repetitions(&steady, &inputs);
        prop_assert_eq!(&repetitions(&engine, &inputs), &told);
        prop_assert_eq!(&repetitions(&restored, &inputs), &told);
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

/// Two persons, and three devices that they share: `ecid:1` and `ecid:2` were seen by both of them.
fn shared_devices(now: Timestamp) -> World {
    let settings = Settings { identities_per_profile_max: 3, ..Settings::default() };
    let (engine, archive) = archived(settings);
    let mut world = World { engine, archive, position: 0 };
    let crm = json!({"kind": "Namespace", "code": "crm", "type": "person", "unique": true});
    world.define(now, definition(crm));
    world.event(now, &["ecid:1", "ecid:2"], json!({}));
    world.event(now, &["ecid:1", "crm:x"], json!({}));
    world.event(now, &["ecid:2", "crm:y"], json!({}));
    assert_eq!(event_counts(&world.engine), (2, 1), "ecid:1 decides");
    world
}

/// The events of `crm:x` and of `crm:y`.
fn event_counts(engine: &Engine) -> (u64, u64) {
    let count = |id| engine.profile(&identity(id)).unwrap().event_count;
    (count("crm:x"), count("crm:y"))
}

/// Four identities are too many for `crm:x`. `ecid:1` has to leave, and `ecid:2` decides, which
/// neither this input nor any profile that it names has.
fn move_an_input(world: &mut World, now: Timestamp) {
    world.event(now, &["crm:x", "ecid:3", "ecid:4"], json!({}));
    assert_eq!(event_counts(&world.engine), (2, 2));
}

#[test]
fn an_input_moves_to_a_profile_that_is_not_in_memory() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = shared_devices(now);
    world.archive.write(world.engine.take_dirty());
    world.engine.archived();
    world.engine.let_go(0, usize::MAX);
    assert_eq!(world.engine.in_memory(), (0, 0));
    move_an_input(&mut world, now);
}

#[test]
fn a_checkpoint_that_is_being_encoded_is_of_the_moment_at_which_it_began() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = shared_devices(now);
    world.engine.begin_delta();
    move_an_input(&mut world, now);
    world.archive.write(world.engine.continue_delta(usize::MAX).unwrap());
    let settings = || Settings { identities_per_profile_max: 3, ..Settings::default() };
    let before = Engine::restore(settings(), world.archive.clone()).unwrap();
    assert_eq!(event_counts(&before), (2, 1));
    world.archive.write(world.engine.take_dirty());
    let after = Engine::restore(settings(), world.archive.clone()).unwrap();
    assert_eq!(event_counts(&after), (2, 2));
}

#[test]
fn ids_of_an_earlier_version_are_taken_over() {
    let now = at("2026-01-01T00:00:00Z");
    let settings = || Settings { ids_held_max: 0, ..Settings::default() };
    let (engine, archive) = archived(settings());
    let mut world = World { engine, archive, position: 0 };
    world.event(now, &["ecid:1"], json!({}));
    world.event(now, &["ecid:1"], json!({}));
    let Delta { mut writes, ids } = world.engine.take_dirty();
    assert_eq!(ids.len(), 2);
    // It had an entry for each of them: when it ends, by its hash.
    let version = writes[0].1.as_ref().unwrap()[0];
    writes.extend(ids.iter().map(|id| {
        let key = [&b"s"[..], &id.hash.to_be_bytes()].concat();
        (key, Some([vec![version], signed_bytes(id.until.as_millis())].concat()))
    }));
    world.archive.write(Delta { writes, ids: Vec::new() });

    let mut engine = Engine::restore(settings(), world.archive.clone()).unwrap();
    for _ in 0..2 {
        for position in [0, 1] {
            world.position = position;
            let again = world.next_event(now, &["ecid:1"], json!({}));
            let outcome = engine.apply(10, now, again);
            assert!(outcome.duplicate, "event {position}");
        }
        world.archive.write(engine.take_dirty());
        engine.archived();
    }
    let left = world.archive.entries(b"s").take_while(|(key, _)| key.starts_with(b"s"));
    assert_eq!(left.count(), 0, "they are put away as others are");
}

/// A signed number as the codec writes it.
fn signed_bytes(number: i64) -> Vec<u8> {
    let mut rest = ((number << 1) ^ (number >> 63)) as u64;
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
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
    archive.write(Delta { writes, ids: Vec::new() });
    let engine = match Engine::restore(Settings::default(), archive.clone()) {
        Err(error) => return error.to_string(),
        Ok(engine) => engine,
    };
    let mut world = World { engine, archive, position: 0 };
    world.event(at("2026-01-01T00:00:00Z"), &["ecid:1"], json!({}));
    world.event(at("2026-01-01T00:00:00Z"), &["ecid:1"], json!({}));
    world.engine.damage().unwrap().to_string()
}
