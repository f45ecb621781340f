//! Questions over all profiles, while inputs come in.

use std::ops::ControlFlow;

use segue_core::{Definition, Kind, Status};
use segue_runtime::Survey;
use segue_xdm::Identity;

use super::world::*;

fn fans_of(page: &str) -> Definition {
    Definition::from_value(audience("fans", &SPORTS.replace("Sports", page))).unwrap()
}

#[test]
fn an_estimate_tells_its_progress_and_can_be_broken_off() {
    let world = World::new();
    let runtime = world.open_with_fans();
    let views: Vec<_> =
        (0..500).map(|n| view(&format!("e{n}"), &n.to_string(), "Running")).collect();
    runtime.submit_blocking(&views).unwrap();
    let Definition::Audience(runners) = fans_of("Running") else { panic!("no audience") };
    let mut seen: Vec<Survey> = Vec::new();
    let found = runtime.estimate(&runners, &mut |survey| {
        seen.push(survey);
        ControlFlow::Continue(())
    });
    assert_eq!(found.unwrap().members, 500);
    assert_eq!(seen.last(), Some(&Survey { looked_at: 500, of: 500 }));
    assert!(seen.is_sorted_by_key(|survey| survey.looked_at));
    let broken_off = runtime.estimate(&runners, &mut |_| ControlFlow::Break(())).unwrap();
    assert!(broken_off.of <= 500 && broken_off.members == broken_off.of);
}

#[test]
fn inputs_are_applied_while_a_question_is_under_way() {
    let world = World::new();
    let runtime = world.open_with_fans();
    let views: Vec<_> = (0..50).map(|n| view(&format!("e{n}"), &n.to_string(), "Home")).collect();
    runtime.submit_blocking(&views).unwrap();
    let mut number = 0;
    let comparison = runtime.compare(vec![fans_of("Home")], &mut |_| {
        number += 1;
        // The observer would wait for ever if the question held the engine.
        runtime.submit_blocking(&[view(&format!("s{number}"), "0", "Sports")]).unwrap();
        assert!(status(&runtime, "0", "fans").is_some_and(Status::is_member));
        ControlFlow::Continue(())
    });
    let moves = comparison.unwrap().audiences()[0].clone();
    assert_eq!(moves.entering + moves.staying, 50);
    assert_eq!(version(&runtime, Kind::Audience, "fans"), Some(1), "nothing was published");
}

#[test]
fn explanations_and_dry_runs_see_what_was_acknowledged() {
    let world = World::new();
    let runtime = world.open_with_fans();
    runtime.submit_blocking(&[view("1", "1", "Home")]).unwrap();
    let head = runtime.status().head;
    let dry_run = runtime.dry_run(vec![view("2", "1", "Sports")]).unwrap();
    assert_eq!(dry_run.outcomes()[0].activations.len(), 1);
    assert_eq!(runtime.status().head, head);
    let one = Identity::new("ECID", "1");
    let explained = runtime.explain(&one, "fans").unwrap().unwrap();
    assert_eq!((explained.membership, explained.definition.value), (None, false));
    runtime.submit_blocking(&[view("2", "1", "Sports")]).unwrap();
    let explained = runtime.explain(&one, "fans").unwrap().unwrap();
    assert_eq!(explained.membership.map(|held| held.status), Some(Status::Realized));
    assert_eq!(explained.at, at("2026-01-01T10:00:00Z"));
}
