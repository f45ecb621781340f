//! A data directory with its activation logs and its delivery.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use segue_core::{
    Activation, ActivationId, Change, Definition, Destination, ProfileId, Reason, Status,
};
use segue_delivery::{
    ActivationLogs, BreakerOptions, Delivery, DeliveryOptions, EmbeddedHub, RetryOptions,
};
use segue_hub::{Hub, HubConfig};
use segue_runtime::{ActivationLog, Routed, log_of};
use segue_xdm::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longest time that a test waits for something that should happen soon.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn activation(id: u128, profile: u128) -> Activation {
    Activation {
        id: ActivationId::from_u128(id),
        destination: "crm".to_owned(),
        profile: ProfileId::from_u128(profile),
        at: Timestamp::from_millis(1_767_261_600_000),
        body: br#"{"identityMap":{}}"#.to_vec(),
        reasons: vec![Reason::Identity, Reason::Membership],
        changes: vec![Change { audience: "fans".to_owned(), from: None, to: Status::Realized }],
        cause: "event 1".to_owned(),
        definition_version: 3,
        trace: None,
    }
}

/// The `number`th activation about a profile; its body says so.
pub(crate) fn numbered(profile: u128, number: u128) -> Activation {
    Activation {
        body: json!({"profile": profile as u64, "number": number as u64}).to_string().into(),
        ..activation((profile << 64) | number, profile)
    }
}

pub(crate) fn destination(id: &str, type_name: &str, connection: Value) -> Value {
    json!({
        "kind": "Destination", "id": id, "type": type_name, "connection": connection,
    })
}

pub(crate) fn parse(value: Value) -> Destination {
    match Definition::from_value(value).unwrap() {
        Definition::Destination(destination) => destination,
        other => panic!("no destination: {other:?}"),
    }
}

/// What a test wants otherwise.
type Adjust = Arc<dyn Fn(&mut DeliveryOptions) + Send + Sync>;

pub(crate) struct World {
    directory: TempDir,
    environment: BTreeMap<String, String>,
    pub(crate) delivery: Delivery,
    logs: ActivationLogs,
    followed: Vec<Destination>,
    adjust: Adjust,
}

impl World {
    pub(crate) fn new() -> World {
        World::with(&[], |_| {})
    }

    pub(crate) fn with(
        environment: &[(&str, &str)],
        adjust: impl Fn(&mut DeliveryOptions) + Send + Sync + 'static,
    ) -> World {
        let adjust: Adjust = Arc::new(adjust);
        let directory = tempfile::tempdir().unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let environment: BTreeMap<String, String> = environment.iter().map(owned).collect();
        let (delivery, logs) = open(&directory, &environment, &adjust);
        World { directory, environment, delivery, logs, followed: Vec::new(), adjust }
    }

    /// Defines destinations, all that there are.
    pub(crate) fn define(&mut self, destinations: impl IntoIterator<Item = Value>) {
        self.followed = destinations.into_iter().map(parse).collect();
        for destination in &self.followed {
            let definition = Definition::Destination(destination.clone());
            self.logs.check(&definition).unwrap();
            self.logs.prepare(&definition).unwrap();
        }
        self.logs.follow(&self.followed);
    }

    /// What a check says, a line each.
    pub(crate) fn refused(&self, destination: Value) -> String {
        let definition = Definition::Destination(parse(destination));
        let violations = self.logs.check(&definition).unwrap_err();
        let lines: Vec<String> = violations.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }

    /// Appends activations for every destination.
    pub(crate) fn append(&self, activations: impl IntoIterator<Item = Activation>) {
        let mut routed = Vec::new();
        for activation in activations {
            for destination in &self.followed {
                let activation =
                    Activation { destination: destination.id.clone(), ..activation.clone() };
                routed.push(Routed { log: log_of(destination), activation });
            }
        }
        self.logs.append(&routed).wait().unwrap();
    }

    pub(crate) fn logs(&self) -> &ActivationLogs {
        &self.logs
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Stops, lets something happen to the data, and starts again with the same destinations.
    pub(crate) async fn restart(self, meanwhile: impl FnOnce(&TempDir)) -> World {
        self.delivery.stop().await;
        let World { directory, environment, delivery, logs, followed, adjust } = self;
        drop((delivery, logs));
        meanwhile(&directory);
        let (delivery, logs) = open(&directory, &environment, &adjust);
        delivery.start();
        logs.follow(&followed);
        World { directory, environment, delivery, logs, followed, adjust }
    }

    pub(crate) fn status(&self, id: &str) -> segue_delivery::DeliveryStatus {
        self.delivery.status(id).unwrap()
    }

    /// Waits until everything is delivered or a dead letter.
    pub(crate) async fn delivered(&self, id: &str) {
        eventually(|| self.status(id).backlog == 0, || format!("{:?}", self.status(id))).await;
    }
}

fn open(
    directory: &TempDir,
    environment: &BTreeMap<String, String>,
    adjust: &Adjust,
) -> (Delivery, ActivationLogs) {
    let environment = environment.clone();
    let config = HubConfig { data_dir: directory.path().to_owned(), ..HubConfig::default() };
    let mut options = DeliveryOptions::new(directory.path());
    options.environment = Arc::new(move |name| environment.get(name).cloned());
    options.retry = quick();
    options.breaker = BreakerOptions { failures: 3, pauses: quick() };
    adjust(&mut options);
    let delivery = Delivery::open(options).unwrap();
    let hub = EmbeddedHub::new(Hub::open(config).unwrap());
    let logs = ActivationLogs::new(hub, delivery.clone());
    (delivery, logs)
}

/// Pauses that no test notices.
fn quick() -> RetryOptions {
    RetryOptions {
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_millis(20),
        seed: Some(1),
    }
}

/// Waits for something; `state` tells what there was instead.
pub(crate) async fn eventually(condition: impl Fn() -> bool, state: impl Fn() -> String) {
    let mut looks = tokio::time::interval(Duration::from_millis(2));
    let wait = async {
        while !condition() {
            looks.tick().await;
        }
    };
    if tokio::time::timeout(PATIENCE, wait).await.is_err() {
        panic!("never happened; but: {}", state());
    }
}
