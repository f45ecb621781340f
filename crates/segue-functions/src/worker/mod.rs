//! A Node worker process and the conversation with it.
//!
//! ```text
//!   host ──spawn──▶ node worker.cjs          workers/node, written below the data directory
//!    ▲                   │
//!    └──── TCP, frames ──┘                   `frame`: the bytes, `message`: what they say
//!    ◀──── stdout, stderr ─                  what is not tagged with an invocation
//! ```
//!
//! A [`Worker`] is alive until its connection ends. Then every call in flight fails with
//! [`InvokeError::WorkerLost`], and somebody else ([`crate::node_runtime`]) starts the next one.
//! Dropping it kills the process; if the host itself dies, the worker sees the socket close and
//! exits.

mod conversation;
mod frame;
mod message;
pub(crate) mod node;
mod process;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use self::conversation::{CallError, Conversation};
use self::message::ToWorker;
pub(crate) use self::message::{
    ErrorDetails, InputData, Invocation, LoadedApp, RetryContext, TraceContext,
};
pub(crate) use self::process::Launch;
use self::process::Started;
use crate::error::StartError;
use crate::observer::{FunctionEvent, FunctionObserver, LogLevel};
use crate::output::InvocationResponse;

/// What handlers see as the host's version; the library only passes it on.
const HOST_VERSION: &str = "4.1037.0";

/// Requests on their way to the worker; one per running partition is usual.
const QUEUED_REQUESTS: usize = 16;

/// What an invocation came to, and what it logged on the way.
pub(crate) struct Reply {
    pub(crate) result: Result<InvocationResponse, InvokeError>,
    pub(crate) logs: Vec<String>,
}

/// Why an invocation did not succeed.
#[derive(Debug, Clone)]
pub(crate) enum InvokeError {
    /// The handler threw.
    Handler(ErrorDetails),
    /// It took longer than `functionTimeout`; the worker has been killed for it.
    TimedOut(Duration),
    /// The worker ended meanwhile. `blamed`: by this invocation, or nobody knows by which.
    WorkerLost { reason: String, blamed: bool },
}

pub(crate) struct Worker {
    conversation: Arc<Conversation>,
    requests: mpsc::Sender<Vec<u8>>,
    lost: watch::Receiver<Option<String>>,
    /// Reading, writing and forwarding output; all of them end with this value.
    _tasks: JoinSet<()>,
}

impl Worker {
    /// Starts a worker and loads the app into it.
    pub(crate) async fn start(
        launch: &Launch,
        observer: &Arc<dyn FunctionObserver>,
    ) -> Result<(Worker, LoadedApp), StartError> {
        observer.observe(&FunctionEvent::WorkerStarting);
        let Started { mut child, stream, hello } = process::start(launch, observer).await?;
        let wait_for_debugger = launch.break_on_start && hello.inspector.is_some();
        let waiting_at = hello.inspector.clone().filter(|_| wait_for_debugger);
        observer.observe(&FunctionEvent::WorkerStarted {
            pid: hello.pid,
            node: hello.node,
            inspector: hello.inspector,
        });
        if let Some(url) = waiting_at {
            observer.observe(&FunctionEvent::WaitingForDebugger { url });
        }

        let conversation = Arc::new(Conversation::new(Arc::clone(observer)));
        let mut tasks = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            let conversation = Arc::clone(&conversation);
            tasks.spawn(conversation.forward_output(stdout, LogLevel::Information));
        }
        if let Some(stderr) = child.stderr.take() {
            tasks.spawn(Arc::clone(&conversation).forward_output(stderr, LogLevel::Error));
        }
        let (requests, queued) = mpsc::channel(QUEUED_REQUESTS);
        let (lost_sender, lost) = watch::channel(None);
        let (from_worker, to_worker) = stream.into_split();
        tasks.spawn(conversation::write_requests(to_worker, queued));
        let listening = Arc::clone(&conversation);
        tasks.spawn(listening.listen(from_worker, child, lost_sender));
        let worker = Worker { conversation, requests, lost, _tasks: tasks };
        let loaded = worker.load(&launch.app_dir, wait_for_debugger).await?;
        Ok((worker, loaded))
    }

    async fn load(&self, dir: &Path, wait_for_debugger: bool) -> Result<LoadedApp, StartError> {
        let dir = dir.to_string_lossy();
        let (answer, _) = self
            .call(None, |id| {
                frame::encode(&ToWorker::Init {
                    id,
                    dir: &dir,
                    host_version: HOST_VERSION,
                    wait_for_debugger,
                })
            })
            .await;
        let failed = |message: String| StartError::Worker { message };
        let loaded = answer.map_err(|error| failed(error.to_string()))?;
        serde_json::from_value(loaded).map_err(|error| failed(format!("its answer: {error}")))
    }

    /// Runs a function. Longer than `timeout` is a failure, unless a debugger is attached. `None`
    /// when the worker had ended before the call began.
    pub(crate) async fn invoke(
        &self,
        invocation: &Invocation,
        timeout: Option<Duration>,
    ) -> Option<Reply> {
        let call = self.call(Some(&invocation.invocation_id), |id| {
            frame::encode(&ToWorker::Invoke { id, invocation })
        });
        tokio::pin!(call);
        let (answer, logs) = tokio::select! {
            answered = &mut call => answered,
            () = self.timed_out(timeout) => {
                let limit = timeout.unwrap_or_default();
                let id = Some(invocation.invocation_id.clone());
                let reason = format!("an invocation ran longer than functionTimeout, {limit:?}");
                self.conversation.kill(id, reason);
                let (_, logs) = call.await;
                return Some(Reply { result: Err(InvokeError::TimedOut(limit)), logs });
            }
        };
        let result = match answer {
            Ok(value) => serde_json::from_value(value).map_err(|error| {
                let message = format!("the worker's answer cannot be read: {error}");
                InvokeError::Handler(ErrorDetails::new(message))
            }),
            Err(CallError::Thrown(error)) => Err(InvokeError::Handler(error)),
            Err(CallError::Lost(reason)) => {
                let blamed = self.conversation.is_blamed(&invocation.invocation_id);
                Err(InvokeError::WorkerLost { reason, blamed })
            }
            Err(CallError::Ended(_)) => return None,
        };
        Some(Reply { result, logs })
    }

    /// Lets the app's terminate hooks run, then ends the worker.
    pub(crate) async fn stop(&self, grace: Duration) {
        let call = self.call(None, |id| frame::encode(&ToWorker::Terminate { id }));
        let _ = tokio::time::timeout(grace, call).await;
        self.conversation.kill(None, "stopped".to_owned());
        self.lost().await;
    }

    /// Ends with the worker; answers why.
    pub(crate) async fn lost(&self) -> String {
        let mut lost = self.lost.clone();
        match lost.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "its connection ended".to_owned(),
        }
    }

    async fn timed_out(&self, timeout: Option<Duration>) {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
        if self.conversation.is_debugger_attached() {
            std::future::pending().await
        }
    }

    /// Sends a request and waits for its answer, however long that takes.
    async fn call(
        &self,
        invocation_id: Option<&str>,
        encode: impl FnOnce(u64) -> io::Result<Vec<u8>>,
    ) -> (Result<Value, CallError>, Vec<String>) {
        let mut call = match self.conversation.open_call(invocation_id) {
            Ok(call) => call,
            Err(ended) => return (Err(ended), Vec::new()),
        };
        let result = match encode(call.id) {
            Ok(request) => {
                // When the writer is gone, so is the worker: the answer says it.
                let _ = self.requests.send(request).await;
                match call.answer().await {
                    Some(result) => result.map_err(CallError::Thrown),
                    None => Err(CallError::Lost(self.lost().await)),
                }
            }
            Err(error) => Err(CallError::Thrown(ErrorDetails::new(error.to_string()))),
        };
        (result, call.close())
    }
}
