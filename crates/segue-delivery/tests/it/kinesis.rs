//! Kinesis as a mock plays it: what single records and whole calls can come to, and who signs. The
//! signature and the real rules are in `tests/conformance/kinesis`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use segue_core::Activation;
use serde_json::{Value, json};

use crate::receiver::{Received, Receiver, Reply};
use crate::world::{World, destination, eventually, numbered};

const TARGET: &str = "Kinesis_20131202.PutRecords";

fn stream(receiver: &Receiver, credentials: Option<Value>) -> Value {
    let mut connection =
        json!({"region": "eu-central-1", "stream": "s", "endpoint": receiver.url()});
    if let Some(credentials) = credentials {
        connection["credentials"] = credentials;
    }
    destination("crm", "kinesis", connection)
}

fn own_key() -> Option<Value> {
    Some(json!({"access_key_id": "AKID", "secret_access_key": "${SECRET}"}))
}

/// Profile and number of the records of a call.
fn records(call: &Received) -> Vec<(u64, u64)> {
    let call = call.json();
    assert_eq!(call["StreamName"], "s");
    let record = |record: &Value| {
        let line = BASE64_STANDARD.decode(record["Data"].as_str().unwrap()).unwrap();
        let line: Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(line["properties"]["segue-profile-id"], record["PartitionKey"]);
        let number = |key: &str| line["body"][key].as_u64().unwrap();
        (number("profile"), number("number"))
    };
    call["Records"].as_array().unwrap().iter().map(record).collect()
}

/// The answer to a call, with the records refused for now that `fails` picks.
fn answer(call: &Received, fails: impl Fn((u64, u64)) -> bool) -> Reply {
    let answers = records(call).into_iter().map(|record| match fails(record) {
        true => json!({
            "ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded",
        }),
        false => json!({"SequenceNumber": "1", "ShardId": "shardId-000000000000"}),
    });
    Reply::Json(200, json!({"FailedRecordCount": 0, "Records": answers.collect::<Vec<_>>()}))
}

fn failure(kind: &str) -> Reply {
    Reply::Json(400, json!({"__type": kind, "message": "because"}))
}

async fn mock() -> (Receiver, World) {
    let receiver = Receiver::start().await;
    let mut world = World::with(&[("SECRET", "s3cret")], |_| {});
    world.define([stream(&receiver, own_key())]);
    (receiver, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_fails_holds_back_those_behind_it_and_no_others() {
    let (receiver, world) = mock().await;
    let sent: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
    let noted = Arc::clone(&sent);
    // The first sendings of these come to nothing.
    let failures = |record| match record {
        (3, 1) => 3,
        (7, 2) => 1,
        _ => 0,
    };
    receiver.reply(move |_, call| {
        answer(call, |record| {
            let mut sent = noted.lock().unwrap();
            sent.push(record);
            sent.iter().filter(|one| **one == record).count() <= failures(record)
        })
    });
    world.append((0..4).flat_map(|number| (0..10).map(move |profile| numbered(profile, number))));
    world.delivery.start();
    world.delivered("crm").await;

    for call in receiver.received() {
        assert_eq!(call.header("x-amz-target"), TARGET);
        assert_eq!(call.header("content-type"), "application/x-amz-json-1.1");
        let records = records(&call);
        let profiles: BTreeSet<u64> = records.iter().map(|(profile, _)| *profile).collect();
        assert_eq!(profiles.len(), records.len(), "one record of a profile in a call");
    }
    let sent = sent.lock().unwrap();
    let of = |profile| sent.iter().filter(move |one| one.0 == profile).map(|one| one.1);
    for profile in 0..10 {
        let expected: &[u64] = match profile {
            3 => &[0, 1, 1, 1, 1, 2, 3],
            7 => &[0, 1, 2, 2, 3],
            _ => &[0, 1, 2, 3],
        };
        assert_eq!(of(profile).collect::<Vec<_>>(), expected, "profile {profile}");
    }
    let status = world.status("crm");
    assert_eq!((status.delivered, status.refused, status.trouble), (40, 0, None));
    assert!(status.retried > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_at_a_time_is_sent_again_after_a_second() {
    for whole in [true, false] {
        let (receiver, world) = mock().await;
        receiver.reply(move |at, call| match (at, whole) {
            (0, true) => failure("ProvisionedThroughputExceededException"),
            (0, false) => answer(call, |_| true),
            _ => answer(call, |_| false),
        });
        world.append([numbered(1, 0)]);
        world.delivery.start();
        world.delivered("crm").await;
        let calls = receiver.received();
        assert_eq!(calls.len(), 2);
        assert!(calls[1].at - calls[0].at >= Duration::from_secs(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_kinesis_refuses_is_found_and_one_that_is_too_large_is_not_sent() {
    let (receiver, world) = mock().await;
    receiver.reply(|_, call| match records(call).contains(&(2, 1)) {
        true => failure("com.amazonaws.kinesis.v20131202#ValidationException"),
        false => answer(call, |_| false),
    });
    let body = json!({"profile": 1, "number": 1, "x": "x".repeat(1 << 20)}).to_string();
    let large = Activation { body: body.into_bytes(), ..numbered(1, 1) };
    let numbers = (0..3).flat_map(|number| (1..5).map(move |profile| numbered(profile, number)));
    let all = numbers.map(|one| if one.id == large.id { large.clone() } else { one });
    world.append(all);
    world.delivery.start();
    world.delivered("crm").await;
    let letters = world.delivery.dead_letters().list(Some("crm"), 0, 9).unwrap();
    let errors: BTreeSet<&str> = letters.iter().map(|letter| &*letter.error).collect();
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors.contains("ValidationException: because"), "{errors:?}");
    assert!(errors.iter().any(|error| error.contains("over the limit of 1048320")), "{errors:?}");
    assert_eq!(world.status("crm").delivered, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_fault_of_the_records_waits_and_says_what_to_do() {
    let (receiver, world) = mock().await;
    world.delivery.start();
    world.append([numbered(1, 0)]);
    for (kind, advice) in [
        ("ResourceNotFoundException", "create the stream"),
        ("AccessDeniedException", "give the one who sends leave to kinesis:PutRecords"),
        ("ExpiredTokenException", "check `credentials`"),
        ("KMSDisabledException", "because"),
    ] {
        receiver.reply(move |_, _| failure(kind));
        let trouble = || world.status("crm").trouble.unwrap_or_default();
        let is_told = || trouble().starts_with(kind) && trouble().contains(advice);
        eventually(is_told, trouble).await;
        assert!(!trouble().contains("s3cret"));
    }
    receiver.reply(|_, call| answer(call, |_| false));
    world.delivered("crm").await;
    assert_eq!((world.status("crm").delivered, world.status("crm").refused), (1, 0));
}

/// A mock of what lends keys: of a container at `/container`, or of an instance.
fn lend(number: usize, request: &Received) -> Reply {
    let key = |id: &str| {
        let expiration = "2100-01-01T00:00:00Z";
        Reply::Json(
            200,
            json!({
                "Code": "Success", "AccessKeyId": format!("{id}-{number}"),
                "SecretAccessKey": "lent", "Token": "lent-token", "Expiration": expiration,
            }),
        )
    };
    let has_token = request.header("x-aws-ec2-metadata-token") == "\"session\"";
    match &*request.path {
        "/container" if request.header("authorization") == "from-file" => key("CONTAINER"),
        "/latest/api/token" => Reply::Json(200, json!("session")),
        "/latest/meta-data/iam/security-credentials/" if has_token => Reply::Json(200, json!(1)),
        "/latest/meta-data/iam/security-credentials/1" if has_token => key("INSTANCE"),
        _ => Reply::Status(401),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_of_its_own_the_surroundings_lend_one_until_it_is_no_good_any_more() {
    let lender = Receiver::start().await;
    lender.reply(lend);
    let host = lender.url().strip_suffix("/in").unwrap().to_owned();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, "from-file\n").unwrap();
    let own = [("AWS_ACCESS_KEY_ID", "OWN"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let url = format!("{host}/container");
    let container = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &*url),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file.to_str().unwrap()),
    ];
    let instance = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", &*host)];
    for (variables, id, is_lent) in
        [(&own[..], "OWN", false), (&container, "CONTAINER-", true), (&instance, "INSTANCE-", true)]
    {
        let receiver = Receiver::start().await;
        receiver.reply(|at, call| match at {
            1 => failure("ExpiredTokenException"),
            _ => answer(call, |_| false),
        });
        let mut world = World::with(variables, |_| {});
        world.define([stream(&receiver, None)]);
        world.delivery.start();
        for number in 0..2 {
            world.append([numbered(1, number)]);
            world.delivered("crm").await;
        }
        let calls = receiver.received();
        let credential = |call: &Received| {
            let (_, rest) = call.header("authorization").split_once("Credential=").unwrap();
            rest.split_once('/').unwrap().0.to_owned()
        };
        let used: Vec<String> = calls.iter().map(credential).collect();
        assert!(used.len() == 3 && used.iter().all(|one| one.starts_with(id)), "{used:?}");
        assert_eq!(used[0], used[1], "it is kept");
        assert_eq!(used[1] != used[2], is_lent, "it is asked for anew: {used:?}");
        let token = if is_lent { "lent-token" } else { "" };
        assert!(calls.iter().all(|call| call.header("x-amz-security-token") == token));
    }
}
