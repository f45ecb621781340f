//! Inputs that were applied together, on their way to being told of.

use std::time::{Duration, Instant};

use segue_core::Outcome;
use segue_log::LogRecord;
use segue_telemetry::Span;

use crate::activation_log::{Appending, LogEnds, Routed};
use crate::progress::Ahead;

/// Inputs that were applied together.
pub(super) struct Batch {
    pub(super) inputs: Vec<Applied>,
    pub(super) routed: Vec<Routed>,
    /// When they had been applied.
    pub(super) begun: Instant,
    pub(super) ahead: Ahead,
    pub(super) profiles_visited: u64,
    /// Whether definitions changed.
    pub(super) redefined: bool,
    pub(super) slice: Slice,
    /// Where the logs ended before the attempt to append that failed.
    pub(super) failed_after: Option<LogEnds>,
}

/// What one input came to; its activations are taken out.
pub(super) struct Applied {
    pub(super) record: LogRecord,
    pub(super) outcome: Outcome,
    pub(super) activations: usize,
}

/// A batch whose activations are on their way to the disk.
pub(super) struct Underway {
    pub(super) batch: Batch,
    pub(super) appending: Appending,
    /// Where the logs ended before.
    pub(super) before: LogEnds,
    pub(super) spans: Vec<Span>,
    /// Time that went into appending so far.
    pub(super) time: Duration,
}

/// What slices cost in one batch of inputs.
#[derive(Default)]
pub(super) struct Slice {
    pub(super) applied: Duration,
    pub(super) activations: usize,
}

impl Slice {
    /// The time of it all, when appending so many activations took so long.
    pub(super) fn time(&self, append: Duration, activations: usize) -> Duration {
        self.applied + append.mul_f64(self.activations as f64 / activations.max(1) as f64)
    }
}
