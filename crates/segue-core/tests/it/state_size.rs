//! What a profile's state takes, as a checkpoint stores it.
//!
//! The profile is a shopper with two identities, whom two records give ten attributes, and whose
//! twelve events in five weeks leave something behind for twenty leaves. There are enough other
//! audiences and inputs around it for numbers and positions to have the length that they have in
//! a system at work.

use segue_xdm::Timestamp;
use serde_json::{Value, json};

use crate::world::{World, at, audience, identity};

/// What is promised of attributes and audiences.
const STATE_BYTES_MAX: usize = 400;
const IDENTITIES: [&str; 2] =
    ["ecid:38407292640473925187296511037582915043", "email:ann.miller@example.com"];
/// Audiences that look for what this profile never does, between two that it concerns.
const OTHER_AUDIENCES: usize = 10;
/// Inputs of other profiles: 500 a second.
const INPUTS_A_MINUTE: u64 = 30_000;
const FIRST_POSITION: u64 = 1_000_000_000;
/// With which events the records come.
const RECORDED_WITH: [&str; 2] = ["userAccount.login", "commerce.purchases"];
/// Where a profile's key says which part of it this is: behind a letter and the profile's id.
const SLOT_AT: usize = 1 + 16;

/// What happened, how many minutes after the start, and in which section of the shop.
const EVENTS: [(i64, &str, &str); 12] = [
    (0, "userAccount.login", "account"),
    (3, "web.siteSearch.results", "search"),
    (4, "commerce.productViews", "running"),
    (6, "commerce.productViews", "outdoor"),
    (20_171, "directMarketing.emailClicked", "newsletter"),
    (20_172, "commerce.productViews", "running"),
    (20_178, "commerce.productListAdds", "running"),
    (20_190, "commerce.purchases", "running"),
    (43_218, "web.siteSearch.results", "search"),
    (43_219, "commerce.productViews", "football"),
    (47_531, "commerce.productViews", "running"),
    (47_534, "commerce.productListAdds", "football"),
];

/// Twenty leaves over events: all of them have something to keep, and some of them hold.
fn leaves() -> Vec<String> {
    let is = |event_type: &str| format!(r#"eventType.equals("{event_type}", false)"#);
    let seen = |section: &str| format!(r#"web.webPageDetails.siteSection = "{section}""#);
    let view = is("commerce.productViews");
    let viewed = |section: &str| format!("{view} and {}", seen(section));
    let cart = is("commerce.productListAdds");
    let bought = is("commerce.purchases");
    let search = is("web.siteSearch.results");
    let click = is("directMarketing.emailClicked");
    let login = is("userAccount.login");
    let counted = |test: &str, times: usize, window: &str| {
        let when = format!("WHEN(< {window} before now)");
        format!("CHAIN(xEvent, timestamp, [C0: WHAT({test}) {when} COUNT({times})])")
    };
    let chain = |first: &str, then: &str| {
        format!("CHAIN(xEvent, timestamp, [C0: WHAT({first}), C1: {then}])")
    };
    vec![
        counted(&viewed("running"), 3, "60 days"),
        counted(&viewed("running"), 10, "60 days"),
        counted(&viewed("outdoor"), 2, "90 days"),
        counted(&viewed("football"), 1, "24 hours"),
        counted(&view, 2, "7 days"),
        counted(&view, 20, "90 days"),
        counted(&seen("running"), 5, "30 days"),
        counted(&cart, 3, "60 days"),
        counted(&format!("{cart} and {}", seen("football")), 2, "30 days"),
        counted(&bought, 2, "365 days"),
        counted(&click, 3, "90 days"),
        counted(&search, 2, "60 days"),
        counted(&login, 2, "90 days"),
        chain(&viewed("running"), &format!("WHAT({cart}) WITHIN(1 day)")),
        chain(&cart, &format!("WHAT({bought}) WITHIN(30 minutes) COUNT(= 0)")),
        chain(&click, &format!("WHAT({bought}) WITHIN(7 days)")),
        chain(&search, &format!("WHAT({}) WITHIN(30 minutes)", viewed("football"))),
        format!("xEvent[{bought}].sum(commerce.order.priceTotal) >= 250"),
        format!("xEvent[{bought}].max(commerce.order.priceTotal) > 200"),
        format!(
            "xEvent[{bought} and timestamp occurs < 90 days before now]\
             .sum(commerce.order.priceTotal) > 500"
        ),
    ]
}

/// Ids as a database gives them.
fn id(number: usize) -> String {
    format!("6ed34f6f-fe21-4a30-934f-{number:012x}")
}

fn publish(world: &mut World, now: Timestamp) {
    let mut numbers = 0..;
    for leaf in leaves() {
        for number in numbers.by_ref().take(OTHER_AUDIENCES) {
            let never = format!("CHAIN(xEvent, timestamp, [C0: WHAT(page = {number})])");
            world.define(now, audience(&id(number), &never));
        }
        let number = numbers.next().unwrap();
        world.define(now, audience(&id(number), &leaf));
    }
}

fn records() -> [Value; 2] {
    [
        json!({
            "person": {
                "name": {"firstName": "Ann", "lastName": "Miller"},
                "birthYear": 1988,
            },
            "homeAddress": {"city": "Hamburg", "countryCode": "DE", "postalCode": "20095"},
            "preferredLanguage": "de-DE",
        }),
        json!({"loyalty": {"tier": "gold", "points": 1240, "isMember": true}}),
    ]
}

fn shopper(start: Timestamp) -> World {
    let mut world = World::new();
    publish(&mut world, start);
    let mut records = RECORDED_WITH.into_iter().zip(records());
    let mut next = records.next();
    for (minutes, event_type, section) in EVENTS {
        world.position = FIRST_POSITION + minutes.unsigned_abs() * INPUTS_A_MINUTE;
        // Not all at the same second of a minute.
        let happened = start.plus_millis(minutes * 60_000 + minutes * 7919 % 60_000);
        let arrived = happened.plus_millis(1_350);
        let mut fields = json!({
            "timestamp": happened.to_string(),
            "eventType": event_type,
            "web": {"webPageDetails": {"siteSection": section}},
        });
        if event_type == "commerce.purchases" {
            fields["commerce"] = json!({"order": {"priceTotal": 129.95}});
        }
        world.event(arrived, &IDENTITIES, fields);
        if let Some((_, record)) = next.take_if(|(with, _)| *with == event_type) {
            world.record(arrived, &IDENTITIES, record);
            next = records.next();
        }
    }
    world
}

/// Bytes in the store: of attributes and audiences without their two keys, which are the profile's
/// id and a little more; of all else with the keys.
#[derive(Default, Debug)]
struct Sizes {
    attributes: usize,
    audiences: usize,
    identities: usize,
    history: usize,
}

fn sizes(world: &mut World) -> Sizes {
    let mut sizes = Sizes::default();
    for (key, value) in world.engine.take_dirty().writes {
        let value = value.unwrap_or_default().len();
        let bytes = key.len() + value;
        match (key[0], key.get(SLOT_AT)) {
            (b'p', Some(0)) => sizes.attributes += value,
            (b'p', Some(1)) => sizes.audiences += value,
            (b'p', Some(4)) => sizes.identities += bytes,
            (b'p', _) => sizes.history += bytes,
            (b'i', _) => sizes.identities += bytes,
            _ => {}
        }
    }
    sizes
}

#[test]
fn a_typical_profile_takes_few_bytes() {
    let mut world = shopper(at("2026-01-01T10:00:00Z"));
    let profile = world.engine.profile(&identity(IDENTITIES[0])).unwrap();
    let memberships = profile.memberships.len();
    assert!(memberships >= 6, "{memberships} memberships");
    let sizes = sizes(&mut world);
    println!("bytes of a typical profile with {memberships} memberships: {sizes:?}");
    let state = sizes.attributes + sizes.audiences;
    let with_keys = state + 2 * (SLOT_AT + 1);
    let with_identities = with_keys + sizes.identities;
    println!("state {state}, with keys {with_keys}, with identities too {with_identities}");
    assert!(state < STATE_BYTES_MAX, "{state} bytes: {sizes:?}");
}
