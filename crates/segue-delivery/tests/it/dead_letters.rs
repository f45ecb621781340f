//! Messages that a destination refuses for good.

use std::sync::Arc;

use parking_lot::Mutex;
use segue_delivery::{DeliveryError, DeliveryEvent, DeliveryObserver};
use serde_json::json;

use crate::receiver::{Receiver, Reply};
use crate::world::{World, destination, numbered};

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_message_becomes_a_dead_letter_and_the_rest_goes_on() {
    let receiver = Receiver::start().await;
    receiver.reply(|_, one| match one.numbers().iter().any(|(_, number)| *number == 13) {
        true => Reply::Status(422),
        false => Reply::Status(204),
    });
    let watcher = Arc::new(Watcher::default());
    let watching = Arc::clone(&watcher);
    let mut world = World::with(&[], move |options| options.observer = watching.clone());
    world.define([receiver.destination("crm", json!({"batch_size": 20}))]);
    world.append((0..50).map(|number| numbered(1, number)));
    world.delivery.start();
    world.delivered("crm").await;
    let wanted = (0..50).filter(|number| *number != 13).map(|number| (1, number));
    assert_eq!(receiver.taken(), wanted.collect::<Vec<_>>());

    let letters = world.delivery.dead_letters().list(Some("crm"), 0, 10).unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!((letter.id, letter.destination.as_str()), (0, "crm"));
    assert_eq!(letter.body, json!({"profile": 1, "number": 13}));
    assert_eq!(letter.error, "HTTP 422 Unprocessable Entity");
    assert_eq!(letter.properties["segue-activation-id"], letter.activation.as_str());
    let status = world.status("crm");
    assert_eq!((status.delivered, status.refused, status.dead_letters), (49, 1, 1));
    let seen = watcher.0.lock();
    assert_eq!(seen.len(), 50);
    let thirteenth = (letter.activation.clone(), Some(letter.error.clone()));
    assert_eq!(seen[13], thirteenth);
    assert!(seen.iter().filter(|(_, error)| error.is_none()).count() == 49);
}

/// Activation and error of everything that it is told.
#[derive(Default)]
struct Watcher(Mutex<Vec<(String, Option<String>)>>);

impl DeliveryObserver for Watcher {
    fn observe(&self, event: &DeliveryEvent<'_>) {
        let activation = event.activation.unwrap().to_string();
        self.0.lock().push((activation, event.error.map(str::to_owned)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_outlive_a_restart_and_can_be_replayed_and_dropped() {
    let receiver = Receiver::start().await;
    receiver.reply(|_, _| Reply::Status(400));
    let mut world = World::new();
    world.delivery.start();
    world.define([receiver.destination("crm", json!({}))]);
    world.append([numbered(1, 1), numbered(1, 2), numbered(1, 3)]);
    world.delivered("crm").await;
    let world = world.restart(|_| {}).await;
    let letters = || world.delivery.dead_letters().list(None, 0, 10).unwrap();
    assert_eq!(letters().len(), 3);
    crate::world::eventually(|| world.delivery.status("crm").is_some(), String::new).await;

    // Refused again, it is a dead letter again, under another number.
    world.delivery.replay(0).await.unwrap();
    world.delivered("crm").await;
    let numbers = |letters: Vec<segue_delivery::DeadLetter>| -> Vec<u64> {
        letters.iter().map(|letter| letter.body["number"].as_u64().unwrap()).collect()
    };
    assert_eq!(numbers(letters()), [2, 3, 1]);
    receiver.reply(|_, _| Reply::Status(204));
    let first = letters()[0].id;
    world.delivery.replay(first).await.unwrap();
    world.delivered("crm").await;
    assert_eq!(receiver.taken(), [(1, 2)]);
    let again = world.delivery.replay(first).await.unwrap_err();
    assert!(matches!(again, DeliveryError::NoDeadLetter { id } if id == first), "{again}");

    world.delivery.drop_letter(letters()[0].id).await.unwrap();
    let world = world.restart(|_| {}).await;
    let left = world.delivery.dead_letters().list(None, 0, 10).unwrap();
    assert_eq!(numbers(left), [1]);
    assert_eq!(world.delivery.dead_letters().count("crm"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_sent_is_a_dead_letter_without_being_sent() {
    let receiver = Receiver::start().await;
    let mut world = World::new();
    let mut templated = receiver.destination("templated", json!({}));
    templated["template"] = json!("{{ body.nothing }}");
    world.delivery.start();
    world.define([templated, receiver.destination("small", json!({"batch_bytes": 30}))]);
    world.append([numbered(1, 1), numbered(1, 1_000_000_000), numbered(1, 2)]);
    world.delivered("templated").await;
    world.delivered("small").await;
    assert_eq!(receiver.taken(), [(1, 1), (1, 2)]);
    let errors = |id: &str| -> Vec<String> {
        let letters = world.delivery.dead_letters().list(Some(id), 0, 10).unwrap();
        letters.into_iter().map(|letter| letter.error).collect()
    };
    assert_eq!(errors("templated").len(), 3);
    let error = &errors("templated")[0];
    assert!(error.contains("line 1: what it prints is not there"), "{error}");
    let small = errors("small");
    assert!(small.len() == 1 && small[0].contains("over the limit of 30"), "{small:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_letters_of_a_removed_destination_stay_until_they_are_dropped() {
    let receiver = Receiver::start().await;
    receiver.reply(|_, _| Reply::Status(400));
    let mut world = World::new();
    world.delivery.start();
    world.define([receiver.destination("crm", json!({}))]);
    world.append([numbered(1, 1)]);
    world.delivered("crm").await;
    world.define([destination("other", "stdout", json!({}))]);
    let refused = world.delivery.replay(0).await.unwrap_err();
    assert!(refused.to_string().contains("define it again, or drop them"), "{refused}");
    world.delivery.drop_letter(0).await.unwrap();
    assert!(world.delivery.dead_letters().list(None, 0, 10).unwrap().is_empty());
}
