//! An observer that remembers, and that can be waited for.

use std::sync::Mutex;
use std::time::Duration;

use segue_functions::{FunctionEvent, FunctionObserver, Run, RunOutcome};
use tokio::sync::watch;

/// Generous: a start of Node takes seconds on a machine under load.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(crate) struct Recorder {
    events: Mutex<Vec<FunctionEvent>>,
    count: watch::Sender<usize>,
}

impl FunctionObserver for Recorder {
    fn observe(&self, event: &FunctionEvent) {
        let mut events = self.events.lock().unwrap();
        events.push(event.clone());
        self.count.send_replace(events.len());
    }
}

impl Recorder {
    pub(crate) fn events(&self) -> Vec<FunctionEvent> {
        self.events.lock().unwrap().clone()
    }

    /// What `choose` finds, once it finds `count` of them.
    pub(crate) async fn wait_for<T>(
        &self,
        count: usize,
        choose: impl Fn(&FunctionEvent) -> Option<T>,
    ) -> Vec<T> {
        let mut changed = self.count.subscribe();
        let wait = async {
            loop {
                changed.mark_unchanged();
                let found: Vec<T> = self.events().iter().filter_map(&choose).collect();
                if found.len() >= count {
                    return found;
                }
                changed.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(found) => found,
            Err(_) => panic!("not observed; but: {:#?}", self.events()),
        }
    }

    /// The first `count` lines that handlers have logged by `context.log`.
    pub(crate) async fn logged(&self, count: usize) -> Vec<String> {
        self.wait_for(count, |event| match event {
            FunctionEvent::Log(line) if line.category == "user" => Some(line.message.clone()),
            _ => None,
        })
        .await
    }

    /// The one JSON document that a handler has logged.
    pub(crate) async fn logged_json(&self) -> serde_json::Value {
        serde_json::from_str(&self.logged(1).await[0]).unwrap()
    }

    /// The first `count` runs that have ended.
    pub(crate) async fn finished(&self, count: usize) -> Vec<(Run, RunOutcome)> {
        self.wait_for(count, |event| match event {
            FunctionEvent::RunFinished { run, outcome, .. } => Some((run.clone(), outcome.clone())),
            _ => None,
        })
        .await
    }

    /// Sequence numbers and error of the first events that became dead letters.
    pub(crate) async fn dead_lettered(&self) -> (Vec<i64>, String) {
        let found = self.wait_for(1, |event| match event {
            FunctionEvent::DeadLettered { sequence_numbers, error, .. } => {
                Some((sequence_numbers.clone(), error.clone()))
            }
            _ => None,
        });
        found.await.remove(0)
    }
}
