//! The messages between host and worker; `workers/node/wire.cjs` is the other side.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::function_spec::RegisteredFunction;
use crate::observer::LogLevel;
use crate::typed_data::TypedData;

#[derive(Debug, Serialize)]
#[serde(tag = "t", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum ToWorker<'a> {
    Init {
        id: u64,
        dir: &'a str,
        host_version: &'a str,
        wait_for_debugger: bool,
    },
    Invoke {
        id: u64,
        #[serde(flatten)]
        invocation: &'a Invocation,
    },
    Terminate {
        id: u64,
    },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "t", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum FromWorker {
    Hello { token: String, pid: u32, node: String, inspector: Option<String> },
    Result { id: u64, value: Value },
    Error { id: u64, error: ErrorDetails },
    Log { invocation_id: Option<String>, level: LogLevel, category: String, message: String },
    Crash { invocation_id: Option<String>, error: ErrorDetails },
}

/// One call of a function: the request of Azure's worker protocol.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invocation {
    pub(crate) function_id: String,
    pub(crate) invocation_id: String,
    pub(crate) input_data: Vec<InputData>,
    pub(crate) trigger_metadata: BTreeMap<String, TypedData>,
    pub(crate) trace_context: TraceContext,
    /// From the second attempt on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_context: Option<RetryContext>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct InputData {
    pub(crate) name: String,
    pub(crate) data: TypedData,
}

#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TraceContext {
    pub(crate) trace_parent: String,
    pub(crate) trace_state: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RetryContext {
    pub(crate) retry_count: u32,
    /// -1: forever.
    pub(crate) max_retry_count: i64,
    pub(crate) exception: ErrorDetails,
}

/// What an app registered when it was loaded.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoadedApp {
    /// The programming model, as in `@azure/functions 4.16.5` or `function.json`.
    pub(crate) model: String,
    /// `main` of package.json and the files that it names.
    pub(crate) main: Option<String>,
    pub(crate) main_files: Vec<String>,
    pub(crate) errors: Vec<LoadError>,
    pub(crate) functions: Vec<RegisteredFunction>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct LoadError {
    pub(crate) file: String,
    #[serde(flatten)]
    pub(crate) error: ErrorDetails,
}

/// What user code, or the worker itself, has thrown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ErrorDetails {
    pub(crate) message: String,
    #[serde(default)]
    pub(crate) stack: String,
    #[serde(default)]
    pub(crate) name: String,
}

impl ErrorDetails {
    /// An error that has no stack in the user's code.
    pub(crate) fn new(message: impl Into<String>) -> ErrorDetails {
        ErrorDetails { message: message.into(), ..ErrorDetails::default() }
    }
}

impl fmt::Display for ErrorDetails {
    /// JavaScript's stack begins with name and message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.stack.is_empty() { &self.message } else { &self.stack })
    }
}
