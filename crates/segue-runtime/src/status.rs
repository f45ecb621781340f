//! What the runtime says about itself: where it stands, what it has done, what troubles it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use segue_xdm::Timestamp;

/// Where a runtime stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Position after the last input that the state holds.
    pub applied: u64,
    /// Position after the last durable input.
    pub head: u64,
    /// Inputs appended, or being appended, that are not applied yet.
    pub backlog: u64,
    /// Whether everything that was in the log at the start has been applied.
    pub caught_up: bool,
    /// When a membership will change next without any input.
    pub next_wake: Option<Timestamp>,
    /// Jobs that run.
    pub jobs: u64,
    /// Position of the last durable checkpoint: what a restart would begin with.
    pub checkpointed: u64,
    /// What the runtime cannot do at the moment, and why.
    pub problem: Option<String>,
    /// What it has done since it started.
    pub counters: Counters,
}

/// Declares the counters once, as what is read and as what is counted up.
macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// What a runtime has done since it started. Every number only grows.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
        pub struct Counters {
            $($(#[$doc])* pub $name: u64,)*
        }

        /// The same, being counted.
        #[derive(Default, Debug)]
        pub(crate) struct LiveCounters {
            $(pub(crate) $name: Counter,)*
        }

        impl LiveCounters {
            /// The numbers now.
            pub(crate) fn snapshot(&self) -> Counters {
                Counters { $($name: self.$name.0.load(Ordering::Relaxed),)* }
            }
        }
    };
}

counters! {
    /// Inputs acknowledged to their senders.
    accepted,
    /// Inputs refused because too many waited.
    busy,
    /// Inputs applied, those of a replay included.
    applied,
    /// Profiles that slices of jobs went by, those of a replay included.
    backfilled,
    /// Slices of jobs appended.
    slices,
    /// Events applied that had been seen before.
    duplicates,
    /// Changes of memberships.
    changes,
    /// Profiles that were merged into another.
    merges,
    /// Identities that belong to nobody any more, because their profile had too many.
    evictions,
    /// Links between identities that were cut, because newer ones contradict them.
    cuts,
    /// Events and records that named nobody, because every identity is excluded.
    unidentified,
    /// Activations appended.
    activations,
    /// Activations that a replay made again and found in their log.
    activations_found,
    /// Failed attempts to append activations.
    activation_failures,
    /// Ticks appended because a wake-up was due.
    ticks,
    /// Checkpoints written.
    checkpoints,
    /// Failed attempts to write one.
    checkpoint_failures,
}

/// A number that only grows.
#[derive(Default, Debug)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, Ordering::Relaxed);
    }
}

/// The parts of a runtime that can be in trouble.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Part {
    Engine,
    InputLog,
    ActivationLog,
    Checkpoint,
    Erasure,
}

impl Part {
    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Part::Engine => "engine",
            Part::InputLog => "input log",
            Part::ActivationLog => "activation log",
            Part::Checkpoint => "checkpoint",
            Part::Erasure => "erasure",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What troubles each part at the moment. Trouble is logged once when it comes, once when it goes.
#[derive(Default, Debug)]
pub(crate) struct Health {
    problems: Mutex<BTreeMap<Part, String>>,
}

impl Health {
    /// `part` failed, and will try again.
    pub(crate) fn report(&self, part: Part, problem: &dyn fmt::Display) {
        let problem = problem.to_string();
        if self.problems.lock().insert(part, problem.clone()).is_none() {
            tracing::error!(%part, %problem, "in trouble");
        }
    }

    /// `part` works.
    pub(crate) fn clear(&self, part: Part) {
        if self.problems.lock().remove(&part).is_some() {
            tracing::info!(%part, "works again");
        }
    }

    /// The parts that are in trouble, and why.
    pub(crate) fn problems(&self) -> BTreeMap<Part, String> {
        self.problems.lock().clone()
    }

    /// All trouble in one text.
    pub(crate) fn problem(&self) -> Option<String> {
        let problems = self.problems.lock();
        let lines: Vec<String> =
            problems.iter().map(|(part, problem)| format!("{part}: {problem}")).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}
