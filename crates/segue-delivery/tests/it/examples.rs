//! The definitions in `docs/destinations.md`: each is read, and sent through where it can be.

use segue_core::Activation;
use serde_json::Value;

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
async fn every_example_is_taken_and_every_type_that_is_delivered_to_delivers() {
    let receiver = Receiver::start().await;
    receiver.reply(|_, one| match one.header("content-type") {
        "application/x-www-form-urlencoded" => Reply::Json(r#"{"access_token": "t"}"#),
        _ => Reply::Status(204),
    });
    let variables = ["CRM_KEY", "CRM_TOKEN", "CRM_SECRET", "CRM_HMAC"].map(|name| (name, "s3cret"));
    let mut world = World::with(&variables, |_| {});
    let documents = documents(&receiver, world.path("").to_str().unwrap());
    assert!(documents.len() > 9, "{documents:?}");
    let (delivered, not_yet): (Vec<Value>, Vec<Value>) =
        documents.into_iter().partition(|document| {
            let is_embedded = document["connection"]["embedded"] == true;
            let type_name = document["type"].as_str().unwrap();
            is_embedded || !["azure-event-hubs", "kafka", "kinesis"].contains(&type_name)
        });
    for document in not_yet {
        let said = world.refused(document);
        assert!(said.ends_with("(not-yet)") && said.lines().count() == 1, "{said}");
    }
    world.delivery.start();
    let ids: Vec<String> = delivered.iter().map(|one| parse(one.clone()).id).collect();
    world.define(delivered);
    let body = br#"{"identityMap": {"ecid": [{"id": "1"}]}, "segmentMembership": {}}"#;
    world.append(
        [1, 2].map(|profile| Activation { body: body.to_vec(), ..numbered(profile, profile) }),
    );
    let outside = ids.iter().filter(|id| *id != "activations").collect::<Vec<_>>();
    assert_eq!(outside, ["crm-short", "crm", "crm-oauth2", "files", "lines"]);
    for id in outside {
        world.delivered(id).await;
        let status = world.status(id);
        let letters = world.delivery.dead_letters().list(Some(id), 0, 1).unwrap();
        assert_eq!((status.delivered, &letters[..]), (2, [].as_slice()), "{id}");
    }
}
