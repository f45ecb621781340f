//! A debugger for the demo: sets a breakpoint in the user's handler over the Node inspector, as an
//! editor does, and reports where it paused and what the handler held.
//!
//! Speaks the Chrome DevTools Protocol, domains `Runtime` and `Debugger`
//! (<https://chromedevtools.github.io/devtools-protocol/v8/Debugger/>).

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::promises::Pause;

/// A line of the user's code, counted from 1.
pub(super) struct Breakpoint {
    /// The script's file name.
    pub(super) file_name: String,
    /// The line, from 1.
    pub(super) line: u32,
    /// What to read there; it must be a number.
    pub(super) expression: String,
}

/// An attached debugger whose breakpoint is set.
pub(super) struct Debugger {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    last_id: u64,
    /// Pauses that came while an answer was awaited.
    paused: Vec<Value>,
    breakpoint: Breakpoint,
}

impl Debugger {
    /// Attaches to an inspector (`ws://127.0.0.1:9229/…`) and sets the breakpoint.
    pub(super) async fn attach(url: &str, breakpoint: Breakpoint) -> anyhow::Result<Self> {
        let (socket, _) = tokio_tungstenite::connect_async(url)
            .await
            .with_context(|| format!("cannot attach to the inspector at {url}"))?;
        let mut debugger = Self { socket, last_id: 0, paused: Vec::new(), breakpoint };
        debugger.call("Runtime.enable", json!({})).await?;
        debugger.call("Debugger.enable", json!({})).await?;
        let place = json!({
            "urlRegex": format!(".*/{}$", debugger.breakpoint.file_name.replace('.', "\\.")),
            "lineNumber": debugger.breakpoint.line - 1,
        });
        debugger.call("Debugger.setBreakpointByUrl", place).await?;
        // A program that was started to wait for its debugger goes on now.
        debugger.call("Runtime.runIfWaitingForDebugger", json!({})).await?;
        Ok(debugger)
    }

    /// Waits for the pause, reads the expression there, and lets the program go on without us.
    pub(super) async fn observe_pause(mut self) -> anyhow::Result<Pause> {
        let event = match self.paused.pop() {
            Some(event) => event,
            None => loop {
                let message = self.receive().await?;
                if is_pause(&message) {
                    break message;
                }
            },
        };
        let frame = event.pointer("/params/callFrames/0").context("paused outside of any code")?;
        let line = frame.pointer("/location/lineNumber").and_then(Value::as_u64).unwrap_or(0) + 1;
        let question = json!({
            "callFrameId": frame.get("callFrameId"),
            "expression": self.breakpoint.expression,
            "returnByValue": true,
        });
        let answer = self.call("Debugger.evaluateOnCallFrame", question).await?;
        let messages = answer.pointer("/result/value").and_then(Value::as_u64);
        let messages = messages.context("the handler's messages could not be read")?;
        self.call("Debugger.disable", json!({})).await?;
        self.socket.close(None).await?;
        let place = format!("{}:{line}", self.breakpoint.file_name);
        Ok(Pause { place, messages: usize::try_from(messages)? })
    }

    async fn call(&mut self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.last_id += 1;
        let request = json!({"id": self.last_id, "method": method, "params": params});
        self.socket.send(Message::text(request.to_string())).await?;
        loop {
            let message = self.receive().await?;
            if is_pause(&message) {
                self.paused.push(message);
            } else if message.get("id").and_then(Value::as_u64) == Some(self.last_id) {
                if let Some(error) = message.get("error") {
                    bail!("{method} failed: {error}");
                }
                return Ok(message.get("result").cloned().unwrap_or_default());
            }
        }
    }

    async fn receive(&mut self) -> anyhow::Result<Value> {
        loop {
            let message = self.socket.next().await.context("the inspector went away")??;
            if let Message::Text(text) = message {
                return Ok(serde_json::from_str(&text)?);
            }
        }
    }
}

fn is_pause(message: &Value) -> bool {
    message.get("method").and_then(Value::as_str) == Some("Debugger.paused")
}
