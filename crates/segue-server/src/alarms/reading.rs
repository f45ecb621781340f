//! What the watch looks at, at one moment.

use std::time::Duration;

use segue_delivery::{BreakerState, Delivery};
use segue_runtime::Runtime;
use segue_xdm::Timestamp;

/// What the watch looks at, at one moment.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) now: Timestamp,
    /// Parts of the runtime that are in trouble, and why.
    pub(super) troubles: Vec<(&'static str, String)>,
    /// How long the oldest input that is not applied has waited.
    pub(super) lag: Duration,
    pub(super) jobs: u64,
    /// Grows with every step that jobs take.
    pub(super) steps: u64,
    /// The definition that has waited longest for profiles to follow it, if the engine says.
    pub(super) oldest_job: Option<String>,
    pub(super) destinations: Vec<DestinationReading>,
}

/// The same of one destination.
#[derive(Clone, Debug)]
pub(super) struct DestinationReading {
    pub(super) id: String,
    pub(super) is_down: bool,
    pub(super) trouble: Option<String>,
    pub(super) waiting_since: Option<Timestamp>,
    pub(super) backlog: u64,
    /// Messages refused for good since the start.
    pub(super) refused: u64,
}

impl Reading {
    /// Looks. Blocks on the disk, and for a moment on the engine.
    pub(super) fn take(runtime: &Runtime, delivery: &Delivery) -> Reading {
        let status = runtime.status();
        let jobs = if status.jobs > 0 { runtime.running_jobs() } else { None };
        let destinations = delivery.statuses().into_iter().map(|(id, status)| DestinationReading {
            is_down: status.breaker != BreakerState::Closed,
            trouble: status.trouble,
            waiting_since: delivery.waiting_since(&id),
            backlog: status.backlog,
            refused: status.refused,
            id,
        });
        Reading {
            now: runtime.now(),
            troubles: runtime.troubles(),
            lag: runtime.stages().lag(),
            jobs: status.jobs,
            steps: status.counters.slices + status.counters.backfilled,
            oldest_job: jobs.and_then(|jobs| jobs.into_iter().next()).map(|job| job.definition),
            destinations: destinations.collect(),
        }
    }
}
