//! A function host: runs unmodified Azure Functions apps (Node, `@azure/functions` v4 or
//! function.json) against any event hub, without Azure, storage accounts or downloads.
//!
//! ```text
//!   event hub ──AMQP──▶ [`EventHubs`]     one reader per partition
//!                           │ batch
//!                           ▼
//!                       partition loop ──▶ worker (Node) ──▶ the user's handler
//!                           │ succeeded, or kept as dead letter
//!                           ▼
//!                       checkpoint        data_dir/checkpoints, one file per function
//! ```
//!
//! What it promises:
//! - Batches of a partition run strictly one after the other; partitions run in parallel.
//! - A checkpoint moves behind an event only when its function succeeded, or when the event is
//!   durable among the dead letters. A crash at any moment repeats events, it never loses one.
//! - Attempts are counted durably: a restart does not start the counting over.
//! - Whatever can heal by itself (a hub, a worker, a full disk) is observed and tried again;
//!   [`StartError`] is only for what the user must fix.
//! - A worker never outlives its host.
//!
//! It knows nothing of profiles or audiences, prints nothing (an observer may), and never fetches
//! anything.
//!
//! ```no_run
//! # async fn example() -> Result<(), segue_functions::StartError> {
//! use std::sync::Arc;
//! use segue_functions::{FunctionEvent, FunctionHost, FunctionObserver, HostOptions};
//!
//! struct Console;
//! impl FunctionObserver for Console {
//!     fn observe(&self, event: &FunctionEvent) {
//!         println!("{event}");
//!     }
//! }
//!
//! let options = HostOptions::new("examples/functions/log-activations", "data/functions");
//! let host = FunctionHost::start(options, Arc::new(Console)).await?;
//! host.listening().await;
//! host.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! | Module | Holds |
//! |---|---|
//! | `host`, `listener`, `partition`, `batch` | the trigger loop, from app to attempt |
//! | `app`, `function_spec`, `retry_policy` | what an app says: settings, host.json, bindings |
//! | `payload`, `trigger_metadata`, `typed_data`, `output` | values to a function and back |
//! | `worker`, `node_runtime` | the Node process, its protocol, its restarts |
//! | `checkpoint`, `dead_letters` | what is durable |
//! | `hub`, `amqp_hubs` | event hubs, as a trait and over AMQP |
//! | `observer`, `spans` | what happens, for those who watch, and for traces |

mod amqp_hubs;
mod app;
mod backoff;
mod batch;
mod checkpoint;
mod clock;
mod dead_letters;
mod error;
mod function_spec;
mod host;
mod hub;
mod listener;
mod node_runtime;
mod observer;
mod output;
mod partition;
mod payload;
mod retry_policy;
mod spans;
#[cfg(test)]
mod test_events;
mod trigger_metadata;
mod typed_data;
mod worker;

pub use dead_letters::{Body, DeadLetter, DeadLetterError, DeadLetterReason, DeadLetters};
pub use error::StartError;
pub use host::{DEFAULT_INSPECTOR_PORT, FunctionHost, HostOptions};
pub use hub::{
    BoxFuture, EventHubs, HubAddress, HubError, HubEvent, PartitionReader, Position, StartPosition,
};
pub use observer::{
    FunctionEvent, FunctionInfo, FunctionObserver, LogLevel, LogLine, Run, RunOutcome,
};
