//! A person whose inputs are erased from the log was never there, for everybody else.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use segue_core::{Activation, Engine, Input, Outcome, ProfileId, ProfileView};
use segue_xdm::{Event, Identity, Record, Timestamp};
use serde_json::json;

use crate::model::{IDENTITIES, commands, inputs, settings};
use crate::world::{identity, identity_map};

/// A job is over after two laps of the walk, wherever it began.
const LAPS: usize = 2;

/// Nobody else has them, and no namespace excludes them.
const HERS: [&str; 3] = ["ecid:200", "email:kim", "crm:kim"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn a_replay_without_her_inputs_is_the_same_for_all_others(
        commands in commands(40),
        hers in prop::collection::vec(prop::option::weighted(0.5, 0..12usize), 64),
    ) {
        let mut inputs: Vec<(Timestamp, Input)> = inputs(&commands)
            .into_iter()
            .filter(|(_, input)| !maps_silently(input))
            .enumerate()
            .flat_map(|(index, (now, input))| {
                let hers = hers[index % hers.len()].map(|what| (now, of_her(what, index, now)));
                [Some((now, input)), hers].into_iter().flatten()
            })
            .collect();
        let now = inputs.last().map_or(Timestamp::MIN, |(now, _)| *now);
        inputs.extend(HERS.map(|one| (now, Input::Forget(identity(one)))));
        let (live, outcomes) = run(&inputs);
        let told = outcomes.iter().filter_map(|one| one.erased.as_ref());
        let known: BTreeSet<u64> = told.flat_map(|one| &one.inputs).copied().collect();
        // As the log is erased: whatever names her, and nobody else is known by.
        let erased: Vec<(Timestamp, Input)> = (0u64..)
            .zip(&inputs)
            .map(|(position, (now, input))| match names_her(input) {
                true => {
                    assert!(!live.is_known_by(&hers_all(), position), "the state knows her input");
                    (*now, Input::Tick)
                }
                false => (*now, input.clone()),
            })
            .collect();
        for position in &known {
            let is_hers = matches!(&erased[*position as usize].1, Input::Tick);
            let by_other_erasure = !names_her(&inputs[*position as usize].1);
            prop_assert!(is_hers || by_other_erasure);
        }
        let (replayed, replayed_outcomes) = run(&erased);
        let gone: BTreeSet<ProfileId> = outcomes
            .iter()
            .filter_map(|outcome| outcome.erased.as_ref())
            .filter(|erased| erased.identities.iter().any(is_hers))
            .flat_map(|erased| erased.profiles.iter().copied())
            .collect();
        prop_assert_eq!(sent(&outcomes, &gone), sent(&replayed_outcomes, &gone));
        prop_assert_eq!(profiles(&live), profiles(&replayed));
    }
}

/// Whether a definition says that current members are not told. Whether it has anybody to pass over
/// depends on jobs that run, and thereby on whether there was anybody but her; it shows in the
/// numbers of later messages.
fn maps_silently(input: &Input) -> bool {
    match input {
        Input::Define(definition) => definition.to_value()["backfill"] == "none",
        _ => false,
    }
}

fn run(inputs: &[(Timestamp, Input)]) -> (Engine, Vec<Outcome>) {
    let mut engine = Engine::new(settings());
    let apply = |(position, (now, input)): (u64, &(Timestamp, Input))| {
        engine.apply(position, *now, input.clone())
    };
    let mut outcomes: Vec<Outcome> = (0u64..).zip(inputs).map(apply).collect();
    // Jobs that only she was there for are none without her; in the end, all are over. One lap
    // more than there can be rounds, at the same places in both runs.
    let now = engine.now();
    for position in (inputs.len() as u64..).take(LAPS) {
        outcomes.push(engine.apply(position, now, Input::Advance(ProfileId::from_u128(u128::MAX))));
    }
    assert_eq!(engine.running_jobs(), 0);
    (engine, outcomes)
}

/// An event, a repeated one, attributes, or an erasure before the last one.
fn of_her(what: usize, index: usize, now: Timestamp) -> Input {
    let ids = [&HERS[..1], &HERS[1..], &HERS[..]][what % 3];
    let id = if what.is_multiple_of(2) {
        format!("hers {index}")
    } else {
        format!("hers {}", index % 4)
    };
    let page = ["a", "b", "c"][what % 3];
    match what {
        0 => Input::Forget(identity(HERS[0])),
        1..4 => {
            let body = json!({"identityMap": identity_map(ids), "person": {"age": what}});
            Input::Record(Record::from_value(&body, now).unwrap())
        }
        _ => {
            let body = json!({
                "_id": id, "timestamp": now.to_string(), "identityMap": identity_map(ids),
                "page": page,
            });
            Input::Event(Event::from_value(&body, now).unwrap())
        }
    }
}

fn is_hers(identity: &Identity) -> bool {
    HERS.contains(&identity.as_str())
}

fn hers_all() -> Vec<Identity> {
    HERS.map(identity).to_vec()
}

fn names_her(input: &Input) -> bool {
    match input {
        Input::Event(event) => event.identities.iter().any(is_hers),
        Input::Record(record) => record.identities.iter().any(is_hers),
        Input::Forget(identity) => is_hers(identity),
        _ => false,
    }
}

/// What others were sent: each with its position, as the time of a message is that of its cause.
fn sent(outcomes: &[Outcome], gone: &BTreeSet<ProfileId>) -> Vec<(usize, Activation)> {
    let numbered = outcomes.iter().enumerate();
    let all =
        numbered.flat_map(|(at, outcome)| outcome.activations.iter().map(move |one| (at, one)));
    // An id that was absorbed is forgotten after 30 days; the body still names her.
    let names_her = |one: &Activation| {
        let body = String::from_utf8_lossy(&one.body);
        body.contains("\"kim\"") || body.contains("\"200\"")
    };
    let is_of_others = |one: &Activation| !gone.contains(&one.profile) && !names_her(one);
    all.filter(|(_, one)| is_of_others(one)).map(|(at, one)| (at, one.clone())).collect()
}

fn profiles(engine: &Engine) -> BTreeMap<ProfileId, ProfileView> {
    let views = IDENTITIES.iter().filter_map(|one| engine.profile(&identity(one)));
    views.map(|view| (view.id, view)).collect()
}
