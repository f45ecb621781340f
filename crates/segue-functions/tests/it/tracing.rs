//! The spans of runs, and the trace that a handler gets.

use segue_core::TraceContext;
use segue_telemetry::{AttributeValue, MemorySink, Span, SpanKind, Tracer};
use serde_json::{Value, json};

use crate::apps::TestApp;
use crate::hubs::MemoryHubs;

/// Logs the trace that it is to continue, and fails at the first attempt.
const FAILS_ONCE: &str = "async (messages, context) => {
    context.log(context.traceContext.traceParent);
    if (!context.retryContext) throw new Error('not yet');
}";
const RETRIES: &str =
    "retry: { strategy: 'fixedDelay', maxRetryCount: 3, delayInterval: { milliseconds: 1 } },";

fn place(trace: u128, span: u64, is_sampled: bool) -> TraceContext {
    TraceContext { trace, span, is_sampled }
}

fn properties(place: TraceContext) -> Value {
    json!({"traceparent": place.to_string()})
}

/// An app whose runs are recorded.
fn recorded(mut app: TestApp) -> (TestApp, MemorySink) {
    let sink = MemorySink::default();
    app.options.tracer = Tracer::new(Box::new(sink.clone()), 0.0);
    (app, sink)
}

fn attribute(span: &Span, name: &str) -> Option<Value> {
    let found = span.attributes.iter().find(|(found, _)| *found == name);
    found.map(|(_, value)| match value {
        AttributeValue::Text(text) => json!(text),
        AttributeValue::Number(number) => json!(number),
    })
}

#[tokio::test]
async fn each_attempt_at_an_event_is_a_span_under_the_one_that_wrote_it() {
    let (app, sink) = recorded(TestApp::v4(&format!("cardinality: 'one', {RETRIES}"), FAILS_ONCE));
    let hubs = MemoryHubs::with_partitions(1);
    let writer = place(7, 8, true);
    hubs.publish_with(&[properties(writer)]);
    let (host, recorder) = app.start(&hubs).await;
    let runs = recorder.finished(2).await;
    let handed = recorder.logged(2).await;
    host.stop().await;

    let spans = sink.spans();
    assert_eq!(spans.len(), 2);
    for (index, span) in spans.iter().enumerate() {
        assert_eq!((span.name.as_ref(), span.kind), ("process fn", SpanKind::Consumer));
        assert_eq!((span.context.trace, span.parent), (writer.trace, Some(writer.span)));
        assert_eq!(span.links, [writer]);
        assert_eq!(handed[index], span.context.to_string(), "the handler continues the run");
        let of_run = |name| attribute(span, name).unwrap_or_default();
        assert_eq!(of_run("faas.invocation_id"), runs[index].0.invocation_id);
        assert_eq!(of_run("segue.function"), "fn");
        assert_eq!(of_run("messaging.system"), "eventhubs");
        assert_eq!(of_run("messaging.destination.name"), "in");
        assert_eq!(of_run("messaging.destination.partition.id"), "0");
        assert_eq!(of_run("messaging.consumer.group.name"), "$Default");
        assert_eq!(of_run("segue.sequence_number"), 0);
        assert_eq!(of_run("segue.attempt"), index + 1);
        assert_eq!(of_run("segue.outcome"), ["failed", "succeeded"][index]);
        assert_eq!(of_run("messaging.batch.message_count"), Value::Null);
        assert!(span.end >= span.start);
    }
    assert_eq!(spans[0].error.as_deref(), Some("Error: not yet"));
    assert_eq!(spans[1].error, None);
}

#[tokio::test]
async fn a_batch_is_one_span_that_is_linked_to_whatever_wrote_its_events() {
    let (app, sink) = recorded(TestApp::v4(
        "cardinality: 'many',",
        "async (messages, context) => {
            context.log(context.traceContext.traceParent);
            return { batchItemFailures: [{ itemIdentifier: 1 }] };
        }",
    ));
    let hubs = MemoryHubs::with_partitions(1);
    let writers = [place(1, 10, true), place(2, 20, true), place(3, 30, false)];
    let mut events = writers.map(properties).to_vec();
    events.push(json!({}));
    hubs.publish_with(&events);
    let (host, recorder) = app.start(&hubs).await;
    let handed = recorder.logged(1).await;
    recorder.dead_lettered().await;
    host.stop().await;

    let [span] = &sink.spans()[..] else { panic!("{:?}", sink.spans()) };
    assert_eq!((span.parent, &span.links[..]), (None, &writers[..2]));
    assert!(![1, 2, 3].contains(&span.context.trace), "no trace owns all of its events");
    assert_eq!(handed, [span.context.to_string()]);
    assert_eq!(attribute(span, "segue.sequence_number"), Some(json!(0)));
    assert_eq!(attribute(span, "segue.last_sequence_number"), Some(json!(3)));
    assert_eq!(attribute(span, "messaging.batch.message_count"), Some(json!(4)));
    assert_eq!(attribute(span, "segue.outcome"), Some(json!("partlyFailed")));
    assert_eq!(span.error.as_deref(), Some("Failed for [1]"));
}

#[tokio::test]
async fn what_nobody_wants_recorded_is_handed_on_and_not_recorded() {
    let log = "async (message, context) => context.log(context.traceContext.traceParent)";
    let unsampled = place(7, 8, false);
    // Of a message that nothing traced caused.
    let own = place(0x0123_abcd_0123_abcd_0123_0123_4567_89ab, 9, true);
    let mut begun = properties(own);
    begun["segue-activation-id"] = json!("0123abcd-0123-abcd-0123-0123456789ab");
    let events = [properties(unsampled), begun, properties(place(7, 10, true))];

    let (app, sink) = recorded(TestApp::v4("cardinality: 'one',", log));
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish_with(&events);
    let (host, recorder) = app.start(&hubs).await;
    let handed = recorder.logged(3).await;
    host.stop().await;
    assert_eq!(handed[..2], [unsampled.to_string(), own.to_string()]);
    let [span] = &sink.spans()[..] else { panic!("{:?}", sink.spans()) };
    assert_eq!(span.parent, Some(10));

    // Without a tracer all is handed on.
    let app = TestApp::v4("cardinality: 'one',", log);
    let (host, recorder) = app.start(&hubs).await;
    assert_eq!(recorder.logged(3).await[2], place(7, 10, true).to_string());
    host.stop().await;
}
