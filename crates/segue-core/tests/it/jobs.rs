//! Definitions that change while there are profiles: who follows when, and what is sent.

use segue_core::{Activation, Definition, Input, Job, JobState, Kind, Outcome};
use segue_xdm::Event;
use serde_json::json;

use crate::world::{World, at, audience, body, destination, identity, identity_map};

const START: &str = "2026-01-01T10:00:00Z";

fn visited(page: &str, more: &str) -> String {
    format!(r#"CHAIN(xEvent, timestamp, [C0: WHAT(page.equals("{page}")){more}])"#)
}

/// A world of visitors of the page `a`.
fn visitors(ids: &[&str]) -> World {
    let mut world = World::new();
    for id in ids {
        world.event(at(START), &[id], json!({"page": "a"}));
    }
    world
}

/// A view of the page `a`.
fn event(id: &str, ids: &[&str]) -> Input {
    let body = json!({
        "_id": id, "timestamp": START, "identityMap": identity_map(ids), "page": "a",
    });
    Input::Event(Event::from_value(&body, at(START)).unwrap())
}

fn define(world: &mut World, definition: Definition) -> u64 {
    let outcome = world.apply_alone(at(START), Input::Define(definition));
    assert_eq!((outcome.refused.len(), outcome.changes.len()), (0, 0), "nothing happens at once");
    world.position - 1
}

fn remove(world: &mut World, id: &str) -> u64 {
    let removal = Input::Remove(Kind::Audience, id.to_owned());
    assert_eq!(world.apply_alone(at(START), removal), Outcome::default());
    world.position - 1
}

fn advance(world: &mut World, profiles: u64) -> Outcome {
    let slice = world.engine.next_slice(profiles).unwrap_or(Input::Tick);
    world.apply_alone(at(START), slice)
}

/// Each message in short: cause, reasons, changes.
fn sent(outcome: &Outcome) -> Vec<String> {
    let line = |one: &Activation| {
        let mut line = format!("{} {}", one.cause, one.reasons_text());
        for change in &one.changes {
            line += &format!(" {}>{}", change.audience, change.to);
        }
        line
    };
    outcome.activations.iter().map(line).collect()
}

fn progress(world: &World, job: u64) -> (JobState, u64, u64, u64) {
    let Job { state, visited, total, changed, .. } = world.engine.job(job).unwrap();
    (state, visited, total, changed)
}

#[test]
fn who_is_touched_before_its_turn_follows_first() {
    let mut world = visitors(&["ecid:1", "ecid:2", "ecid:3"]);
    world.define(at(START), audience("b", &visited("b", "")));
    world.define(at(START), destination("hub", &["b"], json!({})));
    let job = define(&mut world, audience("b", &visited("a", "")));
    let outcome = world.apply_alone(at(START), event("view", &["ecid:2"]));
    assert_eq!(
        sent(&outcome),
        ["definition backfill b>realized", "view membership b>existing"],
        "first as the definition has it, then the event"
    );
    assert!(world.engine.profile(&identity("ecid:2")).unwrap().is_up_to_date);
    assert!(!world.engine.profile(&identity("ecid:1")).unwrap().is_up_to_date);
    assert_eq!(world.status("ecid:1", "b"), "absent");
    assert_eq!(progress(&world, job), (JobState::Running, 0, 3, 1));
    let activations = (0..2).map(|_| advance(&mut world, 2).activations.len());
    assert_eq!(activations.sum::<usize>(), 2);
    assert_eq!(progress(&world, job), (JobState::Done, 3, 3, 3));
    assert_eq!(world.engine.running_jobs(), 0);
    // Whoever comes later has nothing to follow.
    world.event(at(START), &["ecid:4"], json!({"page": "a"}));
    assert_eq!(world.status("ecid:4", "b"), "realized");
}

#[test]
fn members_of_a_deleted_audience_leave_one_by_one_and_nobody_enters() {
    let mut world = visitors(&["ecid:1", "ecid:2"]);
    world.define(at(START), audience("a", &visited("a", "")));
    world.define(at(START), destination("hub", &["a"], json!({})));
    let job = remove(&mut world, "a");
    let hub = world.engine.definition(Kind::Destination, "hub").unwrap();
    assert_eq!(hub.definition["audiences"], json!([]), "gone from what is shown");
    world.apply_alone(at(START), event("late", &["ecid:3"]));
    assert_eq!(world.status("ecid:3", "a"), "absent");
    assert_eq!(world.status("ecid:1", "a"), "realized", "nobody came by");
    let outcome = advance(&mut world, 9);
    assert_eq!(sent(&outcome), ["definition membership a>exited"; 2]);
    let shown = &body(&outcome.activations[0])["segmentMembership"]["ups"]["a"];
    assert_eq!((&shown["status"], &shown["name"]), (&json!("exited"), &json!("a")));
    assert_eq!(progress(&world, job), (JobState::Done, 2, 2, 2));
}

#[test]
fn an_audience_that_is_defined_again_is_entered_anew_after_the_old_one_was_left() {
    let mut world = visitors(&["ecid:1"]);
    world.define(at(START), audience("a", &visited("a", "")));
    world.define(at(START), destination("hub", &["a"], json!({})));
    remove(&mut world, "a");
    define(&mut world, audience("a", &visited("a", "")));
    define(&mut world, destination("hub", &["a"], json!({})));
    let outcome = advance(&mut world, 1);
    assert_eq!(
        sent(&outcome),
        ["definition membership a>exited", "definition backfill a>realized"]
    );
}

#[test]
fn a_later_edit_takes_the_place_of_an_earlier_one() {
    let mut world = visitors(&["ecid:1", "ecid:2"]);
    let first = define(&mut world, audience("a", &visited("a", "")));
    assert_eq!(advance(&mut world, 1).changes.len(), 1);
    let second = define(&mut world, audience("a", &visited("b", "")));
    assert_eq!(progress(&world, first), (JobState::Superseded, 1, 2, 1));
    let outcome = advance(&mut world, 9);
    assert_eq!(outcome.changes.len(), 1, "who had entered leaves, the other never enters");
    assert_eq!(progress(&world, second), (JobState::Done, 2, 2, 1));
}

#[test]
fn jobs_share_one_walk_and_each_ends_where_it_began() {
    let mut world = visitors(&["ecid:1", "ecid:2", "ecid:3", "ecid:4"]);
    let first = define(&mut world, audience("a", &visited("a", "")));
    advance(&mut world, 2);
    let second = define(&mut world, audience("b", "person.age > 1"));
    assert_eq!(advance(&mut world, 2).changes.len(), 2);
    assert_eq!(progress(&world, first), (JobState::Done, 4, 4, 4));
    assert_eq!(progress(&world, second), (JobState::Running, 2, 4, 0));
    assert_eq!(advance(&mut world, 1).changes.len(), 0);
    assert_eq!(progress(&world, second), (JobState::Running, 3, 4, 0));
    advance(&mut world, 1);
    assert_eq!(progress(&world, second), (JobState::Done, 4, 4, 0));
}

#[test]
fn a_window_closes_at_its_moment_whatever_is_yet_to_follow() {
    let mut world = World::new();
    let recent = visited("a", " WHEN(< 5 seconds before now)");
    world.define(at(START), audience("recent", &recent));
    world.define(at(START), destination("hub", &["recent"], json!({})));
    world.event(at(START), &["ecid:1"], json!({"page": "a"}));
    define(&mut world, audience("other", &visited("a", "")));
    let later = at("2026-01-01T10:01:00Z");
    let outcome = world.apply_alone(later, Input::Tick);
    assert_eq!(sent(&outcome), ["timer membership recent>exited"]);
    let moments: Vec<_> = outcome.changes.iter().map(|change| change.at).collect();
    assert_eq!(moments, [at("2026-01-01T10:00:05Z"); 2], "the profile followed first");
    assert_eq!(outcome.changes[0].audience, "other");
}

#[test]
fn without_backfill_a_mapping_does_not_tell_who_a_new_audience_begins_with() {
    let mut world = visitors(&["ecid:1"]);
    define(&mut world, audience("a", &visited("a", "")));
    define(&mut world, destination("hub", &["a"], json!({"backfill": "none"})));
    let outcome = advance(&mut world, 1);
    assert_eq!((outcome.changes.len(), sent(&outcome).len()), (1, 0));
    // What comes after the mapping is told.
    define(&mut world, audience("a", &visited("b", "")));
    assert_eq!(sent(&advance(&mut world, 1)), ["definition backfill a>exited"]);
}

#[test]
fn a_merge_finds_both_sides_up_to_date() {
    let mut world = visitors(&["ecid:1", "ecid:2"]);
    define(&mut world, audience("a", &visited("a", "")));
    let outcome = world.apply_alone(at(START), event("login", &["ecid:1", "ecid:2"]));
    assert_eq!(outcome.changes.len(), 2, "each entered by itself");
    assert_eq!(world.status("ecid:1", "a"), "existing", "both held it");
    assert_eq!(advance(&mut world, 9).changes.len(), 0);
    assert_eq!(world.engine.running_jobs(), 0);
}
