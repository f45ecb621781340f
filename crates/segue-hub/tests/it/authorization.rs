//! What clients may do with which token, and for how long.

use segue_amqp::codec::{Map, Value};
use segue_amqp::frame::*;

use crate::client::*;

#[tokio::test]
async fn without_a_token_nothing_is_told() {
    let broker = Broker::start().await;
    let mut client = Client::open(&broker).await;
    for node in ["eh", "nowhere"] {
        let error = client.attach(&sender(0, node)).await.unwrap_err();
        assert_eq!(error.condition, "amqp:unauthorized-access", "{node}");
        let node = format!("{node}/ConsumerGroups/$Default/Partitions/0");
        let error = client.attach(&receiver(0, &node)).await.unwrap_err();
        assert_eq!(error.condition, "amqp:unauthorized-access", "{node}");
        assert!(error.description.unwrap().contains("'Listen' claim"));
    }
}

#[tokio::test]
async fn a_token_opens_what_its_rights_and_its_path_cover() {
    let broker = Broker::start().await;
    let mut client = Client::open(&broker).await;
    let consumer = "eh/ConsumerGroups/cg/Partitions/0";
    assert_eq!(client.authorize("writer", "sb://localhost:5672/EH", now_s() + 60).await, 202);
    assert!(client.attach(&sender(0, "eh/Partitions/0")).await.is_ok());
    assert!(client.attach(&receiver(1, consumer)).await.is_err());
    let audience = "amqps://any/eh/ConsumerGroups/cg/Partitions/0";
    assert_eq!(client.authorize("reader", audience, now_s() + 60).await, 202);
    assert!(client.attach(&receiver(1, consumer)).await.is_ok());
    assert!(client.attach(&receiver(2, "eh/ConsumerGroups/cg/Partitions/1")).await.is_err());
}

#[tokio::test]
async fn a_token_that_is_not_taken() {
    let broker = Broker::start().await;
    let mut client = Client::open(&broker).await;
    let until = now_s() + 60;
    let sign = segue_amqp::sas::sign;
    for (audience, token, code, text) in [
        ("sb://h/eh", sign("sb://h/eh", "all", "wrong", until), 401, "invalid signature"),
        ("sb://h/eh", sign("sb://h/eh", "nobody", "x", until), 401, "invalid signature"),
        ("sb://h/eh", sign("sb://h/eh", "all", "all-key", 1), 401, "expired"),
        ("sb://h/eh", "nonsense".to_owned(), 401, "MalformedToken"),
        ("sb://h/eh", sign("sb://h/other", "all", "all-key", until), 401, "not for"),
        ("sb://h/nowhere", sign("sb://h/nowhere", "all", "all-key", until), 404, "not be found"),
    ] {
        let (status, description) = client.put_token(audience, &token).await;
        assert_eq!(status, code, "{audience} {token}");
        assert!(description.contains(text), "{description}");
    }
    let properties = Map::new()
        .with_string("operation", "put-token")
        .with_string("type", "jwt")
        .with_string("name", "sb://h/eh");
    let response = client.request("$cbs", properties, Value::from("eyJ0")).await;
    let (code, description) = status(&response);
    assert!(code == 401 && description.contains("Entra"), "{description}");
    assert!(client.attach(&sender(0, "eh")).await.is_err());
}

#[tokio::test]
async fn links_are_dropped_when_their_token_runs_out() {
    let broker = Broker::start().await;
    let mut client = Client::open(&broker).await;
    client.authorize("writer", "sb://h/eh", now_s()).await; // to the end of this second
    match client.attach(&sender(0, "eh")).await {
        Ok(_) => assert_eq!(client.detached().await.condition, "amqp:unauthorized-access"),
        Err(error) => assert_eq!(error.condition, "amqp:unauthorized-access"),
    }
}

#[tokio::test]
async fn a_key_in_sasl_plain_needs_no_token() {
    let broker = Broker::start().await;
    let sign_in = async |response: &[u8]| {
        let mut client = Client::dial(&broker).await;
        client.send_bytes(&ProtocolHeader::Sasl.bytes()).await;
        assert_eq!(client.header().await, ProtocolHeader::Sasl);
        assert!(matches!(client.next().await, Performative::SaslMechanisms(_)));
        let init = SaslInit {
            mechanism: "PLAIN".into(),
            initial_response: Some(response.to_vec()),
            hostname: None,
        };
        client.send(|out| init.encode(out)).await;
        let Performative::SaslOutcome(outcome) = client.next().await else { panic!() };
        (client, outcome.code)
    };
    let (mut client, code) = sign_in(b"\0writer\0writer-key").await;
    assert_eq!(code, SaslCode::Ok);
    client.send_bytes(&ProtocolHeader::Amqp.bytes()).await;
    client.header().await;
    client.send(|out| Open::default().encode(0, out)).await;
    client.send(|out| Begin { incoming_window: 9, ..Begin::default() }.encode(0, out)).await;
    assert!(matches!(client.next().await, Performative::Open(_)));
    assert!(matches!(client.next().await, Performative::Begin(_)));
    assert!(client.attach(&sender(0, "eh")).await.is_ok());
    assert!(client.attach(&receiver(1, "eh/ConsumerGroups/cg/Partitions/0")).await.is_err());

    let (mut client, code) = sign_in(b"\0writer\0wrong").await;
    assert_eq!(code, SaslCode::Auth);
    client.hung_up().await;
}
