//! A debugger over Node's inspector, as VS Code attaches it.

use futures_util::{SinkExt, StreamExt};
use segue_functions::{FunctionEvent, RunOutcome};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::apps::TestApp;
use crate::hubs::MemoryHubs;

/// A client of the Chrome DevTools Protocol.
struct Debugger {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last_id: u64,
    /// Events that came while waiting for an answer.
    events: Vec<Value>,
}

impl Debugger {
    async fn attach(url: &str) -> Debugger {
        let (socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Debugger { socket, last_id: 0, events: Vec::new() }
    }

    async fn receive(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    async fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let request = json!({"id": self.last_id, "method": method, "params": params});
        self.socket.send(Message::text(request.to_string())).await.unwrap();
        loop {
            let message = self.receive().await;
            if message["id"] == self.last_id {
                assert_eq!(message["error"], Value::Null, "{method}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    async fn event(&mut self, method: &str) -> Value {
        loop {
            if let Some(place) = self.events.iter().position(|event| event["method"] == method) {
                return self.events.remove(place)["params"].clone();
            }
            let event = self.receive().await;
            self.events.push(event);
        }
    }
}

fn waiting_url(event: &FunctionEvent) -> Option<String> {
    match event {
        FunctionEvent::WaitingForDebugger { url } => Some(url.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn a_breakpoint_set_before_the_first_message_pauses_inside_the_handler() {
    let mut app = TestApp::v4(
        "cardinality: 'many',",
        "async (messages, context) => {
            const count = messages.length;
            context.log(`${count} after the breakpoint`);
        }",
    );
    // The inspector's port is taken, so a free one is used.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    app.options.inspect = Some(taken.local_addr().unwrap().port());
    app.options.break_on_start = true;
    // Being paused takes longer than this.
    app.write("host.json", r#"{"version": "2.0", "functionTimeout": "00:00:01"}"#);
    let hubs = MemoryHubs::with_partitions(1);
    hubs.publish(0, &[r#"{"id": "e1"}"#, r#"{"id": "e2"}"#]);

    let recorder = std::sync::Arc::new(crate::recorder::Recorder::default());
    let starting = tokio::spawn(segue_functions::FunctionHost::start_with(
        app.options.clone(),
        std::sync::Arc::new(hubs.clone()),
        recorder.clone(),
    ));
    let url = recorder.wait_for(1, waiting_url).await.remove(0);
    let mut debugger = Debugger::attach(&url).await;
    debugger.call("Runtime.enable", json!({})).await;
    debugger.call("Debugger.enable", json!({})).await;
    let place = json!({"lineNumber": 3, "urlRegex": ".*src/fn\\.js$"});
    debugger.call("Debugger.setBreakpointByUrl", place).await;
    assert!(!recorder.events().iter().any(|e| matches!(e, FunctionEvent::FunctionsLoaded { .. })));
    debugger.call("Runtime.runIfWaitingForDebugger", json!({})).await;

    let host = starting.await.unwrap().unwrap_or_else(|error| panic!("{error}"));
    let paused = debugger.event("Debugger.paused").await;
    let frame = &paused["callFrames"][0];
    assert_eq!(frame["functionName"], "handler");
    assert_eq!(frame["location"]["lineNumber"], 3);
    let evaluate =
        json!({"callFrameId": frame["callFrameId"], "expression": "JSON.stringify(messages)"});
    let messages = debugger.call("Debugger.evaluateOnCallFrame", evaluate).await;
    assert_eq!(messages["result"]["value"], r#"[{"id":"e1"},{"id":"e2"}]"#);

    // tidy: sleep because being paused must last longer than functionTimeout.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    debugger.call("Debugger.resume", json!({})).await;
    assert_eq!(recorder.logged(1).await, ["2 after the breakpoint"]);
    assert_eq!(recorder.finished(1).await[0].1, RunOutcome::Succeeded);
    let is = |wanted: fn(&FunctionEvent) -> bool| recorder.events().iter().any(wanted);
    assert!(is(|event| matches!(event, FunctionEvent::InspectorPortTaken { .. })));
    assert!(is(|event| matches!(event, FunctionEvent::DebuggerAttached)));
    host.stop().await;
}
