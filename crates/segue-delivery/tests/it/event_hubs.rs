//! Event hubs elsewhere: what arrives there, and what is told when it does not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use segue_amqp::client::Connection;
use segue_amqp::message::{Body, Message, ProducerIdentity};
use segue_amqp::sas::ConnectionString;
use segue_core::Activation;
use segue_delivery::encode;
use serde_json::json;
use tokio::io::{self, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::remote_hub::{CONNECTION, KEY, Remote};
use crate::world::{World, activation, eventually, numbered, parse};

/// Bytes after which a brittle connection breaks: the handshake and some envelopes.
const BREAKS_AFTER: u64 = 150_000;

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_with_key_and_properties_as_they_lie_in_the_outbox() {
    let remote = Remote::start().await;
    let mut world = remote.world();
    world.delivery.start();
    world.define([remote.destination(json!({}))]);
    let sent = [activation(1, 7), activation(2, 8)];
    world.append(sent.clone());
    world.delivered("crm").await;
    let mut arrived: Vec<Message> =
        remote.events().into_iter().map(|(_, message)| message).collect();
    arrived.sort_by_key(|message| message.properties.message_id.as_str().unwrap().to_owned());
    assert_eq!(arrived, sent.map(|one| Message::decode(&encode(&one).into()).unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_travel_in_websockets_made_by_a_template() {
    let remote = Remote::start().await;
    let mut world = remote.world();
    world.delivery.start();
    let mut destination = remote.destination(json!({"transport": "websockets"}));
    destination["template"] = json!("{\"who\": {{ profile }}}");
    world.define([destination]);
    world.append([activation(1, 7)]);
    world.delivered("crm").await;
    let events = remote.events();
    let profile = activation(1, 7).profile.to_string();
    let made = format!("{{\"who\": \"{profile}\"}}");
    assert_eq!(events[0].1.body, Body::Data(made.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_while_the_hub_is_away_arrives_complete_and_in_order() {
    let mut remote = Remote::start().await;
    let mut world = remote.world();
    world.delivery.start();
    world.define([remote.destination(json!({}))]);
    let rounds = |rounds: std::ops::Range<u128>| {
        rounds.flat_map(|number| (0..20).map(move |profile| numbered(profile, number)))
    };
    world.append(rounds(0..20));
    // In the midst of it.
    eventually(|| world.status("crm").delivered > 20, || format!("{:?}", world.status("crm")))
        .await;
    remote.goes_away().await;
    world.append(rounds(20..40));
    let is_told = || {
        let trouble = world.status("crm").trouble;
        trouble.is_some_and(|trouble| trouble.contains("cannot connect to localhost"))
    };
    eventually(is_told, || format!("{:?}", world.status("crm"))).await;
    assert!(world.status("crm").backlog >= 400);
    remote.comes_back().await;
    world.append(rounds(40..50));
    world.delivered("crm").await;
    for profile in 0..20 {
        assert_eq!(remote.first_arrivals(profile), Vec::from_iter(0..50), "profile {profile}");
    }
    let status = world.status("crm");
    assert_eq!((status.delivered, status.refused, status.trouble), (1000, 0, None));
}

/// A way to the hub on which each connection breaks off after some bytes, at every other one before
/// the hub's answers are back; and how many there were.
async fn brittle_way_to(remote: SocketAddr) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut hub = TcpStream::connect(remote).await.unwrap();
            let number = counted.fetch_add(1, Ordering::SeqCst) as u64;
            tokio::spawn(async move {
                let (from_client, mut to_client) = client.split();
                let (mut from_hub, mut to_hub) = hub.split();
                let there = async {
                    let _ = io::copy(&mut from_client.take(BREAKS_AFTER), &mut to_hub).await;
                    // tidy: sleep because the hub's answers come meanwhile, where they may
                    tokio::time::sleep(Duration::from_millis(number % 2 * 50)).await;
                };
                tokio::select! {
                    () = there => {}
                    _ = io::copy(&mut from_hub, &mut to_client) => {}
                }
            });
        }
    });
    (port, connections)
}

/// Sends three thousand events to a hub of so many partitions over connections that break; how many
/// are there then.
async fn sent_over_a_brittle_way(partitions: u16) -> usize {
    let remote = Remote::start_with(partitions).await;
    let (port, connections) = brittle_way_to(remote.address).await;
    let mut world = World::with(&[(CONNECTION, &remote.connection_string_at(port, KEY))], |_| {});
    world.define([remote.destination(json!({}))]);
    world.append((0..150).flat_map(|number| (0..20).map(move |of| numbered(of, number))));
    world.delivery.start();
    world.delivered("crm").await;
    for profile in 0..20 {
        assert_eq!(remote.first_arrivals(profile), Vec::from_iter(0..150), "profile {profile}");
    }
    let connections = connections.load(Ordering::SeqCst);
    assert!(connections > 5, "{connections}");
    remote.events().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_midway_cost_neither_events_nor_order_and_none_is_there_twice() {
    assert_eq!(sent_over_a_brittle_way(4).await, 3000);
}

/// Of as many partitions, events are not numbered.
#[tokio::test(flavor = "multi_thread")]
async fn without_numbers_some_are_there_twice() {
    let there = sent_over_a_brittle_way(61).await;
    assert!(there > 3000, "{there}");
}

/// A way to the hub on which a word that the client says becomes another.
async fn mistaking_way_to(remote: SocketAddr, word: &'static str, other: &'static str) -> u16 {
    assert_eq!(word.len(), other.len());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut hub = TcpStream::connect(remote).await.unwrap();
            tokio::spawn(async move {
                let (mut from_client, mut to_client) = client.split();
                let (mut from_hub, mut to_hub) = hub.split();
                let there = async {
                    let mut bytes = vec![0; 1 << 20];
                    while let Ok(length @ 1..) = from_client.read(&mut bytes).await {
                        let said = &mut bytes[..length];
                        for at in 0..length.saturating_sub(word.len()) {
                            if said[at..].starts_with(word.as_bytes()) {
                                said[at..at + word.len()].copy_from_slice(other.as_bytes());
                            }
                        }
                        to_hub.write_all(said).await.unwrap();
                    }
                };
                tokio::select! {
                    () = there => {}
                    _ = io::copy(&mut from_hub, &mut to_client) => {}
                }
            });
        }
    });
    port
}

/// Sends events by a way on which a word becomes another; how many of them are numbered.
async fn numbered_where(word: &'static str, other: &'static str) -> usize {
    let remote = Remote::start_plain().await;
    let port = mistaking_way_to(remote.address, word, other).await;
    let mut world = World::with(&[(CONNECTION, &remote.connection_string_at(port, KEY))], |_| {});
    world.define([remote.destination(json!({}))]);
    world.append((0..5).flat_map(|number| (0..20).map(move |of| numbered(of, number))));
    world.delivery.start();
    world.delivered("crm").await;
    world.append((5..10).flat_map(|number| (0..20).map(move |of| numbered(of, number))));
    world.delivered("crm").await;
    for profile in 0..20 {
        assert_eq!(remote.first_arrivals(profile), Vec::from_iter(0..10), "profile {profile}");
    }
    assert_eq!(remote.events().len(), 200);
    let status = world.status("crm");
    assert_eq!((status.refused, status.retried, status.trouble), (0, 0, None));
    remote.numbers().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_knows_no_numbers_gets_its_events_all_the_same() {
    assert_eq!(numbered_where("nothing", "nothing").await, 200);
    for (word, other) in [
        // It never heard of numbers.
        ("com.microsoft:idempotent-producer", "com.microsoft:well-behaved-sender"),
        // It does not say how many partitions it has.
        ("com.microsoft:eventhub", "com.microsoft:eventpub"),
        // It offers numbers, and then does not like them.
        ("com.microsoft:producer-epoch", "com.microsoft:producer-aeons"),
    ] {
        assert_eq!(numbered_where(word, other).await, 0, "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_producer_that_the_hub_takes_for_another_begins_anew() {
    let remote = Remote::start_plain().await;
    let mut world = remote.world();
    world.delivery.start();
    world.define([remote.destination(json!({}))]);
    world.append((0..5).map(|number| numbered(3, number)));
    world.delivered("crm").await;

    // Somebody claims to be each of its producers.
    let string = ConnectionString::parse(&remote.connection_string(KEY)).unwrap();
    let connection = Connection::connect(&string).await.unwrap();
    for (partition, number) in remote.numbers() {
        let thief = ProducerIdentity { epoch: 1, ..number.producer };
        let partition = partition.to_string();
        let claimed = connection.numbered_sender("remote", &partition, Some(thief)).await;
        assert_eq!(claimed.unwrap().unwrap().last().producer, thief);
    }
    world.append((5..10).map(|number| numbered(3, number)));
    world.delivered("crm").await;
    assert_eq!(remote.first_arrivals(3), Vec::from_iter(0..10));
    assert_eq!((remote.events().len(), remote.numbers().len()), (10, 10));
    assert!(world.status("crm").retried > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_told_and_loses_nothing() {
    let remote = Remote::start().await;
    let wrong = remote.connection_string("another key");
    let right = remote.connection_string(KEY);
    let mut world = World::with(&[(CONNECTION, &wrong), ("RIGHT", &right)], |_| {});
    world.delivery.start();
    world.define([remote.destination(json!({}))]);
    world.append((0..10).map(|number| numbered(3, number)));
    let is_told = || world.status("crm").trouble.is_some();
    eventually(is_told, || format!("{:?}", world.status("crm"))).await;
    let trouble = world.status("crm").trouble.unwrap();
    let said = "the hub does not accept the credentials of policy \"RootManageSharedAccessKey\"";
    assert!(trouble.contains(said) && trouble.contains("the secrets that it names"), "{trouble}");
    assert!(!trouble.contains("another key"), "{trouble}");
    assert_eq!((world.status("crm").backlog, world.status("crm").refused), (10, 0));

    world.define([remote.destination(json!({"connection_string": "${RIGHT}"}))]);
    world.delivered("crm").await;
    assert_eq!(remote.first_arrivals(3), Vec::from_iter(0..10));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_for_the_hub_becomes_a_dead_letter_and_the_others_arrive() {
    let remote = Remote::start().await;
    let mut world = remote.world();
    world.delivery.start();
    world.define([remote.destination(json!({}))]);
    let body = json!({"number": 1, "large": "x".repeat(2 << 20)}).to_string().into_bytes();
    world.append([numbered(5, 0), Activation { body, ..numbered(5, 1) }, numbered(5, 2)]);
    world.delivered("crm").await;
    assert_eq!(remote.first_arrivals(5), [0, 2]);
    let letters = world.delivery.dead_letters().list(Some("crm"), 0, 9).unwrap();
    assert_eq!(letters.len(), 1);
    let said = "are more than the event hub takes; map fewer attributes or select fewer fields";
    assert!(letters[0].error.contains(said), "{}", letters[0].error);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_shows_what_was_sent_and_what_the_hub_said() {
    let remote = Remote::start().await;
    let wrong = remote.connection_string("another key");
    let right = remote.connection_string(KEY);
    let world = World::with(&[(CONNECTION, &right), ("WRONG", &wrong)], |_| {});
    let test = async |more| {
        let destination = parse(remote.destination(more));
        world.delivery.test(&destination).await.unwrap()
    };
    let taken = test(json!({})).await;
    assert!(taken.is_taken && taken.answer == "accepted", "{taken:?}");
    let port = remote.address.port();
    let first = format!("to event hub remote at localhost:{port}\npartition key: 00000000-");
    assert!(taken.request.starts_with(&first), "{}", taken.request);
    assert!(taken.request.contains("sample@example.com"), "{}", taken.request);
    assert_eq!(remote.events().len(), 1);

    let refused = test(json!({"connection_string": "${WRONG}"})).await;
    assert!(!refused.is_taken && refused.answer.contains("credentials"), "{refused:?}");
    let missing = test(json!({"event_hub": "nowhere"})).await;
    assert!(!missing.is_taken && missing.answer.contains("nowhere"), "{missing:?}");
    assert_eq!(remote.events().len(), 1);
}
