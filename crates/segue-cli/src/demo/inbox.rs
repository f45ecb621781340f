//! What the sample function received, read from its log: one JSON object a line.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use parking_lot::Mutex;
use segue_functions::{FunctionEvent, FunctionObserver};
use segue_server::{LiveFeed, LiveKind};
use serde_json::Value;
use tokio::sync::watch;

/// How long the function may take for what is in the hub.
const PATIENCE: Duration = Duration::from_secs(20);

/// Watches the function host: keeps the messages, and passes everything on to the live feed.
pub(super) struct Inbox {
    feed: LiveFeed,
    messages: Mutex<Vec<(Value, Instant)>>,
    count: watch::Sender<usize>,
    inspector: watch::Sender<Option<String>>,
}

impl Inbox {
    pub(super) fn new(feed: LiveFeed) -> Arc<Self> {
        let count = watch::Sender::new(0);
        Arc::new(Self {
            feed,
            messages: Mutex::default(),
            count,
            inspector: watch::Sender::new(None),
        })
    }

    /// Waits until the function has received `total` messages, and gives those after the first
    /// `seen`, each with the moment of its log line.
    ///
    /// # Errors
    /// When they do not come in time.
    pub(super) async fn received(
        &self,
        seen: usize,
        total: usize,
    ) -> anyhow::Result<Vec<(Value, Instant)>> {
        let mut count = self.count.subscribe();
        let arrived = count.wait_for(|count| *count >= total);
        if tokio::time::timeout(PATIENCE, arrived).await.is_err() {
            let got = *self.count.borrow();
            bail!("the hub holds {total} messages, but the function received {got} of them");
        }
        Ok(self.messages.lock().iter().skip(seen).cloned().collect())
    }

    /// Where a debugger attaches.
    pub(super) async fn inspector(&self) -> anyhow::Result<String> {
        let mut inspector = self.inspector.subscribe();
        let url = tokio::time::timeout(PATIENCE, inspector.wait_for(Option::is_some)).await;
        let url = url.context("the worker opened no inspector")??;
        url.clone().context("the worker opened no inspector")
    }
}

impl FunctionObserver for Inbox {
    fn observe(&self, event: &FunctionEvent) {
        match event {
            FunctionEvent::Log(line) => {
                if let Some(body) = activation_in(&line.message) {
                    let mut messages = self.messages.lock();
                    messages.push((body, Instant::now()));
                    self.count.send_replace(messages.len());
                }
            }
            FunctionEvent::WorkerStarted { inspector, .. } => {
                self.inspector.send_replace(inspector.clone());
            }
            FunctionEvent::HubUnavailable { .. } | FunctionEvent::WorkerLost { .. } => {
                tracing::warn!("{event}");
            }
            _ => {}
        }
        if let Ok(data) = serde_json::to_value(event) {
            self.feed.publish(LiveKind::FunctionRun, &data);
        }
    }
}

/// The activation in a log line, where it holds one.
fn activation_in(line: &str) -> Option<Value> {
    let start = line.find('{')?;
    let body: Value = serde_json::from_str(line.get(start..)?).ok()?;
    body.get("segmentMembership").is_some().then_some(body)
}

#[cfg(test)]
mod tests {
    use super::activation_in;

    #[test]
    fn an_activation_is_found_in_its_log_line() {
        assert!(activation_in(r#"received {"segmentMembership": {}}"#).is_some());
        assert!(activation_in(r#"{"other": 1}"#).is_none());
        assert!(activation_in("no JSON {").is_none());
    }
}
