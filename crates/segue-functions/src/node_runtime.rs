//! Keeps one Node worker running: when it ends, the next one is started, after a pause that grows
//! while they keep ending.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::backoff::Backoff;
use crate::error::StartError;
use crate::observer::{FunctionEvent, FunctionObserver};
use crate::worker::{Invocation, InvokeError, Launch, LoadedApp, Reply, Worker};

const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A worker that lived this long was fine: the next one starts at once again.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);

pub(crate) struct NodeRuntime {
    /// `None` between two workers.
    current: watch::Receiver<Option<Arc<Worker>>>,
    supervisor: JoinHandle<()>,
}

impl NodeRuntime {
    /// Starts the first worker; what fails here is for the user to fix.
    pub(crate) async fn start(
        launch: Launch,
        observer: Arc<dyn FunctionObserver>,
    ) -> Result<(NodeRuntime, LoadedApp), StartError> {
        let (worker, app) = start_worker(&launch, &observer).await?;
        let functions = function_ids(&app);
        let worker = Arc::new(worker);
        let (publish, current) = watch::channel(Some(Arc::clone(&worker)));
        let supervisor = Supervisor { launch, observer, functions, publish };
        let supervisor = tokio::spawn(supervisor.run(worker));
        Ok((NodeRuntime { current, supervisor }, app))
    }

    /// Runs a function on the current worker, or on the next one when there is none now.
    pub(crate) async fn invoke(&self, invocation: &Invocation, timeout: Option<Duration>) -> Reply {
        let mut current = self.current.clone();
        while let Ok(worker) = current.wait_for(Option::is_some).await.map(|worker| worker.clone())
        {
            if let Some(worker) = worker
                && let Some(reply) = worker.invoke(invocation, timeout).await
            {
                return reply;
            }
            // It had ended before the call began, and is about to be replaced.
            if current.changed().await.is_err() {
                break;
            }
        }
        let reason = "the host is stopping".to_owned();
        Reply { result: Err(InvokeError::WorkerLost { reason, blamed: false }), logs: Vec::new() }
    }

    /// Ends the worker, after the app's terminate hooks or after `grace`.
    pub(crate) async fn stop(&self, grace: Duration) {
        self.supervisor.abort();
        let worker = self.current.borrow().clone();
        if let Some(worker) = worker {
            worker.stop(grace).await;
        }
    }
}

impl Drop for NodeRuntime {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

struct Supervisor {
    launch: Launch,
    observer: Arc<dyn FunctionObserver>,
    /// The functions that the host calls.
    functions: BTreeSet<String>,
    publish: watch::Sender<Option<Arc<Worker>>>,
}

impl Supervisor {
    async fn run(self, mut worker: Arc<Worker>) {
        let mut backoff = Backoff::new(SHORTEST_PAUSE, LONGEST_PAUSE);
        loop {
            let started = Instant::now();
            let reason = worker.lost().await;
            self.publish.send_replace(None);
            if started.elapsed() >= HEALTHY_AFTER {
                backoff.reset();
            }
            worker = Arc::new(self.restart(&mut backoff, reason).await);
            self.publish.send_replace(Some(Arc::clone(&worker)));
        }
    }

    async fn restart(&self, backoff: &mut Backoff, mut reason: String) -> Worker {
        loop {
            let restart_in = backoff.next();
            self.observer.observe(&FunctionEvent::WorkerLost { reason, restart_in });
            tokio::time::sleep(restart_in).await;
            reason = match start_worker(&self.launch, &self.observer).await {
                Ok((worker, app)) => match self.functions.difference(&function_ids(&app)).next() {
                    None => return worker,
                    Some(gone) => format!("the app has no function {gone} any more"),
                },
                Err(error) => error.to_string(),
            };
        }
    }
}

async fn start_worker(
    launch: &Launch,
    observer: &Arc<dyn FunctionObserver>,
) -> Result<(Worker, LoadedApp), StartError> {
    let (worker, app) = Worker::start(launch, observer).await?;
    if app.errors.is_empty() {
        return Ok((worker, app));
    }
    let details: Vec<_> = app.errors.iter().map(|e| format!("{}: {}", e.file, e.error)).collect();
    Err(StartError::Load { dir: launch.app_dir.clone(), details: details.join("\n") })
}

fn function_ids(app: &LoadedApp) -> BTreeSet<String> {
    app.functions.iter().map(|function| function.function_id.clone()).collect()
}
