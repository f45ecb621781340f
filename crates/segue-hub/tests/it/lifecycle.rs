//! Starting, embedding, stopping, and starting again.

use segue_amqp::frame::*;
use segue_hub::{AutoCreate, EventHubConfig, Hub, HubConfig, HubError, bind};

use crate::client::*;

#[tokio::test]
async fn events_and_hubs_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::start_in(config(directory.path())).await;
    broker.publish(0, &[b"a", b"b"]).await;
    broker.hub.ensure_event_hub("Made-For-A-Destination").unwrap();
    broker.server.shutdown().await;
    broker.hub.close();

    let broker = Broker::start_in(config(directory.path())).await;
    assert_eq!((broker.end(0), broker.end(1)), (2, 0));
    let made = broker.hub.event_hub("made-for-a-destination").unwrap();
    assert_eq!(made.partition_count(), 4);
    broker.publish(0, &[b"c"]).await;
    assert_eq!(broker.end(0), 3);
}

#[tokio::test]
async fn authorized_clients_create_hubs_with_the_prefix() {
    let directory = tempfile::tempdir().unwrap();
    let auto_create = Some(AutoCreate { prefix: "Test-".into(), partitions: 3 });
    let broker = Broker::start_in(HubConfig { auto_create, ..config(directory.path()) }).await;
    let mut client = Client::open(&broker).await;
    assert!(client.attach(&sender(0, "test-1")).await.is_err());
    assert!(broker.hub.event_hub("test-1").is_none(), "not for those without rights");
    assert_eq!(client.authorize("all", "sb://h/test-1", now_s() + 60).await, 202);
    client.attach(&sender(0, "test-1/Partitions/2")).await.unwrap();
    assert_eq!(client.authorize("all", "sb://h/other", now_s() + 60).await, 404);
    assert_eq!(client.authorize("all", "sb://h/test-a%2F..%2Fb", now_s() + 60).await, 404);
    assert_eq!(broker.hub.event_hubs().len(), 2);
}

#[tokio::test]
async fn a_shutdown_settles_and_says_good_bye() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    client.attach(&sender(0, "eh/Partitions/0")).await.unwrap();
    client.transfer(0, 0, &event(b"x")).await;
    assert_eq!(client.outcome(0).await, DeliveryState::Accepted);
    let address = broker.server.local_addr();
    let stopped = tokio::spawn(broker.server.shutdown());
    assert_eq!(client.closed().await.unwrap().condition, "amqp:connection:forced");
    drop(client);
    stopped.await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_client_that_closes_is_answered() {
    let broker = Broker::start().await;
    let mut client = Client::open(&broker).await;
    client.send(|out| Close { error: None }.encode(0, out)).await;
    assert_eq!(client.closed().await, None);
}

#[tokio::test]
async fn a_client_that_breaks_the_rules_is_told_and_dropped() {
    let broker = Broker::start().await;
    let oversized = |out: &mut Vec<u8>| out.extend([0x00, 0x02, 0x00, 0x00, 2, 0, 0, 0]);
    let mut client = Client::open(&broker).await;
    client.send(oversized).await;
    let error = client.closed().await.unwrap();
    assert_eq!(error.condition, "amqp:connection:framing-error");
    assert!(error.description.unwrap().contains("131072 bytes"));

    let mut client = Client::authorized(&broker).await;
    client.attach(&sender(0, "eh")).await.unwrap();
    client.send(|out| sender(0, "eh").encode(CHANNEL, out)).await;
    assert_eq!(client.closed().await.unwrap().condition, "amqp:connection:framing-error");
}

#[tokio::test]
async fn heartbeats_keep_within_half_of_the_clients_patience() {
    let broker = Broker::start().await;
    let open = Open { idle_timeout_ms: Some(100), ..Open::default() };
    let begin = Begin { incoming_window: 1, ..Begin::default() };
    let mut client = Client::open_with(&broker, &open, &begin).await;
    for _ in 0..3 {
        let frame = client.next_frame().await;
        assert_eq!((frame.channel, frame.performative), (0, None));
    }
}

#[test]
fn a_taken_port_names_the_setting() {
    let config = HubConfig::default();
    let taken = bind(([127, 0, 0, 1], 0).into(), &config).unwrap();
    let address = taken.local_addr().unwrap();
    let error = bind(address, &config).unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("listen.amqp"), "{error}");
}

#[test]
fn a_public_key_is_not_offered_to_the_network() {
    let everywhere = ([0, 0, 0, 0], 0).into();
    let error = bind(everywhere, &HubConfig::default()).unwrap_err();
    assert!(matches!(error, HubError::Exposed { .. }));
    assert!(error.to_string().contains("hub.authorization_rules"), "{error}");
    let directory = tempfile::tempdir().unwrap();
    assert!(bind(everywhere, &config(directory.path())).is_ok());
}

#[test]
fn what_cannot_be_opened_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let partitions = |partitions| HubConfig {
        event_hubs: vec![EventHubConfig { partitions, ..EventHubConfig::new("eh") }],
        ..config(directory.path())
    };
    let open = |partitions_count| Hub::open(partitions(partitions_count));
    open(4).unwrap().close();
    let error = open(2).err().unwrap().to_string();
    assert!(error.contains("event hub eh") && error.contains("4 partitions"), "{error}");
    let hub = open(5).unwrap();
    assert_eq!(hub.event_hub("eh").unwrap().partition_count(), 5);
    let error = open(5).err().unwrap().to_string();
    assert!(error.contains("already open"), "{error}");

    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Hub::open(HubConfig { event_hubs: vec![], ..config(&file) }).err().unwrap();
    assert!(matches!(error, HubError::DataDir { .. }), "{error}");
}

#[test]
fn publishing_in_process_is_checked() {
    let directory = tempfile::tempdir().unwrap();
    let hub = Hub::open(config(directory.path())).unwrap().event_hub("eh").unwrap();
    let refused = |partition, message: Vec<u8>| hub.publish(partition, &[message]).err().unwrap();
    assert!(matches!(refused(2, event(b"x")), HubError::NoPartition { last: 1, .. }));
    assert!(matches!(refused(0, b"no message".to_vec()), HubError::NoMessage(_)));
    let large = event(&vec![0; segue_hub::MESSAGE_BYTES_MAX]);
    assert!(matches!(refused(0, large), HubError::MessageTooLarge { .. }));
    assert_eq!(hub.partition_for_key("pk1"), 1);
    let append = hub.publish(1, &[event(b"x"), event(b"y")]).unwrap();
    assert_eq!(append.first_offset, 0);
    append.wait().unwrap();
    assert_eq!(hub.log().partition(1).unwrap().end_offset(), 2);
}
