//! The definitions in `docs/destinations.md`: each is read, and sent through where it can be.

use segue_core::{Activation, Definition};
use segue_hub::{Hub, HubConfig, ServerHandle, bind};
use segue_runtime::ActivationLog;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::receiver::{Receiver, Reply};
use crate::world::{World, numbered, parse};

const PAGE: &str = include_str!("../../../../docs/destinations.md");

/// The documents of all YAML blocks, with an address and a directory that are there.
fn documents(receiver: &Receiver, directory: &str) -> Vec<Value> {
    let address = receiver.url();
    let address = address.strip_suffix("/in").unwrap();
    let blocks = PAGE.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let read = |block: &str| -> Vec<Value> {
        let block = block.replace("https://crm.example.com", address);
        serde_saphyr::from_multiple(&block.replace("/var/lib/segue", directory)).unwrap()
    };
    blocks.flat_map(read).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_taken_and_what_can_be_reached_from_here_delivers() {
    let receiver = Receiver::start().await;
    receiver.reply(|_, one| match one.header("content-type") {
        "application/x-www-form-urlencoded" => Reply::Json(200, json!({"access_token": "t"})),
        _ => Reply::Status(204),
    });
    let (_directory, hub, _server, connection_string) = event_hub().await;
    let secrets = ["CRM_KEY", "CRM_TOKEN", "CRM_SECRET", "CRM_HMAC"].map(|name| (name, "s3cret"));
    let variables = [&secrets[..], &[("ACTIVATIONS_CONNECTION", &connection_string)]].concat();
    let mut world = World::with(&variables, |_| {});
    let documents = documents(&receiver, world.path("").to_str().unwrap());
    assert!(documents.len() > 9, "{documents:?}");
    // Those that name Azure, Kafka or AWS are at no address of ours.
    let (elsewhere, delivered): (Vec<Value>, Vec<Value>) =
        documents.into_iter().partition(|document| {
            let keys = ["namespace", "brokers", "region"];
            keys.iter().any(|key| document["connection"].get(*key).is_some())
        });
    assert_eq!(elsewhere.len(), 6);
    for document in elsewhere {
        world.logs().check(&Definition::from_value(document).unwrap()).unwrap();
    }
    world.delivery.start();
    let ids: Vec<String> = delivered.iter().map(|one| parse(one.clone()).id).collect();
    world.define(delivered);
    let body = br#"{"identityMap": {"ecid": [{"id": "1"}]}, "segmentMembership": {}}"#;
    world.append(
        [1, 2].map(|profile| Activation { body: body.to_vec(), ..numbered(profile, profile) }),
    );
    let outside = ids.iter().filter(|id| *id != "activations").collect::<Vec<_>>();
    assert_eq!(outside, ["crm-short", "azure", "crm", "crm-oauth2", "files", "lines"]);
    for id in outside {
        world.delivered(id).await;
        let status = world.status(id);
        let letters = world.delivery.dead_letters().list(Some(id), 0, 1).unwrap();
        assert_eq!((status.delivered, &letters[..]), (2, [].as_slice()), "{id}");
    }
    let partitions = hub.event_hub("activations").unwrap();
    let ends = partitions.log().partitions().iter().map(|partition| partition.end_offset());
    assert_eq!(ends.sum::<u64>(), 2);
}

/// A hub with an event hub `activations`, and the connection string to it.
async fn event_hub() -> (TempDir, Hub, ServerHandle, String) {
    let directory = tempfile::tempdir().unwrap();
    let config = HubConfig { data_dir: directory.path().to_owned(), ..HubConfig::default() };
    let listener = bind(([127, 0, 0, 1], 0).into(), &config).unwrap();
    let hub = Hub::open(config).unwrap();
    let server = hub.serve(listener).await.unwrap();
    let connection_string = format!(
        "Endpoint=sb://localhost:{};SharedAccessKeyName=RootManageSharedAccessKey;\
         SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true",
        server.local_addr().port()
    );
    (directory, hub, server, connection_string)
}
