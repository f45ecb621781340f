//! How much faster several threads apply the same inputs than one: in time by the clock, so on a
//! machine that does nothing else, and as a ratio only.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use segue_load::audience::Audience;
use segue_load::stream::{Arrival, START};
use segue_runtime::Shards;
use segue_xdm::Violation;

use crate::measurement::{changes, read};
use crate::subject::Subject;

/// Inputs that are applied together: what the runtime does when many wait.
const BATCH: usize = 1000;

/// What so many threads took.
#[derive(Clone, Copy, Debug)]
pub struct SideBySide {
    /// Threads that applied inputs.
    pub threads: usize,
    /// Inputs on which the figures rest.
    pub measured: usize,
    /// Time by the clock.
    pub elapsed: Duration,
    /// CPU time of all threads together.
    pub cpu: Duration,
    /// Changes of status: as many for any number of threads.
    pub changes: usize,
}

impl SideBySide {
    /// Inputs a second, by the clock.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.measured as f64 / self.elapsed.as_secs_f64()
    }

    /// Inputs a second of CPU time.
    #[must_use]
    pub fn per_cpu_second(&self) -> f64 {
        self.measured as f64 / self.cpu.as_secs_f64()
    }
}

/// Publishes the audiences and applies the arrivals with so many threads; what is measured is the
/// second half of them. To be called from a thread that has no others yet.
///
/// # Errors
/// An arrival is not valid, or an audience is not.
pub fn measure(
    arrivals: &[Arrival],
    audiences: &[Audience],
    threads: usize,
) -> Result<SideBySide, Vec<Violation>> {
    let shards = Shards::start(threads);
    let mut subject = Subject::default();
    let now = arrivals.first().map_or(START, |arrival| arrival.at);
    for audience in audiences {
        subject.publish(audience, now)?;
    }
    let (early, late) = arrivals.split_at(arrivals.len() / 2);
    for batch in early.chunks(BATCH) {
        subject.process_all(read(batch)?, &shards);
    }
    let (mut elapsed, mut cpu, mut changed) = (Duration::ZERO, Duration::ZERO, 0);
    for batch in late.chunks(BATCH) {
        let inputs = read(batch)?;
        let (start, cpu_before) = (Instant::now(), process_cpu_time());
        let outcomes = subject.process_all(inputs, &shards);
        elapsed += start.elapsed();
        cpu += process_cpu_time() - cpu_before;
        changed += changes(&outcomes);
    }
    Ok(SideBySide { threads, measured: late.len(), elapsed, cpu, changes: changed })
}

fn process_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}
