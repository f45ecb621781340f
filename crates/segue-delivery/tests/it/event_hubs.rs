//! Event hubs elsewhere: our own hub, reached over TLS as one of Azure is.

use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use segue_amqp::message::{Body, Message, PARTITION_KEY};
use segue_core::Activation;
use segue_delivery::encode;
use segue_hub::{EventHubConfig, Hub, HubConfig, ServerHandle, ServerTls, bind};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::world::{World, activation, destination, eventually, numbered};

const EVENT_HUB: &str = "remote";
const CONNECTION: &str = "HUB_CONNECTION";

/// A hub in a process elsewhere, as far as a sender can tell.
struct Remote {
    directory: TempDir,
    address: SocketAddr,
    running: Option<(Hub, ServerHandle)>,
}

impl Remote {
    async fn start() -> Remote {
        let directory = tempfile::tempdir().unwrap();
        Certificates::new(directory.path()).sign("localhost");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut remote = Remote { directory, address, running: None };
        remote.comes_back().await;
        remote
    }

    /// Serves what it held, where it was.
    async fn comes_back(&mut self) {
        let config = HubConfig {
            data_dir: self.directory.path().to_owned(),
            event_hubs: vec![EventHubConfig::new(EVENT_HUB)],
            ..HubConfig::default()
        };
        let (certificate, key) = (self.file("localhost.pem"), self.file("localhost.key"));
        let tls = ServerTls::from_files(&certificate, &key).unwrap();
        let listener = bind(self.address, &config).unwrap();
        let hub = Hub::open(config).unwrap();
        let server = hub.serve_tls(listener, &tls).await.unwrap();
        self.address = server.local_addr();
        self.running = Some((hub, server));
    }

    async fn goes_away(&mut self) {
        let (hub, server) = self.running.take().unwrap();
        server.shutdown().await;
        hub.close();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn connection_string(&self, key: &str) -> String {
        let port = self.address.port();
        format!(
            "Endpoint=sb://localhost:{port};SharedAccessKeyName=RootManageSharedAccessKey;\
             SharedAccessKey={key}"
        )
    }

    /// A world that knows the way here.
    fn world(&self) -> World {
        World::with(&[(CONNECTION, &self.connection_string("SAS_KEY_VALUE"))], |_| {})
    }

    /// A destination that sends here.
    fn destination(&self, more: Value) -> Value {
        let mut connection = json!({
            "event_hub": EVENT_HUB, "connection_string": format!("${{{CONNECTION}}}"),
            "ca_file": self.file("ca.pem"),
        });
        for (key, value) in more.as_object().unwrap() {
            connection[key] = value.clone();
        }
        destination("crm", "azure-event-hubs", connection)
    }

    /// Every event with its partition, in order in each.
    fn events(&self) -> Vec<(u16, Message)> {
        let (hub, _) = self.running.as_ref().unwrap();
        let hub = hub.event_hub(EVENT_HUB).unwrap();
        let mut events = Vec::new();
        for partition in hub.log().partitions() {
            let mut reader = partition.reader(0);
            loop {
                let records = reader.read(1 << 20).unwrap();
                if records.is_empty() {
                    break;
                }
                let messages = records.into_iter().map(|record| Bytes::from(record.payload));
                let decoded = messages.map(|message| Message::decode(&message).unwrap());
                events.extend(decoded.map(|message| (partition.number(), message)));
            }
        }
        events
    }

    /// The numbers of a profile's events as they first arrived; all must be in one partition.
    fn first_arrivals(&self, profile: u128) -> Vec<u64> {
        let key = activation(0, profile).profile.to_string();
        let mut numbers = Vec::new();
        let mut partitions = Vec::new();
        for (partition, message) in self.events() {
            if message.message_annotations.get(PARTITION_KEY).unwrap().as_str() != Some(&key) {
                continue;
            }
            let Body::Data(body) = message.body else { panic!("no body") };
            let body: Value = serde_json::from_slice(&body).unwrap();
            let number = body["number"].as_u64().unwrap();
            if !numbers.contains(&number) {
                numbers.push(number);
            }
            partitions.push(partition);
        }
        partitions.dedup();
        assert_eq!(partitions.len(), 1, "profile {profile}");
        numbers
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_with_key_and_properties_as_they_lie_in_the_outbox() {
    let remote = Remote::start().await;
    let mut world = remote.world();
    world.delivery.start();
    world.define([remote.destination(json!({}))]);
    let sent = [activation(1, 7), activation(2, 8)];
    world.append(sent.clone());
    world.delivered("crm").await;
    let mut arrived: Vec<Message> =
        remote.events().into_iter().map(|(_, message)| message).collect();
    arrived.sort_by_key(|message| message.properties.message_id.as_str().unwrap().to_owned());
    assert_eq!(arrived, sent.map(|one| Message::decode(&encode(&one).into()).unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_travel_in_websockets_made_by_a_template() {
    let remote = Remote::start().await;
    let mut world = remote.world();
    world.delivery.start();
    let mut destination = remote.destination(json!({"transport": "websockets"}));
    destination["template"] = json!("{\"who\": {{ profile }}}");
    world.define([destination]);
    world.append([activation(1, 7)]);
    world.delivered("crm").await;
    let events = remote.events();
    let profile = activation(1, 7).profile.to_string();
    let made = format!("{{\"who\": \"{profile}\"}}");
    assert_eq!(events[0].1.body, Body::Data(made.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_while_the_hub_is_away_arrives_complete_and_in_order() {
    let mut remote = Remote::start().await;
    let mut world = remote.world();
    world.delivery.start();
    world.define([remote.destination(json!({}))]);
    let rounds = |rounds: std::ops::Range<u128>| {
        rounds.flat_map(|number| (0..20).map(move |profile| numbered(profile, number)))
    };
    world.append(rounds(0..20));
    // In the midst of it.
    eventually(|| world.status("crm").delivered > 20, || format!("{:?}", world.status("crm")))
        .await;
    remote.goes_away().await;
    world.append(rounds(20..40));
    let is_told = || {
        let trouble = world.status("crm").trouble;
        trouble.is_some_and(|trouble| trouble.contains("cannot connect to localhost"))
    };
    eventually(is_told, || format!("{:?}", world.status("crm"))).await;
    assert!(world.status("crm").backlog >= 400);
    remote.comes_back().await;
    world.append(rounds(40..50));
    world.delivered("crm").await;
    for profile in 0..20 {
        assert_eq!(remote.first_arrivals(profile), Vec::from_iter(0..50), "profile {profile}");
    }
    let status = world.status("crm");
    assert_eq!((status.delivered, status.refused, status.trouble), (1000, 0, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_told_and_loses_nothing() {
    let remote = Remote::start().await;
    let wrong = remote.connection_string("another key");
    let right = remote.connection_string("SAS_KEY_VALUE");
    let mut world = World::with(&[(CONNECTION, &wrong), ("RIGHT", &right)], |_| {});
    world.delivery.start();
    world.define([remote.destination(json!({}))]);
    world.append((0..10).map(|number| numbered(3, number)));
    let is_told = || world.status("crm").trouble.is_some();
    eventually(is_told, || format!("{:?}", world.status("crm"))).await;
    let trouble = world.status("crm").trouble.unwrap();
    let said = "the hub does not accept the credentials of policy \"RootManageSharedAccessKey\"";
    assert!(trouble.contains(said) && trouble.contains("the secrets that it names"), "{trouble}");
    assert!(!trouble.contains("another key"), "{trouble}");
    assert_eq!((world.status("crm").backlog, world.status("crm").refused), (10, 0));

    world.define([remote.destination(json!({"connection_string": "${RIGHT}"}))]);
    world.delivered("crm").await;
    assert_eq!(remote.first_arrivals(3), Vec::from_iter(0..10));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_for_the_hub_becomes_a_dead_letter_and_the_others_arrive() {
    let remote = Remote::start().await;
    let mut world = remote.world();
    world.delivery.start();
    world.define([remote.destination(json!({}))]);
    let body = json!({"number": 1, "large": "x".repeat(2 << 20)}).to_string().into_bytes();
    world.append([numbered(5, 0), Activation { body, ..numbered(5, 1) }, numbered(5, 2)]);
    world.delivered("crm").await;
    assert_eq!(remote.first_arrivals(5), [0, 2]);
    let letters = world.delivery.dead_letters().list(Some("crm"), 0, 9).unwrap();
    assert_eq!(letters.len(), 1);
    let said = "are more than the event hub takes; map fewer attributes or select fewer fields";
    assert!(letters[0].error.contains(said), "{}", letters[0].error);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_shows_what_was_sent_and_what_the_hub_said() {
    let remote = Remote::start().await;
    let wrong = remote.connection_string("another key");
    let right = remote.connection_string("SAS_KEY_VALUE");
    let world = World::with(&[(CONNECTION, &right), ("WRONG", &wrong)], |_| {});
    let test = async |more| {
        let destination = crate::world::parse(remote.destination(more));
        world.delivery.test(&destination).await.unwrap()
    };
    let taken = test(json!({})).await;
    assert!(taken.is_taken && taken.answer == "accepted", "{taken:?}");
    let port = remote.address.port();
    let first = format!("to event hub remote at localhost:{port}\npartition key: 00000000-");
    assert!(taken.request.starts_with(&first), "{}", taken.request);
    assert!(taken.request.contains("sample@example.com"), "{}", taken.request);
    assert_eq!(remote.events().len(), 1);

    let refused = test(json!({"connection_string": "${WRONG}"})).await;
    assert!(!refused.is_taken && refused.answer.contains("credentials"), "{refused:?}");
    let missing = test(json!({"event_hub": "nowhere"})).await;
    assert!(!missing.is_taken && missing.answer.contains("nowhere"), "{missing:?}");
    assert_eq!(remote.events().len(), 1);
}
