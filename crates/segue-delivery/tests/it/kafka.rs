//! What is told when there is no Kafka where one should be. Everything with a broker is in
//! `tests/conformance/kafka`: that one is real.

use serde_json::json;
use tokio::net::TcpListener;

use crate::receiver::Receiver;
use crate::world::{World, destination, eventually, numbered};

fn kafka(port: u16) -> serde_json::Value {
    let security = json!({
        "protocol": "sasl_plaintext", "username": "$ConnectionString", "password": "${SECRET}",
    });
    let brokers = [format!("127.0.0.1:{port}")];
    destination("crm", "kafka", json!({"brokers": brokers, "topic": "t", "security": security}))
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_broker_answers_everything_waits_and_the_reason_is_told() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let other = Receiver::start().await.url();
    let other = other.split([':', '/']).nth(4).unwrap().parse().unwrap();
    let closing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closes = closing.local_addr().unwrap().port();
    tokio::spawn(async move { while closing.accept().await.is_ok() {} });
    for (port, expected) in [
        (nobody, "cannot connect to 127.0.0.1:"),
        (other, "it is no Kafka broker, or its port wants TLS; check `security`"),
        (closes, "closed the connection, as brokers do when `security` is not that of the port"),
    ] {
        let mut world = World::with(&[("SECRET", "s3cret")], |_| {});
        world.delivery.start();
        world.define([kafka(port)]);
        world.append([numbered(1, 2)]);
        let trouble = || world.status("crm").trouble.unwrap_or_default();
        eventually(|| trouble().contains(expected), trouble).await;
        let status = world.status("crm");
        assert_eq!((status.backlog, status.delivered, status.refused), (1, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_is_not_set_is_named() {
    let mut world = World::new();
    world.delivery.start();
    world.define([kafka(1)]);
    let trouble = || world.status("crm").trouble.unwrap_or_default();
    eventually(|| trouble().contains("export the environment variable SECRET"), trouble).await;
}
