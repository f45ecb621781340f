//! The host and the real hub, over AMQP.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use segue_amqp::codec::Map;
use segue_amqp::message::{Body, Message, Properties};
use segue_functions::{FunctionEvent, FunctionHost, HostOptions};
use segue_hub::{Hub, HubConfig, ServerHandle};
use serde_json::json;

use crate::apps::TestApp;
use crate::recorder::Recorder;

/// A port to come back to: free now, and below those that the system gives to others.
fn own_port() -> SocketAddr {
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let mut addresses = (first..32_000).map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    addresses.find(|address| std::net::TcpListener::bind(address).is_ok()).unwrap()
}

/// A hub with one event hub, `in`, on this address.
async fn serve(data_dir: &Path, address: SocketAddr) -> (Hub, ServerHandle) {
    let config = HubConfig { data_dir: data_dir.to_owned(), ..HubConfig::default() };
    let listener = segue_hub::bind(address, &config).unwrap();
    let hub = Hub::open(config).unwrap();
    hub.ensure_event_hub("in").unwrap();
    let server = hub.serve(listener).await.unwrap();
    (hub, server)
}

fn publish(hub: &Hub, partition: u16, body: &str) {
    let message = Message {
        properties: Properties {
            content_type: Some("application/json".to_owned()),
            ..Default::default()
        },
        application_properties: Map::new().with_string("segue-reason", "membership"),
        body: Body::Data(body.to_owned().into()),
        ..Message::default()
    };
    let appended = hub.event_hub("in").unwrap().publish(partition, &[message.encode()]);
    appended.unwrap().wait().unwrap();
}

async fn start(options: HostOptions, port: u16) -> (FunctionHost, Arc<Recorder>) {
    let connection = format!(
        "Endpoint=sb://localhost:{port};SharedAccessKeyName=RootManageSharedAccessKey;\
         SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    );
    let settings_override = [("HUB".to_owned(), connection)].into();
    let recorder = Arc::new(Recorder::default());
    let host = FunctionHost::start(HostOptions { settings_override, ..options }, recorder.clone());
    let host = host.await.unwrap_or_else(|error| panic!("{error}"));
    host.listening().await;
    (host, recorder)
}

const LOG: &str = "async (messages, context) => context.log(JSON.stringify([messages,
    context.triggerMetadata.propertiesArray[0]['segue-reason'],
    context.triggerMetadata.sequenceNumberArray,
    context.triggerMetadata.partitionContext.partitionId,
    context.triggerMetadata.systemPropertiesArray[0]['content-type']]))";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_a_real_hub_arrive_also_after_it_was_away() {
    let data = tempfile::tempdir().unwrap();
    let address = own_port();
    let (hub, server) = serve(data.path(), address).await;
    publish(&hub, 1, r#"{"n": 1}"#);

    let app = TestApp::v4("cardinality: 'many',", LOG);
    let (host, recorder) = start(app.options.clone(), address.port()).await;
    let first = recorder.logged_json().await;
    assert_eq!(first, json!([[{"n": 1}], "membership", [0], "1", "application/json"]));

    server.shutdown().await;
    hub.close();
    drop(hub);
    let unavailable = |event: &FunctionEvent| match event {
        FunctionEvent::HubUnavailable { event_hub, .. } => Some(event_hub.clone()),
        _ => None,
    };
    assert_eq!(recorder.wait_for(1, unavailable).await[0], "localhost/in");

    let (hub, server) = serve(data.path(), address).await;
    publish(&hub, 1, r#"{"n": 2}"#);
    let second = recorder.logged(2).await.remove(1);
    assert_eq!(second, r#"[[{"n":2}],"membership",[1],"1","application/json"]"#);
    host.stop().await;

    publish(&hub, 1, r#"{"n": 3}"#);
    let (host, recorder) = start(app.options.clone(), address.port()).await;
    assert_eq!(recorder.logged_json().await[2], json!([2]), "it goes on behind the checkpoint");
    host.stop().await;
    server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outputs_and_the_end_of_a_partition_work_over_amqp() {
    let data = tempfile::tempdir().unwrap();
    let (hub, server) = serve(data.path(), ([127, 0, 0, 1], 0).into()).await;
    let out = hub.ensure_event_hub("out").unwrap();
    publish(&hub, 0, "\"old\"");

    let app = TestApp::v4(
        "cardinality: 'one', return: output.eventHub({ connection: 'HUB', eventHubName: 'out' }),",
        "async (message) => ({ copied: message })",
    );
    app.write(
        "host.json",
        r#"{"version": "2.0", "extensions": {"eventHubs": {
            "initialOffsetOptions": {"type": "fromEnd"}}}}"#,
    );
    let (host, recorder) = start(app.options.clone(), server.local_addr().port()).await;
    publish(&hub, 0, "\"new\"");
    recorder.finished(1).await;
    host.stop().await;
    let records: Vec<_> = out
        .log()
        .partitions()
        .iter()
        .flat_map(|partition| partition.reader(0).read(1 << 20).unwrap())
        .collect();
    assert_eq!(records.len(), 1);
    let sent = Message::decode(&records[0].payload.clone().into()).unwrap();
    assert_eq!(sent.body, Body::Data(r#"{"copied":"new"}"#.into()));
    server.shutdown().await;
}
