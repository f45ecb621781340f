//! Retries, dead letters, crashes and timeouts.

use segue_functions::{DeadLetterReason, FunctionEvent, RunOutcome};
use serde_json::json;

use crate::apps::TestApp;
use crate::hubs::MemoryHubs;

const RETRY_TWICE: &str =
    "cardinality: 'many', retry: { strategy: 'fixedDelay', maxRetryCount: 2, delayInterval: 0 },";

#[tokio::test]
async fn what_fails_is_retried_then_kept_as_a_dead_letter_and_the_next_event_comes() {
    let app = TestApp::v4(
        RETRY_TWICE,
        "async ([message], context) => {
            context.log(`${message} ${JSON.stringify(context.retryContext ?? null)}`);
            if (message === 'bad') throw new TypeError('no such customer');
        }",
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["bad"]);
    let (host, recorder) = app.start(&hubs).await;
    let (sequence_numbers, error) = recorder.dead_lettered().await;
    assert_eq!(sequence_numbers, [0]);
    assert!(error.starts_with("TypeError: no such customer\n"), "{error}");
    hubs.publish(0, &["good"]);
    let runs = recorder.finished(4).await;
    assert_eq!(runs.iter().map(|(run, _)| run.attempt).collect::<Vec<_>>(), [1, 2, 3, 1]);
    assert_eq!(runs[3].1, RunOutcome::Succeeded);

    let logged = recorder.logged(4).await;
    assert_eq!(logged[0], "bad null");
    assert!(logged[2].contains(r#""retryCount":2,"maxRetryCount":2"#), "{}", logged[2]);
    assert!(logged[2].contains("no such customer"), "{}", logged[2]);
    assert_eq!(logged[3], "good null");

    let (id, letter) = host.dead_letters().list(0, 10).unwrap().remove(0);
    assert_eq!((id, letter.attempts, letter.reason), (0, 3, DeadLetterReason::Failed));
    assert_eq!(letter.body.bytes().unwrap().as_ref(), b"bad");
    assert_eq!(letter.properties["segue-reason"], "membership");
    assert_eq!(letter.logs, [format!("information: {}", logged[2])]);
    let ids: Vec<_> = runs[..3].iter().map(|(run, _)| run.invocation_id.clone()).collect();
    assert_eq!(letter.invocation_ids, ids);
    host.stop().await;
    assert_eq!(app.checkpoint(), json!({"position": {"sequenceNumber": 1, "offset": "100"}}));
}

#[tokio::test]
async fn only_the_events_that_a_function_names_are_tried_again() {
    let app = TestApp::v4(
        RETRY_TWICE,
        "async (messages, context) => {
            context.log(messages.join());
            const numbers = context.triggerMetadata.sequenceNumberArray;
            const failed = messages.flatMap((message, index) =>
                message === 'bad' ? [{ itemIdentifier: String(numbers[index]) }] : []);
            return { batchItemFailures: failed };
        }",
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["good", "bad", "good", "bad"]);
    let (host, recorder) = app.start(&hubs).await;
    assert_eq!(recorder.dead_lettered().await.0, [1, 3]);
    let logged = recorder.logged(3).await;
    assert_eq!(logged, ["good,bad,good,bad", "bad,bad", "bad,bad"]);
    let outcome = RunOutcome::PartlyFailed { sequence_numbers: vec![1, 3] };
    assert_eq!(recorder.finished(1).await[0].1, outcome);
    host.stop().await;
    assert_eq!(app.checkpoint(), json!({"position": {"sequenceNumber": 3, "offset": "300"}}));
}

#[tokio::test]
async fn with_azures_semantics_a_failed_event_is_passed_over() {
    let mut app = TestApp::v4("cardinality: 'one',", "async () => { throw new Error('no'); }");
    app.options.azure_semantics = true;
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["1"]);
    let (host, recorder) = app.start(&hubs).await;
    let dropped = |event: &FunctionEvent| match event {
        FunctionEvent::Dropped { sequence_numbers, .. } => Some(sequence_numbers.clone()),
        _ => None,
    };
    assert_eq!(recorder.wait_for(1, dropped).await, [[0]]);
    assert!(host.dead_letters().list(0, 1).unwrap().is_empty());
    host.stop().await;
    assert_eq!(app.checkpoint()["position"]["sequenceNumber"], 0);
}

#[tokio::test]
async fn a_crash_restarts_the_worker_and_repeats_what_was_running() {
    // Partition 1 waits until partition 0 has taken the worker down, once.
    let app = TestApp::v4(
        "cardinality: 'many',",
        "async ([message], context) => {
            const fs = require('fs');
            const crashed = fs.existsSync('crashed');
            context.log(`${message} ${crashed}`);
            if (crashed) return;
            if (message === 'crash') {
                fs.writeFileSync('crashed', '');
                setTimeout(() => { throw new Error('nobody catches this'); }, 50);
            }
            await new Promise(() => {});
        }",
    );
    let hubs = MemoryHubs::with_partitions(2);
    hubs.publish(1, &["bystander"]);
    let (host, recorder) = app.start(&hubs).await;
    recorder.logged(1).await;
    hubs.publish(0, &["crash"]);

    let runs = recorder.finished(4).await;
    let attempts = |partition: &str| {
        let of_partition = runs.iter().filter(|(run, _)| run.partition == partition);
        of_partition.map(|(run, outcome)| (run.attempt, outcome.to_string())).collect::<Vec<_>>()
    };
    let crashed = "Failed: the worker ended: an error that nobody caught: \
                   Error: nobody catches this";
    let succeeded = "Succeeded".to_owned();
    assert_eq!(attempts("0"), [(1, crashed.to_owned()), (2, succeeded.clone())]);
    assert_eq!(attempts("1"), [(1, crashed.to_owned()), (1, succeeded)], "it is not to blame");
    assert!(host.dead_letters().list(0, 1).unwrap().is_empty());
    host.stop().await;
}

#[tokio::test]
async fn an_event_that_takes_every_worker_down_becomes_a_dead_letter() {
    let app = TestApp::v4(
        "cardinality: 'one',",
        "async (message) => { if (message === 'exit') process.exit(7); }",
    );
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["exit", "fine"]);
    let (host, recorder) = app.start(&hubs).await;
    let (_, error) = recorder.dead_lettered().await;
    assert!(error.contains("exit status: 7"), "{error}");
    let runs = recorder.finished(4).await;
    assert_eq!(runs[3].1, RunOutcome::Succeeded);
    let (_, letter) = host.dead_letters().list(0, 1).unwrap().remove(0);
    assert_eq!((letter.reason, letter.attempts), (DeadLetterReason::WorkerLost, 3));
    host.stop().await;
}

#[tokio::test]
async fn a_handler_that_never_ends_is_ended_by_the_timeout() {
    let app = TestApp::v4(
        "cardinality: 'one',",
        "async (message, context) => {
            context.log(message);
            if (message === 'hang') for (;;);
        }",
    );
    app.write("host.json", r#"{"version": "2.0", "functionTimeout": "00:00:02"}"#);
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &["hang", "fine"]);
    let (host, recorder) = app.start(&hubs).await;
    let (sequence_numbers, error) = recorder.dead_lettered().await;
    assert_eq!((sequence_numbers, error.as_str()), (vec![0], "it ran longer than 2s"));
    assert_eq!(recorder.logged(2).await, ["hang", "fine"]);
    host.stop().await;
}
