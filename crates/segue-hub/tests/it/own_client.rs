//! The crate's own client against the hub, over TCP.

use std::time::Duration;

use segue_amqp::client::{
    Authentication, ClientError, Connection, EventData, Namespace, Position, Producer, Receipt,
    Receiver, RetryPolicy, SharedKey,
};
use segue_amqp::codec::{Map, Value};
use segue_amqp::frame::condition;
use segue_amqp::sas::ConnectionString;
use segue_hub::{Hub, HubConfig, ServerHandle, bind};

use crate::client::Broker;

const HUB: &str = "activations";
const LONG: Duration = Duration::from_secs(20);

/// A hub with four partitions on a free port; it ends with the value.
struct Served {
    hub: Hub,
    server: ServerHandle,
    _data: tempfile::TempDir,
}

impl Served {
    async fn start() -> Served {
        let data = tempfile::tempdir().unwrap();
        let config = HubConfig { data_dir: data.path().to_owned(), ..HubConfig::default() };
        let listener = bind("127.0.0.1:0".parse().unwrap(), &config).unwrap();
        let hub = Hub::open(config).unwrap();
        let server = hub.serve(listener).await.unwrap();
        Served { hub, server, _data: data }
    }

    fn target(&self, key: &str) -> ConnectionString {
        let port = self.server.local_addr().port();
        ConnectionString::parse(&format!(
            "Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=RootManageSharedAccessKey;\
             SharedAccessKey={key};UseDevelopmentEmulator=true"
        ))
        .unwrap()
    }

    async fn connect(&self) -> Connection {
        let target = self.target("SAS_KEY_VALUE");
        Connection::connect(&target).await.unwrap()
    }
}

async fn receive(
    connection: &Connection,
    partition: &str,
    position: Position,
    count: usize,
) -> Vec<segue_amqp::client::ReceivedEvent> {
    let receiver = connection.receiver(HUB, "$Default", partition, &position);
    drain(&mut receiver.await.unwrap(), count).await
}

async fn drain(receiver: &mut Receiver, count: usize) -> Vec<segue_amqp::client::ReceivedEvent> {
    let mut events = Vec::new();
    while events.len() < count {
        let batch = receiver.next_batch(count - events.len(), LONG).await;
        events.extend(batch.unwrap());
    }
    events
}

#[tokio::test]
async fn what_is_sent_is_received() {
    let served = Served::start().await;
    let connection = served.connect().await;
    let sender = connection.sender(HUB, Some("1")).await.unwrap();
    let sent = EventData {
        content_type: Some("application/json".into()),
        message_id: Some("id-1".into()),
        properties: Map::new().with_string("number", Value::Ushort(7)),
        ..EventData::new(r#"{"a":1}"#)
    };
    sender.send_all(&[sent], None).await.unwrap();
    let events = receive(&connection, "1", Position::Earliest, 1).await;
    let [event] = events.try_into().unwrap();
    assert_eq!((event.sequence_number, event.offset.as_str()), (0, "0"));
    assert_eq!(event.content_type(), Some("application/json"));
    assert_eq!(event.message_properties.message_id, "id-1".into());
    assert_eq!(event.properties.get("number"), Some(&Value::Ushort(7)));
    assert_eq!(event.body, r#"{"a":1}"#);
    assert!(event.enqueued_time_ms > 1_700_000_000_000);
    connection.close().await.unwrap();
}

#[tokio::test]
async fn the_right_to_send_is_enough_for_a_producer() {
    let broker = Broker::start().await;
    let port = broker.server.local_addr().port();
    let key = SharedKey::new("writer", "writer-key");
    let namespace = Namespace::new("127.0.0.1", key).at_port(port).without_tls();
    let mut producer = Producer::new(&namespace, "eh", Some("1"), RetryPolicy::default());
    let receipt = producer.send(&[EventData::new("one")], None).await.unwrap();
    assert_eq!(receipt, Receipt { accepted: 1, ..Receipt::default() });
    assert_eq!(broker.end(1), 1);

    let connection = Connection::connect(namespace).await.unwrap();
    let error = connection.receiver("eh", "$Default", "1", &Position::Earliest).await.err();
    assert_eq!(error.unwrap().condition(), Some(condition::UNAUTHORIZED_ACCESS));
}

#[tokio::test]
async fn keys_choose_the_partition_and_come_along() {
    let served = Served::start().await;
    let connection = served.connect().await;
    let sender = connection.sender(HUB, None).await.unwrap();
    let events = [EventData::new("one"), EventData::new("two")];
    sender.send_all(&events, Some("profile-1")).await.unwrap();
    let partition = served.hub.event_hub(HUB).unwrap().partition_for_key("profile-1");
    let events = receive(&connection, &partition.to_string(), Position::Earliest, 2).await;
    let keys: Vec<_> = events.iter().map(|event| event.partition_key.as_deref()).collect();
    assert_eq!(keys, [Some("profile-1"); 2]);
}

#[tokio::test]
async fn receivers_begin_where_they_are_told_to() {
    let served = Served::start().await;
    let connection = served.connect().await;
    let sender = connection.sender(HUB, Some("0")).await.unwrap();
    let mut latest = connection.receiver(HUB, "$Default", "0", &Position::Latest).await.unwrap();
    for body in ["zero", "one", "two"] {
        sender.send_all(&[EventData::new(body)], None).await.unwrap();
    }
    let number = |number, inclusive| Position::SequenceNumber { number, inclusive };
    for (position, expected) in [
        (Position::Earliest, 0),
        (Position::Offset("0".into()), 1),
        (number(1, true), 1),
        (number(1, false), 2),
        (Position::EnqueuedTime(0), 0),
    ] {
        let events = receive(&connection, "0", position.clone(), 1).await;
        assert_eq!(events[0].sequence_number, expected, "{position:?}");
    }
    assert_eq!(drain(&mut latest, 3).await[0].body, "zero");
}

#[tokio::test]
async fn a_waiting_receiver_is_woken_by_an_append() {
    let served = Served::start().await;
    let connection = served.connect().await;
    let position = Position::Latest;
    let mut receiver = connection.receiver(HUB, "$Default", "2", &position).await.unwrap();
    let wait = tokio::spawn(async move { receiver.next_batch(10, LONG).await });
    let message = segue_amqp::message::Message {
        body: segue_amqp::message::Body::Data("from inside".into()),
        ..Default::default()
    };
    let hub = served.hub.event_hub(HUB).unwrap();
    hub.publish(2, &[message.encode()]).unwrap().await.unwrap();
    assert_eq!(wait.await.unwrap().unwrap()[0].body, "from inside");
}

#[tokio::test]
async fn large_and_many_events_arrive_whole_and_in_order() {
    let served = Served::start().await;
    let connection = served.connect().await;
    let sender = connection.sender(HUB, Some("3")).await.unwrap();
    let large = EventData::new(vec![b'x'; 900_000]);
    sender.send_all(&[large], None).await.unwrap();
    let many: Vec<_> = (0..20_000).map(|n| EventData::new(n.to_string())).collect();
    sender.send_all(&many, None).await.unwrap();
    let events = receive(&connection, "3", Position::Earliest, 20_001).await;
    assert_eq!(events[0].body.len(), 900_000);
    for (number, event) in events.iter().skip(1).enumerate() {
        assert_eq!(event.body, number.to_string());
        assert_eq!(event.sequence_number, number as i64 + 1);
    }
}

#[tokio::test]
async fn one_connection_serves_all_partitions_at_once() {
    let served = Served::start().await;
    let connection = served.connect().await;
    let mut waits = Vec::new();
    for partition in ["0", "1", "2", "3"] {
        let connection = connection.clone();
        waits.push(tokio::spawn(async move {
            let sender = connection.sender(HUB, Some(partition)).await.unwrap();
            let events: Vec<_> = (0..500).map(|_| EventData::new(partition)).collect();
            sender.send_all(&events, None).await.unwrap();
            receive(&connection, partition, Position::Earliest, 500).await
        }));
    }
    for (partition, wait) in waits.into_iter().enumerate() {
        let events = wait.await.unwrap();
        assert!(events.iter().all(|event| event.body == partition.to_string()));
    }
}

#[tokio::test]
async fn hub_and_partitions_describe_themselves() {
    let served = Served::start().await;
    let connection = served.connect().await;
    let hub = connection.hub_info(HUB).await.unwrap();
    assert_eq!(hub.name, HUB);
    assert_eq!(hub.partition_ids, ["0", "1", "2", "3"]);
    let empty = connection.partition_info(HUB, "0").await.unwrap();
    assert!(empty.is_empty);
    let sender = connection.sender(HUB, Some("0")).await.unwrap();
    let events = [EventData::new("one"), EventData::new("two")];
    sender.send_all(&events, None).await.unwrap();
    let partition = connection.partition_info(HUB, "0").await.unwrap();
    assert!(!partition.is_empty);
    assert_eq!(partition.beginning_sequence_number, 0);
    assert_eq!(partition.last_enqueued_sequence_number, 1);
    assert_eq!(partition.last_enqueued_offset, "1");
}

#[tokio::test]
async fn wrong_keys_and_names_are_errors_that_say_so() {
    let served = Served::start().await;
    let wrong = served.target("WRONG");
    let connection = Connection::connect(&wrong).await.unwrap();
    let error = connection.sender(HUB, None).await.err().unwrap();
    assert!(matches!(error, ClientError::Unauthorized { .. }), "{error}");
    let error = Connection::connect_with(&wrong, Authentication::Plain).await;
    let error = error.err().unwrap();
    assert!(matches!(error, ClientError::Unauthorized { .. }), "{error}");

    let connection = served.connect().await;
    let error = connection.sender("missing", None).await.err().unwrap();
    assert!(matches!(error, ClientError::Request { status: 404, .. }), "{error}");
    let error = connection.sender(HUB, Some("9")).await.err().unwrap();
    assert_eq!(error.condition(), Some(condition::ARGUMENT_OUT_OF_RANGE), "{error}");
    let receiver = connection.receiver(HUB, "missing", "0", &Position::Earliest).await;
    let error = receiver.err().unwrap();
    assert_eq!(error.condition(), Some(condition::NOT_FOUND), "{error}");
    assert!(!error.is_retryable());
    let error = connection.partition_info(HUB, "9").await.err().unwrap();
    assert!(matches!(error, ClientError::Request { .. }), "{error}");
}

#[tokio::test]
async fn plain_sends_and_receives_without_tokens() {
    let served = Served::start().await;
    let target = served.target("SAS_KEY_VALUE");
    let connection = Connection::connect_with(&target, Authentication::Plain).await.unwrap();
    let sender = connection.sender(HUB, Some("0")).await.unwrap();
    sender.send_all(&[EventData::new("plain")], None).await.unwrap();
    let events = receive(&connection, "0", Position::Earliest, 1).await;
    assert_eq!(events[0].body, "plain");
}

#[tokio::test]
async fn the_sixth_receiver_is_refused_until_one_leaves() {
    let served = Served::start().await;
    let connection = served.connect().await;
    let position = Position::Earliest;
    let mut receivers = Vec::new();
    for _ in 0..5 {
        let receiver = connection.receiver(HUB, "$Default", "0", &position).await;
        receivers.push(receiver.unwrap());
    }
    let sixth = connection.receiver(HUB, "$Default", "0", &position).await;
    let error = sixth.err().unwrap();
    assert_eq!(error.condition(), Some(condition::RESOURCE_LIMIT_EXCEEDED));
    assert!(error.is_retryable());
    receivers.pop().unwrap().close().await.unwrap();
    connection.receiver(HUB, "$Default", "0", &position).await.unwrap();
}

#[tokio::test]
async fn a_hub_that_stops_ends_its_receivers_with_an_error_worth_a_retry() {
    let served = Served::start().await;
    let connection = served.connect().await;
    let position = Position::Latest;
    let mut receiver = connection.receiver(HUB, "$Default", "0", &position).await.unwrap();
    let wait = tokio::spawn(async move { receiver.next_batch(1, LONG).await });
    served.server.shutdown().await;
    let error = wait.await.unwrap().unwrap_err();
    assert!(error.is_retryable(), "{error}");
}
