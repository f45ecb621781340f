//! What holds after any inputs, in any order, at any moment.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use segue_core::{
    Activation, Definition, Engine, Input, Kind, Outcome, ProfileId, Reason, Settings, Status,
    StatusModel, TraceContext,
};
use segue_xdm::Timestamp;

use crate::model::{Command, FREE_IDENTITIES, IDENTITIES, Model, commands, inputs, settings};
use crate::world::{body, identity};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// At every moment, memberships, groups and attributes are what the model derives; those of a
    /// profile that has yet to follow a definition, once it has.
    #[test]
    fn state_is_what_the_inputs_say(commands in commands(24), fraction in 0.0..1.0f64) {
        let mut engine = Engine::new(settings());
        let mut model = Model::new();
        for (position, (now, input)) in (0..).zip(inputs(&commands)) {
            let outcome = engine.apply(position, now, input.clone());
            model.take(position, now, &input, !outcome.refused.is_empty());
            check_state(&engine, &model, now)?;
            // Nothing changes before the next wake-up.
            if let Some(wake) = engine.next_wake() {
                prop_assert!(wake > now);
                let ahead = (wake.as_millis() - 1 - now.as_millis()) as f64 * fraction;
                check_state(&engine, &model, now.plus_millis(ahead as i64))?;
                check_state(&engine, &model, wake.minus_millis(1))?;
            }
        }
        let now = engine.now();
        while let Some(slice) = engine.next_slice(u64::MAX) {
            engine.apply(engine.applied().unwrap_or_default() + 1, now, slice);
        }
        prop_assert_eq!(engine.running_jobs(), 0);
        check_state(&engine, &model, now)?;
    }

    /// Every change of status is one of the table's, goes on from the last one, and every message
    /// says what the rules have it say.
    #[test]
    fn changes_and_messages_keep_the_rules(commands in commands(32)) {
        let mut engine = Engine::new(settings());
        let mut ids = BTreeSet::new();
        let mut models = BTreeMap::new();
        for (position, (now, input)) in (0..).zip(inputs(&commands)) {
            let before = statuses(&engine);
            let outcome = engine.apply(position, now, input.clone());
            check_ids(&engine, &before, &outcome, &input)?;
            check_changes(&engine, before, &outcome)?;
            check_tallies(&engine)?;
            // A destination that this input removes may still have sent before.
            let destinations = engine.program().destinations();
            models.extend(destinations.map(|one| (one.id.clone(), one.status_model)));
            let mut sent = BTreeSet::new();
            for activation in &outcome.activations {
                let cause = (&activation.destination, activation.profile, activation.at);
                let once = sent.insert((cause, activation.cause.clone()));
                // Leaving an audience that is gone is told before what is new.
                let is_exit = activation.cause == "definition";
                prop_assert!(once || is_exit, "two messages for one cause");
                prop_assert!(ids.insert(activation.id), "an id was used twice");
                check_message(models[&activation.destination], activation, &input)?;
            }
        }
    }

    /// Whatever order events come in, once all are there the memberships are the same, as long as
    /// no link is cut and nobody has to leave.
    #[test]
    fn the_order_of_arrival_does_not_matter(
        events in prop::collection::vec((0..FREE_IDENTITIES, 0..3usize, 0..12_000i64), 1..10),
        keys in prop::collection::vec(any::<u32>(), 10),
    ) {
        let pages = ["a", "b", "c"];
        let timed: Vec<_> = events.iter().enumerate().map(|(number, (id, page, late_ms))| {
            // No two at one moment: among equals the order of arrival decides, and should.
            let late_ms = late_ms * 16 + number as i64;
            let ids = vec![*id, (*id + number) % FREE_IDENTITIES];
            (0, Command::Event { ids, page: pages[*page], late_ms, repeat: None })
        }).collect();
        let in_order = inputs(&timed);
        let initial = in_order.len() - timed.len();
        let mut shuffled: Vec<_> = in_order[initial..].iter().cloned().zip(&keys).collect();
        shuffled.sort_by_key(|(_, key)| *key);
        let shuffled = in_order[..initial].iter().cloned()
            .chain(shuffled.into_iter().map(|(input, _)| input));
        let one = run(in_order.clone());
        let other = run(shuffled.collect());
        prop_assert_eq!(one, other);
    }

    /// What the input log stores is what it gives back.
    #[test]
    fn inputs_read_back(commands in commands(8)) {
        for (_, input) in inputs(&commands) {
            let bytes = input.encode();
            prop_assert_eq!(Input::trace(&bytes), None);
            let trace = Some(TraceContext { trace: 7 << 80, span: u64::MAX, is_sampled: true });
            let mut traced = Vec::new();
            input.encode_onto(&mut traced, trace);
            prop_assert_eq!(Input::trace(&traced), trace);
            prop_assert_eq!(&Input::decode(&traced).unwrap(), &input);
            prop_assert_eq!(Input::decode(&bytes).unwrap(), input);
            prop_assert!(Input::decode(&bytes[..bytes.len() - 1]).is_err());
            prop_assert!(Input::decode(&traced[..traced.len() - 1]).is_err());
        }
    }

    /// Damaged bytes are refused, never a panic.
    #[test]
    fn damaged_inputs_are_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..40),
        tag in 0..9u8,
    ) {
        drop(Input::decode(&bytes));
        let tagged = [&[2, tag], &bytes[..]].concat();
        drop((Input::decode(&tagged), Input::trace(&tagged)));
    }
}

fn check_state(engine: &Engine, model: &Model, now: Timestamp) -> Result<(), TestCaseError> {
    for text in IDENTITIES {
        let id = identity(text);
        let profile = engine.profile(&id);
        let group = model.group(&id);
        let found = profile.as_ref().map(|profile| profile.identities.clone());
        let wanted = (!group.is_empty()).then(|| group.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(found, wanted);
        let Some(profile) = profile.filter(|profile| profile.is_up_to_date) else { continue };
        let members: BTreeSet<String> = profile
            .memberships
            .iter()
            .filter(|(_, membership)| membership.status.is_member())
            .map(|(audience, _)| audience.clone())
            .collect();
        prop_assert_eq!(members, model.members_of(&id, now), "{} at {}", text, now);
        prop_assert_eq!(profile.attributes, model.attributes_of(&id));
    }
    Ok(())
}

/// A profile's id goes only by a merge, and then it resolves; or with all that identified it.
fn check_ids(
    engine: &Engine,
    before: &Statuses,
    outcome: &Outcome,
    input: &Input,
) -> Result<(), TestCaseError> {
    let namespace = |definition: &Definition| definition.kind() == Kind::Namespace;
    let may_erase = match input {
        Input::Forget(_) | Input::Exit(_) => true,
        Input::Define(definition) => namespace(definition),
        _ => false,
    };
    for (id, _) in before.keys() {
        let found = engine.profile_by_id(*id).map(|profile| profile.id);
        prop_assert_eq!(found.is_some() && found != Some(*id), outcome.merged.contains(id));
        prop_assert!(found.is_some() || may_erase, "{} is gone", id);
    }
    Ok(())
}

type Statuses = BTreeMap<(ProfileId, String), Status>;

fn statuses(engine: &Engine) -> Statuses {
    let profiles = IDENTITIES.iter().filter_map(|id| engine.profile(&identity(id)));
    let of_profile = profiles.flat_map(|profile| {
        let id = profile.id;
        profile.memberships.into_iter().map(move |(audience, held)| ((id, audience), held.status))
    });
    of_profile.collect()
}

/// The members of every audience are those that profiles are in, each counted once.
fn check_tallies(engine: &Engine) -> Result<(), TestCaseError> {
    let held = statuses(engine).into_iter().filter(|(_, status)| status.is_member());
    let mut counted: BTreeMap<String, u64> = BTreeMap::new();
    held.for_each(|((_, audience), _)| *counted.entry(audience).or_default() += 1);
    for (audience, tally) in engine.audience_tallies() {
        prop_assert_eq!(
            tally.members,
            counted.remove(audience).unwrap_or_default(),
            "{}",
            audience
        );
    }
    Ok(())
}

fn check_changes(
    engine: &Engine,
    mut statuses_before: Statuses,
    outcome: &Outcome,
) -> Result<(), TestCaseError> {
    use Status::{Existing, Exited, Realized};
    for change in &outcome.changes {
        let legal = [
            (None, Realized),
            (Some(Exited), Realized),
            (Some(Realized), Existing),
            (Some(Realized), Exited),
            (Some(Existing), Exited),
        ];
        prop_assert!(legal.contains(&(change.from, change.to)), "{:?}", change);
        let key = (change.profile, change.audience.clone());
        let before = statuses_before.insert(key, change.to);
        if outcome.merged.is_empty() {
            // An exited membership may have been dropped on the way.
            let dropped = before == Some(Exited) && change.from.is_none();
            prop_assert!(before == change.from || dropped, "{:?} {:?}", before, change);
        }
    }
    for ((profile, audience), status) in statuses(engine) {
        let told = statuses_before.get(&(profile, audience.clone()));
        let unchanged = told == Some(&status) || !outcome.merged.is_empty();
        prop_assert!(unchanged, "{} went to {} unsaid", audience, status);
    }
    Ok(())
}

fn check_message(
    model: StatusModel,
    activation: &Activation,
    input: &Input,
) -> Result<(), TestCaseError> {
    let text = String::from_utf8(activation.body.clone()).unwrap();
    let body = body(activation);
    prop_assert_eq!(body.to_string(), text, "compact, keys sorted");
    prop_assert!(!activation.reasons.is_empty());
    prop_assert!(activation.reasons.windows(2).all(|pair| pair[0] < pair[1]));
    let entered: BTreeSet<&str> = activation
        .changes
        .iter()
        .filter(|change| change.to == Status::Realized)
        .map(|change| change.audience.as_str())
        .collect();
    let shown = body.pointer("/segmentMembership/ups").unwrap().as_object().unwrap();
    let two_states = model == StatusModel::TwoState;
    for (audience, item) in shown {
        match item["status"].as_str().unwrap() {
            "realized" => prop_assert!(two_states || entered.contains(audience.as_str())),
            "existing" => prop_assert!(!two_states && !entered.contains(audience.as_str())),
            status => prop_assert_eq!(status, "exited"),
        }
    }
    let is_ours = |reason: &Reason| match activation.cause.as_str() {
        "timer" => *reason == Reason::Membership,
        "definition" => {
            matches!(input, Input::Define(Definition::Namespace(_)) | Input::Remove(..))
                || *reason != Reason::Identity
        }
        _ => *reason != Reason::Backfill,
    };
    prop_assert!(activation.reasons.iter().all(is_ours), "{:?}", activation);
    Ok(())
}

/// By identity, the audiences that it belongs to after all inputs.
fn run(inputs: Vec<(Timestamp, Input)>) -> Vec<Option<BTreeSet<String>>> {
    let mut engine = Engine::new(Settings::default());
    for (position, (now, input)) in (0..).zip(inputs) {
        engine.apply(position, now, input);
    }
    let members = IDENTITIES.iter().map(|id| {
        let memberships = engine.profile(&identity(id))?.memberships.into_iter();
        let held = memberships.filter(|(_, membership)| membership.status.is_member());
        Some(held.map(|(audience, _)| audience).collect())
    });
    members.collect()
}
