//! Batches, limits, and the order per profile, with a destination that does what a test says.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use segue_delivery::{
    Exchange, OutboundMessage, PayloadForm, SendError, Sender, Sent, Terms, Verdict,
};
use serde_json::{Value, json};

use crate::world::{World, destination, numbered};

/// Answers some messages with "not now" or "never", and remembers what it took.
#[derive(Default)]
struct Fickle {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How often each message came.
    seen: BTreeMap<(u64, u64), u32>,
    taken: Vec<(u64, u64)>,
    largest_batch: usize,
    under_way: usize,
    most_under_way: usize,
}

const TERMS: Terms = Terms {
    messages: 7,
    batch_bytes: 120,
    message_bytes: 1000,
    in_flight: 2,
    payload: PayloadForm::Body,
};

fn number(message: &OutboundMessage) -> (u64, u64) {
    let body: Value = serde_json::from_slice(&message.payload).unwrap();
    (body["profile"].as_u64().unwrap(), body["number"].as_u64().unwrap())
}

impl Fickle {
    /// Each message is not taken before its second time, and those after it of its profile neither;
    /// one in ten is never taken.
    fn answer(&self, batch: &[OutboundMessage]) -> Sent {
        let mut state = self.state.lock();
        state.largest_batch = state.largest_batch.max(batch.len());
        let mut held = Vec::new();
        let mut verdicts = Vec::new();
        for message in batch {
            let (profile, number) = number(message);
            let times = state.seen.entry((profile, number)).or_default();
            *times += 1;
            verdicts.push(if held.contains(&profile) || *times < 2 && number % 3 == 0 {
                held.push(profile);
                Verdict::Later("not now".to_owned())
            } else if number % 10 == 9 {
                Verdict::Refused("never".to_owned())
            } else {
                state.taken.push((profile, number));
                Verdict::Taken
            });
        }
        Ok(verdicts)
    }
}

impl Sender for Fickle {
    fn terms(&self) -> Terms {
        TERMS
    }

    fn send<'a>(&'a self, batch: &'a [OutboundMessage]) -> BoxFuture<'a, Sent> {
        async move {
            {
                let mut state = self.state.lock();
                state.under_way += 1;
                state.most_under_way = state.most_under_way.max(state.under_way);
            }
            tokio::task::yield_now().await;
            self.state.lock().under_way -= 1;
            self.answer(batch)
        }
        .boxed()
    }

    fn test<'a>(&'a self, _: &'a OutboundMessage) -> BoxFuture<'a, Exchange> {
        unreachable!("nothing is tested")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verdicts_differ_within_a_batch_and_the_order_holds() {
    let fickle = Arc::new(Fickle::default());
    let sender = Arc::clone(&fickle);
    let mut world = World::with(&[], move |options| {
        let sender = Arc::clone(&sender);
        options.open_sender = Arc::new(move |_, _| Ok(sender.clone()));
    });
    world.define([destination("fickle", "stdout", json!({}))]);
    world.append((0..300).map(|number| numbered(number % 11, number)));
    world.delivery.start();
    world.delivered("fickle").await;

    let state = fickle.state.lock();
    for profile in 0..11 {
        let of_profile = state.taken.iter().filter(|(of, _)| *of == profile);
        let numbers: Vec<u64> = of_profile.map(|(_, number)| *number).collect();
        let wanted = (0..300).filter(|number| number % 11 == profile && number % 10 != 9);
        assert_eq!(numbers, wanted.collect::<Vec<_>>(), "each once, in order");
    }
    let status = world.status("fickle");
    assert_eq!((status.delivered, status.refused, status.dead_letters), (270, 30, 30));
    assert!(status.retried >= 100);
    assert!((2..=4).contains(&state.largest_batch), "{}", state.largest_batch);
    assert!((1..=2).contains(&state.most_under_way), "{}", state.most_under_way);
}

/// Refuses every batch that holds a message with one of these numbers.
struct Picky(Vec<u64>, Mutex<Vec<(u64, u64)>>);

impl Sender for Picky {
    fn terms(&self) -> Terms {
        Terms { messages: 1000, batch_bytes: 1 << 20, ..TERMS }
    }

    fn send<'a>(&'a self, batch: &'a [OutboundMessage]) -> BoxFuture<'a, Sent> {
        let numbers: Vec<(u64, u64)> = batch.iter().map(number).collect();
        let is_refused = numbers.iter().any(|(_, number)| self.0.contains(number));
        let sent = match is_refused {
            true => Err(SendError::Refused { error: "one of them is wrong".to_owned() }),
            false => {
                self.1.lock().extend(&numbers);
                Ok(vec![Verdict::Taken; batch.len()])
            }
        };
        std::future::ready(sent).boxed()
    }

    fn test<'a>(&'a self, _: &'a OutboundMessage) -> BoxFuture<'a, Exchange> {
        unreachable!("nothing is tested")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_to_blame_for_the_refusal_of_a_batch_are_found() {
    let picky = Arc::new(Picky(vec![0, 41, 42, 99], Mutex::default()));
    let sender = Arc::clone(&picky);
    let mut world = World::with(&[], move |options| {
        let sender = Arc::clone(&sender);
        options.open_sender = Arc::new(move |_, _| Ok(sender.clone()));
    });
    world.define([destination("picky", "stdout", json!({}))]);
    world.append((0..100).map(|number| numbered(1, number)));
    world.delivery.start();
    world.delivered("picky").await;
    let wanted = (0..100).filter(|number| !picky.0.contains(number)).map(|number| (1, number));
    assert_eq!(*picky.1.lock(), wanted.collect::<Vec<_>>());
    let letters = world.delivery.dead_letters().list(None, 0, 100).unwrap();
    let numbers: Vec<Option<u64>> =
        letters.iter().map(|letter| letter.body["number"].as_u64()).collect();
    assert_eq!(numbers, [0, 41, 42, 99].map(Some));
}
