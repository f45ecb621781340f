//! Stopping, starting, and what becomes of a checkpoint that is old, gone or impossible.

use std::fs;
use std::path::Path;

use segue_core::{Settings, Status};
use segue_log::simulation::SimulatedDisk;
use segue_runtime::{Applying, RecoveryError, RuntimeError, RuntimeOptions};

use super::world::*;

/// Page views that make four visitors enter, qualify again and merge.
const VIEWS: [(&str, &str); 12] = [
    ("1", "Home"),
    ("1", "Sports"),
    ("2", "Sports"),
    ("1", "Sports"),
    ("3", "Home"),
    ("2", "Home"),
    ("3", "Sports"),
    ("1", "Sports"),
    ("4", "Sports"),
    ("2", "Sports"),
    ("3", "Sports"),
    ("4", "Home"),
];

/// Everything that can be seen of a world, as text.
fn everything(world: &World) -> String {
    let runtime = world.open();
    let profiles = ["1", "2", "3", "4"].map(|ecid| profile(&runtime, ecid));
    let seen = format!("{:#?}\n{profiles:#?}", world.logs.sent("activations"));
    runtime.shutdown().unwrap();
    seen
}

/// Sends the views, calling `between` with the number of those that are in.
fn play(world: &World, between: impl Fn(&World, usize)) {
    world.open_with_fans().shutdown().unwrap();
    for (number, (ecid, page)) in VIEWS.iter().enumerate() {
        let runtime = world.open();
        let event = view(&format!("view {number}"), ecid, page);
        runtime.submit_blocking(std::slice::from_ref(&event)).unwrap();
        runtime.submit_blocking(&[event]).unwrap();
        runtime.shutdown().unwrap();
        between(world, number);
    }
}

fn played_without_a_stop() -> String {
    let world = World::new();
    let runtime = world.open_with_fans();
    for (number, (ecid, page)) in VIEWS.iter().enumerate() {
        let event = view(&format!("view {number}"), ecid, page);
        runtime.submit_blocking(&[event.clone(), event]).unwrap();
    }
    drop(runtime);
    everything(&world)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn stopping_after_every_input_changes_nothing() {
    let world = World::new();
    play(&world, |_, _| ());
    assert_eq!(everything(&world), played_without_a_stop());
    assert_eq!(world.logs.sent("activations").len(), 7, "4 realized, 3 existing");
}

#[test]
fn a_checkpoint_that_lags_is_caught_up_with() {
    for kept in [0, 3, 10] {
        let world = World::new();
        play(&world, |world, number| {
            if number == kept {
                copy(&world.path("state"), &world.path("old"));
            }
        });
        fs::remove_dir_all(world.path("state")).unwrap();
        fs::rename(world.path("old"), world.path("state")).unwrap();
        assert_eq!(everything(&world), played_without_a_stop(), "kept after input {kept}");
    }
}

#[test]
fn a_checkpoint_that_is_gone_is_made_again() {
    let world = World::new();
    play(&world, |_, _| ());
    fs::remove_dir_all(world.path("state")).unwrap();
    let runtime = world.open();
    eventually("replayed", || runtime.status().caught_up);
    let counters = runtime.status().counters;
    assert_eq!((counters.activations, counters.activations_found), (0, 7));
    assert_eq!(counters.duplicates, 12);
    drop(runtime);
    assert_eq!(everything(&world), played_without_a_stop());
}

/// By then the logs hold activations of inputs that the replay has yet to come to.
#[test]
fn a_checkpoint_in_the_middle_of_a_replay_doubles_nothing() {
    let world = World::new();
    play(&world, |_, _| ());
    let store = MemoryStore::default();
    let (runtime, mut steps) = world.open_stepped(&store);
    assert!(steps.begin_checkpoint().unwrap() && steps.encode_checkpoint(usize::MAX));
    assert!(steps.write_checkpoint());
    drop((runtime, steps));

    let (runtime, mut steps) = world.open_stepped(&store);
    while steps.apply().unwrap() != Applying::Idle {}
    assert_eq!(runtime.status().applied, 26);
    assert_eq!(world.logs.sent("activations").len(), 7);
}

#[test]
fn a_checkpoint_ahead_of_the_log_is_refused() {
    let world = World::new();
    play(&world, |_, _| ());
    fs::remove_dir_all(world.path("input")).unwrap();
    let refused = world.open_with(world.options()).err().unwrap();
    let ahead = RuntimeError::Recovery(RecoveryError::Ahead {
        state: world.path("state"),
        applied: 26,
        head: 0,
    });
    assert_eq!(refused.to_string(), ahead.to_string());
    assert!(refused.to_string().contains("delete the checkpoint"), "{refused}");

    fs::remove_dir_all(world.path("state")).unwrap();
    assert_eq!(profile(&world.open(), "1"), None);
}

#[test]
fn activations_that_failed_half_way_are_completed() {
    let world = World::new();
    let runtime = world.open_with_fans();
    world.logs.fail(2);
    let views: Vec<_> =
        (0..9).map(|number| view(&number.to_string(), &number.to_string(), "Sports")).collect();
    runtime.submit_blocking(&views).unwrap();
    eventually("trouble is reported", || runtime.status().problem.is_some());
    assert!(runtime.status().problem.unwrap().contains("the disk is full"));
    assert_eq!(status(&runtime, "8", "fans"), Some(Status::Realized));
    let causes: Vec<String> =
        world.logs.sent("activations").into_iter().map(|(_, cause, _)| cause).collect();
    assert_eq!(causes, ["0", "1", "2", "3", "4", "5", "6", "7", "8"]);
    assert_eq!(runtime.status().problem, None);
}

#[test]
fn a_stop_in_the_middle_of_trouble_loses_nothing() {
    let world = World::new();
    let runtime = world.open_with_fans();
    world.logs.fail(usize::MAX);
    let views = ["1", "2", "3"].map(|ecid| view(ecid, ecid, "Sports"));
    runtime.submit_blocking(&views).unwrap();
    eventually("trouble is reported", || runtime.status().problem.is_some());
    assert!(runtime.shutdown().is_err());
    assert_eq!(world.logs.sent("activations").len(), 1);

    world.logs.fail(0);
    let runtime = world.open();
    eventually("replayed", || runtime.status().caught_up);
    assert_eq!(world.logs.sent("activations").len(), 3);
}

#[test]
fn checkpoints_are_written_while_it_runs() {
    let world = World::new();
    let options = RuntimeOptions {
        checkpoint_interval: std::time::Duration::from_millis(5),
        ..world.options()
    };
    let runtime = world.open_with(options).unwrap();
    let accepted = runtime.submit_blocking(&[view("1", "1", "Home")]).unwrap();
    eventually("checkpoint", || runtime.status().checkpointed == accepted.first_position + 1);
    let written = runtime.status().counters.checkpoints;
    runtime.shutdown().unwrap();
    assert_eq!(runtime.status().counters.checkpoints, written, "nothing changed since");
}

#[test]
fn a_directory_is_used_by_one_at_a_time() {
    let world = World::new();
    let first = world.open();
    let refused = world.open_with(world.options()).err().unwrap();
    assert!(matches!(refused, RuntimeError::InUse { .. }), "{refused}");
    drop(first);
    world.open();
}

/// Whether it is met at the start, or later by the replay: nothing behind it is applied.
#[test]
fn a_damaged_input_is_named_and_never_skipped() {
    let world = World::new();
    play(&world, |_, _| ());
    let segment = world.path("input/00000/00000000000000000000.log");
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let refused = world.open_with(world.options()).err().unwrap().to_string();
    assert!(refused.contains(segment.to_str().unwrap()), "{refused}");
    assert!(refused.contains("is damaged at byte"), "{refused}");

    bytes[middle] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    assert_eq!(everything(&world), played_without_a_stop(), "mended");
}

/// Without the ids that were put away, repetitions would be taken for new events.
#[test]
fn missing_ids_are_noticed_and_made_again_from_the_log() {
    let world = World::new();
    let settings = || Settings { ids_held_max: 0, ..Settings::default() };
    let open = || world.open_with(RuntimeOptions { settings: settings(), ..world.options() });
    let runtime = open().unwrap();
    runtime.submit_blocking(&[view("1", "1", "Home")]).unwrap();
    runtime.shutdown().unwrap();
    fs::remove_dir_all(world.path("ids")).unwrap();
    let refused = open().err().unwrap().to_string();
    assert!(refused.contains("are missing") && refused.contains("Delete it"), "{refused}");

    fs::remove_dir_all(world.path("state")).unwrap();
    let runtime = open().unwrap();
    runtime.submit_blocking(&[view("1", "1", "Home")]).unwrap();
    assert_eq!(profile(&runtime, "1").unwrap().event_count, 1, "a repetition");
}

/// A disk that damages a record while Segue runs, before it is applied.
#[test]
fn a_record_damaged_while_running_stops_the_engine_there() {
    let world = World::new();
    let disk = SimulatedDisk::default();
    let options = RuntimeOptions { host: disk.host_without_threads(), ..world.options() };
    let (runtime, mut steps) = world.open_stepped_with(&MemoryStore::default(), options);
    for ecid in ["1", "2", "3"] {
        runtime.submit_blocking(&[view(ecid, ecid, "Home")]).unwrap();
    }
    let segment = world.path("input/00000/00000000000000000000.log");
    let mut bytes = disk.get(&segment);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    disk.put(&segment, &bytes);
    assert_eq!(steps.apply().unwrap(), Applying::Done, "what is before it");
    let refused = steps.apply().unwrap_err().to_string();
    assert!(refused.contains("is damaged at byte"), "{refused}");
    assert_eq!(runtime.status().applied, 1);
    steps.apply().unwrap_err();
}
