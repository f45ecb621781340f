//! What happens in a function host, told to whoever wants to know: the console, `/api/live`,
//! tests. [`FunctionEvent`] prints as a console line (in the words of Azure's own tools, where
//! they have some) and serializes for programs.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

/// Somebody who watches a function host.
///
/// Called on the host's tasks, in the order in which things happen: be quick, never block.
pub trait FunctionObserver: Send + Sync {
    /// Something happened.
    fn observe(&self, event: &FunctionEvent);
}

/// Nobody watches.
impl FunctionObserver for () {
    fn observe(&self, _: &FunctionEvent) {}
}

/// One thing that happened in a function host.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FunctionEvent {
    /// A worker process is being started.
    WorkerStarting,
    /// It runs and has connected.
    WorkerStarted {
        /// Its process id.
        pid: u32,
        /// Node's version, without the `v`.
        node: String,
        /// Where a debugger attaches (`ws://…`), when asked for.
        inspector: Option<String>,
    },
    /// The port that the inspector should have is taken: a free one is used instead.
    InspectorPortTaken {
        /// The port that was wanted.
        port: u16,
    },
    /// No user code is loaded and nothing is delivered before a debugger attaches.
    WaitingForDebugger {
        /// Where it attaches.
        url: String,
    },
    /// A debugger has attached; `functionTimeout` is suspended for this worker.
    DebuggerAttached,
    /// The app is loaded.
    FunctionsLoaded {
        /// The programming model, as in `@azure/functions 4.16.5` or `function.json`.
        model: String,
        /// Every function of the app.
        functions: Vec<FunctionInfo>,
    },
    /// The worker has ended; another one is started after `restart_in`.
    WorkerLost {
        /// Why.
        reason: String,
        /// The pause before the next start.
        #[serde(rename = "restartInMs", serialize_with = "milliseconds")]
        restart_in: Duration,
    },
    /// A function receives from a partition.
    Listening {
        /// The function.
        function: String,
        /// `namespace/hub`.
        event_hub: String,
        /// The consumer group.
        consumer_group: String,
        /// The partition.
        partition: String,
        /// Where it starts, in words.
        from: String,
    },
    /// An event hub cannot be reached or refuses; it is tried again after `retry_in`.
    HubUnavailable {
        /// The function.
        function: String,
        /// `namespace/hub`.
        event_hub: String,
        /// What happened and what to do.
        message: String,
        /// The pause before the next try.
        #[serde(rename = "retryInMs", serialize_with = "milliseconds")]
        retry_in: Duration,
    },
    /// A function is called.
    RunStarted(Run),
    /// A line of a function's log, or of its process.
    Log(LogLine),
    /// A call has ended.
    RunFinished {
        /// The call.
        run: Run,
        /// How long it took.
        #[serde(rename = "durationMs", serialize_with = "milliseconds")]
        duration: Duration,
        /// How it ended.
        outcome: RunOutcome,
    },
    /// Failed events are tried again after `retry_in`.
    Retrying {
        /// The function.
        function: String,
        /// The partition.
        partition: String,
        /// How many events.
        events: usize,
        /// The attempt that comes, from 2 on.
        attempt: u32,
        /// The pause before it.
        #[serde(rename = "retryInMs", serialize_with = "milliseconds")]
        retry_in: Duration,
    },
    /// Events that failed for good are kept as dead letters.
    DeadLettered {
        /// The function.
        function: String,
        /// The partition.
        partition: String,
        /// Their sequence numbers.
        sequence_numbers: Vec<i64>,
        /// The error of the last attempt.
        error: String,
    },
    /// Events that failed for good are passed over, as Azure does (`--azure-semantics`).
    Dropped {
        /// The function.
        function: String,
        /// The partition.
        partition: String,
        /// Their sequence numbers.
        sequence_numbers: Vec<i64>,
        /// The error of the last attempt.
        error: String,
    },
    /// A checkpoint or a dead letter cannot be written; nothing goes on in this partition before
    /// it can.
    StoreFailed {
        /// What happened and what to do.
        message: String,
        /// The pause before the next try.
        #[serde(rename = "retryInMs", serialize_with = "milliseconds")]
        retry_in: Duration,
    },
}

/// A function of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionInfo {
    /// Its name.
    pub name: String,
    /// The type of its trigger, as in `eventHubTrigger`.
    pub trigger: String,
    /// What it listens to, as `hub (consumer group)`; `None` when it does not run.
    pub source: Option<String>,
    /// Why it does not run.
    pub not_run: Option<String>,
}

/// One call of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// The function.
    pub function: String,
    /// A new one for every attempt.
    pub invocation_id: String,
    /// `namespace/hub`.
    pub event_hub: String,
    /// The partition.
    pub partition: String,
    /// Of the first event.
    pub first_sequence_number: i64,
    /// Of the last event.
    pub last_sequence_number: i64,
    /// How many events.
    pub events: usize,
    /// From 1 on.
    pub attempt: u32,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum RunOutcome {
    /// All events are done with.
    Succeeded,
    /// The function reported these events as failed, by `batchItemFailures`.
    PartlyFailed {
        /// Their sequence numbers.
        sequence_numbers: Vec<i64>,
    },
    /// It failed for all events.
    Failed {
        /// The error, with the stack when there is one.
        error: String,
    },
}

/// A line that a function, or its process, has written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LogLine {
    /// The call that wrote it; `None` for what was written outside of any.
    pub invocation_id: Option<String>,
    /// How important it is.
    pub level: LogLevel,
    /// `user` (context.log), `console`, or `system` (the library).
    pub category: String,
    /// The text; may hold line breaks.
    pub message: String,
}

/// Levels as Azure Functions names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogLevel {
    /// The finest.
    Trace,
    /// For debugging.
    Debug,
    /// The usual one.
    Information,
    /// Something is odd.
    Warning,
    /// Something failed.
    Error,
    /// The app cannot go on.
    Critical,
    /// Not to be shown.
    None,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogLevel::Trace => "trace",
            LogLevel::Debug => "debug",
            LogLevel::Information => "information",
            LogLevel::Warning => "warning",
            LogLevel::Error => "error",
            LogLevel::Critical => "critical",
            LogLevel::None => "none",
        })
    }
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

impl fmt::Display for FunctionEvent {
    // tidy: long because it is a table, one arm per event.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FunctionEvent::WorkerStarting => f.write_str("Starting the worker"),
            FunctionEvent::WorkerStarted { pid, node, inspector } => {
                write!(f, "Worker process started: Node {node}, pid {pid}")?;
                inspector.iter().try_for_each(|url| write!(f, "\nDebugger listening on {url}"))
            }
            FunctionEvent::InspectorPortTaken { port } => {
                write!(f, "Port {port} is taken: the debugger gets a free one")
            }
            FunctionEvent::WaitingForDebugger { url } => {
                write!(f, "Waiting for a debugger to attach to {url}")
            }
            FunctionEvent::DebuggerAttached => f.write_str("Debugger attached"),
            FunctionEvent::FunctionsLoaded { functions, .. } => {
                f.write_str("Functions:\n")?;
                functions.iter().try_for_each(|function| write!(f, "\n\t{function}"))?;
                f.write_str("\n")
            }
            FunctionEvent::WorkerLost { reason, restart_in } => {
                write!(f, "The worker has ended: {reason}. Starting another one in {restart_in:?}")
            }
            FunctionEvent::Listening { function, event_hub, consumer_group, partition, from } => {
                write!(
                    f,
                    "{function} listens to {event_hub}, partition {partition}, as \
                     {consumer_group}, from {from} on"
                )
            }
            FunctionEvent::HubUnavailable { function, event_hub, message, retry_in } => {
                write!(f, "{function}: {event_hub}: {message}. Trying again in {retry_in:?}")
            }
            FunctionEvent::RunStarted(run) => write!(f, "Executing {run}"),
            FunctionEvent::Log(line) => f.write_str(&line.message),
            FunctionEvent::RunFinished { run, duration, outcome } => {
                let milliseconds = duration.as_millis();
                write!(f, "Executed {run} ({outcome}, Duration={milliseconds}ms)")
            }
            FunctionEvent::Retrying { function, partition, events, attempt, retry_in } => write!(
                f,
                "{function}: {events} event(s) of partition {partition} again in {retry_in:?} \
                 (attempt {attempt})"
            ),
            FunctionEvent::DeadLettered { function, partition, sequence_numbers, .. } => write!(
                f,
                "{function}: kept as dead letters: {sequence_numbers:?} of partition {partition}"
            ),
            FunctionEvent::Dropped { function, partition, sequence_numbers, .. } => write!(
                f,
                "{function}: passed over after failing: {sequence_numbers:?} of partition \
                 {partition}"
            ),
            FunctionEvent::StoreFailed { message, retry_in } => {
                write!(f, "{message}. Trying again in {retry_in:?}")
            }
        }
    }
}

impl fmt::Display for FunctionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.trigger)?;
        self.source.iter().try_for_each(|source| write!(f, " on {source}"))?;
        self.not_run.iter().try_for_each(|reason| write!(f, " (not run: {reason})"))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run { function, invocation_id, partition, first_sequence_number, .. } = self;
        write!(f, "'Functions.{function}' (Id={invocation_id}, Partition={partition}, ")?;
        write!(f, "Sequence={first_sequence_number}")?;
        if self.last_sequence_number != self.first_sequence_number {
            write!(f, "..{}", self.last_sequence_number)?;
        }
        write!(f, ", Events={}, Attempt={})", self.events, self.attempt)
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunOutcome::Succeeded => f.write_str("Succeeded"),
            RunOutcome::PartlyFailed { sequence_numbers } => {
                write!(f, "Failed for {sequence_numbers:?}")
            }
            RunOutcome::Failed { error } => {
                write!(f, "Failed: {}", error.lines().next().unwrap_or_default())
            }
        }
    }
}
