//! What a host that comes back knows, and that nothing is left of one that is gone.

use std::time::Duration;

use segue_functions::FunctionEvent;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::apps::{TestApp, kill};
use crate::hubs::MemoryHubs;

const ECHO: &str = "async (message, context) => context.log(message)";

#[tokio::test]
async fn a_host_goes_on_where_the_last_one_stopped() {
    let app = TestApp::v4("cardinality: 'one',", ECHO);
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["first", "second"]);
    let (host, recorder) = app.start(&hubs).await;
    assert_eq!(recorder.logged(2).await, ["first", "second"]);
    host.stop().await;

    hubs.publish(0, &["third"]);
    let (host, recorder) = app.start(&hubs).await;
    assert_eq!(recorder.logged(1).await, ["third"]);
    host.stop().await;
}

#[tokio::test]
async fn what_was_running_when_the_host_died_comes_again() {
    let app = TestApp::v4(
        "cardinality: 'many',",
        "async (messages, context) => {
            context.log(messages.join());
            if (!require('fs').existsSync('second-host')) await new Promise(() => {});
        }",
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["a", "b"]);
    let (host, recorder) = app.start(&hubs).await;
    recorder.logged(1).await;
    kill(host, &recorder).await;

    app.write("second-host", "");
    let (host, recorder) = app.start(&hubs).await;
    assert_eq!(recorder.logged(1).await, ["a,b"]);
    host.stop().await;
}

#[tokio::test]
async fn attempts_and_what_succeeded_are_remembered_across_a_restart() {
    let app = TestApp::v4(
        "cardinality: 'many',
         retry: { strategy: 'fixedDelay', maxRetryCount: 2, delayInterval: { hours: 1 } },",
        "async (messages, context) => {
            context.log(messages.join());
            const number = context.triggerMetadata.sequenceNumberArray[messages.indexOf('bad')];
            return { batchItemFailures: [{ itemIdentifier: number }] };
        }",
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["good", "bad"]);
    for expected in ["good,bad", "bad", "bad"] {
        let (host, recorder) = app.start(&hubs).await;
        assert_eq!(recorder.logged(1).await, [expected]);
        let next = |event: &FunctionEvent| match event {
            FunctionEvent::Retrying { attempt, .. } => Some(format!("attempt {attempt}")),
            FunctionEvent::DeadLettered { .. } => Some("dead letter".to_owned()),
            _ => None,
        };
        let next = recorder.wait_for(1, next).await.remove(0);
        let redrive = app.checkpoint()["redrive"].clone();
        match next.as_str() {
            "attempt 2" => {
                assert_eq!((&redrive["pending"], &redrive["failures"]), (&json!([1]), &json!(1)))
            }
            "attempt 3" => assert_eq!(redrive["failures"], 2),
            _ => assert_eq!(host.dead_letters().list(0, 9).unwrap()[0].1.attempts, 3),
        }
        host.stop().await;
    }
    assert_eq!(app.checkpoint(), json!({"position": {"sequenceNumber": 1, "offset": "100"}}));
}

#[tokio::test]
async fn from_the_end_is_remembered_before_the_first_event_comes() {
    let app = TestApp::v4("cardinality: 'one',", ECHO);
    app.write(
        "host.json",
        r#"{"version": "2.0", "extensions": {"eventHubs": {
            "batchCheckpointFrequency": 100, "initialOffsetOptions": {"type": "fromEnd"}}}}"#,
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["old"]);
    let (host, recorder) = app.start(&hubs).await;
    kill(host, &recorder).await;
    hubs.publish(0, &["new"]);
    let (host, recorder) = app.start(&hubs).await;
    assert_eq!(recorder.logged(1).await, ["new"]);
    host.stop().await;
    assert_eq!(app.checkpoint()["position"]["sequenceNumber"], 1, "written when stopping");
}

#[tokio::test]
async fn a_minimum_batch_gathers_events_until_it_has_waited_long_enough() {
    let app = TestApp::v4(
        "cardinality: 'many',",
        "async (messages, context) => context.log(messages.join())",
    );
    app.write(
        "host.json",
        r#"{"version": "2.0", "extensions": {"eventHubs": {
            "minEventBatchSize": 3, "maxWaitTime": "00:00:01"}}}"#,
    );
    let hubs = MemoryHubs::with_partitions(1);
    let (host, recorder) = app.start(&hubs).await;
    hubs.publish(0, &["a"]);
    assert_eq!(recorder.logged(1).await, ["a"]);
    hubs.publish(0, &["b", "c"]);
    hubs.publish(0, &["d"]);
    assert_eq!(recorder.logged(2).await[1], "b,c,d");
    host.stop().await;
}

/// Waits until the process at the other end is gone.
async fn wait_for_the_end_of(mut process: TcpStream) {
    let wait = async { while matches!(process.read(&mut [0]).await, Ok(length) if length > 0) {} };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the process ends");
}

#[tokio::test]
async fn the_worker_ends_with_the_host_even_when_it_is_busy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut app = TestApp::v4(
        "cardinality: 'one',",
        "async () => {
            const socket = require('net').connect(process.env.PORT);
            await new Promise((resolve) => socket.on('connect', resolve));
            for (;;);
        }",
    );
    let port = listener.local_addr().unwrap().port();
    app.options.settings_override.insert("PORT".to_owned(), port.to_string());
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["1"]);
    let (host, _recorder) = app.start(&hubs).await;
    let (from_worker, _) = listener.accept().await.unwrap();
    drop(host);
    wait_for_the_end_of(from_worker).await;
}

#[tokio::test]
async fn a_worker_ends_when_its_connection_does() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut worker = worker_process("exec node", &listener).spawn().unwrap();
    let (to_worker, _) = listener.accept().await.unwrap();
    drop(to_worker);
    let ended = tokio::time::timeout(Duration::from_secs(30), worker.wait()).await;
    assert!(ended.expect("the worker ends").is_ok());
}

#[tokio::test]
async fn a_worker_ends_when_its_parent_does_even_when_it_is_busy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let loop_forever = "data:text/javascript,setTimeout(()=>{for(;;);},500)";
    let command = format!("node --import '{loop_forever}'");
    let mut parent = worker_process(&command, &listener).spawn().unwrap();
    let (from_worker, _) = listener.accept().await.unwrap();
    parent.kill().await.unwrap();
    wait_for_the_end_of(from_worker).await;
}

/// A worker without a host, started by a shell.
fn worker_process(node: &str, listener: &TcpListener) -> Command {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../workers/node/worker.cjs");
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{node} {script}; true")])
        .env("SEGUE_WORKER_PORT", listener.local_addr().unwrap().port().to_string())
        .env("SEGUE_WORKER_TOKEN", "token")
        .kill_on_drop(true);
    command
}
