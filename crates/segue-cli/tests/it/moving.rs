//! A server moves while much is under way: messages wait for a destination that is down, others
//! were refused for good, a consumer has read half of a hub, a person is being erased.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use segue_amqp::client::{Connection, EventData, Namespace, Position, ReceivedEvent};
use segue_amqp::sas::ConnectionString;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::delivering::{Crm, SPORTS_FAN, Statuses, eventually, statuses, visit};
use crate::running::{Serving, said, segue};

const HUB: &str = "activations";

const PATIENCE: Duration = Duration::from_secs(60);

/// Who is refused by the destination, and the one of them who is erased.
const REFUSED: std::ops::Range<u32> = 100..105;
const ERASED: &str = "ECID:104";

/// Whose message still waits while she is erased.
const LEAVING: u32 = 700;

/// The messages of each partition of a hub.
type Messages = BTreeMap<String, Vec<ReceivedEvent>>;

/// Reads a hub as any consumer would: behind its checkpoints, to the end.
fn read(server: &Serving, checkpoints: &BTreeMap<String, String>) -> Messages {
    Runtime::new().unwrap().block_on(async {
        let connection = connect(server).await;
        let mut messages = Messages::new();
        for partition in connection.hub_info(HUB).await.unwrap().partition_ids {
            let last = connection.partition_info(HUB, &partition).await.unwrap();
            let last = last.last_enqueued_sequence_number;
            let checkpoint = checkpoints.get(&partition).cloned();
            let from = checkpoint.map_or(Position::Earliest, Position::Offset);
            let mut receiver =
                connection.receiver(HUB, "$Default", &partition, &from).await.unwrap();
            let read = messages.entry(partition).or_default();
            while read.last().map_or(-1, |last: &ReceivedEvent| last.sequence_number) < last {
                let wait = if read.is_empty() { Duration::from_secs(2) } else { PATIENCE };
                let batch = receiver.next_batch(100, wait).await.unwrap();
                if batch.is_empty() {
                    break;
                }
                read.extend(batch);
            }
        }
        messages
    })
}

async fn connect(server: &Serving) -> Connection {
    let target = Namespace::from(&ConnectionString::parse(&server.hub_connection()).unwrap());
    Connection::connect(&target).await.unwrap()
}

fn property(event: &ReceivedEvent, name: &str) -> String {
    let found = event.properties.iter().find(|(key, _)| key.as_str() == Some(name));
    found.and_then(|(_, value)| value.as_str()).unwrap_or_default().to_owned()
}

fn statuses_of(messages: &Messages) -> Statuses {
    statuses(messages.values().flatten().map(|event| {
        let id = property(event, "segue-activation-id");
        let body = serde_json::from_slice(&event.body).unwrap();
        (id, property(event, "segue-profile-id"), body)
    }))
}

fn count(messages: &Messages) -> usize {
    messages.values().map(Vec::len).sum()
}

fn receipt(server: &Serving, id: &str) -> Value {
    serde_json::from_str(&server.succeed(&["profile", "receipt", id, "-o", "json"])).unwrap()
}

fn letters(server: &Serving) -> String {
    server.succeed(&["dead-letters", "list", "--destination", "crm"])
}

/// What there is before the move. Gives the receipts of two erasures: one that is complete, and one
/// that waits.
fn fill(server: &Serving, crm: &Crm) -> (Value, String) {
    let definitions = format!(
        r#"{SPORTS_FAN}
---
{{kind: Destination, id: hub, type: azure-event-hubs, audiences: [sports-fan], connection: {{embedded: true, event_hub: {HUB}}}}}
---
{{kind: Destination, id: crm, type: http, audiences: [sports-fan], connection: {{url: "{}"}}}}
"#,
        crm.url
    );
    let file = server.file("definitions.yaml", &definitions);
    server.succeed(&["apply", "-f", file.to_str().unwrap()]);
    crm.answer_with(422);
    visit(server, REFUSED, 1);
    eventually(|| letters(server).lines().count() == 1 + REFUSED.len(), || letters(server));
    let erased = server.succeed(&["profile", "delete", ERASED, "-o", "json"]);
    let erased: Value = serde_json::from_str(&erased).unwrap();
    assert_eq!(erased["state"], "complete", "{erased}");
    crm.answer_with(503);
    visit(server, 0..40, 1);
    visit(server, LEAVING..LEAVING + 1, 1);
    visit(server, 0..40, 2);
    let leaving = server.succeed(&["profile", "delete", "--no-wait", &format!("ECID:{LEAVING}")]);
    let leaving = leaving.trim().to_owned();
    let waits = |receipt: &Value| receipt["logs"]["outbox:crm"]["waiting"] == 1;
    eventually(|| waits(&receipt(server, &leaving)), || receipt(server, &leaving).to_string());
    (erased, leaving)
}

/// Exports while events come in.
fn export_under_load(server: &Serving, file: &Path) {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut rounds = 0;
            while !is_over.load(Ordering::Relaxed) {
                visit(server, 1000..1020, rounds);
                rounds += 1;
            }
        });
        let exported = server.run(&["export", file.to_str().unwrap()]);
        is_over.store(true, Ordering::Relaxed);
        load.join().unwrap();
        assert!(exported.status.success(), "{}", said(&exported));
    });
}

fn import(file: &Path, data: &Path) -> std::process::Output {
    segue().arg("import").arg(file).arg("--data").arg(data).output().unwrap()
}

#[test]
fn what_waits_and_what_was_read_moves_with_the_server() {
    let crm = Crm::start();
    let old = Serving::start();
    let (erased, leaving) = fill(&old, &crm);
    let refused = letters(&old);

    // A consumer has come half way.
    let before = read(&old, &BTreeMap::new());
    let half = |(partition, read): (&String, &Vec<ReceivedEvent>)| {
        let last = read.get((read.len() / 2).checked_sub(1)?)?;
        Some((partition.clone(), last.offset.clone()))
    };
    let checkpoints: BTreeMap<String, String> = before.iter().filter_map(half).collect();
    assert!(checkpoints.len() > 1, "{checkpoints:?}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.zst");
    export_under_load(&old, &file);
    let all = read(&old, &BTreeMap::new());
    drop(old);

    cut_short(&file, folder.path());
    let imported = import(&file, &folder.path().join("data"));
    assert!(imported.status.success(), "{}", said(&imported));
    let mut new = Serving::start_in(folder);
    let moved = read(&new, &BTreeMap::new());
    for (partition, messages) in &moved {
        assert!(all[partition].starts_with(messages), "partition {partition}");
        assert!(messages.starts_with(&before[partition]), "partition {partition}");
        let read = read(&new, &checkpoints);
        let (_, behind) = messages.split_at(before[partition].len() / 2);
        assert_eq!(read[partition], behind, "partition {partition}");
    }
    assert!(crm.requests.lock().is_empty());
    assert_eq!(letters(&new), refused);
    assert_eq!(receipt(&new, &erased["id"].to_string()), erased);
    assert_eq!(receipt(&new, &leaving)["state"], "running");
    goes_on(&mut new, &crm, &moved, &leaving);
}

/// The destination is back, and the new server goes on.
fn goes_on(server: &mut Serving, crm: &Crm, moved: &Messages, leaving: &str) {
    crm.answer_with(204);
    let metrics = || server.get("/metrics");
    eventually(|| metrics().contains("segue_delivery_backlog{destination=\"crm\"} 0"), metrics);
    let expected = statuses_of(moved);
    let refused = REFUSED.len() - 1;
    let got = crm.statuses();
    // The message of the one who leaves was still to be sent; in the hub it is erased.
    assert_eq!(got.len(), expected.len() - refused + 1);
    let sent = expected.iter().filter(|(profile, _)| got.contains_key(*profile));
    let sent: Statuses = sent.map(|(profile, sent)| (profile.clone(), sent.clone())).collect();
    assert_eq!(sent.len(), expected.len() - refused);
    for (profile, statuses) in &sent {
        assert_eq!(&got[profile], statuses, "profile {profile}");
    }
    assert_eq!(crm.requests.lock().len(), got.values().map(Vec::len).sum::<usize>(), "once each");

    let replayed = server.succeed(&["dead-letters", "replay", "--all", "--destination", "crm"]);
    assert_eq!(replayed.lines().count(), refused, "{replayed}");
    eventually(|| crm.statuses().len() == got.len() + refused, || letters(server));
    assert_eq!(letters(server).lines().count(), 1);
    let receipt = || receipt(server, leaving);
    eventually(|| receipt()["state"] == "complete", || receipt().to_string());
    let gone = server.get(&format!("/api/profiles/ECID/{LEAVING}"));
    assert!(gone.contains("404"), "{gone}");
    let gone = server.get("/api/profiles/ECID/104");
    assert!(gone.contains("404"), "{gone}");

    visit(server, 2000..2040, 1);
    server.kill_and_restart();
    let end = count(moved) + 40;
    eventually(
        || count(&read(server, &BTreeMap::new())) >= end,
        || count(&read(server, &BTreeMap::new())).to_string(),
    );
    let messages = read(server, &BTreeMap::new());
    let ids: BTreeSet<String> =
        messages.values().flatten().map(|one| property(one, "segue-activation-id")).collect();
    assert_eq!((count(&messages), ids.len()), (end, end), "nothing is doubled");
    for (partition, messages) in &messages {
        assert!(messages.starts_with(&moved[partition]), "partition {partition}");
    }
}

/// A file that is not whole is refused, and leaves nothing.
fn cut_short(file: &Path, folder: &Path) {
    let whole = std::fs::read(file).unwrap();
    let cut = folder.join("cut.zst");
    std::fs::write(&cut, &whole[..whole.len() - 100]).unwrap();
    let refused = import(&cut, &folder.join("data"));
    assert!(said(&refused).contains("damaged or cut short"), "{}", said(&refused));
    let left = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let left: BTreeSet<_> = left.collect();
    assert_eq!(left, ["backup.zst", "cut.zst"].map(Into::into).into());
}

#[test]
fn what_others_sent_to_a_hub_moves_with_a_server_that_has_no_input() {
    let old = Serving::start();
    let sent: Vec<EventData> = ["one", "two", "three"].map(EventData::new).to_vec();
    Runtime::new().unwrap().block_on(async {
        let sender = connect(&old).await.sender(HUB, None).await.unwrap();
        sender.send_all(&sent, Some("key")).await.unwrap();
    });
    let read_old = read(&old, &BTreeMap::new());
    assert_eq!(count(&read_old), sent.len());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.zst");
    old.succeed(&["export", file.to_str().unwrap()]);
    let imported = import(&file, &folder.path().join("data"));
    assert!(imported.status.success(), "{}", said(&imported));
    assert_eq!(read(&Serving::start_in(folder), &BTreeMap::new()), read_old);
}

/// An export reads its cursors before the logs: what was delivered and erased in between lies
/// behind a cursor of the file.
#[test]
fn what_is_erased_behind_a_cursor_does_not_wait_to_be_delivered() {
    let crm = Crm::start();
    let mut server = Serving::start();
    crate::delivering::apply(&server, &crm);
    visit(&server, 0..1, 1);
    let delivered = || crm.requests.lock().len() == 1;
    eventually(delivered, || server.get("/api/destinations/crm"));
    server.succeed(&["profile", "delete", "ECID:0"]);
    server.kill_and_restart_after(|data| {
        let cursor = data.join("delivery/outboxes/crm/cursor.json");
        assert!(std::fs::read_to_string(&cursor).unwrap().contains('1'));
        std::fs::write(cursor, r#"{"version":1,"next":[0,0,0,0,0,0,0,0]}"#).unwrap();
    });
    let metrics = || server.get("/metrics");
    eventually(|| metrics().contains("segue_delivery_backlog{destination=\"crm\"} 0"), metrics);
    assert_eq!(crm.requests.lock().len(), 1);
}
