//! Changing definitions: together, one after the other, and never into something impossible.

use std::sync::Barrier;
use std::thread;

use segue_core::{Kind, Status};
use segue_runtime::{ChangeMode, ChangeOutcome, DefinitionChange, Expected, RuntimeError};

use super::world::*;

fn member_of(audience: &str) -> String {
    format!("inSegment(\"{audience}\")")
}

fn remove(id: &str, expected: Expected) -> DefinitionChange {
    DefinitionChange::Remove { kind: Kind::Audience, id: id.to_owned(), expected }
}

#[test]
fn a_file_may_name_things_before_it_defines_them() {
    let world = World::new();
    let runtime = world.open();
    let definitions = || {
        [
            destination("activations", &["outer"]),
            audience("outer", &member_of("inner")),
            audience("inner", SPORTS),
        ]
    };
    let outcomes = |outcome| [outcome; 3].to_vec();
    let done = |definitions| -> Vec<ChangeOutcome> {
        define(&runtime, definitions).unwrap().into_iter().map(|one| one.outcome).collect()
    };
    assert_eq!(done(definitions()), outcomes(ChangeOutcome::Created));
    let head = runtime.status().head;
    assert_eq!(done(definitions()), outcomes(ChangeOutcome::Unchanged));
    assert_eq!(runtime.status().head, head, "nothing was written");
    runtime.submit_blocking(&[view("1", "1", "Sports")]).unwrap();
    assert_eq!(status(&runtime, "1", "outer"), Some(Status::Realized));
}

#[test]
fn all_violations_are_told_and_nothing_is_changed() {
    let world = World::new();
    let runtime = world.open();
    let changes = [
        audience("good", SPORTS),
        audience("bad", &member_of("nobody")),
        destination("forbidden", &["good", "nobody"]),
    ];
    let Err(RuntimeError::Refused { violations }) = define(&runtime, changes) else {
        panic!("accepted");
    };
    let told: Vec<(usize, &str)> =
        violations.iter().map(|one| (one.index, one.violation.pointer.as_str())).collect();
    assert_eq!(told, [(1, "/definition"), (2, "/connection/event_hub"), (2, "/audiences")]);
    assert_eq!(runtime.status().head, 0);

    let twice = [audience("good", SPORTS), audience("good", SPORTS)];
    assert!(matches!(define(&runtime, twice), Err(RuntimeError::Refused { .. })));
    assert_eq!(runtime.definitions(Kind::Audience).unwrap(), []);
}

#[test]
fn a_dry_run_says_what_would_happen() {
    let world = World::new();
    let runtime = world.open();
    define(&runtime, [audience("a", SPORTS)]).unwrap();
    let head = runtime.status().head;
    let changes = vec![
        change_to(audience("a", &member_of("b")), Expected::Any),
        change_to(audience("b", SPORTS), Expected::Any),
    ];
    let told = runtime.change_definitions(changes, ChangeMode::DryRun).unwrap();
    let told: Vec<_> = told.into_iter().map(|one| (one.outcome, one.version)).collect();
    assert_eq!(told, [(ChangeOutcome::Changed, Some(1)), (ChangeOutcome::Created, None)]);
    assert_eq!(runtime.status().head, head);
}

#[test]
fn a_change_may_ask_for_the_version_that_it_knows() {
    let world = World::new();
    let runtime = world.open();
    let apply = |change| runtime.change_definitions(vec![change], ChangeMode::Apply);
    let conflict = |change| {
        let refused = apply(change).unwrap_err();
        assert!(matches!(refused, RuntimeError::Conflict { .. }), "{refused}");
    };
    conflict(change_to(audience("a", SPORTS), Expected::Version(1)));
    apply(change_to(audience("a", SPORTS), Expected::Absent)).unwrap();
    conflict(change_to(audience("a", SPORTS), Expected::Absent));
    let first = version(&runtime, Kind::Audience, "a").unwrap();
    let edited = apply(change_to(
        audience("a", &SPORTS.replace("Sports", "Home")),
        Expected::Version(first),
    ));
    let second = edited.unwrap().remove(0).version.unwrap();
    assert_eq!(version(&runtime, Kind::Audience, "a"), Some(second));
    conflict(remove("a", Expected::Version(first)));
    apply(remove("a", Expected::Version(second))).unwrap();
    assert!(matches!(apply(remove("a", Expected::Any)), Err(RuntimeError::NotFound { .. })));
}

#[test]
fn changes_at_the_same_time_cannot_both_be_right_into_a_cycle() {
    let world = World::new();
    let runtime = world.open();
    for round in 0..20 {
        let [a, b] = ["a", "b"].map(|name| format!("{name}{round}"));
        define(&runtime, [audience(&a, SPORTS), audience(&b, SPORTS)]).unwrap();
        let barrier = Barrier::new(2);
        let outcomes = thread::scope(|scope| {
            let attempts = [(&a, &b), (&b, &a)].map(|(id, other)| {
                let (runtime, barrier) = (&runtime, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    define(runtime, [audience(id, &member_of(other))])
                })
            });
            attempts.map(|attempt| attempt.join().unwrap())
        });
        let refused = outcomes.iter().filter(|outcome| outcome.is_err()).count();
        assert_eq!(refused, 1, "{outcomes:?}");
    }
    assert_eq!(runtime.status().problem, None);
}
