//! Opting out and in again: who is told, once, and of what.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use segue_core::{
    Activation, Destination, Engine, Input, Kind, Outcome, ProfileId, ProfileView, Program, Reason,
    Settings,
};
use serde_json::{Value, json};

use crate::model::{IDENTITIES, commands, inputs};
use crate::world::{World, at, audience, body, destination, identity, merge_policy};

const START: &str = "2026-01-01T10:00:00Z";

fn choice(channel: &str, val: &str) -> Value {
    json!({"consents": {"marketing": {channel: {"val": val}}}})
}

/// A world with an adult who is known to a destination.
fn adult_known_to(with: Value) -> World {
    let mut world = World::new();
    world.define(at(START), audience("adult", "person.age >= 18"));
    world.define(at(START), audience("senior", "person.age >= 65"));
    world.define(at(START), destination("hub", &["adult"], with));
    let outcome = world.record(at(START), &["email:a"], json!({"person": {"age": 70}}));
    assert_eq!(told(&outcome).len(), 1);
    world
}

/// Each message in short: destination, reasons, changes of adult and senior.
fn told(outcome: &Outcome) -> Vec<String> {
    let line = |sent: &Activation| {
        let mut line = format!("{} {}", sent.destination, sent.reasons_text());
        for change in &sent.changes {
            let from = change.from.map_or("null", |from| from.as_str());
            line += &format!(" {from}>{}", change.to);
        }
        line
    };
    outcome.activations.iter().map(line).collect()
}

fn shown(activation: &Activation, audience: &str) -> Value {
    body(activation)["segmentMembership"]["ups"][audience]["status"].clone()
}

#[test]
fn an_opt_out_is_the_last_word_and_an_opt_in_begins_anew() {
    let mut world = adult_known_to(json!({"attributes": ["person.age"]}));
    let out = world.record(at(START), &["email:a"], choice("any", "n"));
    assert_eq!(told(&out), ["hub consent realized>exited realized>exited"]);
    assert_eq!(shown(&out.activations[0], "adult"), "exited");
    assert_eq!(shown(&out.activations[0], "senior"), "exited", "also where it is not mapped");
    assert_eq!(body(&out.activations[0])["person"]["age"], 70, "whom to remove is still said");
    assert_eq!(out.changes, [], "memberships do not depend on consent");
    let again = world.record(at(START), &["email:a"], json!({"person": {"age": 71}}));
    assert_eq!(again.changes.len(), 2, "they go on");
    assert_eq!(told(&again), [""; 0]);
    assert_eq!(told(&world.record(at(START), &["email:a"], choice("any", "dn"))), [""; 0]);
    let back = world.record(at(START), &["email:a"], choice("any", "y"));
    assert_eq!(told(&back), ["hub consent exited>realized exited>realized"]);
    assert_eq!(shown(&back.activations[0], "adult"), "realized");
    assert_eq!(world.status("email:a", "adult"), "existing");
    assert_eq!(told(&world.record(at(START), &["email:a"], choice("any", "p"))), [""; 0]);
}

#[test]
fn a_channel_counts_where_it_is_served() {
    let mut world = adult_known_to(json!({"channel": "email"}));
    world.define(at(START), destination("any", &["adult"], json!({})));
    assert_eq!(told(&world.record(at(START), &["email:a"], choice("sms", "n"))), [""; 0]);
    let out = world.record(at(START), &["email:a"], choice("email", "n"));
    assert_eq!(told(&out), ["hub consent realized>exited realized>exited"]);
    let rest = world.record(at(START), &["email:a"], choice("any", "n"));
    assert_eq!(told(&rest), ["any consent realized>exited realized>exited"]);
    assert_eq!(told(&world.record(at(START), &["email:a"], choice("email", "y"))), [""; 0]);
    assert_eq!(told(&world.record(at(START), &["email:a"], choice("any", "y"))).len(), 2);
}

#[test]
fn who_was_never_a_member_is_not_told_of() {
    let mut world = adult_known_to(json!({}));
    let child = |age: u8, val: &str| {
        let mut body = choice("any", val);
        body["person"] = json!({"age": age});
        body
    };
    assert_eq!(told(&world.record(at(START), &["email:b"], child(9, "n"))), [""; 0]);
    assert_eq!(told(&world.record(at(START), &["email:b"], child(19, "n"))), [""; 0]);
    let back = world.record(at(START), &["email:b"], child(19, "y"));
    assert_eq!(told(&back), ["hub consent exited>realized"]);
    // Out and an exit at once: one message. Out and an entry at once: none.
    let out = world.record(at(START), &["email:b"], child(9, "n"));
    assert_eq!(told(&out), ["hub consent existing>exited"]);
    assert_eq!(told(&world.record(at(START), &["email:c"], child(20, "n"))), [""; 0]);
    // In and an entry at once is an entry.
    let entry = world.record(at(START), &["email:b"], child(20, "y"));
    assert_eq!(told(&entry), ["hub membership exited>realized"]);
}

#[test]
fn triggers_and_backfill_do_not_silence_consent() {
    let silent = json!({
        "triggers": {"membership": false}, "backfill": "none", "status_model": "two_state",
    });
    let mut world = adult_known_to(json!({}));
    world.define(at(START), destination("silent", &["adult"], silent));
    world.apply(at(START), Input::Remove(Kind::Destination, "hub".to_owned()));
    let out = world.record(at(START), &["email:a"], choice("any", "n"));
    assert_eq!(told(&out), ["silent consent realized>exited realized>exited"]);
    // Nor does a mapping tell of who opted out.
    let mapped = world.define(at(START), destination("late", &["adult"], json!({})));
    assert_eq!(told(&mapped), [""; 0]);
    let back = world.record(at(START), &["email:a"], choice("any", "y"));
    assert_eq!(told(&back).len(), 2);
}

#[test]
fn what_else_an_opt_in_triggers_comes_in_the_same_message() {
    let with = json!({
        "attributes": ["person.age"], "triggers": {"attribute": true, "identity": true},
    });
    let mut world = adult_known_to(with);
    world.record(at(START), &["email:a"], choice("any", "n"));
    let mut back = choice("any", "y");
    back["person"] = json!({"age": 71});
    let back = world.record(at(START), &["email:a", "email:b"], back);
    assert_eq!(told(&back), ["hub attribute,consent,identity exited>realized exited>realized"]);
}

#[test]
fn a_merge_tells_only_what_is_news() {
    let mut world = adult_known_to(json!({}));
    world.record(at(START), &["email:a"], choice("any", "n"));
    world.event(at(START), &["ecid:new"], json!({}));
    let login = world.event(at(START), &["ecid:new", "email:a"], json!({}));
    assert_eq!(login.merged.len(), 1);
    assert_eq!(told(&login), [""; 0], "the stranger was known to nobody");
    world.record(at(START), &["email:b"], json!({"person": {"age": 20}}));
    let joined = world.event(at(START), &["email:a", "email:b"], json!({}));
    assert_eq!(told(&joined), ["hub consent realized>exited"], "the other one was");
}

#[test]
fn another_channel_or_merge_policy_can_decide_otherwise() {
    let mut world = adult_known_to(json!({}));
    world.record(at(START), &["email:a"], choice("email", "n"));
    let email = || destination("hub", &["adult"], json!({"channel": "email"}));
    assert_eq!(told(&world.define(at(START), email())).len(), 1);
    let sms = destination("hub", &["adult"], json!({"channel": "sms"}));
    let back = world.define(at(START), sms);
    assert_eq!(told(&back), ["hub consent exited>realized exited>realized"]);
    assert_eq!(back.activations[0].cause, "definition");

    let mut crm = choice("any", "n");
    crm["datasetId"] = json!("crm");
    world.record(at(START), &["email:a"], crm);
    assert_eq!(told(&world.record(at(START), &["email:a"], choice("any", "y"))).len(), 1);
    let ranked = world.define(at(START), merge_policy("default", json!(["crm"])));
    assert_eq!(told(&ranked), ["hub consent realized>exited realized>exited"]);
    let unranked = world.apply(at(START), Input::Remove(Kind::MergePolicy, "default".to_owned()));
    assert_eq!(told(&unranked).len(), 1);
}

/// Whether it was sent before the input had its effect: a timer was due, or a profile had to
/// follow a definition first.
fn is_before(sent: &Activation) -> bool {
    sent.cause == "timer" || sent.cause == "definition"
}

/// What a destination that believes every message knows of the audiences mapped to it.
#[derive(Default)]
struct Receivers(BTreeMap<(String, ProfileId), BTreeSet<String>>);

impl Receivers {
    /// Takes in what was sent before the input had its effect.
    fn take_earlier(&mut self, sent: &[Activation]) {
        sent.iter().filter(|sent| is_before(sent)).for_each(|sent| self.believe(sent));
    }

    /// Takes in what the input sent, and whom it made one: not always with the one that it belongs
    /// to, where it links and cuts at once.
    fn take_input(&mut self, outcome: &Outcome, engine: &Engine) {
        for known in &outcome.merged {
            let survivor = engine.profile_by_id(*known).expect("an absorbed id resolves").id;
            let theirs: Vec<_> = self.0.keys().filter(|key| key.1 == *known).cloned().collect();
            for key in theirs {
                let members = self.0.remove(&key).unwrap();
                self.0.entry((key.0, survivor)).or_default().extend(members);
            }
        }
        let by_input = outcome.activations.iter().filter(|sent| !is_before(sent));
        by_input.for_each(|sent| self.believe(sent));
    }

    /// What is not mapped is told in passing only, and soon out of date.
    fn forget_unmapped(&mut self, program: &Program) {
        let mapped: BTreeMap<&String, &BTreeSet<String>> =
            program.destinations().map(|one| (&one.id, &one.audiences)).collect();
        self.0.retain(|(destination, _), members| {
            let mapped = mapped.get(destination);
            members.retain(|audience| mapped.is_some_and(|mapped| mapped.contains(audience)));
            !members.is_empty()
        });
    }

    fn believe(&mut self, sent: &Activation) {
        let body = body(sent);
        let shown = body["segmentMembership"]["ups"].as_object().unwrap().iter();
        let held = shown.filter(|(_, membership)| membership["status"] != "exited");
        let members = held.map(|(audience, _)| audience.clone()).collect();
        self.0.insert((sent.destination.clone(), sent.profile), members);
    }

    fn knows(&self, destination: &str, profile: ProfileId, audience: &str) -> bool {
        let members = self.0.get(&(destination.to_owned(), profile));
        members.is_some_and(|members| members.contains(audience))
    }
}

fn is_opted_out(attributes: &Value, destination: &Destination) -> bool {
    let val = |name: &str| attributes["consents"]["marketing"][name]["val"].clone();
    let channel = destination.channel.as_deref().unwrap_or("any");
    [val("any"), val(channel)].iter().any(|val| *val == "n" || *val == "dn")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    /// Who believes every message knows, at any time, exactly the members of the mapped audiences
    /// who have not opted out; and of those who have it hears once more, that they left.
    #[test]
    fn destinations_know_who_consents(commands in commands(40)) {
        let mut engine = Engine::new(Settings::default());
        let mut receivers = Receivers::default();
        for (position, (now, input)) in (0..).zip(inputs(&commands)) {
            let outcome = engine.apply(position, now, input);
            receivers.take_earlier(&outcome.activations);
            receivers.forget_unmapped(engine.program());
            let known_before: BTreeSet<_> = receivers.0.keys().cloned().collect();
            receivers.take_input(&outcome, &engine);
            receivers.forget_unmapped(engine.program());
            // Destination `two` does not want to know who was a member before it was mapped.
            for one in engine.program().destinations().filter(|one| one.id != "two") {
                let profiles = IDENTITIES.iter().filter_map(|id| engine.profile(&identity(id)));
                for profile in profiles.filter(|profile| profile.is_up_to_date) {
                    check_knowledge(&receivers, one, &profile)?;
                    if is_opted_out(&profile.attributes, one) {
                        check_last_word(&known_before, one, profile.id, &outcome)?;
                    }
                }
            }
        }
    }
}

fn check_knowledge(
    receivers: &Receivers,
    destination: &Destination,
    profile: &ProfileView,
) -> Result<(), TestCaseError> {
    let opted_out = is_opted_out(&profile.attributes, destination);
    for audience in &destination.audiences {
        let held = profile.memberships.get(audience);
        let is_member = held.is_some_and(|held| held.status.is_member());
        let knows = receivers.knows(&destination.id, profile.id, audience);
        prop_assert_eq!(knows, is_member && !opted_out, "{} {}", destination.id, audience);
    }
    Ok(())
}

/// Of a profile that is out after an input, nothing but that can have been sent by it, and only to
/// a destination that knew it or one that was merged into it.
fn check_last_word(
    known_before: &BTreeSet<(String, ProfileId)>,
    destination: &Destination,
    profile: ProfileId,
    outcome: &Outcome,
) -> Result<(), TestCaseError> {
    let is_about =
        |sent: &&Activation| sent.destination == destination.id && sent.profile == profile;
    for sent in outcome.activations.iter().filter(is_about).filter(|sent| !is_before(sent)) {
        prop_assert_eq!(&sent.reasons[..], [Reason::Consent]);
        let mut ids = outcome.merged.iter().chain([&profile]);
        let knew = ids.any(|id| known_before.contains(&(destination.id.clone(), *id)));
        prop_assert!(knew, "{} was never told", destination.id);
    }
    Ok(())
}
