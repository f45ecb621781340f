//! Receivers.

use std::time::Duration;

use bytes::Bytes;
use segue_amqp::client::{Authentication, ClientError, Position, Receiver};
use segue_amqp::codec::{Map, Value};
use segue_amqp::frame::*;
use segue_amqp::message::{Body, Message, Stamp, deliver};

use super::peer::{Peer, Script, connected};

const LONG: Duration = Duration::from_secs(20);

/// A receiver of partition 0 of `hub`, the peer, the attach of the link, and the credit.
async fn receiver(position: Position) -> (Receiver, Peer, Attach, u32) {
    let script = Script { authentication: Authentication::Plain, ..Script::default() };
    let (connection, mut peer) = connected(script).await;
    let client =
        tokio::spawn(async move { connection.receiver("hub", "$Default", "0", &position).await });
    let (attach, credit) = peer.accept_receiver().await;
    (client.await.unwrap().unwrap(), peer, attach, credit)
}

/// The message as a hub delivers it.
fn stored(number: u64, message: &Message) -> Vec<u8> {
    let encoded = message.encode();
    let stamp = Stamp { sequence_number: number, enqueued_time_ms: 1000 + number as i64 };
    let mut delivered = Vec::new();
    let bare = deliver(&encoded, &stamp, None, &mut delivered).unwrap();
    delivered.extend_from_slice(bare);
    delivered
}

fn event(body: &str) -> Message {
    Message { body: Body::Data(Bytes::copy_from_slice(body.as_bytes())), ..Message::default() }
}

#[tokio::test]
async fn the_attach_asks_for_partition_and_position() {
    let (_receiver, _peer, attach, _) = receiver(Position::Offset("42".into())).await;
    let source = attach.source.unwrap();
    assert_eq!(source.address.as_deref(), Some("hub/ConsumerGroups/$Default/Partitions/0"));
    let selector = source.filter_text("apache.org:selector-filter");
    assert_eq!(selector, Some("amqp.annotation.x-opt-offset > '42'"));
}

#[tokio::test]
async fn events_come_with_all_that_the_hub_knows() {
    let (mut receiver, mut peer, attach, _) = receiver(Position::Earliest).await;
    let mut message = event("{}");
    message.message_annotations = Map::new()
        .with_symbol("x-opt-partition-key", "key")
        .with_symbol("x-mine", Value::Bool(true));
    message.application_properties = Map::new().with_string("a", 1_i64);
    message.properties.content_type = Some("application/json".into());
    message.properties.message_id = Value::Uuid([3; 16]);
    peer.deliver(attach.handle, 0, &stored(5, &message)).await;
    let [event] = receiver.next_batch(10, LONG).await.unwrap().try_into().unwrap();
    assert_eq!((event.sequence_number, event.offset.as_str()), (5, "5"));
    assert_eq!(event.enqueued_time_ms, 1005);
    assert_eq!(event.partition_key.as_deref(), Some("key"));
    assert_eq!(event.properties.get("a"), Some(&Value::Long(1)));
    assert_eq!(event.system_properties, Map::new().with_symbol("x-mine", true));
    assert_eq!(event.content_type(), Some("application/json"));
    assert_eq!(event.message_properties.message_id, Value::Uuid([3; 16]));
    assert_eq!(event.body, "{}");
}

#[tokio::test]
async fn bodies_that_are_no_data_come_as_bytes_too() {
    let (mut receiver, mut peer, attach, _) = receiver(Position::Earliest).await;
    let value = |value| Message { body: Body::Value(value), ..Message::default() };
    peer.deliver(attach.handle, 0, &stored(0, &value("text".into()))).await;
    peer.deliver(attach.handle, 1, &stored(1, &value(Value::Uint(0)))).await;
    let mut bodies = Vec::new();
    while bodies.len() < 2 {
        let events = receiver.next_batch(2, LONG).await.unwrap();
        bodies.extend(events.into_iter().map(|event| event.body));
    }
    assert_eq!(bodies, [Bytes::from("text"), Bytes::from(&[0x43_u8][..])]);
}

#[tokio::test]
async fn nothing_in_time_is_an_empty_batch() {
    let (mut receiver, _peer, _, _) = receiver(Position::Latest).await;
    assert_eq!(receiver.next_batch(10, Duration::from_millis(5)).await.unwrap(), []);
}

#[tokio::test]
async fn large_events_are_put_together_and_accepted() {
    let (mut receiver, mut peer, attach, _) = receiver(Position::Earliest).await;
    let body = "x".repeat(5000);
    let delivered = stored(0, &event(&body));
    let transfer = Transfer {
        handle: attach.handle,
        delivery_id: Some(77),
        settled: Some(false),
        ..Transfer::default()
    };
    let mut sent = 0;
    while sent < delivered.len() {
        let mut frame = Vec::new();
        sent = transfer.encode_chunk(0, 512, &[&delivered], sent, &mut frame);
        peer.send(|out| out.extend(frame)).await;
    }
    let [event] = receiver.next_batch(1, LONG).await.unwrap().try_into().unwrap();
    assert_eq!(event.body, body);
    let (Performative::Disposition(accepted), _) = peer.next().await else { panic!() };
    assert_eq!((accepted.first, accepted.settled), (77, true));
    assert_eq!(accepted.state, Some(DeliveryState::Accepted));
}

#[tokio::test]
async fn credit_is_granted_as_events_are_taken_and_not_before() {
    let (mut receiver, mut peer, attach, credit) = receiver(Position::Earliest).await;
    for number in 0..credit {
        peer.deliver(attach.handle, number, &stored(number.into(), &event("e"))).await;
    }
    let mut taken = 0;
    while taken < credit {
        let batch = receiver.next_batch(credit as usize, LONG).await.unwrap();
        taken += u32::try_from(batch.len()).unwrap();
    }
    let wait = tokio::spawn(async move { receiver.next_batch(1, LONG).await });
    let flow = peer.next_flow().await;
    assert_eq!(flow.handle, Some(attach.handle));
    let granted_until = flow.delivery_count.unwrap() + flow.link_credit.unwrap();
    assert!(granted_until > credit && granted_until <= 2 * credit, "{granted_until}");
    peer.deliver(attach.handle, credit, &stored(credit.into(), &event("next"))).await;
    assert_eq!(wait.await.unwrap().unwrap()[0].body, "next");
}

#[tokio::test]
async fn a_cancelled_wait_loses_nothing() {
    let (mut receiver, mut peer, attach, _) = receiver(Position::Earliest).await;
    let mut numbers = Vec::new();
    for number in 0..20 {
        let send = peer.deliver(attach.handle, number, &stored(number.into(), &event("e"))).await;
        // The wait races with the arrival and is dropped as soon as anything else is ready.
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            batch = receiver.next_batch(5, LONG) => {
                numbers.extend(batch.unwrap().iter().map(|event| event.sequence_number));
            }
        }
        let () = send;
    }
    while numbers.len() < 20 {
        let batch = receiver.next_batch(5, LONG).await.unwrap();
        numbers.extend(batch.iter().map(|event| event.sequence_number));
    }
    assert_eq!(numbers, (0..20).collect::<Vec<i64>>());
}

#[tokio::test]
async fn what_came_before_the_end_is_received_and_then_the_end_every_time() {
    let (mut receiver, mut peer, attach, _) = receiver(Position::Earliest).await;
    peer.deliver(attach.handle, 0, &stored(0, &event("last"))).await;
    let error = AmqpError::new(condition::STOLEN, "New receiver 'X' with higher epoch");
    let detach = Detach { handle: attach.handle, closed: true, error: Some(error) };
    peer.send(|out| detach.encode(0, out)).await;
    assert!(peer.next_detach().await.closed);
    let mut events = Vec::new();
    let error = loop {
        match receiver.next_batch(10, LONG).await {
            Ok(batch) => events.extend(batch),
            Err(error) => break error,
        }
    };
    assert_eq!(events.len(), 1);
    assert_eq!(error.condition(), Some(condition::STOLEN));
    assert!(!error.is_retryable());
    let again = receiver.next_batch(10, LONG).await.unwrap_err();
    assert_eq!(again.condition(), Some(condition::STOLEN));
}

#[tokio::test]
async fn an_ended_session_ends_the_receiver() {
    let (mut receiver, mut peer, _, _) = receiver(Position::Earliest).await;
    let error = Some(AmqpError::new(condition::INTERNAL_ERROR, "oops"));
    peer.send(|out| End { error }.encode(0, out)).await;
    let error = receiver.next_batch(1, LONG).await.unwrap_err();
    assert!(matches!(&error, ClientError::Refused { place: "session", .. }), "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn closing_a_receiver_ignores_what_still_comes() {
    let (receiver, mut peer, attach, _) = receiver(Position::Earliest).await;
    let client = tokio::spawn(receiver.close());
    let detach = peer.next_detach().await;
    peer.deliver(attach.handle, 0, &stored(0, &event("late"))).await;
    peer.send(|out| detach.encode(0, out)).await;
    client.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_receiver_given_up_while_it_attaches_does_not_stay() {
    let script = Script { authentication: Authentication::Plain, ..Script::default() };
    let (connection, mut peer) = connected(script).await;
    let attach = {
        let attaching = connection.receiver("hub", "$Default", "0", &Position::Latest);
        tokio::pin!(attaching);
        tokio::select! {
            _ = &mut attaching => panic!("nobody has answered"),
            attach = peer.next_attach() => attach,
        }
    };
    let answer = Attach { role: Role::Sender, initial_delivery_count: Some(0), ..attach.clone() };
    peer.send(|out| answer.encode(0, out)).await;
    assert_eq!(peer.next_flow().await.handle, Some(attach.handle));
    assert_eq!(peer.next_detach().await.handle, attach.handle);
}
