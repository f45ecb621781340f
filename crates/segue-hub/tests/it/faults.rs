//! The producer over TLS through a network that breaks: nothing is lost, order holds, and repeats
//! come only from where the outcome was unknown.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use segue_amqp::client::{Connection, EventData, Position, Producer, Receipt, RetryPolicy};

use crate::fault_proxy::FaultProxy;
use crate::tls::SecureHub;

const HUB: &str = "activations";
const EVENTS: usize = 10_000;
const KEYS: usize = 20;
/// Events of one call, all with the same key.
const CALL_EVENTS: usize = 40;

/// A call, and what the producer said of it.
struct Sent {
    key: usize,
    numbers: std::ops::Range<usize>,
    receipt: Receipt,
}

/// Sends every key's events in order, the keys in turn.
async fn send(secure: &SecureHub, proxy: &FaultProxy) -> Vec<Sent> {
    let namespace = secure.namespace_at(proxy.address.port());
    let namespace = namespace.trusting(secure.authority.pem().as_bytes()).unwrap();
    let policy = RetryPolicy {
        attempts_max: 100,
        attempt_timeout: Duration::from_secs(1),
        first_pause: Duration::from_millis(5),
        pause_max: Duration::from_millis(50),
    };
    let mut producer = Producer::new(namespace, HUB, None, policy);
    let mut sent = Vec::new();
    for start in (0..EVENTS / KEYS).step_by(CALL_EVENTS) {
        for key in 0..KEYS {
            let numbers = start..(start + CALL_EVENTS).min(EVENTS / KEYS);
            let body = |number| format!("{key} {number} {}", "x".repeat(64));
            let events: Vec<_> = numbers.clone().map(|n| EventData::new(body(n))).collect();
            let receipt = producer.send(&events, Some(&format!("key {key}"))).await.unwrap();
            assert_eq!((receipt.accepted, receipt.in_doubt), (events.len(), 0));
            sent.push(Sent { key, numbers, receipt });
        }
    }
    sent
}

/// All events of the hub as key and number, partition by partition.
async fn stored(secure: &SecureHub) -> Vec<(usize, usize)> {
    let connection = Connection::connect(secure.namespace()).await.unwrap();
    let mut stored = Vec::new();
    for partition in connection.hub_info(HUB).await.unwrap().partition_ids {
        let last = connection.partition_info(HUB, &partition).await.unwrap();
        let receiver = connection.receiver(HUB, "$Default", &partition, &Position::Earliest);
        let mut receiver = receiver.await.unwrap();
        let mut next = 0;
        while next <= last.last_enqueued_sequence_number {
            for event in receiver.next_batch(1000, Duration::from_secs(20)).await.unwrap() {
                let body = String::from_utf8(event.body.to_vec()).unwrap();
                let mut words = body.split(' ').map(|word| word.parse().unwrap_or(usize::MAX));
                stored.push((words.next().unwrap(), words.next().unwrap()));
                assert_eq!(event.sequence_number, next);
                next += 1;
            }
        }
    }
    stored
}

async fn check(seed: u64) {
    let secure = SecureHub::start().await;
    let proxy = FaultProxy::start(secure.server.local_addr(), seed).await;
    let sent = send(&secure, &proxy).await;
    let stored = stored(&secure).await;

    let mut copies: HashMap<(usize, usize), usize> = HashMap::new();
    let mut next = [0; KEYS];
    for (key, number) in stored {
        let copy = copies.entry((key, number)).or_default();
        *copy += 1;
        if *copy == 1 {
            assert_eq!(number, next[key], "seed {seed}: the first arrivals of key {key}");
            next[key] += 1;
        }
    }
    assert_eq!(next, [EVENTS / KEYS; KEYS], "seed {seed}: all arrive");
    for Sent { key, numbers, receipt } in &sent {
        let repeats = numbers.clone().filter(|number| copies[&(*key, *number)] > 1);
        let repeats: HashSet<_> = repeats.collect();
        assert!(repeats.len() <= receipt.repeated, "seed {seed}: {key} {numbers:?}: {receipt:?}");
    }
    let doubled = copies.values().filter(|copies| **copies > 1).count();
    assert!(doubled > 0, "seed {seed}: no outcome was unknown, the test proves little");
    for (fault, count) in proxy.count() {
        assert!(count > 0, "seed {seed}: {fault:?} did not strike");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_survives_a_bad_network() {
    tokio::join!(check(1), check(2), check(3));
}
