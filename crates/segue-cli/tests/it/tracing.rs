//! One trace from the sender's request to the delivered message, as a collector sees it. The
//! collector is a stand-in: an HTTP server that reads what comes with the protocol's own messages.

use std::process::{Child, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use parking_lot::Mutex;
use prost::Message;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use crate::delivering::eventually;
use crate::running::{Serving, said, segue};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENDER: &str = "00f067aa0ba902b7";

const DEFINITIONS: &str = r#"
{kind: Audience, id: sports-fan, name: Sports fan, definition: 'CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Sports", false))])'}
---
{kind: Destination, id: crm, type: http, audiences: [sports-fan], connection: {url: "RECEIVER"}}
---
{kind: Destination, id: hub, type: azure-event-hubs, audiences: [sports-fan], connection: {embedded: true, event_hub: activations}}
"#;

/// A function app of the older programming model, which needs no packages.
const FUNCTION_APP: [(&str, &str); 4] = [
    ("host.json", r#"{"version": "2.0"}"#),
    ("package.json", "{}"),
    (
        "greet/function.json",
        r#"{"bindings": [{"type": "eventHubTrigger", "name": "message", "direction": "in",
            "eventHubName": "activations", "connection": "HUB", "cardinality": "one"}]}"#,
    ),
    (
        "greet/index.js",
        r#"module.exports = async (context) => {
            require("node:fs").writeFileSync("handed", context.traceContext.traceparent);
        };"#,
    ),
];

/// A collector and a destination at once.
struct Receiver {
    url: String,
    spans: Arc<Mutex<Vec<Span>>>,
    services: Arc<Mutex<Vec<String>>>,
    /// The `traceparent` of each message.
    messages: Arc<Mutex<Vec<String>>>,
    runtime: Runtime,
}

impl Receiver {
    fn start() -> Receiver {
        segue_delivery::install_tls();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (spans, services) =
            (Arc::<Mutex<Vec<Span>>>::default(), Arc::<Mutex<Vec<String>>>::default());
        let messages = Arc::<Mutex<Vec<String>>>::default();
        let export = {
            let (spans, services) = (Arc::clone(&spans), Arc::clone(&services));
            move |body: Bytes| async move {
                let request = ExportTraceServiceRequest::decode(body).unwrap();
                for of_service in request.resource_spans {
                    let about = of_service.resource.unwrap().attributes;
                    let named = about.iter().find(|one| one.key == "service.name").unwrap();
                    services.lock().push(format!("{:?}", named.value));
                    let scopes = of_service.scope_spans.into_iter();
                    spans.lock().extend(scopes.flat_map(|scope| scope.spans));
                }
            }
        };
        let deliver = {
            let messages = Arc::clone(&messages);
            move |headers: HeaderMap| async move {
                messages.lock().push(headers["traceparent"].to_str().unwrap().to_owned());
            }
        };
        let router = Router::new()
            .route("/v1/traces", axum::routing::post(export))
            .route("/in", axum::routing::post(deliver));
        runtime.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Receiver { url, spans, services, messages, runtime }
    }

    fn apply(&self, server: &Serving) {
        let definitions = DEFINITIONS.replace("RECEIVER", &format!("{}/in", self.url));
        let file = server.file("definitions.yaml", &definitions);
        server.succeed(&["apply", "-f", file.to_str().unwrap()]);
    }

    /// Sends a visit of each profile to the Sports page, in one request.
    fn visit(&self, server: &Serving, profiles: &[&str], traceparent: Option<&str>) {
        let event = |profile: &&str| {
            json!({
                "_id": format!("visit of {profile}"), "timestamp": "2026-01-01T10:00:00Z",
                "identityMap": {"ECID": [{"id": profile}]},
                "web": {"webPageDetails": {"name": "Sports"}},
            })
        };
        let events: Vec<_> = profiles.iter().map(event).collect();
        let request = reqwest::Client::new().post(format!("{}/api/events", server.url()));
        let request = request.json(&events);
        let request = match traceparent {
            Some(traceparent) => request.header("traceparent", traceparent),
            None => request,
        };
        let answer = self.runtime.block_on(request.send()).unwrap();
        assert_eq!(answer.status(), 200);
    }

    fn wait_for_messages(&self, count: usize) -> Vec<String> {
        eventually(|| self.messages.lock().len() >= count, || "messages".to_owned());
        self.messages.lock().clone()
    }

    /// The spans of one name, once there are so many.
    fn wait_for_spans(&self, name: &str, count: usize) -> Vec<Span> {
        let named = || {
            let spans = self.spans.lock();
            spans.iter().filter(|span| span.name == name).cloned().collect::<Vec<_>>()
        };
        let names = || {
            let spans = self.spans.lock();
            format!("{name}: {:?}", spans.iter().map(|span| span.name.clone()).collect::<Vec<_>>())
        };
        eventually(|| named().len() >= count, names);
        assert_eq!(named().len(), count, "{}", names());
        named()
    }
}

/// `segue func start`, until it is dropped.
struct Functions(Child);

impl Functions {
    /// Runs the app in the server's folder, against its hubs.
    fn start(server: &Serving, environment: &[(&str, &str)]) -> Functions {
        let app = server.path("app");
        for (name, text) in FUNCTION_APP {
            std::fs::create_dir_all(app.join(name).parent().unwrap()).unwrap();
            std::fs::write(app.join(name), text).unwrap();
        }
        let mut command = segue();
        command.args(["func", "start"]).current_dir(app).env("HUB", server.hub_connection());
        command.envs(environment.iter().copied()).stdout(Stdio::null());
        Functions(command.spawn().unwrap())
    }
}

impl Drop for Functions {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_trace_goes_from_the_senders_request_to_the_delivered_messages() {
    let receiver = Receiver::start();
    let server = Serving::start_with_all(&[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &receiver.url),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
    ]);
    receiver.apply(&server);
    receiver.visit(&server, &["1", "2"], Some(&format!("00-{TRACE}-{SENDER}-01")));
    let messages = receiver.wait_for_messages(2);

    let [request] = &receiver.wait_for_spans("POST /api/events", 1)[..] else { panic!() };
    assert_eq!(
        (hex(&request.trace_id), hex(&request.parent_span_id)),
        (TRACE.into(), SENDER.into())
    );
    assert_eq!(request.kind(), SpanKind::Server);
    for name in ["append", "apply"] {
        let [part] = &receiver.wait_for_spans(name, 1)[..] else { panic!() };
        assert_eq!(hex(&part.trace_id), TRACE);
        assert_eq!(part.parent_span_id, request.span_id, "{name}");
        assert!(part.start_time_unix_nano >= request.start_time_unix_nano, "{name}");
        assert!(part.end_time_unix_nano >= part.start_time_unix_nano, "{name}");
        let inputs = part.attributes.iter().find(|one| one.key == "segue.inputs").unwrap();
        assert!(format!("{:?}", inputs.value).contains("IntValue(2)"), "{inputs:?}");
    }
    let published = receiver.wait_for_spans("publish crm", 2);
    let place = |span: &Span| format!("00-{}-{}-01", hex(&span.trace_id), hex(&span.span_id));
    let mut places: Vec<String> = published.iter().map(place).collect();
    places.sort();
    let mut carried = messages.clone();
    carried.sort();
    assert_eq!(places, carried, "a message names the span that published it");
    assert!(published.iter().all(|span| span.parent_span_id == request.span_id));
    let delivered = receiver.wait_for_spans("deliver crm", 2);
    for span in &delivered {
        assert_eq!((span.kind(), hex(&span.trace_id)), (SpanKind::Client, TRACE.into()));
        let [link] = &span.links[..] else { panic!("{span:?}") };
        assert_eq!(link.span_id, span.parent_span_id);
        assert!(published.iter().any(|one| one.span_id == span.parent_span_id));
    }
    assert!(receiver.services.lock().iter().all(|name| name.contains("segue")));

    // Who does not want it recorded is continued, and not recorded.
    receiver.visit(&server, &["3"], Some(&format!("00-{TRACE}-{SENDER}-00")));
    let unsampled = receiver.wait_for_messages(3).remove(2);
    assert!(unsampled.starts_with(&format!("00-{TRACE}-")) && unsampled.ends_with("-00"));
}

#[test]
fn a_trace_goes_on_to_the_run_of_a_function_and_into_it() {
    let receiver = Receiver::start();
    let environment =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url.as_str()), ("OTEL_BSP_SCHEDULE_DELAY", "50")];
    let server = Serving::start_with_all(&environment);
    receiver.apply(&server);
    let _functions = Functions::start(&server, &environment);
    receiver.visit(&server, &["1"], Some(&format!("00-{TRACE}-{SENDER}-01")));

    let [run] = &receiver.wait_for_spans("process greet", 1)[..] else { panic!() };
    let [published] = &receiver.wait_for_spans("publish hub", 1)[..] else { panic!() };
    assert_eq!((run.kind(), hex(&run.trace_id)), (SpanKind::Consumer, TRACE.into()));
    assert_eq!(run.parent_span_id, published.span_id);
    let [link] = &run.links[..] else { panic!("{run:?}") };
    assert_eq!(link.span_id, published.span_id);
    let handed = std::fs::read_to_string(server.path("app/handed")).unwrap();
    assert_eq!(handed, format!("00-{TRACE}-{}-01", hex(&run.span_id)));
}

#[test]
fn settings_name_the_collector_and_how_many_requests_are_traced() {
    let receiver = Receiver::start();
    let settings = format!("telemetry: {{otlp_endpoint: '{}', trace_ratio: 1.0}}", receiver.url);
    let server = Serving::start_with_settings(&settings);
    receiver.apply(&server);
    receiver.visit(&server, &["1"], None);
    let message = receiver.wait_for_messages(1).remove(0);
    let [request] = &receiver.wait_for_spans("POST /api/events", 1)[..] else { panic!() };
    assert!(request.parent_span_id.is_empty());
    assert_eq!(message.split('-').nth(1).unwrap(), hex(&request.trace_id));
}

#[test]
fn a_part_of_requests_that_is_no_part_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("segue.yaml");
    std::fs::write(&settings, "telemetry: {trace_ratio: 5}").unwrap();
    let refused = segue().arg("serve").current_dir(folder.path()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("telemetry.trace_ratio is 5"), "{}", said(&refused));
}

#[test]
fn without_a_collector_the_senders_trace_goes_on_all_the_same() {
    let receiver = Receiver::start();
    let server = Serving::start();
    receiver.apply(&server);
    receiver.visit(&server, &["1"], Some(&format!("00-{TRACE}-{SENDER}-01")));
    let message = receiver.wait_for_messages(1).remove(0);
    assert!(message.starts_with(&format!("00-{TRACE}-")) && message.ends_with("-01"), "{message}");
    assert!(receiver.spans.lock().is_empty());
}
