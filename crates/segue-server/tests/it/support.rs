//! The server under test, and the client's side of it.

use std::collections::HashSet;
use std::sync::Arc;

use reqwest::{Client, Method, RequestBuilder, Response};
use segue_core::{ActivationId, Definition};
use segue_delivery::{Delivery, DeliveryOptions};
use segue_runtime::{
    ActivationLog, ActivationLogError, Appending, Clock, Delivered, ExportedLog, LogEnds,
    LogErasures, Persons, Routed, Runtime, RuntimeOptions,
};
use segue_server::{
    BoundServer, LiveFeed, Server, ServerOptions, ShutdownHandle, TelemetryOptions,
};
use segue_xdm::{Timestamp, Violation};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// The moment at which every test takes place.
pub(crate) const NOW: &str = "2026-01-01T10:00:00Z";

struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::parse(NOW).unwrap()
    }
}

/// Takes every activation and keeps none: the feed is where tests see them.
pub(crate) struct Activations {
    /// Whether the disk is full: no activation can be written, so nothing after one is applied.
    pub(crate) disk_full: bool,
}

impl ActivationLog for Activations {
    fn check(&self, _: &Definition) -> Result<(), Vec<Violation>> {
        Ok(())
    }
    fn prepare(&self, _: &Definition) -> Result<(), ActivationLogError> {
        Ok(())
    }
    fn append(&self, _: &[Routed]) -> Appending {
        Appending::ended(match self.disk_full {
            true => Err(ActivationLogError::new("no space left on device")),
            false => Ok(()),
        })
    }
    fn ends(&self) -> LogEnds {
        LogEnds::new()
    }
    fn ids_since(&self, _: &LogEnds) -> Result<HashSet<ActivationId>, ActivationLogError> {
        Ok(HashSet::new())
    }
    fn hold_from(&self, _: &LogEnds) {}
    fn erase(&self, persons: &Persons) -> Result<Vec<LogErasures>, ActivationLogError> {
        Ok(vec![LogErasures::new(); persons.len()])
    }
    fn export_delivered(&self) -> Delivered {
        Delivered::default()
    }
    fn export_logs(&self, _: &LogEnds) -> Vec<ExportedLog> {
        Vec::new()
    }
}

pub(crate) struct TestServer {
    pub(crate) feed: LiveFeed,
    pub(crate) stop: ShutdownHandle,
    pub(crate) serving: JoinHandle<()>,
    port: u16,
    http: Client,
    _data_dir: TempDir,
}

/// A runtime and its feed in a fresh directory.
pub(crate) fn runtime(
    activations: Activations,
    adjust: impl FnOnce(&mut RuntimeOptions),
) -> (Runtime, LiveFeed, TempDir) {
    let data_dir = TempDir::new().unwrap();
    let mut options = RuntimeOptions::new(data_dir.path());
    options.clock = Arc::new(StandingClock);
    adjust(&mut options);
    let feed = LiveFeed::new();
    let runtime = Runtime::open(options, Arc::new(activations), Arc::new(feed.clone())).unwrap();
    (runtime, feed, data_dir)
}

impl TestServer {
    pub(crate) async fn start() -> TestServer {
        TestServer::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut RuntimeOptions)) -> TestServer {
        TestServer::start_over(Activations { disk_full: false }, adjust).await
    }

    pub(crate) async fn start_over(
        activations: Activations,
        adjust: impl FnOnce(&mut RuntimeOptions),
    ) -> TestServer {
        TestServer::serve(runtime(activations, adjust)).await
    }

    /// A server over a runtime of one's own.
    pub(crate) async fn serve((runtime, feed, data_dir): (Runtime, LiveFeed, TempDir)) -> Self {
        let options = ServerOptions {
            addr: ([127, 0, 0, 1], 0).into(),
            shop: true,
            telemetry: TelemetryOptions::default(),
        };
        let delivery = Delivery::open(DeliveryOptions::new(data_dir.path())).unwrap();
        let server = Server::bind(options, runtime, delivery, feed.clone());
        let server: BoundServer = server.await.unwrap();
        let port = server.local_addr().port();
        let stop = server.shutdown_handle();
        let serving = tokio::spawn(async move { server.serve().await.unwrap() });
        let no_redirects = reqwest::redirect::Policy::none();
        let http = Client::builder().redirect(no_redirects).build().unwrap();
        TestServer { feed, stop, serving, port, http, _data_dir: data_dir }
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://127.0.0.1:{}{path}", self.port))
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> (u16, Value) {
        answer(self.request(Method::PUT, path).json(body)).await
    }

    pub(crate) async fn send_events(&self, events: &Value) -> (u16, Value) {
        answer(self.post("/api/events").json(events)).await
    }

    /// The shop's audiences and its destination.
    pub(crate) async fn apply_shop(&self) {
        let definitions = json!([
            audience("sports-fan", "Sports"),
            audience("homepage-visitors", "Home"),
            {
                "kind": "Destination", "id": "activations", "type": "azure-event-hubs",
                "connection": {"embedded": true, "event_hub": "activations"},
                "audiences": ["sports-fan"],
            },
        ]);
        let (status, body) = answer(self.post("/api/definitions").json(&definitions)).await;
        assert_eq!(status, 200, "{body}");
    }
}

/// Sends a request; status and JSON of the answer.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, body(response).await)
}

/// The JSON of an answer; null if there is none.
pub(crate) async fn body(response: Response) -> Value {
    let text = response.text().await.unwrap();
    match text.as_str() {
        "" => Value::Null,
        text => serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}")),
    }
}

pub(crate) fn audience(id: &str, page: &str) -> Value {
    let condition = format!("web.webPageDetails.name.equals(\"{page}\", false)");
    json!({
        "kind": "Audience", "id": id, "name": format!("Visits {page}"),
        "definition": format!("CHAIN(xEvent, timestamp, [C0: WHAT({condition})])"),
    })
}

pub(crate) fn page_view(id: &str, page: &str) -> Value {
    json!({
        "_id": id, "timestamp": NOW, "eventType": "web.webpagedetails.pageViews",
        "identityMap": {"ECID": [{"id": "1"}]},
        "web": {"webPageDetails": {"name": page}},
    })
}
