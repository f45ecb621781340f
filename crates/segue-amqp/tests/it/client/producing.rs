//! The producer, against a peer that takes, refuses and hangs up as each test says.

use std::time::{Duration, Instant};

use segue_amqp::client::{EventData, Namespace, Producer, Receipt, RetryPolicy, SendError};
use segue_amqp::frame::*;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::peer::{Peer, Script, target};

type Sending = JoinHandle<Result<Receipt, SendError>>;

/// A producer that has two events of one key to send, and where it will connect to.
async fn sending() -> (Sending, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let namespace = Namespace::from(&target(listener.local_addr().unwrap().port()));
    let policy = RetryPolicy { first_pause: Duration::from_millis(1), ..RetryPolicy::default() };
    let mut producer = Producer::new(namespace, "hub", None, policy);
    let events = [EventData::new("one"), EventData::new("two")];
    let sending = tokio::spawn(async move { producer.send(&events, Some("key")).await });
    (sending, listener)
}

/// Takes a connection, lets it attach a sender, and takes its first delivery.
async fn delivery(listener: &TcpListener) -> (Peer, u32) {
    let mut peer = Peer::accept(listener, &Script::default()).await;
    peer.accept_token(202).await;
    peer.accept_sender(10).await;
    let (transfer, _) = peer.next_transfer().await;
    assert_eq!(transfer.message_format, Some(0x8001_3700));
    let delivery_id = transfer.delivery_id.unwrap();
    (peer, delivery_id)
}

fn rejected(condition: &str) -> DeliveryState {
    DeliveryState::Rejected(Some(AmqpError::new(condition, "because")))
}

#[tokio::test]
async fn what_a_lost_connection_leaves_in_doubt_is_sent_again() {
    let (sending, listener) = sending().await;
    let (mut peer, _) = delivery(&listener).await;
    let forced = AmqpError::new(condition::CONNECTION_FORCED, "maintenance");
    peer.send(|out| Close { error: Some(forced) }.encode(0, out)).await;
    let (mut peer, again) = delivery(&listener).await;
    peer.settle(again, DeliveryState::Accepted).await;
    let receipt = sending.await.unwrap().unwrap();
    assert_eq!(receipt, Receipt { accepted: 2, repeated: 2, in_doubt: 0 });
}

#[tokio::test]
async fn a_busy_hub_is_left_alone_for_a_while_and_nothing_counts_as_repeated() {
    let (sending, listener) = sending().await;
    let (mut peer, first) = delivery(&listener).await;
    let refused_at = Instant::now();
    peer.settle(first, rejected(condition::SERVER_BUSY)).await;
    let (transfer, _) = peer.next_transfer().await;
    assert!(refused_at.elapsed() >= Duration::from_secs(4), "{:?}", refused_at.elapsed());
    peer.settle(transfer.delivery_id.unwrap(), DeliveryState::Accepted).await;
    let receipt = sending.await.unwrap().unwrap();
    assert_eq!(receipt, Receipt { accepted: 2, repeated: 0, in_doubt: 0 });
}

#[tokio::test]
async fn a_batch_that_is_refused_for_good_is_not_sent_again() {
    let (sending, listener) = sending().await;
    let (mut peer, first) = delivery(&listener).await;
    peer.settle(first, rejected(condition::MESSAGE_SIZE_EXCEEDED)).await;
    let error = sending.await.unwrap().unwrap_err();
    assert_eq!(error.error.condition(), Some(condition::MESSAGE_SIZE_EXCEEDED));
    assert_eq!(error.receipt, Receipt::default());
}

#[tokio::test]
async fn a_link_that_lost_its_token_is_attached_again() {
    let (sending, listener) = sending().await;
    let (mut peer, _) = delivery(&listener).await;
    let expired = AmqpError::new(condition::UNAUTHORIZED_ACCESS, "the token has expired");
    // The producer's link is the third, behind those of the token.
    peer.send(|out| Detach { handle: 2, closed: true, error: Some(expired) }.encode(0, out)).await;
    let (mut peer, again) = delivery(&listener).await;
    peer.settle(again, DeliveryState::Accepted).await;
    assert_eq!(sending.await.unwrap().unwrap().accepted, 2);
}

#[tokio::test]
async fn a_hub_that_does_not_exist_is_not_tried_again() {
    let (sending, listener) = sending().await;
    let mut peer = Peer::accept(&listener, &Script::default()).await;
    peer.accept_token(202).await;
    peer.refuse(AmqpError::new(condition::NOT_FOUND, "no such hub")).await;
    let error = sending.await.unwrap().unwrap_err();
    assert_eq!(error.error.condition(), Some(condition::NOT_FOUND));
    assert_eq!(error.receipt, Receipt::default());
}
