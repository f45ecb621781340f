//! Idempotent producers: what comes twice is stored once, and what is out of turn is refused.

use segue_amqp::codec::{Map, Value};
use segue_amqp::frame::*;
use segue_amqp::message::{
    BATCH_FORMAT, BatchBuilder, Body, EventNumber, IDEMPOTENT_PRODUCER, Message, Numbering,
    ProducerIdentity,
};
use segue_hub::MESSAGE_BYTES_MAX;

use crate::client::*;

/// A sender that numbers its events.
fn numbered(handle: u32, node: &str, numbering: Numbering) -> Attach {
    Attach {
        desired_capabilities: vec![IDEMPOTENT_PRODUCER.into()],
        properties: numbering.properties(),
        ..sender(handle, node)
    }
}

/// Attaches as a producer to partition 0; the last event as the broker says.
async fn attach(client: &mut Client, handle: u32, numbering: Numbering) -> EventNumber {
    let reply = client.attach(&numbered(handle, "eh/Partitions/0", numbering)).await.unwrap();
    assert_eq!(reply.offered_capabilities, [IDEMPOTENT_PRODUCER]);
    Numbering::of_properties(&reply.properties).last_event().unwrap()
}

/// As many events as there are characters, numbered from `first` on.
fn batch(first: EventNumber, bodies: &str) -> Vec<u8> {
    let mut batch = BatchBuilder::new(None, MESSAGE_BYTES_MAX);
    for (place, body) in bodies.chars().enumerate() {
        let message = Message {
            message_annotations: first.after(place).annotate(Map::new()),
            body: Body::Data(body.to_string().into()),
            ..Message::default()
        };
        assert!(batch.try_add(&message.encode()));
    }
    batch.finish()
}

impl Client {
    /// Sends numbered events as the delivery `id`; what becomes of them.
    async fn publish(&mut self, handle: u32, id: u32, first: EventNumber, bodies: &str) -> String {
        self.transfer_as(BATCH_FORMAT, handle, id, &batch(first, bodies)).await;
        match self.outcome(id).await {
            DeliveryState::Accepted => "accepted".to_owned(),
            DeliveryState::Rejected(Some(error)) => error.condition,
            other => panic!("{other:?}"),
        }
    }

    /// The events of partition 0 as they are received.
    async fn received(&mut self, handle: u32, count: usize) -> Vec<Message> {
        let from_the_start = "amqp.annotation.x-opt-offset > '-1'";
        self.attach(&receiver_from(handle, 0, from_the_start)).await.unwrap();
        self.credit(handle, 100).await;
        let mut messages = Vec::new();
        for _ in 0..count {
            messages.push(self.delivery().await.1);
        }
        messages
    }
}

fn text(messages: &[Message]) -> String {
    messages.iter().map(|message| String::from_utf8_lossy(body(message))).collect()
}

#[tokio::test]
async fn what_comes_twice_is_accepted_and_stored_once() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    let last = attach(&mut client, 0, Numbering::default()).await;
    assert_eq!((last.producer.epoch, last.sequence), (0, 0));
    let first = last.after(1);
    assert_eq!(client.publish(0, 0, first, "abc").await, "accepted");
    // As a whole, in parts, and twice at once, before anything is on disk.
    for (id, (number, bodies)) in [(first, "abc"), (first.after(2), "c")].into_iter().enumerate() {
        assert_eq!(client.publish(0, 1 + id as u32, number, bodies).await, "accepted");
    }
    let next = batch(first.after(3), "de");
    client.transfer_as(BATCH_FORMAT, 0, 3, &next).await;
    client.transfer_as(BATCH_FORMAT, 0, 4, &next).await;
    assert_eq!(client.outcome(4).await, DeliveryState::Accepted);
    assert_eq!(broker.end(0), 5);
    assert_eq!(text(&client.received(1, 5).await), "abcde");
}

#[tokio::test]
async fn what_is_out_of_turn_is_refused_and_stores_nothing() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    let first = attach(&mut client, 0, Numbering::default()).await.after(1);
    assert_eq!(client.publish(0, 0, first, "ab").await, "accepted");
    let out_of_order = condition::OUT_OF_ORDER_SEQUENCE;
    assert_eq!(client.publish(0, 1, first.after(3), "d").await, out_of_order, "a gap");
    assert_eq!(client.publish(0, 2, first.after(1), "bc").await, out_of_order, "half a repetition");
    client.transfer(0, 3, &event(b"without a number")).await;
    assert_eq!(client.rejection(3).await.condition, condition::ARGUMENT_ERROR);
    assert_eq!(client.publish(0, 4, first.after(2), "c").await, "accepted");
    assert_eq!(text(&client.received(1, 3).await), "abc");
}

#[tokio::test]
async fn a_higher_epoch_takes_over_and_begins_to_count_anew() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    let old = attach(&mut client, 0, Numbering::default()).await;
    assert_eq!(client.publish(0, 0, old.after(1), "a").await, "accepted");
    let owner = ProducerIdentity { epoch: 5, ..old.producer };
    let new = attach(&mut client, 1, Numbering::of(owner)).await;
    assert_eq!(new, EventNumber { producer: owner, sequence: 0 });
    assert_eq!(client.publish(0, 1, old.after(2), "x").await, condition::PRODUCER_EPOCH_STOLEN);
    assert_eq!(client.publish(1, 2, new.after(1), "b").await, "accepted");
    let late = numbered(2, "eh/Partitions/0", Numbering::of(old.producer));
    let error = client.attach(&late).await.unwrap_err();
    assert_eq!(error.condition, condition::PRODUCER_EPOCH_STOLEN);
    // The same epoch may have any number of links.
    assert_eq!(attach(&mut client, 3, Numbering::of(owner)).await, new.after(1));
    assert_eq!(text(&client.received(4, 2).await), "ab");
}

#[tokio::test]
async fn producers_are_known_again_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start_in(config(directory.path())).await;
    let mut client = Client::authorized(&broker).await;
    let first = attach(&mut client, 0, Numbering::default()).await.after(1);
    assert_eq!(client.publish(0, 0, first, "abc").await, "accepted");
    broker.server.shutdown().await;
    broker.hub.close();

    let broker = Broker::start_in(config(directory.path())).await;
    let mut client = Client::authorized(&broker).await;
    let last = attach(&mut client, 0, Numbering::of(first.producer)).await;
    assert_eq!(last, first.after(2));
    assert_eq!(client.publish(0, 0, first.after(1), "bc").await, "accepted");
    assert_eq!(client.publish(0, 1, first.after(3), "d").await, "accepted");
    assert_eq!(text(&client.received(1, 4).await), "abcd");
    let other = attach(&mut client, 2, Numbering::default()).await;
    assert_ne!(other.producer, first.producer);
}

#[tokio::test]
async fn numbers_go_on_where_the_client_says_and_come_round_to_0() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    let asked = Numbering { id: Some(77), epoch: Some(3), last: Some(i32::MAX - 1) };
    let last = attach(&mut client, 0, asked).await;
    assert_eq!(Numbering::from(last), asked);
    assert_eq!(client.publish(0, 0, last.after(1), "ab").await, "accepted");
    assert_eq!(client.publish(0, 1, last.after(1), "ab").await, "accepted");
    assert_eq!(client.publish(0, 2, last.after(3), "c").await, "accepted");
    assert_eq!(last.after(3).sequence, 1);
    assert_eq!(text(&client.received(1, 3).await), "abc");
}

#[tokio::test]
async fn receivers_do_not_see_the_numbers() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    let first = attach(&mut client, 0, Numbering::default()).await.after(1);
    client.publish(0, 0, first, "a").await;
    let received = client.received(1, 1).await;
    let names: Vec<&str> =
        received[0].message_annotations.iter().filter_map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-opt-sequence-number", "x-opt-offset", "x-opt-enqueued-time"]);
}

#[tokio::test]
async fn a_link_to_the_whole_hub_offers_no_numbers_and_works() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    let reply = client.attach(&numbered(0, "eh", Numbering::default())).await.unwrap();
    assert!(reply.offered_capabilities.is_empty() && reply.properties == Map::new(), "{reply:?}");
    client.transfer(0, 0, &event(b"x")).await;
    assert_eq!(client.outcome(0).await, DeliveryState::Accepted);
    assert_eq!(broker.end(0) + broker.end(1), 1);
}

#[tokio::test]
async fn the_properties_have_the_types_that_clients_want() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    let attach = numbered(0, "eh/Partitions/1", Numbering::default());
    let properties = client.attach(&attach).await.unwrap().properties;
    let property = |name| properties.get(name).unwrap();
    assert!(matches!(property("com.microsoft:producer-epoch"), Value::Short(0)));
    assert!(matches!(property("com.microsoft:producer-sequence-number"), Value::Int(0)));
    let Value::Long(id) = property("com.microsoft:producer-id") else { panic!("no long") };
    assert!((0..1 << 53).contains(id), "{id}: more than JavaScript can count");
}
