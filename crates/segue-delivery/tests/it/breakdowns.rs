//! Destinations that fail, stall, are busy or are not there.

use std::time::Duration;

use segue_delivery::{BreakerState, RetryOptions};
use serde_json::json;
use tokio::net::TcpListener;

use crate::receiver::{Receiver, Reply};
use crate::world::{World, eventually, numbered};

/// What a receiver took of each profile must be everything, in order; some may have come twice.
fn assert_in_order(taken: &[(u64, u64)], profiles: u64, messages: u64) {
    for profile in 0..profiles {
        let of_profile = taken.iter().filter(|(of, _)| *of == profile);
        let mut numbers: Vec<u64> = of_profile.map(|(_, number)| *number).collect();
        numbers.dedup();
        let wanted: Vec<u64> =
            (0..messages).filter(|number| number % profiles == profile).collect();
        assert_eq!(numbers, wanted, "profile {profile}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_sent_again_in_order() {
    let receiver = Receiver::start().await;
    receiver.reply(|index, _| match index % 4 {
        0 => Reply::Status(500),
        1 => Reply::Status(503),
        2 => Reply::Status(204),
        _ => Reply::Status(401),
    });
    let mut world = World::new();
    world.delivery.start();
    world.define([receiver.destination("crm", json!({"batch_size": 5}))]);
    for round in 0..10 {
        world.append((round * 20..round * 20 + 20).map(|number| numbered(number % 6, number)));
    }
    world.delivered("crm").await;
    assert_in_order(&receiver.taken(), 6, 200);
    let status = world.status("crm");
    assert_eq!((status.delivered, status.refused), (200, 0));
    assert!(status.retried > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_destination_is_left_alone_by_all_partitions_as_long_as_it_asks() {
    let receiver = Receiver::start().await;
    receiver.reply(|index, _| match index {
        0 => Reply::After(429, "1"),
        _ => Reply::Status(204),
    });
    let mut world = World::new();
    world.delivery.start();
    // One at a time, so that none is under way when the answer comes.
    world.define([receiver.destination("crm", json!({"in_flight": 1}))]);
    world.append((0..20).map(|number| numbered(number, number)));
    world.delivered("crm").await;
    let received = receiver.received();
    let pause = received[1].at - received[0].at;
    assert!(pause >= Duration::from_millis(995), "{pause:?}");
    assert_eq!(received.len(), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_in_time_is_a_failure() {
    let receiver = Receiver::start().await;
    receiver.reply(|_, _| Reply::Stall);
    let mut world = World::new();
    world.delivery.start();
    world.define([receiver.destination("crm", json!({"timeout_seconds": 1}))]);
    world.append([numbered(1, 1), numbered(1, 2)]);
    eventually(|| world.status("crm").trouble.is_some(), String::new).await;
    receiver.reply(|_, _| Reply::Status(204));
    world.delivered("crm").await;
    assert_eq!(receiver.taken(), [(1, 1), (1, 2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_destination_slows_no_other_and_catches_up_when_it_revives() {
    // A port where nobody listens, for now.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let alive = Receiver::start().await;
    let mut world = World::with(&[], |options| {
        let long = Duration::from_secs(3600);
        options.breaker.pauses =
            RetryOptions { first_pause: long, longest_pause: long, seed: None };
    });
    world.delivery.start();
    let dead = json!({"url": format!("http://{address}/")});
    world.define([
        crate::world::destination("dead", "http", dead),
        alive.destination("alive", json!({"batch_size": 50})),
    ]);
    world.append((0..500).map(|number| numbered(number % 10, number)));
    world.delivered("alive").await;
    eventually(|| world.status("dead").breaker == BreakerState::Open, String::new).await;
    world.append((500..1000).map(|number| numbered(number % 10, number)));
    world.delivered("alive").await;
    assert_in_order(&alive.taken(), 10, 1000);
    let status = world.status("dead");
    assert_eq!((status.backlog, status.delivered), (1000, 0));
    assert!(status.trouble.unwrap().starts_with("no answer"));

    // A restart does not wait for the pause, and whoever listens now gets everything.
    let revived = Receiver::at(address).await;
    let world = world.restart(|_| {}).await;
    eventually(|| world.delivery.status("dead").is_some(), String::new).await;
    world.delivered("dead").await;
    assert_in_order(&revived.taken(), 10, 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_probes_with_one_request() {
    let receiver = Receiver::start().await;
    receiver.reply(|_, _| Reply::Status(500));
    let mut world = World::with(&[], |options| {
        options.breaker.pauses = RetryOptions {
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_millis(100),
            seed: Some(1),
        };
    });
    world.delivery.start();
    world.define([receiver.destination("crm", json!({"in_flight": 8}))]);
    world.append((0..100).map(|number| numbered(number, number)));
    let received = receiver.wait_for(16).await;
    // Two may fail and be followed by others before the third opens it, with eight under way; from
    // then on they come one by one.
    let gaps = received[10..16].windows(2).map(|pair| pair[1].at - pair[0].at);
    let gaps: Vec<Duration> = gaps.collect();
    assert!(gaps.iter().all(|gap| *gap >= Duration::from_millis(90)), "{gaps:?}");
    receiver.reply(|_, _| Reply::Status(204));
    world.delivered("crm").await;
    assert_eq!(world.status("crm").breaker, BreakerState::Closed);
}
