//! Questions that change nothing: why, what if, how many. The answers are what would happen.

use std::collections::BTreeMap;

use proptest::prelude::*;
use segue_core::{
    AudienceMoves, Comparison, Definition, DryRun, ESTIMATE_SAMPLE_MAX, Engine, Estimate, Input,
    Kind, MOVES_SHOWN_MAX, MembershipChange, Outcome, ProfileView, Status,
};
use segue_xdm::{Event, Record, Timestamp};
use serde_json::json;

use crate::model::{IDENTITIES, commands, inputs, settings};
use crate::world::{World, at, audience, destination, identity, identity_map, merge_policy};

const SPORTS: &str =
    r#"CHAIN(xEvent, timestamp, [C0: WHAT(page = "Sports") WHEN(< 3 hours before now)])"#;

fn event(now: Timestamp, id: &str, ids: &[&str], page: &str) -> Input {
    let body = json!({
        "_id": id, "timestamp": now.to_string(), "identityMap": identity_map(ids), "page": page,
    });
    Input::Event(Event::from_value(&body, now).unwrap())
}

/// The explanation in lines that fit on this page.
fn paragraph(world: &World, now: &str) -> String {
    let explanation = world.engine.explain(&identity("ecid:1"), "fans", at(now)).unwrap();
    let mut lines = String::new();
    for word in explanation.to_string().split(' ') {
        let width = lines.rsplit('\n').next().map_or(0, str::len) + 1 + word.len();
        let separator = if width > 80 { "\n" } else { " " };
        lines += if lines.is_empty() { "" } else { separator };
        lines += word;
    }
    lines
}

fn estimate(engine: &Engine, definition: &Definition, now: Timestamp, slice: usize) -> Estimate {
    let Definition::Audience(audience) = definition else { panic!("no audience") };
    let mut estimation = engine.estimate(audience).unwrap();
    while estimation.advance(engine, now, slice) {}
    estimation.estimate().clone()
}

fn compare(engine: &Engine, definitions: Vec<Definition>, now: Timestamp) -> Comparison {
    let mut comparison = engine.compare(definitions).unwrap();
    while comparison.advance(engine, now, 2) {}
    comparison
}

fn counts(moves: &AudienceMoves) -> (&str, u64, u64, u64) {
    (&moves.audience, moves.entering, moves.leaving, moves.staying)
}

#[test]
fn an_explanation_tells_how_the_profile_stands_why_and_until_when() {
    let mut world = World::new();
    let ten = at("2026-01-01T10:00:00Z");
    world.define(ten, audience("fans", SPORTS));
    world.event(ten, &["ecid:1"], json!({"page": "Home"}));
    insta::assert_snapshot!(paragraph(&world, "2026-01-01T10:00:00Z"), @r#"
    fans: the profile is no member, and was none in the last 30 days. `CHAIN(xEvent,
    timestamp, [C0: WHAT(page = "Sports") WHEN(< 3 hours before now)])` is false: 0
    events match `page = "Sports"`, at least 1 needed; needs 1 more. Without further
    input that stays so.
    "#);
    world.event(ten, &["ecid:1"], json!({"page": "Sports"}));
    insta::assert_snapshot!(paragraph(&world, "2026-01-01T11:00:00Z"), @r#"
    fans: the profile is a member since 2026-01-01T10:00:00Z. `CHAIN(xEvent,
    timestamp, [C0: WHAT(page = "Sports") WHEN(< 3 hours before now)])` is true at
    least until 2026-01-01T13:00:00Z: 1 event matches `page = "Sports"`, at least 1
    needed; the event of 2026-01-01T10:00:00Z leaves its window at
    2026-01-01T13:00:00Z. Decided by event event-2 of 2026-01-01T10:00:00Z. Without
    further input that changes at 2026-01-01T13:00:00Z.
    "#);
    world.event(at("2026-01-01T11:30:00Z"), &["ecid:1"], json!({"page": "Sports"}));
    insta::assert_snapshot!(paragraph(&world, "2026-01-01T11:30:00Z"), @r#"
    fans: the profile is a member that qualified again, last at
    2026-01-01T11:30:00Z. `CHAIN(xEvent, timestamp, [C0: WHAT(page = "Sports")
    WHEN(< 3 hours before now)])` is true at least until 2026-01-01T13:00:00Z: 2
    events match `page = "Sports"`, at least 1 needed; the event of
    2026-01-01T10:00:00Z leaves its window at 2026-01-01T13:00:00Z. Decided by event
    event-2 of 2026-01-01T10:00:00Z, event event-3 of 2026-01-01T11:30:00Z. Without
    further input that changes at 2026-01-01T14:30:00Z.
    "#);
    // Asked of a later moment, it tells of that one.
    insta::assert_snapshot!(paragraph(&world, "2026-01-01T15:00:00Z"), @r#"
    fans: the profile left at 2026-01-01T14:30:00Z; it had last qualified at
    2026-01-01T11:30:00Z. `CHAIN(xEvent, timestamp, [C0: WHAT(page = "Sports")
    WHEN(< 3 hours before now)])` is false: 0 events match `page = "Sports"`, at
    least 1 needed; needs 1 more. Without further input that stays so.
    "#);
    assert_eq!(world.status("ecid:1", "fans"), "existing");
    assert_eq!(world.engine.explain(&identity("ecid:2"), "fans", ten), None);
    assert_eq!(world.engine.explain(&identity("ecid:1"), "none", ten), None);
}

#[test]
fn an_explanation_as_json_has_the_clauses_and_the_paragraph() {
    let mut world = World::new();
    let ten = at("2026-01-01T10:00:00Z");
    world.define(ten, audience("fans", SPORTS));
    world.event(ten, &["ecid:1"], json!({"page": "Sports"}));
    let explanation = world.engine.explain(&identity("ecid:1"), "fans", ten).unwrap();
    let value = explanation.to_value();
    assert_eq!(value["membership"]["status"], "realized");
    assert_eq!(value["membership"]["lastQualificationTime"], "2026-01-01T10:00:00Z");
    assert_eq!(value["changesAt"], "2026-01-01T13:00:00Z");
    assert_eq!(value["definition"]["events"][0]["id"], "event-1");
    assert_eq!(value["paragraph"], explanation.to_string());
}

#[test]
fn a_dry_run_tells_changes_messages_and_reasons_and_has_no_effect() {
    let mut world = World::new();
    let ten = at("2026-01-01T10:00:00Z");
    world.define(ten, audience("fans", SPORTS));
    world.define(ten, destination("hub", &["fans"], json!({})));
    world.event(ten, &["ecid:1"], json!({"page": "Home"}));
    let before = world.engine.profile(&identity("ecid:1"));
    let inputs = vec![
        event(ten, "x", &["ecid:1", "email:a"], "Sports"),
        event(ten, "x", &["ecid:1"], "Sports"),
        event(ten, "y", &["ecid:1"], "Sports"),
    ];
    let dry_run = world.engine.dry_run(inputs, ten);
    let outcomes = dry_run.outcomes();
    assert_eq!(outcomes[0].changes[0].to, Status::Realized);
    assert_eq!(outcomes[0].activations[0].destination, "hub");
    assert!(outcomes[1].duplicate);
    assert_eq!(outcomes[2].changes[0].to, Status::Existing);
    let told: Vec<String> =
        dry_run.explanations().iter().map(|explanation| explanation.audience.clone()).collect();
    assert_eq!(told, ["fans"], "once, as it is in the end");
    let explained = dry_run.explain(&identity("email:a"), "fans").unwrap();
    assert_eq!(explained.membership.unwrap().status, Status::Existing);
    assert_eq!(dry_run.explain(&identity("ecid:2"), "fans"), None);
    assert_eq!(world.engine.profile(&identity("ecid:1")), before);
    assert_eq!(world.engine.profile(&identity("email:a")), None);
    let real = world.apply(ten, event(ten, "x", &["ecid:1"], "Sports"));
    assert!(!real.duplicate, "the dry run left no trace");
    let again = world.engine.dry_run(vec![event(ten, "x", &["ecid:1"], "Sports")], ten);
    assert!(again.outcomes()[0].duplicate);
}

#[test]
fn an_estimate_counts_all_profiles_and_samples_a_few() {
    let mut world = World::new();
    let ten = at("2026-01-01T10:00:00Z");
    for number in 0..25 {
        let page = if number % 2 == 0 { "Sports" } else { "Home" };
        world.event(ten, &[&format!("ecid:{number}")], json!({"page": page}));
    }
    for slice in [1, 7, 25, 100] {
        let found = estimate(&world.engine, &audience("new", SPORTS), ten, slice);
        assert_eq!((found.members, found.of, found.sample.len()), (13, 25, ESTIMATE_SAMPLE_MAX));
    }
    let later = at("2026-01-01T14:00:00Z");
    assert_eq!(estimate(&world.engine, &audience("new", SPORTS), later, 9).members, 0);
    // A published audience is counted by its memberships.
    world.define(ten, audience("fans", SPORTS));
    assert_eq!(estimate(&world.engine, &audience("fans", SPORTS), ten, 9).members, 13);
    let both = audience("both", r#"inSegment("fans") and person.age > 1"#);
    assert_eq!(estimate(&world.engine, &both, ten, 9).members, 0);
    let Definition::Audience(unsound) = audience("x", r#"inSegment("nobody")"#) else { panic!() };
    assert_eq!(world.engine.estimate(&unsound).unwrap_err()[0].rule, "unknown-audience");
}

#[test]
fn a_comparison_counts_moves_and_shows_some_of_both_directions() {
    let mut world = World::new();
    let ten = at("2026-01-01T10:00:00Z");
    world.define(ten, audience("fans", r#"select e from xEvent where e.page = "Sports""#));
    world.define(ten, audience("others", r#"not inSegment("fans")"#));
    for number in 0..30 {
        let page = if number < 20 { "Sports" } else { "Home" };
        let fields = json!({"page": page, "n": number});
        world.event(ten, &[&format!("ecid:{number}")], fields);
    }
    let edited = audience("fans", "select e from xEvent where e.n >= 12");
    let renamed = audience("others", r#"not inSegment("fans")"#);
    let comparison = compare(&world.engine, vec![renamed, edited], ten);
    let found: Vec<_> = comparison.audiences().iter().map(counts).collect();
    assert_eq!(found, [("fans", 10, 12, 8), ("others", 12, 10, 0)]);
    assert_eq!(comparison.looked_at(), 30);
    let shown: Vec<bool> = comparison.audiences()[0].examples().map(|one| one.enters).collect();
    assert_eq!(shown.len(), MOVES_SHOWN_MAX);
    assert_eq!(shown.iter().filter(|enters| **enters).count(), MOVES_SHOWN_MAX / 2);
    let reason = comparison.audiences()[0].examples().next().unwrap().reason.to_string();
    assert!(reason.starts_with("`select e from xEvent where e.n >= 12` is true"), "{reason}");
    assert_eq!(world.status("ecid:0", "fans"), "realized");

    let same = audience("fans", r#"select e from xEvent where e.page = "Sports""#);
    assert_eq!(compare(&world.engine, vec![same], ten).audiences(), []);
    let unsound = vec![audience("x", r#"inSegment("nobody")"#)];
    assert_eq!(world.engine.compare(unsound).unwrap_err()[0].rule, "unknown-audience");
}

#[test]
fn another_merge_policy_is_compared_too() {
    let mut world = World::new();
    let ten = at("2026-01-01T10:00:00Z");
    world.define(ten, audience("adults", "person.age >= 18"));
    for (dataset, age) in [("crm", 30), ("web", 10)] {
        let body = json!({
            "datasetId": dataset, "person": {"age": age}, "identityMap": identity_map(&["ecid:1"]),
        });
        world.apply(ten, Input::Record(Record::from_value(&body, ten).unwrap()));
    }
    assert_eq!(world.status("ecid:1", "adults"), "exited");
    let comparison = compare(&world.engine, vec![merge_policy("p", json!(["crm"]))], ten);
    assert_eq!(counts(&comparison.audiences()[0]), ("adults", 1, 0, 0));
}

/// Entries and exits by audience.
fn moves(changes: &[MembershipChange]) -> BTreeMap<&str, (u64, u64)> {
    let mut moves: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for change in changes {
        let (entries, exits) = moves.entry(&change.audience).or_default();
        *if change.to.is_member() { entries } else { exits } += 1;
    }
    moves
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// A dry run tells exactly what then happens, whatever came before; and a comparison, who
    /// then moves.
    #[test]
    fn what_is_told_beforehand_happens(commands in commands(24)) {
        let mut engine = Engine::new(settings());
        let mut position = 0;
        let mut apply = |engine: &mut Engine, now, input| -> Outcome {
            position += 1;
            engine.apply(position, now, input)
        };
        for (now, input) in inputs(&commands) {
            // Windows of profiles that the input does not name close before.
            apply(&mut engine, now, Input::Tick);
            let before = profiles(&engine);
            let told = tell(&engine, &input, now);
            prop_assert_eq!(profiles(&engine), before);
            let mut happened = apply(&mut engine, now, input);
            // Profiles follow a definition afterwards.
            while let Some(slice) = engine.next_slice(u64::MAX) {
                happened.changes.extend(apply(&mut engine, now, slice).changes);
            }
            check_told(&engine, told, &happened)?;
            for id in IDENTITIES {
                check_explained(&engine, id, now)?;
                check_explained(&engine, id, now.plus_millis(1500))?;
            }
        }
    }
}

/// What is told of an input beforehand.
enum Told {
    Outcome(Box<DryRun>),
    Moves(Box<Comparison>),
    Nothing,
}

fn tell(engine: &Engine, input: &Input, now: Timestamp) -> Told {
    match input {
        // Who moves when the rules of linking are others is not told.
        Input::Define(Definition::Namespace(_)) | Input::Remove(..) => Told::Nothing,
        Input::Advance(_) => Told::Nothing,
        Input::Define(definition) => match engine.compare(vec![definition.clone()]) {
            Ok(mut comparison) => {
                while comparison.advance(engine, now, 1) {}
                Told::Moves(Box::new(comparison))
            }
            Err(_) => Told::Nothing,
        },
        _ => Told::Outcome(Box::new(engine.dry_run(vec![input.clone()], now))),
    }
}

fn check_told(engine: &Engine, told: Told, happened: &Outcome) -> Result<(), TestCaseError> {
    match told {
        Told::Outcome(dry_run) => {
            let happened = Outcome { erased: None, ..happened.clone() };
            prop_assert_eq!(dry_run.outcomes(), &[happened]);
            for told in dry_run.explanations() {
                let after = engine.profile_by_id(told.profile).unwrap();
                prop_assert_eq!(told.membership.as_ref(), after.memberships.get(&told.audience));
            }
        }
        Told::Moves(comparison) => {
            let moving = |one: &&AudienceMoves| one.entering + one.leaving > 0;
            let told = comparison.audiences().iter().filter(moving);
            let told = told.map(|one| (one.audience.as_str(), (one.entering, one.leaving)));
            prop_assert_eq!(told.collect::<BTreeMap<_, _>>(), moves(&happened.changes));
        }
        Told::Nothing => {}
    }
    Ok(())
}

fn profiles(engine: &Engine) -> Vec<Option<ProfileView>> {
    IDENTITIES.iter().map(|id| engine.profile(&identity(id))).collect()
}

/// Memberships are explained as they are, and as they will be.
fn check_explained(engine: &Engine, id: &str, now: Timestamp) -> Result<(), TestCaseError> {
    for audience in engine.definitions(Kind::Audience) {
        let Some(told) = engine.explain(&identity(id), &audience.id, now) else { continue };
        let is_member = told.membership.as_ref().is_some_and(|held| held.status.is_member());
        prop_assert_eq!(told.definition.value, is_member, "{}", told);
    }
    Ok(())
}
