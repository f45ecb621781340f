//! An event hub elsewhere: our own hub, reached over TLS as one of Azure is, unless a test wants to
//! see what is said.

use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use segue_amqp::codec::Map;
use segue_amqp::message::{Body, EventNumber, Message, PARTITION_KEY};
use segue_hub::{EventHubConfig, Hub, HubConfig, ServerHandle, ServerTls, bind};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::certificates::Certificates;
use crate::world::{World, activation, destination};

/// The one event hub there.
const EVENT_HUB: &str = "remote";
/// The key that opens it.
pub(crate) const KEY: &str = "SAS_KEY_VALUE";
/// The environment variable of the connection string.
pub(crate) const CONNECTION: &str = "HUB_CONNECTION";

/// A hub in a process elsewhere, as far as a sender can tell.
pub(crate) struct Remote {
    directory: TempDir,
    partitions: u16,
    is_plain: bool,
    pub(crate) address: SocketAddr,
    running: Option<(Hub, ServerHandle)>,
}

impl Remote {
    pub(crate) async fn start() -> Remote {
        Remote::start_with(4).await
    }

    /// A hub of so many partitions.
    pub(crate) async fn start_with(partitions: u16) -> Remote {
        Remote::start_as(partitions, false).await
    }

    /// A hub that is reached without TLS.
    pub(crate) async fn start_plain() -> Remote {
        Remote::start_as(4, true).await
    }

    async fn start_as(partitions: u16, is_plain: bool) -> Remote {
        let directory = tempfile::tempdir().unwrap();
        Certificates::new(directory.path()).sign("localhost");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut remote = Remote { directory, partitions, is_plain, address, running: None };
        remote.comes_back().await;
        remote
    }

    /// Serves what it held, where it was.
    pub(crate) async fn comes_back(&mut self) {
        let config = HubConfig {
            data_dir: self.directory.path().to_owned(),
            event_hubs: vec![EventHubConfig {
                partitions: self.partitions,
                ..EventHubConfig::new(EVENT_HUB)
            }],
            ..HubConfig::default()
        };
        let (certificate, key) = (self.file("localhost.pem"), self.file("localhost.key"));
        let tls = ServerTls::from_files(&certificate, &key).unwrap();
        let listener = bind(self.address, &config).unwrap();
        let hub = Hub::open(config).unwrap();
        let server = match self.is_plain {
            true => hub.serve(listener).await.unwrap(),
            false => hub.serve_tls(listener, &tls).await.unwrap(),
        };
        self.address = server.local_addr();
        self.running = Some((hub, server));
    }

    pub(crate) async fn goes_away(&mut self) {
        let (hub, server) = self.running.take().unwrap();
        server.shutdown().await;
        hub.close();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn connection_string(&self, key: &str) -> String {
        self.connection_string_at(self.address.port(), key)
    }

    /// The same by way of something in between.
    pub(crate) fn connection_string_at(&self, port: u16, key: &str) -> String {
        format!(
            "Endpoint=sb://localhost:{port};SharedAccessKeyName=RootManageSharedAccessKey;\
             SharedAccessKey={key}{}",
            if self.is_plain { ";UseDevelopmentEmulator=true" } else { "" }
        )
    }

    /// A world that knows the way here.
    pub(crate) fn world(&self) -> World {
        World::with(&[(CONNECTION, &self.connection_string(KEY))], |_| {})
    }

    /// A destination that sends here.
    pub(crate) fn destination(&self, more: Value) -> Value {
        let mut connection = json!({
            "event_hub": EVENT_HUB, "connection_string": format!("${{{CONNECTION}}}"),
            "ca_file": self.file("ca.pem"),
        });
        for (key, value) in more.as_object().unwrap() {
            connection[key] = value.clone();
        }
        destination("crm", "azure-event-hubs", connection)
    }

    /// Every event with its partition, in order in each, without what is between sender and hub.
    pub(crate) fn events(&self) -> Vec<(u16, Message)> {
        let decoded = |(partition, stored)| {
            let mut message = Message::decode(&stored).unwrap();
            let annotations = message.message_annotations.iter();
            let kept = annotations.filter(|(name, _)| name.as_str() == Some(PARTITION_KEY));
            message.message_annotations = kept.cloned().collect::<Map>();
            (partition, message)
        };
        self.stored().into_iter().map(decoded).collect()
    }

    /// The numbers of those that an idempotent producer sent, with their partition.
    pub(crate) fn numbers(&self) -> Vec<(u16, EventNumber)> {
        let number = |(partition, stored): (u16, Bytes)| {
            EventNumber::of_message(&stored).unwrap().map(|number| (partition, number))
        };
        self.stored().into_iter().filter_map(number).collect()
    }

    fn stored(&self) -> Vec<(u16, Bytes)> {
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
                events.extend(messages.map(|message| (partition.number(), message)));
            }
        }
        events
    }

    /// The numbers of a profile's events as they first arrived; all must be in one partition.
    pub(crate) fn first_arrivals(&self, profile: u128) -> Vec<u64> {
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
