//! Requests as a real server gets them.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::net::TcpListener;

use crate::receiver::{Receiver, Reply};
use crate::world::{World, eventually, numbered, parse};

#[tokio::test(flavor = "multi_thread")]
async fn one_message_a_request_has_its_properties_in_headers() {
    let receiver = Receiver::start().await;
    let mut world = World::with(&[("TOKEN", "t0k"), ("KEY", "k3y")], |_| {});
    world.delivery.start();
    world.define([receiver.destination(
        "crm",
        json!({
            "method": "PUT", "auth": {"bearer": "${TOKEN}"},
            "headers": {"x-api-key": "${KEY}", "x-tenant": "a b"},
        }),
    )]);
    let mut activation = numbered(1, 2);
    activation.cause = "Äpfel\n".to_owned();
    world.append([activation]);
    let received = receiver.wait_for(1).await.remove(0);
    assert_eq!(received.json(), json!({"profile": 1, "number": 2}));
    let expected = [
        ("content-type", "application/json"),
        ("authorization", "Bearer t0k"),
        ("x-api-key", "k3y"),
        ("x-tenant", "a b"),
        ("segue-activation-id", "00000000-0000-0001-0000-000000000002"),
        ("segue-profile-id", "00000000-0000-0000-0000-000000000001"),
        ("segue-reason", "identity,membership"),
        ("segue-changes", r#"[{"audience":"fans","from":null,"to":"realized"}]"#),
        ("segue-cause", "%C3%84pfel%0A"),
        ("segue-definition-version", "3"),
        ("traceparent", "00-00000000000000010000000000000002-0000000000000003-01"),
    ];
    for (name, value) in expected {
        assert_eq!(received.header(name), value, "{name}");
    }
    world.delivered("crm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_messages_are_an_array_up_to_the_limits() {
    let receiver = Receiver::start().await;
    let mut world = World::new();
    world.define([
        receiver.destination("by-count", json!({"batch_size": 10})),
        receiver.destination("by-bytes", json!({"batch_size": 1000, "batch_bytes": 2000})),
    ]);
    world.append((0..25).map(|number| numbered(1, number)));
    world.delivery.start();
    world.delivered("by-count").await;
    world.delivered("by-bytes").await;
    let of = |id: &str| {
        let is_of = |item: &Value| item["properties"]["segue-cause"] == "event 1";
        let batches = receiver.received().into_iter().map(|one| one.json());
        let batches = batches.filter(|batch| batch.as_array().unwrap().iter().all(is_of));
        let wanted = move |batch: &Value| (batch.as_array().unwrap().len() == 10) == (id == "10");
        batches.filter(wanted).count()
    };
    assert_eq!(of("10"), 2, "and one of 5");
    let bodies = receiver.received();
    assert!(bodies.iter().all(|one| one.header("segue-profile-id").is_empty()));
    let sizes: Vec<usize> = bodies.iter().map(|one| one.body.len()).collect();
    assert!(sizes.iter().any(|size| (1500..2100).contains(size)), "{sizes:?}");
    assert_eq!(receiver.taken().len(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_holds_for_the_body_as_it_came() {
    let receiver = Receiver::start().await;
    let mut world = World::with(&[("SECRET", "key")], |_| {});
    world.delivery.start();
    let hmac = json!({"auth": {"hmac": {"secret": "${SECRET}", "header": "x-signature"}}});
    world.define([receiver.destination("crm", hmac)]);
    world.append([numbered(1, 2)]);
    let received = receiver.wait_for(1).await.remove(0);
    let header = received.header("x-signature");
    let (time, signature) = header.split_once(",v1=").unwrap();
    let time = time.strip_prefix("t=").unwrap();
    let signed = [time.as_bytes(), b".", &received.body].concat();
    assert_eq!(signature, hmac_sha256(b"key", &signed));
    let age = jiff::Timestamp::now().as_second() - time.parse::<i64>().unwrap();
    assert!((0..60).contains(&age));
}

/// As a receiver would compute it (RFC 2104), from the hash alone.
fn hmac_sha256(key: &[u8], message: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let padded = |with: u8| -> Vec<u8> {
        (0..64).map(|index| key.get(index).copied().unwrap_or(0) ^ with).collect()
    };
    let inner = Sha256::digest([&padded(0x36), message].concat());
    let outer = Sha256::digest([&padded(0x5c), &inner[..]].concat());
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A token server that counts, and whose tokens say their number.
async fn token_server() -> (String, Arc<AtomicU64>) {
    async fn grant(State(count): State<Arc<AtomicU64>>, body: String) -> Json<Value> {
        let form = "grant_type=client_credentials&client_id=me&client_secret=s%26t&scope=send";
        assert_eq!(body, form);
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        Json(json!({"access_token": format!("token-{number}"), "expires_in": 3600}))
    }
    let count = Arc::new(AtomicU64::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/token", listener.local_addr().unwrap());
    let router = Router::new().route("/token", post(grant)).with_state(count.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_fetched_once_and_again_when_it_is_no_good_any_more() {
    let (token_url, count) = token_server().await;
    let receiver = Receiver::start().await;
    let mut world = World::with(&[("SECRET", "s&t")], |_| {});
    world.delivery.start();
    let oauth2 = json!({
        "token_url": token_url, "client_id": "me", "client_secret": "${SECRET}", "scope": "send",
    });
    world.define([receiver.destination("crm", json!({"auth": {"oauth2": oauth2}}))]);
    receiver.reply(|_, one| match one.header("authorization") {
        "Bearer token-1" if one.numbers()[0].1 < 50 => Reply::Status(200),
        "Bearer token-2" => Reply::Status(200),
        _ => Reply::Status(401),
    });
    world.append((0..50).map(|number| numbered(number % 5, number)));
    world.delivered("crm").await;
    assert_eq!(count.load(Ordering::SeqCst), 1, "one token for all");
    world.append([numbered(1, 50), numbered(1, 51)]);
    world.delivered("crm").await;
    assert_eq!(count.load(Ordering::SeqCst), 2);
    assert_eq!(receiver.taken().len(), 52);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_set_is_named_and_nothing_is_sent() {
    let receiver = Receiver::start().await;
    let mut world = World::new();
    world.delivery.start();
    world.define([receiver.destination("crm", json!({"auth": {"bearer": "${NOT_SET}"}}))]);
    world.append([numbered(1, 2)]);
    eventually(|| world.status("crm").trouble.is_some(), String::new).await;
    let status = world.status("crm");
    let trouble = status.trouble.unwrap();
    assert!(trouble.contains("export the environment variable NOT_SET"), "{trouble}");
    assert_eq!((status.backlog, receiver.received().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_shows_request_and_answer_without_secrets() {
    let receiver = Receiver::start().await;
    let world = World::with(&[("KEY", "k3y"), ("TOKEN", "t0k")], |_| {});
    receiver.reply(|_, _| Reply::After(429, "7"));
    let mut value = receiver.destination(
        "crm",
        json!({"headers": {"x-api-key": "${KEY}"}, "auth": {"bearer": "${TOKEN}"}}),
    );
    value["audiences"] = json!(["fans"]);
    let exchange = world.delivery.test(&parse(value)).await.unwrap();
    assert!(!exchange.is_taken);
    assert_eq!(exchange.answer, "HTTP 429 Too Many Requests");
    let request = exchange.request;
    assert!(request.starts_with(&format!("POST {}\n", receiver.url())), "{request}");
    for shown in ["x-api-key: ${KEY}", "authorization: Bearer ${TOKEN}", r#""fans":{"#] {
        assert!(request.contains(shown), "{shown} in {request}");
    }
    assert!(!request.contains("k3y") && !request.contains("t0k"), "{request}");
    let received = receiver.received().remove(0);
    assert_eq!(received.header("authorization"), "Bearer t0k");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_not_followed_and_says_which_address_to_write() {
    let receiver = Receiver::start().await;
    let mut world = World::new();
    world.delivery.start();
    receiver.reply(|_, one| match one.path.as_str() {
        "/in" => Reply::To(308, "/v2/in"),
        _ => Reply::Status(204),
    });
    let mut value = receiver.destination("crm", json!({}));
    value["audiences"] = json!(["fans"]);
    let exchange = world.delivery.test(&parse(value.clone())).await.unwrap();
    let elsewhere = receiver.url().replace("/in", "/v2/in");
    let said = format!(
        "HTTP 308 Permanent Redirect, to {elsewhere}; redirects are not followed: \
         set `url` to the address that takes messages"
    );
    assert_eq!((exchange.is_taken, &exchange.answer), (false, &said));

    world.define([value.clone()]);
    world.append([numbered(1, 2)]);
    eventually(|| world.status("crm").trouble.is_some(), String::new).await;
    assert_eq!(world.status("crm").trouble.as_ref(), Some(&said));
    assert!(receiver.received().iter().all(|one| one.path == "/in"));

    value["connection"]["url"] = json!(elsewhere);
    world.define([value]);
    world.delivered("crm").await;
    assert_eq!(receiver.taken(), [(1, 2)]);
}
