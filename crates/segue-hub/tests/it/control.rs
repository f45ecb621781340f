//! What `$management` answers.

use segue_amqp::codec::{Map, Value};
use segue_amqp::frame::DeliveryState;
use segue_amqp::message::{Body, Message};

use crate::client::*;

fn read(name: &str, kind: &str, partition: Option<&str>) -> Map {
    let request = Map::new()
        .with_string("operation", "READ")
        .with_string("name", name)
        .with_string("type", kind);
    match partition {
        Some(partition) => request.with_string("partition", partition),
        None => request,
    }
}

fn description(response: &Message) -> &Map {
    match &response.body {
        Body::Value(Value::Map(map)) => map,
        other => panic!("no map: {other:?}"),
    }
}

#[tokio::test]
async fn a_hub_describes_itself() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    let request = read("EH", "com.microsoft:eventhub", None);
    for node in ["$management", "eh/$management"] {
        let response = client.request(node, request.clone(), Value::Null).await;
        assert_eq!(status(&response).0, 200);
        let hub = description(&response);
        assert_eq!(hub.get("name"), Some(&Value::from("eh")));
        assert_eq!(hub.get("partition_count"), Some(&Value::Int(2)));
        assert_eq!(hub.get("georeplication_factor"), Some(&Value::Int(1)));
        assert!(matches!(hub.get("created_at"), Some(Value::Timestamp(1_600_000_000_000..))));
        let Some(Value::Array(ids)) = hub.get("partition_ids") else { panic!("not an array") };
        assert_eq!(ids.items(), [Value::from("0"), Value::from("1")]);
    }
}

#[tokio::test]
async fn a_partition_describes_itself() {
    let broker = Broker::start().await;
    broker.publish(1, &[b"a", b"b"]).await;
    let mut client = Client::authorized(&broker).await;
    for (id, first, last, is_empty) in [("0", -1, -1, true), ("1", 0, 1, false)] {
        let request = read("eh", "com.microsoft:partition", Some(id));
        let response = client.request("$management", request, Value::Null).await;
        let partition = description(&response);
        let field = |name| partition.get(name).unwrap();
        assert_eq!(field("partition"), &Value::from(id));
        assert_eq!(field("begin_sequence_number"), &Value::Long(first));
        assert_eq!(field("last_enqueued_sequence_number"), &Value::Long(last));
        assert_eq!(field("last_enqueued_sequence_number_epoch"), &Value::Int(-1));
        assert_eq!(field("last_enqueued_offset"), &Value::from(last.to_string()));
        assert_eq!(field("is_partition_empty"), &Value::Bool(is_empty));
        let time_ms = field("last_enqueued_time_utc").as_timestamp_ms().unwrap();
        assert_eq!(time_ms == -62_135_596_800_000, is_empty);
    }
}

#[tokio::test]
async fn requests_that_fail_say_why() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    let hub = "com.microsoft:eventhub";
    for (request, code, text) in [
        (read("nowhere", hub, None), 404, "The messaging entity 'sb://localhost/nowhere'"),
        (read("eh", "com.microsoft:partition", Some("2")), 400, "between 0 and 1"),
        (read("eh", "com.microsoft:partition", None), 400, "'partition'"),
        (read("eh", "com.microsoft:topic", None), 400, "com.microsoft:topic"),
        (Map::new().with_string("operation", "DELETE"), 400, "DELETE"),
        (Map::new(), 400, "'operation'"),
    ] {
        let response = client.request("$management", request, Value::Null).await;
        let (status, description) = status(&response);
        assert_eq!(status, code, "{description}");
        assert!(description.contains(text), "{description}");
    }
}

#[tokio::test]
async fn any_right_may_ask_and_none_may_not() {
    let broker = Broker::start().await;
    let mut client = Client::open(&broker).await;
    for (audience, code) in [("sb://h/other", 404), ("sb://h/eh/$management", 202)] {
        let request = read("eh", "com.microsoft:eventhub", None);
        let refused = client.request("$management", request, Value::Null).await;
        assert_eq!(status(&refused).0, 401);
        assert_eq!(client.authorize("reader", audience, now_s() + 60).await, code);
    }
    let request = read("eh", "com.microsoft:eventhub", None);
    let response = client.request("$management", request, Value::Null).await;
    assert_eq!(status(&response).0, 200);
}

#[tokio::test]
async fn a_request_that_cannot_be_answered_is_rejected() {
    let broker = Broker::start().await;
    let mut client = Client::open(&broker).await;
    client.attach(&sender(0, "$management")).await.unwrap();
    client.transfer(0, 0, &event(b"x")).await;
    let refusal = client.rejection(0).await;
    assert!(refusal.to_string().contains("No link of this session"), "{refusal}");
    client.transfer(0, 1, b"no message").await;
    assert!(matches!(client.outcome(1).await, DeliveryState::Rejected(_)));
}

#[tokio::test]
async fn responses_do_not_pile_up_without_credit() {
    let broker = Broker::start().await;
    let mut client = Client::open(&broker).await;
    client.attach(&sender(0, "$management")).await.unwrap();
    client.attach(&receiver(1, "$management")).await.unwrap();
    let request = Message {
        application_properties: read("eh", "com.microsoft:eventhub", None),
        body: Body::Value(Value::Null),
        ..Message::default()
    }
    .encode();
    for id in 0..1001 {
        client.transfer(0, id, &request).await;
    }
    assert_eq!(client.outcome(999).await, DeliveryState::Accepted);
    assert_eq!(client.rejection(1000).await.condition, "amqp:resource-limit-exceeded");
    client.credit(1, 1000).await;
    for _ in 0..1000 {
        client.delivery().await;
    }
}
