//! An event hub elsewhere: our own hub, reached over TLS as one of Azure is.

use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use segue_amqp::message::{Body, Message, PARTITION_KEY};
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
    pub(crate) address: SocketAddr,
    running: Option<(Hub, ServerHandle)>,
}

impl Remote {
    pub(crate) async fn start() -> Remote {
        let directory = tempfile::tempdir().unwrap();
        Certificates::new(directory.path()).sign("localhost");
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut remote = Remote { directory, address, running: None };
        remote.comes_back().await;
        remote
    }

    /// Serves what it held, where it was.
    pub(crate) async fn comes_back(&mut self) {
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
             SharedAccessKey={key}"
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

    /// Every event with its partition, in order in each.
    pub(crate) fn events(&self) -> Vec<(u16, Message)> {
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
