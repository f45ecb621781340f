//! What the life of a profile shows outside: its id, its traces, its messages.

use segue_core::{HistoryLimits, Input, Kind, Settings, Status};
use segue_xdm::Timestamp;
use serde_json::json;

use crate::world::{World, archived, at, audience, body, definition, destination, identity};

const BUYER: &str = r#"CHAIN(xEvent, timestamp, [C0: WHAT(eventType.equals("buy"))])"#;

#[test]
fn the_id_of_the_older_profile_survives_a_merge_and_the_other_resolves_for_30_days() {
    let mut world = World::new();
    let (second, third) = (at("2026-01-01T00:00:02Z"), at("2026-01-01T00:00:03Z"));
    let late = world.event(second, &["ecid:1"], json!({"eventType": "buy"}));
    // Came in later and happened earlier.
    let early = json!({"timestamp": "2026-01-01T00:00:01Z"});
    let older = world.event(second, &["email:a"], early).profile.unwrap();
    let merge = world.event(third, &["ecid:1", "email:a"], json!({}));
    assert_eq!(merge.profile, Some(older));
    assert_eq!(merge.merged, [late.profile.unwrap()]);
    let absorbed = late.profile.unwrap();
    assert_eq!(world.engine.profile_by_id(absorbed).unwrap().id, older);
    assert_eq!(world.engine.profile(&identity("ECID:1")).unwrap().event_count, 3);
    world.apply(third.plus_millis(segue_core::MERGED_ID_KEPT_MS - 1), Input::Tick);
    assert!(world.engine.profile_by_id(absorbed).is_some());
    world.apply(third.plus_millis(segue_core::MERGED_ID_KEPT_MS), Input::Tick);
    assert!(world.engine.profile_by_id(absorbed).is_none());
}

#[test]
fn a_forgotten_profile_leaves_nothing_in_the_store() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    world.define(now, audience("buyer", BUYER));
    world.event(now, &["ecid:1"], json!({"eventType": "buy", "secret": "s3cret"}));
    world.event(now, &["ecid:2"], json!({}));
    world.event(now, &["ecid:1", "ecid:2"], json!({}));
    world.record(now, &["ecid:1"], json!({"person": {"name": "s3cret"}}));
    let written = world.engine.take_dirty();
    assert!(written.writes.iter().any(|(_, value)| holds(value.as_deref(), b"s3cret")));
    let outcome = world.apply(now, Input::Forget(identity("ecid:2")));
    assert!(outcome.profile.is_some());
    let deleted = world.engine.take_dirty();
    let mut store = std::collections::BTreeMap::new();
    for (key, value) in written.writes.into_iter().chain(deleted.writes) {
        match value {
            Some(value) => drop(store.insert(key, value)),
            None => drop(store.remove(&key)),
        }
    }
    let kinds: Vec<u8> = store.keys().map(|key| key[0]).collect();
    assert_eq!(String::from_utf8(kinds).unwrap(), "dhmnns", "the definition, and hashes of ids");
}

fn holds(value: Option<&[u8]>, text: &[u8]) -> bool {
    value.is_some_and(|value| value.windows(text.len()).any(|window| window == text))
}

#[test]
fn a_timer_fires_at_its_moment_and_before_the_input_that_finds_it_due() {
    let start = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    let fresh = r#"CHAIN(xEvent, timestamp, [C0: WHAT(eventType.equals("buy"))
                                            WHEN(< 3 seconds before now)])"#;
    world.define(start, audience("fresh", fresh));
    world.define(start, destination("hub", &["fresh"], json!({})));
    world.event(start, &["ecid:1"], json!({"eventType": "buy"}));
    let end = start.plus_millis(3000);
    assert_eq!(world.engine.next_wake(), Some(end));
    let outcome = world.event(start.plus_millis(9000), &["ecid:1"], json!({"eventType": "buy"}));
    let seen: Vec<_> = outcome.changes.iter().map(|change| (change.at, change.to)).collect();
    let back = (start.plus_millis(9000), Status::Realized);
    assert_eq!(seen, [(end, Status::Exited), back]);
    assert_eq!(outcome.activations[0].cause, "timer");
    assert_eq!(outcome.activations[0].at, end);
    let statuses = outcome.activations.iter().map(|activation| {
        body(activation).pointer("/segmentMembership/ups/fresh/status").unwrap().clone()
    });
    assert_eq!(statuses.collect::<Vec<_>>(), ["exited", "realized"]);
}

#[test]
fn time_never_goes_back() {
    let start = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    world.define(start, audience("buyer", BUYER));
    world.apply(start.plus_millis(5), Input::Tick);
    let outcome = world.event(start, &["ecid:1"], json!({"eventType": "buy"}));
    assert_eq!(outcome.changes[0].at, start.plus_millis(5));
}

#[test]
fn removing_a_mapped_audience_sends_the_exits_and_unmaps_it() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    world.define(now, audience("buyer", BUYER));
    world.define(now, destination("hub", &["buyer"], json!({})));
    world.event(now, &["ecid:1"], json!({"eventType": "buy"}));
    let outcome = world.apply(now, Input::Remove(Kind::Audience, "buyer".to_owned()));
    assert_eq!(outcome.activations.len(), 1);
    assert_eq!(outcome.activations[0].reasons_text(), "membership");
    assert_eq!(world.status("ecid:1", "buyer"), "exited");
    let hub = world.engine.definition(Kind::Destination, "hub").unwrap();
    assert_eq!(hub.definition["audiences"], json!([]));
    // Defined anew it is entered anew.
    world.define(now, audience("buyer", BUYER));
    assert_eq!(world.status("ecid:1", "buyer"), "realized");
}

#[test]
fn a_full_profile_stays_in_service() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    world.define(now, audience("buyer", BUYER));
    for n in 0..60 {
        let ecid = format!("ecid:{n:02}");
        let evicted = world.event(now.plus_millis(n), &[&ecid, "email:a"], json!({})).evicted;
        assert_eq!(evicted.len(), usize::from(n >= 49));
    }
    world.event(now.plus_millis(99), &["email:a"], json!({"eventType": "buy"}));
    let profile = world.engine.profile(&identity("email:a")).unwrap();
    assert_eq!(profile.identities.len(), segue_core::IDENTITIES_PER_PROFILE_MAX);
    assert_eq!(profile.memberships["buyer"].status, Status::Realized);
    assert!(world.engine.profile(&identity("ecid:00")).is_none());
}

#[test]
fn who_loses_a_device_keeps_their_id_and_all_follows_from_one_event() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    world.define(now, audience("buyer", BUYER));
    let crm = json!({"kind": "Namespace", "code": "crm", "type": "person", "unique": true});
    world.define(now, definition(crm));
    world.event(now, &["ecid:1"], json!({"eventType": "buy"}));
    let kevin = world.event(now, &["ecid:1", "crm:kevin"], json!({})).profile.unwrap();
    let outcome = world.event(now, &["ecid:1", "crm:nora"], json!({"_id": "login"}));
    let nora = outcome.profile.unwrap();
    assert_eq!(world.engine.profile(&identity("crm:kevin")).unwrap().id, kevin);
    let cut: Vec<String> = outcome.cut.iter().map(ToString::to_string).collect();
    assert_eq!(cut, ["crm:kevin -- ecid:1"]);
    let changes: Vec<_> = outcome.changes.iter().map(|one| (one.profile, one.to)).collect();
    assert_eq!(changes, [(kevin, Status::Exited), (nora, Status::Realized)]);
    assert!(outcome.changes.iter().all(|change| change.cause == "login"));
}

#[test]
fn an_input_that_names_nobody_has_no_effect_and_says_so() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    let email = json!({
        "kind": "Namespace", "code": "email", "type": "person", "exclude": ["^null$"],
    });
    world.define(now, definition(email));
    let outcome = world.record(now, &["email:null"], json!({"person": {"age": 1}}));
    assert_eq!((outcome.profile, outcome.excluded.len()), (None, 1));
    assert!(outcome.names_nobody());
    assert_eq!(world.engine.profile_count(), 0);
    assert!(!world.event(now, &["email:null", "ecid:1"], json!({})).names_nobody());
}

#[test]
fn what_has_left_the_log_lives_on_in_what_audiences_kept_of_it() {
    let (mut world, day) = with_two_days();
    let buys = |count: u32| {
        format!(
            r#"CHAIN(xEvent, timestamp, [C0: WHAT(eventType.equals("buy", false)) COUNT({count})])"#
        )
    };
    world.define(day(0), audience("bought", &buys(1)));
    world.define(day(0), audience("bought twice", &buys(2)));
    let id = identity("ecid:1");
    world.event(day(0), &["ecid:1"], json!({"eventType": "buy"}));
    for later in 1..5 {
        world.event(day(later), &["ecid:2"], json!({}));
    }
    assert!(world.engine.horizon() > 3, "the purchase can no longer be read");
    // A new audience has the traces of the profile rebuilt.
    world.define(
        day(5),
        audience("visited", r#"CHAIN(xEvent, timestamp, [C0: WHAT(page.equals("a", false))])"#),
    );
    world.event(day(5), &["ecid:1"], json!({"page": "a"}));
    world.event(day(5), &["ecid:1"], json!({"eventType": "buy"}));
    let profile = world.engine.profile(&id).unwrap();
    let held: Vec<&str> = profile.memberships.keys().map(String::as_str).collect();
    assert_eq!(held, ["bought", "bought twice", "visited"]);
    // One that is new sees what can be read.
    world.define(day(5), audience("bought again", &buys(2).replace("buy", "BUY")));
    assert!(!world.engine.profile(&id).unwrap().memberships.contains_key("bought again"));
}

/// A world in which events can be read for two days, and that has had one of a person.
fn with_two_days() -> (World, impl Fn(i64) -> Timestamp) {
    let start = at("2026-01-01T00:00:00Z");
    let day = move |day: i64| start.plus_millis(day * 24 * 60 * 60 * 1000);
    let limits = HistoryLimits { max_age_ms: Some(2 * 24 * 60 * 60 * 1000), max_bytes: None };
    let (engine, archive) = archived(Settings { history: limits, ..Settings::default() });
    let mut world = World { engine, archive, position: 0 };
    let person = json!({"kind": "Namespace", "code": "crm", "type": "person", "unique": true});
    world.define(day(0), definition(person));
    (world, day)
}

/// Days go by, and so many inputs that a block of positions is left behind.
fn leave_behind(world: &mut World, day: impl Fn(i64) -> Timestamp) {
    world.position = 5 << 20;
    for later in 1..5 {
        world.event(day(later), &["ecid:9"], json!({}));
    }
    assert!(world.engine.horizon() > 5 << 20);
}

fn count(world: &World, id: &str) -> u64 {
    world.engine.profile(&identity(id)).unwrap().event_count
}

#[test]
fn a_profile_does_not_grow_with_what_has_left_the_log() {
    let (mut world, day) = with_two_days();
    let five = r#"CHAIN(xEvent, timestamp, [C0: WHAT(eventType.equals("buy", false)) COUNT(5)])"#;
    world.define(day(0), audience("bought five times", five));
    for _ in 0..4 {
        world.event(day(0), &["ecid:1"], json!({"eventType": "buy"}));
    }
    world.archive.write(world.engine.take_dirty());
    leave_behind(&mut world, &day);
    assert_eq!(count(&world, "ecid:1"), 4, "nothing has happened to it");
    let outcome = world.event(day(5), &["ecid:1"], json!({"eventType": "buy"}));
    assert_eq!(outcome.changes.len(), 1, "what audiences kept is still there");
    assert_eq!(count(&world, "ecid:1"), 2, "the first and the last");

    world.archive.write(world.engine.take_dirty());
    world.engine.archived();
    world.engine.let_go(0, usize::MAX);
    assert_eq!(world.engine.in_memory().0, 0);
    assert_eq!(count(&world, "ecid:1"), 2, "the others have left the checkpoint, too");
}

#[test]
fn what_has_left_the_log_stays_with_whom_it_belonged_to() {
    for is_left_behind in [false, true] {
        let (mut world, day) = with_two_days();
        let buyer = r#"CHAIN(xEvent, timestamp, [C0: WHAT(eventType.equals("buy", false))])"#;
        world.define(day(0), audience("buyer", buyer));
        world.event(day(0), &["ecid:1"], json!({"eventType": "buy"}));
        world.event(day(0), &["ecid:1", "crm:x"], json!({}));
        if is_left_behind {
            leave_behind(&mut world, &day);
        }
        world.event(day(5), &["ecid:1"], json!({}));
        world.event(day(5), &["ecid:1", "crm:y"], json!({}));
        let buys = |id| {
            let profile = world.engine.profile(&identity(id)).unwrap();
            profile.memberships.get("buyer").is_some_and(|held| held.status.is_member())
        };
        assert_eq!((buys("crm:x"), buys("crm:y")), (is_left_behind, !is_left_behind));
        let counts = (count(&world, "crm:x"), count(&world, "crm:y"));
        assert_eq!(counts, if is_left_behind { (2, 2) } else { (1, 3) });
    }
}

#[test]
fn whoever_is_erased_may_exit_first() {
    let now = at("2026-01-01T00:00:00Z");
    let mut world = World::new();
    world.define(now, audience("buyer", BUYER));
    world.define(now, destination("crm", &["buyer"], json!({})));
    world.event(now, &["ecid:1"], json!({"eventType": "buy"}));
    let later = now.plus_millis(1000);
    let outcome = world.apply(later, Input::Exit(identity("ecid:1")));
    assert_eq!(outcome.changes.len(), 1);
    assert_eq!(
        (outcome.changes[0].from, outcome.changes[0].to),
        (Some(Status::Realized), Status::Exited)
    );
    let [message] = &outcome.activations[..] else { panic!("{:?}", outcome.activations) };
    assert_eq!(message.cause, "erasure");
    assert_eq!(body(message)["segmentMembership"]["ups"]["buyer"]["status"], "exited");
    assert!(outcome.erased.is_some());
    assert!(world.engine.profile(&identity("ecid:1")).is_none());
    // Nobody has that identity now, and so nobody exits.
    let again = world.apply(later, Input::Exit(identity("ecid:1")));
    assert!(again.changes.is_empty() && again.activations.is_empty());
}
