//! What Segue says about how long things take: [`Span`]s of single requests, and [`Histogram`]s of
//! all of them.
//!
//! ```text
//! ingest ─▶ runtime ─▶ delivery, function host
//!    └─────────┴───────────┴──▶ Tracer ─▶ SpanSink (OTLP, in the binary)
//! ```
//!
//! Invariants:
//! - a [`Tracer`] that is off costs a comparison, and one that is on works per batch, not per
//!   event;
//! - nothing here waits, and nothing is decided by what is measured.

mod histogram;
mod memory_sink;
mod span;
mod tracer;

pub use histogram::{BOUNDS_SECONDS, Histogram, HistogramView};
pub use memory_sink::MemorySink;
pub use span::{AttributeValue, Span, SpanKind};
pub use tracer::{SpanSink, Tracer};
