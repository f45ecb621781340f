//! Restarts and changes in the middle of a delivery.

use std::fs;

use serde_json::json;

use crate::receiver::{Receiver, Reply};
use crate::world::{World, eventually, numbered};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_loses_and_doubles_nothing() {
    let receiver = Receiver::start().await;
    receiver.reply(|index, _| if index < 30 { Reply::Status(204) } else { Reply::Status(503) });
    let mut world = World::new();
    world.define([receiver.destination("crm", json!({}))]);
    world.append((0..100).map(|number| numbered(number % 10, number)));
    world.delivery.start();
    receiver.wait_for(31).await;
    let mut world = world.restart(|_| {}).await;
    receiver.reply(|_, _| Reply::Status(204));
    eventually(|| world.delivery.status("crm").is_some(), String::new).await;
    world.delivered("crm").await;
    let mut taken = receiver.taken();
    for profile in 0..10 {
        let of_profile = taken.iter().filter(|(of, _)| *of == profile);
        assert!(of_profile.map(|(_, number)| number).is_sorted());
    }
    taken.sort_unstable();
    let mut wanted: Vec<(u64, u64)> = (0..100).map(|number| (number % 10, number)).collect();
    wanted.sort_unstable();
    assert_eq!(taken, wanted, "each once: the stop waited for what was under way");
    world.define([]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_before_the_cursor_was_written_messages_come_again_in_order() {
    let receiver = Receiver::start().await;
    receiver.reply(|_, one| match one.numbers()[0].1 {
        2 => Reply::Status(400),
        _ => Reply::Status(204),
    });
    let mut world = World::new();
    world.delivery.start();
    world.define([receiver.destination("crm", json!({}))]);
    world.append((0..5).map(|number| numbered(1, number)));
    world.delivered("crm").await;
    let cursor = world.path("delivery/outboxes/crm/cursor.json");
    // What a crash leaves: the messages are sent and the dead letter is written, but the file is
    // the one from before.
    let world = world
        .restart(|_| {
            fs::write(&cursor, r#"{"version": 1, "next": [0, 0, 0, 0, 0, 0, 0, 0]}"#).unwrap()
        })
        .await;
    eventually(|| world.delivery.status("crm").is_some(), String::new).await;
    world.delivered("crm").await;
    let numbers: Vec<u64> = receiver.taken().iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, [0, 1, 3, 4, 0, 1, 3, 4], "at least once");
    assert_eq!(world.delivery.dead_letters().count("crm"), 1, "and one dead letter");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_address_takes_over_what_waits() {
    let (old, new) = (Receiver::start().await, Receiver::start().await);
    old.reply(|_, _| Reply::Stall);
    let mut world = World::with(&[], |options| {
        options.grace = std::time::Duration::from_millis(50);
    });
    world.delivery.start();
    world.define([old.destination("crm", json!({}))]);
    world.append((0..20).map(|number| numbered(number % 3, number)));
    old.wait_for(1).await;
    world.define([new.destination("crm", json!({}))]);
    world.delivered("crm").await;
    assert_eq!(new.taken().len(), 20);
    assert_eq!(old.taken(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_removed_destination_is_given_up() {
    let receiver = Receiver::start().await;
    receiver.reply(|_, _| Reply::Status(503));
    let mut world = World::new();
    world.delivery.start();
    world.define([receiver.destination("crm", json!({}))]);
    world.append((0..20).map(|number| numbered(number % 3, number)));
    receiver.wait_for(1).await;
    world.define([]);
    assert_eq!(world.delivery.status("crm"), None);
    let mut world = world.restart(|_| {}).await;
    receiver.reply(|_, _| Reply::Status(204));
    world.define([receiver.destination("crm", json!({}))]);
    world.append([numbered(1, 77)]);
    world.delivered("crm").await;
    assert_eq!(receiver.taken(), [(1, 77)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outbox_that_lost_messages_is_refused() {
    let receiver = Receiver::start().await;
    let mut world = World::new();
    world.delivery.start();
    world.define([receiver.destination("crm", json!({}))]);
    world.append([numbered(1, 1)]);
    world.delivered("crm").await;
    world.delivery.stop().await;
    let outbox = world.path("delivery/outboxes/crm");
    fs::remove_dir_all(outbox.join("log")).unwrap();
    let options = segue_delivery::DeliveryOptions::new(world.path(""));
    let refused = segue_delivery::Delivery::open(options).err().unwrap().to_string();
    assert!(refused.contains("its log ends at 0"), "{refused}");
}
