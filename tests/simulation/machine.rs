//! The simulated machine: a disk, a checkpoint store and a clock, which outlive the processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use segue_core::Settings;
use segue_delivery::EmbeddedHub;
use segue_hub::{Hub, HubConfig};
use segue_log::simulation::SimulatedDisk;
use segue_runtime::{Clock, Runtime, RuntimeOptions, Steps};
use segue_xdm::Timestamp;

use crate::random::Random;
use crate::store::SimulatedStore;

/// 2026-01-01T10:00:00Z.
const START_MS: i64 = 1_767_261_600_000;

/// Where the data is.
const DATA: &str = "/data";

/// A clock that is moved by hand.
pub(crate) struct SimulatedClock(AtomicI64);

impl SimulatedClock {
    pub(crate) fn move_by(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::Relaxed);
    }

    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms())
    }
}

pub(crate) struct Machine {
    pub(crate) disk: SimulatedDisk,
    pub(crate) store: SimulatedStore,
    pub(crate) clock: Arc<SimulatedClock>,
    memory_bytes: usize,
    ids_held_max: usize,
    apply_bytes: usize,
}

impl Machine {
    /// A machine with memory for all profiles and ids, or for hardly any; inputs are applied
    /// together or in small batches.
    pub(crate) fn new(random: &mut Random) -> Machine {
        let disk = SimulatedDisk::default();
        let store = SimulatedStore::new(disk.clone());
        let clock = Arc::new(SimulatedClock(AtomicI64::new(START_MS)));
        let memory_bytes = if random.below(3) == 0 { usize::MAX } else { 0 };
        let ids_held_max = if random.below(3) == 0 { usize::MAX } else { random.below(8) as usize };
        let apply_bytes =
            if random.below(3) == 0 { usize::MAX } else { random.below(2000) as usize };
        Machine { disk, store, clock, memory_bytes, ids_held_max, apply_bytes }
    }

    /// Starts Segue: the broker, and a runtime whose steps are the caller's.
    pub(crate) fn start(&self) -> Result<(Hub, Runtime, Steps), String> {
        let host = self.disk.host_without_threads();
        let clock = Arc::clone(&self.clock);
        let machine =
            segue_hub::Machine { host: host.clone(), clock: Arc::new(move || clock.now_ms()) };
        let config = HubConfig { data_dir: DATA.into(), ..HubConfig::default() };
        let hub = Hub::open_on(machine, config).map_err(|error| error.to_string())?;
        let options = RuntimeOptions {
            host,
            clock: self.clock.clone(),
            // Nobody would apply anything while a call waits.
            read_timeout: Duration::ZERO,
            backlog_limit: 40,
            profile_memory_bytes: self.memory_bytes,
            id_memory_bytes: self.memory_bytes,
            apply_bytes: self.apply_bytes,
            settings: Settings { ids_held_max: self.ids_held_max, ..Settings::default() },
            ..RuntimeOptions::new(DATA)
        };
        let activation_log = Arc::new(EmbeddedHub::new(hub.clone()));
        let store = Arc::new(self.store.clone());
        let opened = Runtime::open_stepped(store, options, activation_log, Arc::new(()));
        let (runtime, steps) = opened.map_err(|error| error.to_string())?;
        Ok((hub, runtime, steps))
    }

    /// The power has gone and is back. Nothing runs.
    pub(crate) fn lose_power(&self, random: &mut Random) {
        // Now nearly all of what was not synced is there, now hardly anything.
        let kept_of_8 = random.below(9);
        self.disk.restart(|| random.below(8) < kept_of_8);
        self.store.crash(random);
    }

    /// The process was killed; the system goes on. Nothing runs.
    pub(crate) fn kill(&self, random: &mut Random) {
        self.disk.kill();
        self.store.crash(random);
    }

    /// Whatever failed works again.
    pub(crate) fn heal(&self) {
        self.disk.heal();
        self.store.fail(0);
        self.store.fail_reads(0);
    }
}
