//! Output bindings.

use segue_functions::FunctionEvent;

use crate::apps::TestApp;
use crate::hubs::MemoryHubs;

const OUTPUTS: &str = "cardinality: 'one',
    return: output.eventHub({ connection: 'HUB', eventHubName: 'returned' }),
    extraOutputs: [output.eventHub({ connection: 'HUB', eventHubName: 'extra' })],";

#[tokio::test]
async fn returned_and_named_values_are_sent_after_success() {
    let app = TestApp::v4(
        &format!(
            "{OUTPUTS} retry: {{ strategy: 'fixedDelay', maxRetryCount: 1, delayInterval: 0 }},"
        ),
        "async (message, context) => {
            const extra = context.options.extraOutputs[0];
            context.extraOutputs.set(extra, [{ b: 1, a: message }, 'text']);
            if (!context.retryContext) throw new Error('the first attempt sends nothing');
            return { batchItemFailures: [] };
        }",
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.create("returned", 1);
    hubs.create("extra", 1);
    hubs.publish(0, &["7"]);
    let (host, _recorder) = app.start(&hubs).await;
    assert_eq!(hubs.bodies("returned", 1).await, [r#"{"batchItemFailures":[]}"#]);
    host.stop().await;
    assert_eq!(hubs.bodies("extra", 2).await, [r#"{"a":7,"b":1}"#, "text"]);
}

#[tokio::test]
async fn an_output_that_is_refused_fails_the_event() {
    let app = TestApp::v4(OUTPUTS, "async () => 'returned'");
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["1"]);
    let (host, recorder) = app.start(&hubs).await;
    let (_, error) = recorder.dead_lettered().await;
    assert_eq!(error, "output $return to localhost/returned: there is no event hub returned");
    host.stop().await;
}

#[tokio::test]
async fn a_hub_that_comes_later_is_waited_for() {
    let app =
        TestApp::v4("cardinality: 'one',", "async (message, context) => context.log(message)");
    let hubs = MemoryHubs::default();
    let (host, recorder) = app.try_start(&hubs).await;
    let unavailable = |event: &FunctionEvent| match event {
        FunctionEvent::HubUnavailable { message, .. } => Some(message.clone()),
        _ => None,
    };
    assert_eq!(recorder.wait_for(1, unavailable).await[0], "there is no event hub in");
    hubs.create("in", 1);
    hubs.publish(0, &["late"]);
    assert_eq!(recorder.logged(1).await, ["late"]);
    host.unwrap().stop().await;
}
