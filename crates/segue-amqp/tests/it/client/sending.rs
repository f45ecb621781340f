//! Senders.

use segue_amqp::client::{Authentication, ClientError, EventData, Sender};
use segue_amqp::codec::{Map, Value};
use segue_amqp::frame::*;
use segue_amqp::message::{BATCH_FORMAT, Body, Message, Publication};

use super::peer::{Peer, Script, connected};

fn plain() -> Script {
    Script { authentication: Authentication::Plain, ..Script::default() }
}

/// A sender with `credit`, and its handle.
async fn sender(script: Script, credit: u32) -> (Sender, Peer, u32) {
    let (connection, mut peer) = connected(script).await;
    let client = tokio::spawn(async move { connection.sender("hub", None).await });
    let handle = peer.accept_sender(credit).await.handle;
    (client.await.unwrap().unwrap(), peer, handle)
}

fn send(sender: Sender, body: &'static str) -> tokio::task::JoinHandle<Result<(), ClientError>> {
    tokio::spawn(async move { sender.send_all(&[EventData::new(body)], Some("key")).await })
}

#[tokio::test]
async fn a_hub_that_does_not_exist_is_no_reason_to_try_again() {
    let (connection, mut peer) = connected(plain()).await;
    let client = tokio::spawn(async move { connection.sender("no", None).await.err().unwrap() });
    peer.refuse(AmqpError::new(condition::NOT_FOUND, "no such hub")).await;
    let error = client.await.unwrap();
    assert_eq!(error.condition(), Some(condition::NOT_FOUND));
    assert!(error.to_string().contains("no such hub"), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn events_travel_in_a_batch_with_key_type_and_properties() {
    let (sender, mut peer, _) = sender(plain(), 1).await;
    let client = tokio::spawn(async move {
        let mut batch = sender.batch(Some("key"));
        assert!(batch.try_add(&EventData {
            content_type: Some("application/json".into()),
            message_id: Some("id".into()),
            properties: Map::new().with_string("number", 7_i64),
            ..EventData::new("{}")
        }));
        assert!(batch.try_add(&EventData::new("two")));
        sender.send(batch).await
    });
    let (transfer, payload) = peer.next_transfer().await;
    assert_eq!(transfer.message_format, Some(BATCH_FORMAT));
    assert_eq!(transfer.settled, Some(false));
    let batch = Publication::open(BATCH_FORMAT, &payload).unwrap();
    assert_eq!(batch.partition_key, Some("key"));
    let first = Message::decode(&payload.slice_ref(batch.messages[0])).unwrap();
    assert_eq!(first.message_annotations.get("x-opt-partition-key"), Some(&"key".into()));
    assert_eq!(first.properties.content_type.as_deref(), Some("application/json"));
    assert_eq!(first.properties.message_id, Value::from("id"));
    assert_eq!(first.application_properties.get("number"), Some(&Value::Long(7)));
    assert_eq!(first.body, Body::Data("{}".into()));
    assert_eq!(batch.messages.len(), 2);

    assert!(!client.is_finished(), "not accepted yet");
    peer.settle(transfer.delivery_id.unwrap(), DeliveryState::Accepted).await;
    client.await.unwrap().unwrap();
}

#[tokio::test]
async fn sending_waits_for_credit() {
    let (sender, mut peer, handle) = sender(plain(), 0).await;
    let client = send(sender, "event");
    // The echo shows that the event is queued while there is no credit for it.
    let mut available = Some(0);
    while available == Some(0) {
        let ask = Flow { handle: Some(handle), incoming_window: 9, echo: true, ..Flow::default() };
        peer.send(|out| ask.encode(0, out)).await;
        available = peer.next_flow().await.available;
    }
    assert_eq!(available, Some(1));
    peer.grant(handle, 0, 1).await;
    let (transfer, _) = peer.next_transfer().await;
    peer.settle(transfer.delivery_id.unwrap(), DeliveryState::Accepted).await;
    client.await.unwrap().unwrap();
}

#[tokio::test]
async fn drained_credit_is_given_back() {
    let (_sender, mut peer, handle) = sender(plain(), 5).await;
    let drain = Flow {
        handle: Some(handle),
        incoming_window: 9,
        delivery_count: Some(0),
        link_credit: Some(5),
        drain: true,
        ..Flow::default()
    };
    peer.send(|out| drain.encode(0, out)).await;
    let flow = peer.next_flow().await;
    assert_eq!((flow.delivery_count, flow.link_credit), (Some(5), Some(0)));
}

#[tokio::test]
async fn large_events_go_in_frames_and_windows_that_the_peer_can_take() {
    let open = Open { max_frame_size: 512, ..Open::default() };
    let begin = Begin { incoming_window: 2, ..plain().begin };
    let (sender, mut peer, handle) = sender(Script { open, begin, ..plain() }, 0).await;
    let client =
        tokio::spawn(async move { sender.send_all(&[EventData::new(vec![7; 2000])], None).await });
    let (mut seen, mut batch, mut delivery_id) = (0, Vec::new(), None);
    loop {
        // A window of one: the next frame may come only when this one is known to be here.
        let window = Flow {
            next_incoming_id: Some(seen),
            incoming_window: 1,
            handle: Some(handle),
            delivery_count: Some(0),
            link_credit: Some(1),
            ..Flow::default()
        };
        peer.send(|out| window.encode(0, out)).await;
        let (transfer, payload) = peer.next_transfer().await;
        seen += 1;
        delivery_id = delivery_id.or(transfer.delivery_id);
        batch.extend_from_slice(&payload);
        if !transfer.more {
            break;
        }
    }
    assert!(seen > 4, "{seen} frames");
    assert_eq!(Publication::open(BATCH_FORMAT, &batch).unwrap().messages.len(), 1);
    peer.settle(delivery_id.unwrap(), DeliveryState::Accepted).await;
    client.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_rejected_batch_fails_with_the_reason() {
    let (sender, mut peer, _) = sender(plain(), 1).await;
    let client = send(sender, "event");
    let (transfer, _) = peer.next_transfer().await;
    let busy = AmqpError::new(condition::SERVER_BUSY, "error code 50002");
    let rejected = DeliveryState::Rejected(Some(busy));
    peer.settle(transfer.delivery_id.unwrap(), rejected).await;
    let error = client.await.unwrap().unwrap_err();
    assert_eq!(error.condition(), Some(condition::SERVER_BUSY));
    assert!(error.is_retryable());
}

#[tokio::test]
async fn one_disposition_may_settle_many_deliveries() {
    let (sender, mut peer, _) = sender(plain(), 9).await;
    let sends = async {
        let batch = || {
            let mut batch = sender.batch(None);
            assert!(batch.try_add(&EventData::new("event")));
            batch
        };
        tokio::try_join!(sender.send(batch()), sender.send(batch()), sender.send(batch()))
    };
    let settle = async {
        for _ in 0..3 {
            peer.next_transfer().await;
        }
        // The range reaches far beyond what was sent: only what was is settled, and at once.
        let all = Disposition {
            role: Role::Receiver,
            first: 0,
            last: Some(u32::MAX),
            settled: false,
            state: Some(DeliveryState::Accepted),
            batchable: false,
        };
        peer.send(|out| all.encode(0, out)).await;
        let (Performative::Disposition(answer), _) = peer.next().await else { panic!() };
        assert_eq!((answer.role, answer.settled), (Role::Sender, true));
    };
    let (sent, ()) = tokio::join!(sends, settle);
    sent.unwrap();
}

#[tokio::test]
async fn a_detached_link_ends_its_sends() {
    let (sender, mut peer, handle) = sender(plain(), 1).await;
    let client = send(sender, "event");
    peer.next_transfer().await;
    let error = AmqpError::new(condition::MESSAGE_SIZE_EXCEEDED, "too large");
    peer.send(|out| Detach { handle, closed: true, error: Some(error) }.encode(0, out)).await;
    let error = client.await.unwrap().unwrap_err();
    assert_eq!(error.condition(), Some(condition::MESSAGE_SIZE_EXCEEDED));
    assert!(!error.is_retryable());
    assert!(peer.next_detach().await.closed, "the detach is answered");
}

#[tokio::test]
async fn an_event_that_fits_no_batch_is_refused_here() {
    let (sender, _peer, _) = sender(plain(), 1).await;
    let event = EventData::new(vec![0; 1 << 20]);
    let error = sender.send_all(&[event], None).await.unwrap_err();
    assert_eq!(error.condition(), Some(condition::MESSAGE_SIZE_EXCEEDED));
}

#[tokio::test]
async fn closing_a_sender_detaches_it() {
    let (sender, mut peer, handle) = sender(plain(), 1).await;
    let client = tokio::spawn(sender.close());
    assert_eq!(peer.next_detach().await, Detach { handle, closed: true, error: None });
    peer.send(|out| Detach { handle, closed: true, error: None }.encode(0, out)).await;
    client.await.unwrap().unwrap();
}

#[tokio::test]
async fn dropping_a_sender_detaches_it_too() {
    let (sender, mut peer, handle) = sender(plain(), 1).await;
    drop(sender);
    assert_eq!(peer.next_detach().await.handle, handle);
}
