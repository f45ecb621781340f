//! The calls that are open with one worker, and the tasks that listen to it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Child;
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::frame::{self, MAX_FRAME_BYTES};
use super::message::{ErrorDetails, FromWorker};
use crate::observer::{FunctionEvent, FunctionObserver, LogLevel, LogLine};

/// Log lines of an invocation that are kept for its dead letter: the last ones.
const KEPT_LOG_LINES: usize = 100;

/// How long a worker whose connection has ended may take to end itself.
const EXIT_GRACE: Duration = Duration::from_secs(1);

/// What Node itself says on stderr about its inspector; the host says it better.
const INSPECTOR_CHATTER: [&str; 5] = [
    "Debugger listening on ",
    "For help, see: https://nodejs.org/",
    "Debugger attached.",
    "Debugger ending on ",
    "Waiting for the debugger to disconnect...",
];

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallError {
    #[error("{0}")]
    Thrown(ErrorDetails),
    /// The worker ended during the call.
    #[error("{0}")]
    Lost(String),
    /// The worker had ended before the call.
    #[error("{0}")]
    Ended(String),
}

/// What the tasks and the callers of one worker share.
pub(super) struct Conversation {
    observer: Arc<dyn FunctionObserver>,
    calls: Mutex<Calls>,
    kill: Notify,
    debugger_attached: AtomicBool,
}

#[derive(Default)]
struct Calls {
    last_id: u64,
    open: HashMap<u64, Call>,
    /// Who is known to have ended the worker, and how; the first one counts.
    culprit: Option<Culprit>,
    /// Why the worker has ended: no call goes in any more.
    lost: Option<String>,
}

struct Call {
    invocation_id: Option<String>,
    answer: Option<oneshot::Sender<Result<Value, ErrorDetails>>>,
    logs: VecDeque<String>,
}

struct Culprit {
    invocation_id: Option<String>,
    reason: String,
}

/// A call that waits for its answer; forgotten when dropped.
pub(super) struct OpenCall<'a> {
    conversation: &'a Conversation,
    pub(super) id: u64,
    answer: oneshot::Receiver<Result<Value, ErrorDetails>>,
}

impl OpenCall<'_> {
    /// What the worker answered; `None` when it ended before that.
    pub(super) async fn answer(&mut self) -> Option<Result<Value, ErrorDetails>> {
        (&mut self.answer).await.ok()
    }

    /// Ends the call; answers what was logged.
    pub(super) fn close(self) -> Vec<String> {
        let call = self.conversation.calls().open.remove(&self.id);
        call.map(|call| call.logs.into()).unwrap_or_default()
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.conversation.calls().open.remove(&self.id);
    }
}

impl Conversation {
    pub(super) fn new(observer: Arc<dyn FunctionObserver>) -> Conversation {
        Conversation {
            observer,
            calls: Mutex::default(),
            kill: Notify::new(),
            debugger_attached: AtomicBool::new(false),
        }
    }

    pub(super) fn open_call(&self, invocation_id: Option<&str>) -> Result<OpenCall<'_>, CallError> {
        let (sender, answer) = oneshot::channel();
        let mut calls = self.calls();
        if let Some(reason) = &calls.lost {
            return Err(CallError::Ended(reason.clone()));
        }
        calls.last_id += 1;
        let id = calls.last_id;
        let invocation_id = invocation_id.map(str::to_owned);
        calls.open.insert(id, Call { invocation_id, answer: Some(sender), logs: VecDeque::new() });
        Ok(OpenCall { conversation: self, id, answer })
    }

    /// Ends the worker at once, on behalf of an invocation or of the host.
    pub(super) fn kill(&self, invocation_id: Option<String>, reason: String) {
        self.calls().culprit.get_or_insert(Culprit { invocation_id, reason });
        self.kill.notify_one();
    }

    /// Whether a lost worker is this invocation's doing. When nobody knows, everybody is blamed.
    pub(super) fn is_blamed(&self, invocation_id: &str) -> bool {
        let calls = self.calls();
        let culprit = calls.culprit.as_ref().and_then(|c| c.invocation_id.as_deref());
        culprit.is_none_or(|culprit| culprit == invocation_id)
    }

    /// Node tells of a debugger that comes, not of one that goes: once is for this worker's life.
    pub(super) fn is_debugger_attached(&self) -> bool {
        self.debugger_attached.load(Ordering::Relaxed)
    }

    /// Listens to the worker until its connection ends, then sees to it that the process ends too.
    pub(super) async fn listen(
        self: Arc<Self>,
        mut from_worker: OwnedReadHalf,
        mut child: Child,
        lost: watch::Sender<Option<String>>,
    ) {
        let (ended, killed) = tokio::select! {
            ended = self.take_frames(&mut from_worker) => (ended, false),
            () = self.kill.notified() => (None, true),
        };
        if killed || tokio::time::timeout(EXIT_GRACE, child.wait()).await.is_err() {
            let _ = child.start_kill();
        }
        let status = match child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let mut calls = self.calls();
        let known = calls.culprit.as_ref().map(|culprit| culprit.reason.clone());
        let reason = known.or(ended).unwrap_or_else(|| format!("it ended with {status}"));
        calls.lost = Some(reason.clone());
        for call in calls.open.values_mut() {
            call.answer = None;
        }
        drop(calls);
        lost.send_replace(Some(reason));
    }

    /// Answers why reading ended, when there is more to it than a closed connection.
    async fn take_frames(&self, from_worker: &mut OwnedReadHalf) -> Option<String> {
        loop {
            match frame::read(from_worker, MAX_FRAME_BYTES).await {
                Ok(Some(message)) => self.take(message),
                Ok(None) => return None,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => return Some(format!("what it sent cannot be read: {error}")),
            }
        }
    }

    fn take(&self, message: FromWorker) {
        match message {
            FromWorker::Result { id, value } => self.answer(id, Ok(value)),
            FromWorker::Error { id, error } => self.answer(id, Err(error)),
            FromWorker::Log { invocation_id, level, category, message } => {
                self.log(LogLine { invocation_id, level, category, message });
            }
            FromWorker::Crash { invocation_id, error } => {
                let reason = format!("an error that nobody caught: {error}");
                self.calls().culprit.get_or_insert(Culprit { invocation_id, reason });
            }
            FromWorker::Hello { .. } => {}
        }
    }

    fn answer(&self, id: u64, answer: Result<Value, ErrorDetails>) {
        let sender = self.calls().open.get_mut(&id).and_then(|call| call.answer.take());
        if let Some(sender) = sender {
            // Whoever asked may have gone away meanwhile.
            let _ = sender.send(answer);
        }
    }

    fn log(&self, line: LogLine) {
        if line.invocation_id.is_some() {
            let mut calls = self.calls();
            let of_line = |call: &&mut Call| call.invocation_id == line.invocation_id;
            if let Some(call) = calls.open.values_mut().find(of_line) {
                if call.logs.len() >= KEPT_LOG_LINES {
                    call.logs.pop_front();
                }
                call.logs.push_back(format!("{}: {}", line.level, line.message));
            }
        }
        self.observer.observe(&FunctionEvent::Log(line));
    }

    /// Passes on what the process writes itself, line by line; no invocation is known for it.
    pub(super) async fn forward_output(
        self: Arc<Self>,
        output: impl AsyncRead + Unpin,
        level: LogLevel,
    ) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while matches!(output.read_until(b'\n', &mut line).await, Ok(length) if length > 0) {
            let message = String::from_utf8_lossy(&line).trim_end().to_owned();
            line.clear();
            if message == "Debugger attached." {
                self.debugger_attached.store(true, Ordering::Relaxed);
                self.observer.observe(&FunctionEvent::DebuggerAttached);
            }
            if !INSPECTOR_CHATTER.iter().any(|start| message.starts_with(start)) {
                let category = "console".to_owned();
                self.log(LogLine { invocation_id: None, level, category, message });
            }
        }
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes requests until nobody can make any more; then the connection closes, and the worker
/// exits.
pub(super) async fn write_requests(
    mut to_worker: OwnedWriteHalf,
    mut queued: mpsc::Receiver<Vec<u8>>,
) {
    while let Some(request) = queued.recv().await {
        if to_worker.write_all(&request).await.is_err() {
            return;
        }
    }
}
