//! Speaks with an AMQP broker that is not ours, as `tests/conformance/artemis/run` starts it: sends
//! batches, and asks what the broker has made of them. Panics when it is anything else.
//!
//! ```text
//! foreign_broker AMQP_PORT AMQPS_PORT CERTIFICATE.pem
//! ```

#![allow(clippy::unwrap_used, reason = "a test: what goes wrong ends it")]

use segue_amqp::client::{
    Authentication, ClientError, Connection, EventData, Namespace, SharedKey,
};
use segue_amqp::codec::Map;

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().expect("AMQP_PORT AMQPS_PORT CERTIFICATE.pem");
    let (amqp, amqps) = (next().parse().unwrap(), next().parse().unwrap());
    let certificate = std::fs::read(next()).unwrap();

    let key = || SharedKey::new("policy", "secret");
    let plain = Namespace::new("localhost", key()).at_port(amqp).without_tls();
    let secure = Namespace::new("localhost", key()).at_port(amqps).trusting(&certificate).unwrap();
    check(plain.clone(), "plain").await;
    check(secure.clone(), "tls").await;
    check(secure.over_websocket(), "websocket").await;

    let stranger = Namespace::new("localhost", SharedKey::new("policy", "wrong"));
    let refused = connect(stranger.at_port(amqp).without_tls()).await.err().unwrap();
    assert!(matches!(refused, ClientError::Unauthorized { .. }), "{refused}");
}

/// Sends to `hub`, events of one frame and of many, and reads back what the broker decoded.
async fn check(namespace: Namespace, hub: &str) {
    let connection = connect(namespace).await.unwrap();
    let sender = connection.sender(hub, None).await.unwrap();
    let large = "x".repeat(300_000);
    let events: Vec<_> = ["one", "zwei €", &large].into_iter().map(event).collect();
    sender.send_all(&events, Some("profile 1")).await.unwrap();
    sender.send_all(&[EventData::new("bare")], None).await.unwrap();

    let info = connection.hub_info(hub).await.unwrap();
    let decoded = |body: &str| format!("profile 1 id-{} text/plain 7 {body}", body.len());
    let expected =
        [&decoded("one"), &decoded("zwei €"), &decoded(&large), "null null null null bare"];
    assert_eq!(info.partition_ids, expected, "{hub}");
    connection.close().await.unwrap();
}

async fn connect(namespace: Namespace) -> Result<Connection, ClientError> {
    Connection::connect_with(namespace, Authentication::Plain).await
}

fn event(body: &str) -> EventData {
    EventData {
        content_type: Some("text/plain".to_owned()),
        message_id: Some(format!("id-{}", body.len())),
        properties: Map::new().with_string("number", 7),
        ..EventData::new(body.to_owned())
    }
}
