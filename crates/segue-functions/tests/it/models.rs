//! What handlers get: v4 and v3, one and many, text and bytes, CommonJS and ES modules.

use segue_functions::{FunctionEvent, RunOutcome};
use serde_json::json;

use crate::apps::{TestApp, example_options, start};
use crate::hubs::MemoryHubs;

const ACTIVATION: &str = r#"{
    "identityMap": {"ecid": [{"id": "1"}]},
    "segmentMembership": {"ups": {"sports-fan": {"status": "realized", "name": "Sports fan"}}}}"#;

#[tokio::test]
async fn many_events_come_as_one_array_with_their_metadata() {
    let app = TestApp::v4(
        "cardinality: 'many',",
        "async (messages, context) => context.log(JSON.stringify({
            messages, metadata: context.triggerMetadata, function: context.functionName }))",
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &[r#"{"a": 1}"#, "not json", ""]);
    let (host, recorder) = app.start(&hubs).await;

    let seen = recorder.logged_json().await;
    assert_eq!(seen["messages"], json!([{"a": 1}, "not json", ""]));
    assert_eq!(seen["function"], "fn");
    let metadata = &seen["metadata"];
    assert_eq!(metadata["sequenceNumberArray"], json!([0, 1, 2]));
    assert_eq!(metadata["offsetArray"], json!([0, 100, 200]), "the library parses numbers");
    assert_eq!(metadata["partitionKeyArray"], json!(["key-0", "key-1", "key-2"]));
    assert_eq!(metadata["enqueuedTimeUtcArray"][1], "2026-01-01T10:00:01.000Z");
    assert_eq!(metadata["propertiesArray"][2]["segue-reason"], "membership");
    assert_eq!(metadata["propertiesArray"][2]["destination"], "d", "the library camel-cases keys");
    assert_eq!(metadata["systemPropertiesArray"][2]["sequenceNumber"], 2);
    assert_eq!(metadata["partitionContext"]["eventHubName"], "in");
    let (run, outcome) = recorder.finished(1).await.remove(0);
    assert_eq!((run.events, run.attempt, outcome), (3, 1, RunOutcome::Succeeded));
    host.stop().await;
    assert_eq!(app.checkpoint(), json!({"position": {"sequenceNumber": 2, "offset": "200"}}));
}

#[tokio::test]
async fn one_event_at_a_time_lends_its_fields_to_the_metadata() {
    let app = TestApp::v4(
        "cardinality: 'one',",
        "async (message, context) => {
            const { id, sequenceNumber, enqueuedTimeUtc, offset } = context.triggerMetadata;
            const seen = [message, id ?? null, sequenceNumber, offset, enqueuedTimeUtc];
            context.log(JSON.stringify(seen));
        }",
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &[r#"{"id": "x"}"#, "text"]);
    let (host, recorder) = app.start(&hubs).await;
    let logged = recorder.logged(2).await;
    assert_eq!(logged[0], r#"[{"id":"x"},"x",0,0,"2026-01-01T10:00:00.000Z"]"#);
    assert_eq!(logged[1], r#"["text",null,1,100,"2026-01-01T10:00:01.000Z"]"#);
    host.stop().await;
}

#[tokio::test]
async fn binary_events_come_as_buffers() {
    let app = TestApp::v4(
        "cardinality: 'many', dataType: 'binary',",
        "async (messages, context) => context.log(
            messages.map((m) => `${Buffer.isBuffer(m)} ${m.toString('hex')}`).join())",
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.append("in", 0, vec![vec![0, 255].into(), vec![].into()]);
    let (host, recorder) = app.start(&hubs).await;
    assert_eq!(recorder.logged(1).await, ["true 00ff,true "]);
    host.stop().await;
}

#[tokio::test]
async fn the_examples_run_as_they_are() {
    let data = tempfile::tempdir().unwrap();
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &[ACTIVATION]);

    let options = example_options("log-activations", &data.path().join("v4"));
    let (host, recorder) = start(options, &hubs).await;
    let logged = recorder.logged(1).await.remove(0);
    assert!(logged.starts_with(r#"activation (membership): {"identityMap""#), "{logged}");
    host.unwrap().stop().await;

    let options = example_options("log-activations-v3", &data.path().join("v3"));
    let (host, recorder) = start(options, &hubs).await;
    let logged = recorder.logged(1).await.remove(0);
    assert!(logged.starts_with(r#"activation 0: {"identityMap""#), "{logged}");
    host.unwrap().stop().await;
}

#[tokio::test]
async fn a_v3_handler_may_use_callbacks_and_bindings() {
    let app = TestApp::empty();
    app.write("package.json", "{}");
    app.write(
        "fn/function.json",
        r#"{"entryPoint": "handle", "bindings": [
            {"type": "eventHubTrigger", "name": "events", "direction": "in", "path": "in",
             "connection": "HUB", "cardinality": "many", "dataType": "string"},
            {"type": "eventHub", "name": "copies", "direction": "out", "eventHubName": "out",
             "connection": "HUB"}]}"#,
    );
    app.write(
        "fn/index.js",
        "exports.other = 1;
         exports.handle = function (context, events) {
            context.log.warn('%s of %d', typeof events[0], events.length,
                context.bindingData.propertiesArray[0].Destination);
            context.bindings.copies = [{ first: events[0] }];
            setTimeout(() => context.done(), 10);
         };",
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.create("out", 1);
    hubs.publish(0, &["1", "2"]);
    let (host, recorder) = app.start(&hubs).await;
    assert_eq!(hubs.bodies("out", 1).await, [r#"{"first":"1"}"#]);
    assert_eq!(recorder.logged(1).await, ["string of 2 d"], "v3 parses no strings, keeps keys");
    host.stop().await;
}

#[tokio::test]
async fn es_modules_braces_in_main_and_hooks_work() {
    let app = TestApp::empty();
    app.write(
        "package.json",
        r#"{"type": "module", "main": "dist/{hooks.js,functions/**/*.{js,mjs}}",
            "dependencies": {"@azure/functions": "^4.16.5"}}"#,
    );
    app.write(
        "dist/hooks.js",
        "import { app } from '@azure/functions';
         app.hook.appStart(() => console.log('app start'));
         app.hook.preInvocation((hook) => { hook.inputs = [[...hook.inputs[0], 'by hook']]; });
         app.hook.postInvocation((hook) => hook.invocationContext.log(`result ${hook.result}`));",
    );
    app.write(
        "dist/functions/deep/fn.mjs",
        "import { app } from '@azure/functions';
         app.eventHub('fn', { connection: 'HUB', eventHubName: 'in', cardinality: 'many',
            handler: async (messages, context) => { context.log(messages.join()); return 7; } });",
    );
    app.write("dist/functions/ignored.txt", "");
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["\"event\""]);
    let (host, recorder) = app.start(&hubs).await;
    assert_eq!(recorder.logged(2).await, ["event,by hook", "result 7"]);
    let is_app_start = |event: &FunctionEvent| match event {
        FunctionEvent::Log(line) => (line.message == "app start").then_some(()),
        _ => None,
    };
    recorder.wait_for(1, is_app_start).await;
    host.stop().await;
}

#[tokio::test]
async fn every_line_names_its_invocation_across_awaits_and_timers() {
    let app = TestApp::v4(
        "cardinality: 'many',",
        "async ([name], context) => {
            for (let turn = 0; turn < 3; turn++) {
                console.log(name);
                await new Promise((resolve) => setTimeout(resolve, 5));
                context.log(name);
            }
            await Promise.resolve().then(() => console.error(name));
        }",
    );
    let hubs = MemoryHubs::with_partitions(2);
    hubs.publish(0, &["\"zero\""]);
    hubs.publish(1, &["\"one\""]);
    let (host, recorder) = app.start(&hubs).await;
    let runs = recorder.finished(2).await;
    for (run, _) in runs {
        let lines: Vec<_> = recorder
            .events()
            .into_iter()
            .filter_map(|event| match event {
                FunctionEvent::Log(line) => Some(line),
                _ => None,
            })
            .filter(|line| line.invocation_id.as_ref() == Some(&run.invocation_id))
            .map(|line| line.message)
            .collect();
        let name = if run.partition == "0" { "zero" } else { "one" };
        assert_eq!(lines, [name; 7]);
    }
    host.stop().await;
}
