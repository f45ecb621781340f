//! The embedded hub as an activation log, on real hubs in a temporary directory.

use std::collections::HashSet;
use std::path::Path;

use bytes::Bytes;
use segue_amqp::codec::Value;
use segue_amqp::message::{Body, Message};
use segue_core::{Activation, ActivationId, Definition, ProfileId, TraceContext};
use segue_delivery::{DEAD_LETTERS, EmbeddedHub, activation_id, encode};
use segue_hub::{Hub, HubConfig, MESSAGE_BYTES_MAX};
use segue_runtime::{ActivationLog, LogEnds, Routed};
use serde_json::json;

use crate::world::activation;

fn routed(event_hub: &str, id: u128, profile: u128) -> Routed {
    Routed { log: event_hub.to_owned(), activation: activation(id, profile) }
}

fn open(directory: &Path) -> (Hub, EmbeddedHub) {
    let config = HubConfig { data_dir: directory.to_owned(), ..HubConfig::default() };
    let hub = Hub::open(config).unwrap();
    (hub.clone(), EmbeddedHub::new(hub))
}

/// The ids in a partition, in order.
fn ids_in(hub: &Hub, name: &str, partition: u16) -> Vec<u128> {
    let hub = hub.event_hub(name).unwrap();
    let records = hub.log().partition(partition).unwrap().reader(0).read(usize::MAX).unwrap();
    let ids = records.iter().map(|record| activation_id(&record.payload).unwrap().as_u128());
    ids.collect()
}

fn partition_of(hub: &Hub, name: &str, profile: u128) -> u16 {
    let key = ProfileId::from_u128(profile).to_string();
    hub.event_hub(name).unwrap().partition_for_key(&key)
}

fn ids(numbers: impl IntoIterator<Item = u128>) -> HashSet<ActivationId> {
    numbers.into_iter().map(ActivationId::from_u128).collect()
}

fn destination(event_hub: &str) -> Definition {
    Definition::from_value(json!({
        "kind": "Destination", "id": "crm", "type": "azure-event-hubs",
        "connection": {"embedded": true, "event_hub": event_hub}, "audiences": [],
    }))
    .unwrap()
}

#[test]
fn a_message_says_everything_about_its_activation() {
    let encoded = encode(&activation(7, 9));
    assert_eq!(encoded, encode(&activation(7, 9)));
    let message = Message::decode(&Bytes::from(encoded)).unwrap();
    let (id, profile) =
        ("00000000-0000-0000-0000-000000000007", "00000000-0000-0000-0000-000000000009");
    assert_eq!(message.properties.message_id, Value::from(id));
    assert_eq!(message.properties.content_type.as_deref(), Some("application/json"));
    assert_eq!(message.message_annotations.get("x-opt-partition-key"), Some(&Value::from(profile)));
    assert_eq!(message.body, Body::Data(br#"{"identityMap":{}}"#.as_slice().into()));
    let properties: Vec<(&str, &str)> = message
        .application_properties
        .iter()
        .map(|(name, value)| (name.as_str().unwrap(), value.as_str().unwrap()))
        .collect();
    let expected = [
        ("segue-activation-id", id),
        ("segue-profile-id", profile),
        ("segue-reason", "identity,membership"),
        ("segue-changes", r#"[{"audience":"fans","from":null,"to":"realized"}]"#),
        ("segue-cause", "event 1"),
        ("segue-definition-version", "3"),
        ("traceparent", "00-00000000000000000000000000000007-0000000000000007-01"),
    ];
    assert_eq!(properties, expected);
}

#[test]
fn a_trace_context_is_valid_for_every_id() {
    let halves_alike = (5_u128 << 64) | 5;
    for id in [0, 1, u128::MAX, halves_alike] {
        let own = activation(id, 9).trace_context();
        assert_eq!(TraceContext::parse(&own.to_string()), Some(own));
        let cause = TraceContext { trace: 3, span: 4, is_sampled: false };
        let caused = Activation { trace: Some(cause), ..activation(id, 9) }.trace_context();
        assert_eq!(caused, TraceContext { span: own.span, ..cause });
    }
}

#[test]
fn messages_of_others_are_no_activations() {
    let other = Message { body: Body::Data("hello".into()), ..Message::default() }.encode();
    assert_eq!(activation_id(&other), None);
    assert_eq!(activation_id(b"no message"), None);
    assert_eq!(activation_id(b""), None);
}

#[test]
fn a_profile_keeps_to_one_partition_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (hub, log) = open(directory.path());
    let all: Vec<Routed> = (0..40).map(|id| routed("activations", id, id % 5)).collect();
    log.append(&all[..20]).wait().unwrap();
    log.append(&all[20..]).wait().unwrap();
    for profile in 0..5 {
        let there = ids_in(&hub, "activations", partition_of(&hub, "activations", profile));
        let mine: Vec<u128> = there.into_iter().filter(|id| id % 5 == profile).collect();
        assert_eq!(mine, (0..40).filter(|id| id % 5 == profile).collect::<Vec<_>>());
    }
}

#[test]
fn what_came_after_the_ends_is_found_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (hub, log) = open(directory.path());
    log.append(&[routed("activations", 1, 1), routed("activations", 2, 2)]).wait().unwrap();
    let ends = log.ends();
    assert_eq!(log.ids_since(&ends).unwrap(), ids([]));
    log.append(&[routed("activations", 3, 1), routed("Later", 4, 1)]).wait().unwrap();
    let foreign = Message { body: Body::Data("hello".into()), ..Message::default() }.encode();
    hub.event_hub("activations").unwrap().publish(0, &[foreign]).unwrap().wait().unwrap();
    let after = log.ends();
    drop((hub, log));

    let (_hub, log) = open(directory.path());
    assert_eq!(log.ids_since(&ends).unwrap(), ids([3, 4]));
    assert_eq!(log.ids_since(&LogEnds::new()).unwrap(), ids([1, 2, 3, 4]));
    assert_eq!(log.ids_since(&after).unwrap(), ids([]), "a hub keeps its name in any case");
}

#[test]
fn a_hub_that_lost_activations_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (_hub, log) = open(directory.path());
    let lost = log.ids_since(&LogEnds::from([("activations".to_owned(), vec![0, 9])]));
    assert!(lost.unwrap_err().message.contains("activations, partition 1 ends at 0"));
    let gone = log.ids_since(&LogEnds::from([("other".to_owned(), vec![0])]));
    assert!(gone.unwrap_err().message.contains("event hub other is gone"));
}

#[test]
fn the_hub_of_a_destination_is_made_when_it_is_saved() {
    let directory = tempfile::tempdir().unwrap();
    let (hub, log) = open(directory.path());
    log.check(&destination("crm-events")).unwrap();
    assert!(hub.event_hub("crm-events").is_none(), "a check has no effect");
    log.prepare(&destination("crm-events")).unwrap();
    assert_eq!(hub.event_hub("crm-events").unwrap().partition_count(), 4);

    let refused = log.check(&destination("no hub/../has this name")).unwrap_err();
    assert_eq!(refused[0].pointer, "/connection/event_hub");
}

#[test]
fn a_message_that_no_hub_takes_becomes_a_dead_letter() {
    let directory = tempfile::tempdir().unwrap();
    let (hub, log) = open(directory.path());
    let mut large = routed("activations", 1, 1);
    large.activation.body = vec![b' '; MESSAGE_BYTES_MAX];
    log.append(&[large, routed("activations", 2, 1)]).wait().unwrap();
    assert_eq!(ids_in(&hub, "activations", partition_of(&hub, "activations", 1)), [2]);
    let partition = partition_of(&hub, DEAD_LETTERS, 1);
    assert_eq!(ids_in(&hub, DEAD_LETTERS, partition), [1]);
    assert_eq!(log.ids_since(&LogEnds::new()).unwrap(), ids([1, 2]));
}
