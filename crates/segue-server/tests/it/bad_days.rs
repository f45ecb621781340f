//! The disk gets full, fails or hangs while events come in: senders are told to come again, and
//! when the disk works, so does Segue. What was acknowledged is there then, and what was refused is
//! not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use reqwest::header::RETRY_AFTER;
use segue_core::Input;
use segue_delivery::EmbeddedHub;
use segue_hub::{Hub, HubConfig, Machine};
use segue_log::simulation::SimulatedDisk;
use segue_log::{Log, LogOptions, LogRecord};
use segue_runtime::{Runtime, RuntimeOptions};
use segue_server::LiveFeed;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{NOW, TestServer, body};

/// Senders that send at the same time.
const SENDERS: usize = 4;

/// A server whose logs are on a simulated disk; the checkpoint is on the real one.
struct Fragile {
    disk: SimulatedDisk,
    hub: Hub,
    runtime: Runtime,
    server: TestServer,
    input: PathBuf,
}

impl Fragile {
    async fn start(adjust: impl FnOnce(&mut RuntimeOptions)) -> Fragile {
        let disk = SimulatedDisk::default();
        let data_dir = TempDir::new().unwrap();
        let machine = Machine { host: disk.host(), ..Machine::default() };
        let config = HubConfig { data_dir: data_dir.path().into(), ..HubConfig::default() };
        let hub = Hub::open_on(machine, config).unwrap();
        let mut options =
            RuntimeOptions { host: disk.host(), ..RuntimeOptions::new(data_dir.path()) };
        adjust(&mut options);
        let (activations, feed) = (Arc::new(EmbeddedHub::new(hub.clone())), LiveFeed::new());
        let runtime = Runtime::open(options, activations, Arc::new(feed.clone())).unwrap();
        let input = data_dir.path().join("input");
        let server = TestServer::serve((runtime.clone(), feed, data_dir)).await;
        server.apply_shop().await;
        Fragile { disk, hub, runtime, server, input }
    }

    /// Sends batches from all senders until each was answered with this status so often.
    async fn send(&self, round: &str, status: u16, times: usize, answers: &mut Answers) {
        let senders = (0..SENDERS).map(|sender| async move {
            let mut answers = Vec::new();
            let mut count = 0;
            for number in 0.. {
                let id = format!("{round} {sender} {number}");
                let answer = self.send_event(&id).await;
                count += usize::from(answer == status);
                answers.push((id, answer));
                assert!(number < 10_000, "never answered with {status}: {answers:?}");
                if count == times {
                    break;
                }
            }
            answers
        });
        answers.extend(futures_util::future::join_all(senders).await.into_iter().flatten());
    }

    /// Sends an event of a new visitor that makes an activation; the status of the answer.
    async fn send_event(&self, id: &str) -> u16 {
        let event = json!({
            "_id": id, "timestamp": NOW, "identityMap": {"ECID": [{"id": id}]},
            "web": {"webPageDetails": {"name": "Sports"}},
        });
        let response = self.server.post("/api/events").json(&event).send().await.unwrap();
        let status = response.status().as_u16();
        if status == 503 {
            assert_eq!(response.headers()[RETRY_AFTER], "1");
        }
        let problem = body(response).await;
        assert!(status == 200 || status == 503, "{problem}");
        status
    }

    /// Waits until it says that it is ready, without being sent anything.
    async fn wait_ready(&self) {
        for _ in 0..1000 {
            if self.server.get("/ready").await.0 == 200 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await; // tidy: sleep because it polls
        }
        panic!("it does not recover: {:?}", self.server.get("/ready").await);
    }

    /// Stops it, and holds what is on the disk against the answers.
    fn judge(self, answers: &Answers) {
        self.runtime.shutdown().unwrap();
        self.hub.close();
        let accepted: BTreeSet<&str> = answers
            .iter()
            .filter(|(_, status)| **status == 200)
            .map(|(id, _)| id.as_str())
            .collect();
        let log = Log::open_on(&self.disk.host(), &self.input, LogOptions::default()).unwrap();
        let ids = records(&log).into_iter().filter_map(|record| {
            match Input::decode(&record.payload).unwrap() {
                Input::Event(event) => Some(event.id),
                _ => None,
            }
        });
        let ids: Vec<String> = ids.collect();
        let there: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        assert_eq!(there, accepted, "what is in the log, and what was acknowledged");
        assert_eq!(ids.len(), there.len(), "nothing is there twice");
        let activations = self.hub.event_hub("activations").unwrap();
        assert_eq!(records(activations.log()).len(), accepted.len(), "activations");
    }
}

/// Which event was answered with which status.
type Answers = BTreeMap<String, u16>;

fn records(log: &Log) -> Vec<LogRecord> {
    let partitions = log.partitions().iter();
    partitions.flat_map(|partition| partition.reader(0).read(usize::MAX).unwrap()).collect()
}

#[tokio::test]
async fn a_full_disk_refuses_until_there_is_room() {
    let fragile = Fragile::start(|_| {}).await;
    let mut answers = Answers::new();
    fragile.send("before", 200, 20, &mut answers).await;
    fragile.disk.set_free_bytes(Some(20_000));
    fragile.send("full", 503, 10, &mut answers).await;
    let (status, problem) = fragile.server.get("/ready").await;
    assert_eq!(status, 503, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("no storage space"), "{problem}");

    fragile.disk.set_free_bytes(None);
    fragile.wait_ready().await;
    fragile.send("after", 200, 20, &mut answers).await;
    fragile.judge(&answers);
}

#[tokio::test]
async fn syncs_that_fail_refuse_until_they_succeed() {
    let fragile = Fragile::start(|_| {}).await;
    let mut answers = Answers::new();
    for (round, failing) in [("once", 1), ("thrice", 3), ("often", 40)] {
        fragile.disk.fail_syncs(5, failing);
        fragile.send(round, 200, 20, &mut answers).await;
        fragile.wait_ready().await;
    }
    assert!(answers.values().any(|status| *status == 503), "nothing was refused");
    fragile.judge(&answers);
}

#[tokio::test]
async fn a_disk_that_hangs_fills_the_queue_and_nothing_more() {
    let fragile = Fragile::start(|options| options.backlog_limit = 3).await;
    let mut answers = Answers::new();
    let stall = fragile.disk.stall_syncs();
    let release = async {
        // Three wait for the disk; the fourth is turned away at once.
        let waiting = || fragile.runtime.status().backlog == 3;
        while !waiting() {
            tokio::task::yield_now().await;
        }
        let refused = fragile.send_event("one too many").await;
        drop(stall);
        refused
    };
    let ids = ["1", "2", "3"];
    let sent = futures_util::future::join_all(ids.map(|id| fragile.send_event(id)));
    let (sent, refused) = futures_util::future::join(sent, release).await;
    assert_eq!((sent, refused), (vec![200, 200, 200], 503));
    answers.extend(ids.map(|id| (id.to_owned(), 200)));
    answers.insert("one too many".to_owned(), refused);
    fragile.send("after", 200, 2, &mut answers).await;
    fragile.judge(&answers);
}
