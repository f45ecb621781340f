//! Messages out of a running server: to a real HTTP server and to a file.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use segue_hub::{Hub, HubConfig};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::running::{CRM_TOKEN, Serving, printed, said};

const PATIENCE: Duration = Duration::from_secs(60);

/// The audience that every destination gets.
pub(crate) const SPORTS_FAN: &str = r#"
{kind: Audience, id: sports-fan, name: Sports fan, definition: 'CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Sports", false))])'}
"#;

/// Status of each message's audience by profile, in order of arrival, each activation once.
pub(crate) type Statuses = BTreeMap<String, Vec<String>>;

/// Somebody else's server.
pub(crate) struct Crm {
    pub(crate) url: String,
    /// What it answers.
    status: Arc<AtomicU16>,
    pub(crate) requests: Arc<Mutex<Vec<(HeaderMap, Value)>>>,
    _runtime: Runtime,
}

impl Crm {
    pub(crate) fn start() -> Crm {
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let (status, requests) = (Arc::new(AtomicU16::new(204)), Arc::<Mutex<Vec<_>>>::default());
        let answer = {
            let (status, requests) = (Arc::clone(&status), Arc::clone(&requests));
            move |headers: HeaderMap, body: Bytes| async move {
                let status = status.load(Ordering::SeqCst);
                if status == 204 {
                    requests.lock().push((headers, serde_json::from_slice(&body).unwrap()));
                }
                StatusCode::from_u16(status).unwrap()
            }
        };
        let router = Router::new().fallback(answer);
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Crm { url, status, requests, _runtime: runtime }
    }

    pub(crate) fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn statuses(&self) -> Statuses {
        let requests = self.requests.lock();
        statuses(requests.iter().map(|(headers, body)| {
            let header = |name: &str| headers[name].to_str().unwrap().to_owned();
            (header("segue-activation-id"), header("segue-profile-id"), body.clone())
        }))
    }
}

pub(crate) fn statuses(messages: impl Iterator<Item = (String, String, Value)>) -> Statuses {
    let mut seen = Vec::new();
    let mut statuses = Statuses::new();
    for (activation, profile, body) in messages {
        if !seen.contains(&activation) {
            seen.push(activation);
            let status = &body["segmentMembership"]["ups"]["sports-fan"]["status"];
            statuses.entry(profile).or_default().push(status.as_str().unwrap().to_owned());
        }
    }
    statuses
}

pub(crate) fn statuses_in(file: &std::path::Path) -> Statuses {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    // The last one may still be being written.
    let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    let lines = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
    statuses(lines.map(|mut line| {
        let property = |name: &str| line["properties"][name].as_str().unwrap().to_owned();
        let (activation, profile) = (property("segue-activation-id"), property("segue-profile-id"));
        (activation, profile, line["body"].take())
    }))
}

/// Applies an audience and two destinations: the server, and a file.
pub(crate) fn apply(server: &Serving, crm: &Crm) -> std::path::PathBuf {
    let lines = server.path("out/activations.jsonl");
    let definitions = format!(
        r#"{SPORTS_FAN}
---
{{kind: Destination, id: crm, type: http, audiences: [sports-fan], connection: {{url: "{}", auth: {{bearer: "${{CRM_TOKEN}}"}}}}}}
---
{{kind: Destination, id: files, type: file, audiences: [sports-fan], connection: {{path: "{}"}}}}
"#,
        crm.url,
        lines.display()
    );
    let file = server.file("definitions.yaml", &definitions);
    server.succeed(&["apply", "-f", file.to_str().unwrap()]);
    lines
}

/// Visits of some profiles to the Sports page.
pub(crate) fn visit(server: &Serving, profiles: std::ops::Range<u32>, round: u32) {
    let events = profiles.map(|profile| {
        serde_json::json!({
            "_id": format!("{profile}-{round}"), "timestamp": "2026-01-01T10:00:00Z",
            "identityMap": {"ECID": [{"id": profile.to_string()}]},
            "web": {"webPageDetails": {"name": "Sports"}},
        })
    });
    let lines: String = events.map(|event| format!("{event}\n")).collect();
    let sent = server.run_with_input(&["send", "-"], &lines);
    assert!(sent.status.success(), "{}", said(&sent));
}

pub(crate) fn eventually(condition: impl Fn() -> bool, state: impl Fn() -> String) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "never happened; but: {}", state());
        std::thread::yield_now();
    }
}

fn wanted(profiles: usize) -> Vec<Vec<String>> {
    vec![vec!["realized".to_owned(), "existing".to_owned()]; profiles]
}

#[test]
fn every_message_arrives_in_order_although_the_server_is_killed_and_the_receiver_was_down() {
    let crm = Crm::start();
    let mut server = Serving::start();
    let lines = apply(&server, &crm);
    visit(&server, 0..100, 1);
    eventually(|| crm.statuses().len() >= 10, || format!("{:?}", crm.statuses()));
    crm.answer_with(503);
    visit(&server, 0..100, 2);
    let there = |statuses: &Statuses| statuses.values().map(Vec::len).sum::<usize>() == 200;
    eventually(|| there(&statuses_in(&lines)), || "the file waits for the receiver".to_owned());
    server.kill_and_restart();
    let metrics = || server.get("/metrics");
    let backlog = r#"segue_delivery_backlog{destination="crm"} 1"#;
    eventually(|| metrics().contains(backlog), metrics);
    crm.answer_with(204);
    eventually(|| there(&crm.statuses()), || server.get("/api/destinations/crm"));
    assert_eq!(crm.statuses().into_values().collect::<Vec<_>>(), wanted(100));
    assert_eq!(statuses_in(&lines).into_values().collect::<Vec<_>>(), wanted(100));

    let authorization = crm.requests.lock()[0].0["authorization"].clone();
    assert_eq!(authorization, format!("Bearer {CRM_TOKEN}"));
    let shown = server.succeed(&["get", "destination", "crm", "-o", "yaml"]);
    assert!(shown.contains("${CRM_TOKEN}") && !shown.contains(CRM_TOKEN), "{shown}");
    let again = server.file("again.yaml", &shown);
    let applied = server.succeed(&["apply", "-f", again.to_str().unwrap()]);
    assert_eq!(applied, "Destination crm unchanged\n", "what get shows can be applied");
    let shown: Value = serde_json::from_str(&server.get("/api/destinations/crm")).unwrap();
    let delivery = &shown["delivery"];
    assert_eq!((&delivery["backlog"], &delivery["trouble"]), (&0.into(), &Value::Null));
}

#[test]
fn dead_letters_are_listed_shown_replayed_and_dropped() {
    let crm = Crm::start();
    let server = Serving::start();
    apply(&server, &crm);
    crm.answer_with(422);
    visit(&server, 0..3, 1);
    let list = || server.succeed(&["dead-letters", "list", "--destination", "crm"]);
    eventually(|| list().lines().count() == 4, list);
    assert!(
        list().contains("crm") && list().contains("HTTP 422 Unprocessable Entity"),
        "{}",
        list()
    );
    let shown = server.succeed(&["dead-letters", "show", "0", "-o", "json"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["properties"]["segue-reason"], "membership");
    assert!(shown["body"]["segmentMembership"]["ups"]["sports-fan"].is_object());
    let metrics = server.get("/metrics");
    assert!(metrics.contains("segue_delivery_dead_letters{destination=\"crm\"} 3"), "{metrics}");

    crm.answer_with(204);
    assert_eq!(server.succeed(&["dead-letters", "drop", "0"]), "0 dropped\n");
    let replayed = server.succeed(&["dead-letters", "replay", "--all", "--destination", "crm"]);
    assert_eq!(replayed, "1 replayed\n2 replayed\n");
    eventually(|| crm.statuses().len() == 2, || format!("{:?}", crm.statuses()));
    assert_eq!(list().lines().count(), 1);
    let gone = server.run(&["dead-letters", "show", "1"]);
    assert!(said(&gone).contains("there is no dead letter 1"), "{}", said(&gone));
    assert_eq!(server.run(&["dead-letters", "replay", "1"]).status.code(), Some(1));
}

#[test]
fn a_destination_is_tested_before_and_after_it_is_applied() {
    let crm = Crm::start();
    let server = Serving::start();
    apply(&server, &crm);
    let shown = server.succeed(&["destination", "test", "crm"]);
    assert!(shown.starts_with(&format!("destination crm\n\nPOST {}\n", crm.url)), "{shown}");
    assert!(shown.contains("authorization: Bearer ${CRM_TOKEN}"), "{shown}");
    assert!(shown.ends_with("answer: HTTP 204 No Content\n"), "{shown}");
    assert!(!shown.contains(CRM_TOKEN));
    assert_eq!(crm.requests.lock()[0].0["authorization"], format!("Bearer {CRM_TOKEN}"));

    crm.answer_with(401);
    let files = server.run(&["destination", "test", "-f", "definitions.yaml"]);
    assert_eq!(files.status.code(), Some(1), "{}", printed(&files));
    let shown = printed(&files);
    assert!(shown.contains("answer: HTTP 401 Unauthorized"), "{shown}");
    assert!(shown.contains("answer: written"), "{shown}");
    assert!(said(&files).contains("not taken: 1 of 2"), "{}", said(&files));
    let nobody = server.run(&["destination", "test", "nobody"]);
    assert!(said(&nobody).contains("there is no destination `nobody`"), "{}", said(&nobody));
}

#[test]
fn an_event_hub_elsewhere_is_tested_and_delivered_to() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let config = HubConfig { data_dir: folder.path().to_owned(), ..HubConfig::default() };
    let listener = segue_hub::bind(([127, 0, 0, 1], 0).into(), &config).unwrap();
    let hub = Hub::open(config).unwrap();
    let elsewhere = runtime.block_on(hub.serve(listener)).unwrap();
    let secret = format!(
        "Endpoint=sb://{};SharedAccessKeyName=RootManageSharedAccessKey;\
         SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true",
        elsewhere.local_addr()
    );
    let server = Serving::start_with("HUB_CONNECTION", &secret);
    let destination = "{kind: Destination, id: azure, type: azure-event-hubs, \
         audiences: [sports-fan], connection: {event_hub: activations, \
         connection_string: \"${HUB_CONNECTION}\"}}";
    let file = server.file("hub.yaml", &format!("{SPORTS_FAN}---\n{destination}\n"));
    server.succeed(&["apply", "-f", file.to_str().unwrap()]);
    let shown = server.succeed(&["destination", "test", "azure"]);
    let first =
        format!("destination azure\n\nto event hub activations at {}\n", elsewhere.local_addr());
    assert!(shown.starts_with(&first) && shown.ends_with("answer: accepted\n"), "{shown}");
    assert!(!shown.contains("SAS_KEY_VALUE"), "{shown}");
    visit(&server, 0..3, 1);
    let activations = hub.event_hub("activations").unwrap();
    let count = || -> u64 {
        activations.log().partitions().iter().map(|partition| partition.end_offset()).sum()
    };
    eventually(|| count() == 4, || server.get("/api/destinations/azure"));
}

#[test]
fn messages_can_go_to_the_standard_output_of_the_server() {
    let server = Serving::start();
    let file = server.file(
        "stdout.yaml",
        "{kind: Destination, id: out, type: stdout, template: '{\"n\": {{ cause }}}'}\n",
    );
    server.succeed(&["apply", "-f", file.to_str().unwrap()]);
    let tested = server.succeed(&["destination", "test", "out"]);
    assert!(tested.contains("{\"n\":\"test\"}") && tested.contains("answer: written"), "{tested}");
    let printed = || server.printed();
    eventually(|| printed() == [r#"{"n":"test"}"#], || format!("{:?}", printed()));
}
