//! The HTTP edge: ingest, control API, live updates and the shop of the demo.
//!
//! ```text
//!  POST /api/events, /api/records ──▶ items ──▶ validate ──▶ Runtime::submit ──▶ 200 when durable
//!  PUT  /api/audiences/… ───────────▶ parse ──▶ Runtime::change_definitions ──▶ 201, 422, 412 …
//!  GET  /api/profiles/… ────────────▶ Runtime::profile   (waits for what was acknowledged)
//!  POST /api/dry-run, …?diff ────────▶ Runtime::dry_run, compare   (nothing happens)
//!  …    /api/dead-letters, …/test ───▶ Delivery
//!  GET  /api/live ◀── LiveFeed ◀── Runtime's observer, function host
//! ```
//!
//! It knows how things are asked and answered, and nothing of how an audience is evaluated.
//!
//! Invariants:
//! - an answer of success comes after the input is durable;
//! - every answer of 400 and above is a problem document with a code and its page;
//! - a body never takes more than 1 MiB, and one bad item never rejects its neighbours;
//! - only this machine is served, and other sites' pages change nothing.
//!
//! ```no_run
//! use segue_delivery::Delivery;
//! use segue_runtime::Runtime;
//! use segue_server::{LiveFeed, Server, ServerError, ServerOptions, TelemetryOptions};
//!
//! # type Answer = Result<(), ServerError>;
//! # async fn run(runtime: Runtime, delivery: Delivery, feed: LiveFeed) -> Answer {
//! let addr = ([127, 0, 0, 1], 8080).into();
//! let options = ServerOptions { addr, shop: true, telemetry: TelemetryOptions::default() };
//! let server = Server::bind(options, runtime, delivery, feed).await?;
//! println!("http://{}", server.local_addr());
//! server.serve().await
//! # }
//! ```

mod alarms;
mod app;
mod assets;
mod body;
mod dead_letters;
mod definitions;
mod destinations;
mod dry_run;
mod erasures;
mod explaining;
mod export;
mod health;
mod ingest;
mod items;
mod jobs;
mod live;
mod metrics;
mod origin;
mod problem;
mod profiles;
mod refusal;
mod server;
mod survey;

pub use alarms::AlarmThresholds;
pub use body::BODY_BYTES_MAX;
pub use items::ITEMS_MAX;
pub use live::{FEED_ENTRIES_MAX, LiveFeed, LiveKind};
pub use server::{
    BoundServer, Server, ServerError, ServerOptions, ShutdownHandle, TelemetryOptions,
};
