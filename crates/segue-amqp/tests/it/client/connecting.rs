//! Connections, tokens, management.

use std::time::Duration;

use segue_amqp::client::{Authentication, ClientError, Connection};
use segue_amqp::codec::{Array, Map, Value};
use segue_amqp::frame::*;
use segue_amqp::message::{Body, Message};
use segue_amqp::sas::SasToken;
use tokio::net::TcpListener;

use super::peer::{self, KEY, Script, connected, connecting, target};

#[tokio::test]
async fn nobody_there_is_worth_another_try() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = Connection::connect(&target(port)).await.err().unwrap();
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_peer_without_a_usable_mechanism_is_named() {
    let script = Script { mechanisms: &["EXTERNAL"], ..Script::default() };
    let (connection, _) = connecting(script).await;
    let error = connection.err().unwrap();
    assert!(error.to_string().contains("ANONYMOUS is not among"), "{error}");
}

#[tokio::test]
async fn plain_sends_policy_and_key_and_puts_no_tokens() {
    let script = Script { authentication: Authentication::Plain, ..Script::default() };
    let (connection, mut peer) = connected(script).await;
    let init = peer.sasl.take().unwrap();
    assert_eq!(init.mechanism, "PLAIN");
    assert_eq!(init.initial_response, Some(format!("\0policy\0{KEY}").into_bytes()));
    let attach = tokio::spawn(async move { connection.sender("hub", None).await.map(drop) });
    assert_eq!(peer.accept_sender(1).await.target.unwrap().address.as_deref(), Some("hub"));
    attach.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_no_reason_to_try_again() {
    let script = Script {
        authentication: Authentication::Plain,
        sasl_code: SaslCode::Auth,
        ..Script::default()
    };
    let (connection, _) = connecting(script).await;
    let error = connection.err().unwrap();
    assert!(matches!(&error, ClientError::Unauthorized { who, .. } if who.contains("policy")));
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn tokens_are_signed_for_the_hub_and_put_once() {
    let (connection, mut peer) = connected(Script::default()).await;
    let client = tokio::spawn(async move {
        let first = connection.sender("hub", None).await?;
        let second = connection.sender("hub", Some("1")).await?;
        Ok::<_, ClientError>((first, second))
    });
    let request = peer.accept_token(202).await;
    let property = |name| request.application_properties.get(name);
    assert_eq!(property("operation"), Some(&"put-token".into()));
    assert_eq!(property("type"), Some(&"servicebus.windows.net:sastoken".into()));
    assert_eq!(property("name"), Some(&"sb://127.0.0.1/hub".into()));
    assert!(matches!(property("expiration"), Some(Value::Timestamp(_))));
    let Body::Value(Value::String(token)) = &request.body else { panic!("no token") };
    let token = SasToken::parse(token).unwrap();
    assert_eq!(token.verify(KEY, 0), Ok(()));
    assert!(token.covers("hub/Partitions/1"));

    assert_eq!(peer.accept_sender(1).await.target.unwrap().address.as_deref(), Some("hub"));
    let second = peer.accept_sender(1).await;
    assert_eq!(second.target.unwrap().address.as_deref(), Some("hub/Partitions/1"));
    client.await.unwrap().unwrap();
}

#[tokio::test]
async fn tokens_are_renewed_long_before_they_expire() {
    let (connection, mut peer) = connected(Script::default()).await;
    let client = tokio::spawn(async move { connection.sender("hub", None).await });
    peer.accept_token(202).await;
    peer.accept_sender(1).await;
    let _sender = client.await.unwrap().unwrap();
    let mut elapsed = Duration::ZERO;
    let renewed = loop {
        // The answer shows that the client has read a sign of life before the clock moves on.
        let echo = Flow { incoming_window: 9, echo: true, ..Flow::default() };
        peer.send(|out| echo.encode(0, out)).await;
        match peer.next().await {
            (Performative::Flow(_), _) => elapsed += peer::move_clock().await,
            (Performative::Transfer(_), message) => break message,
            other => panic!("{other:?}"),
        }
    };
    assert!(elapsed <= Duration::from_secs(30 * 60), "{elapsed:?}");
    let renewed = Message::decode(&renewed).unwrap();
    let operation = renewed.application_properties.get("operation");
    assert_eq!(operation, Some(&"put-token".into()));
}

#[tokio::test]
async fn a_refused_token_says_whose() {
    let (connection, mut peer) = connected(Script::default()).await;
    let client = tokio::spawn(async move { connection.sender("hub", None).await.err().unwrap() });
    peer.accept_token(401).await;
    let error = client.await.unwrap();
    assert!(matches!(&error, ClientError::Unauthorized { who, .. } if who.contains("policy")));

    let (connection, mut peer) = connected(Script::default()).await;
    let client = tokio::spawn(async move { connection.sender("no", None).await.err().unwrap() });
    peer.accept_token(404).await;
    let error = client.await.unwrap();
    assert!(matches!(error, ClientError::Request { status: 404, .. }), "{error}");
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn hubs_and_partitions_are_read_from_management() {
    let (connection, mut peer) = connected(Script::default()).await;
    let client = tokio::spawn(async move {
        let hub = connection.hub_info("hub").await?;
        Ok::<_, ClientError>((hub, connection.partition_info("hub", "1").await?))
    });
    peer.accept_token(202).await;
    let sender = peer.accept_sender(100).await;
    assert_eq!(sender.target.unwrap().address.as_deref(), Some("$management"));
    let (receiver, _) = peer.accept_receiver().await;

    let request = peer.request().await;
    let property = |name| request.application_properties.get(name);
    assert_eq!(property("operation"), Some(&"READ".into()));
    assert_eq!(property("type"), Some(&"com.microsoft:eventhub".into()));
    assert_eq!(property("name"), Some(&"hub".into()));
    let hub = Map::new()
        .with_string("name", "hub")
        .with_string("created_at", Value::Timestamp(5))
        .with_string("partition_ids", Value::Array(Array::strings(["0", "1"])));
    // A late answer to a request that was given up must not be taken for this one's.
    let mut stale = request.clone();
    stale.properties.message_id = "stale".into();
    peer.answer(receiver.handle, &stale, 500, Body::Empty).await;
    peer.answer(receiver.handle, &request, 200, Body::Value(Value::Map(hub))).await;

    let request = peer.request().await;
    assert_eq!(request.application_properties.get("partition"), Some(&"1".into()));
    let partition = Map::new()
        .with_string("partition", "1")
        .with_string("begin_sequence_number", 3_i64)
        .with_string("last_enqueued_sequence_number", 7_i64)
        .with_string("last_enqueued_offset", "7")
        .with_string("last_enqueued_time_utc", Value::Timestamp(9))
        .with_string("is_partition_empty", false);
    peer.answer(receiver.handle, &request, 200, Body::Value(Value::Map(partition))).await;

    let (hub, partition) = client.await.unwrap().unwrap();
    assert_eq!((hub.created_at_ms, hub.partition_ids), (5, vec!["0".into(), "1".into()]));
    assert_eq!((partition.beginning_sequence_number, partition.is_empty), (3, false));
    assert_eq!(partition.last_enqueued_offset, "7");
}

#[tokio::test]
async fn closing_is_agreed_on() {
    let (connection, mut peer) = connected(Script::default()).await;
    let client = tokio::spawn(connection.close());
    assert_eq!(peer.next().await.0, Performative::Close(Close::default()));
    peer.send(|out| Close::default().encode(0, out)).await;
    client.await.unwrap().unwrap();
    assert!(peer.next_or_end().await.is_none());
}

#[tokio::test]
async fn a_dropped_connection_closes_by_itself() {
    let (connection, mut peer) = connected(Script::default()).await;
    drop(connection);
    assert_eq!(peer.next().await.0, Performative::Close(Close::default()));
}

#[tokio::test]
async fn every_wait_ends_with_the_reason_that_the_peer_closed_for() {
    let (connection, mut peer) = connected(Script::default()).await;
    let waiting = connection.clone();
    let client = tokio::spawn(async move { waiting.sender("hub", None).await.err().unwrap() });
    peer.next_attach().await;
    let error = AmqpError::new(condition::CONNECTION_FORCED, "maintenance");
    peer.send(|out| Close { error: Some(error) }.encode(0, out)).await;
    let error = client.await.unwrap();
    assert_eq!(error.condition(), Some(condition::CONNECTION_FORCED));
    assert!(error.is_retryable());
    assert!(matches!(peer.next().await.0, Performative::Close(_)), "the close is answered");
    assert!(matches!(connection.sender("hub", None).await, Err(ClientError::Closed)));
}

#[tokio::test]
async fn a_broken_connection_ends_every_wait() {
    let (connection, mut peer) = connected(Script::default()).await;
    let client = tokio::spawn(async move { connection.sender("hub", None).await.err().unwrap() });
    peer.next_attach().await;
    drop(peer);
    let error = client.await.unwrap();
    assert!(matches!(error, ClientError::Broken(_)), "{error}");
    assert!(error.is_retryable());
}

#[tokio::test]
async fn nonsense_from_the_peer_ends_the_connection() {
    let (connection, mut peer) = connected(Script::default()).await;
    let client = tokio::spawn(async move { connection.sender("hub", None).await.err().unwrap() });
    peer.next_attach().await;
    peer.send(|out| out.extend([0, 0, 0, 9, 2, 0, 0, 0, 0xff])).await;
    assert!(matches!(client.await.unwrap(), ClientError::Protocol(_)));
}
