//! What the tests share: a clock, activation logs and a data directory that outlive a runtime.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use segue_core::{Activation, ActivationId, Definition, Input, Kind, ProfileView, Status};
use segue_runtime::{
    ActivationLog, ActivationLogError, Appending, Batch, ChangeMode, Changed, Clock,
    DefinitionChange, Delivered, Entry, Expected, ExportedLog, LogEnds, LogErasures, Persons,
    Routed, Runtime, RuntimeError, RuntimeOptions, Snapshot, StateStore, Steps, StoreError, log_of,
};
use segue_xdm::{Event, Identity, Timestamp, Violation};
use serde_json::{Value, json};

/// Longest time that a test waits for something that should happen at once.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A clock that moves when it is told to.
pub(crate) struct ManualClock(AtomicI64);

impl ManualClock {
    pub(crate) fn set(&self, time: &str) {
        self.0.store(at(time).as_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) fn at(time: &str) -> Timestamp {
    Timestamp::parse(time).unwrap()
}

/// Activation logs in memory, one partition each.
#[derive(Default)]
pub(crate) struct MemoryLogs {
    state: Mutex<Logs>,
    opened: Condvar,
}

#[derive(Default)]
struct Logs {
    records: BTreeMap<String, Vec<Routed>>,
    /// How many appends are to fail, after having written half of what they were given.
    failures: usize,
    closed: bool,
}

impl MemoryLogs {
    /// Lets the next appends fail half-way.
    pub(crate) fn fail(&self, times: usize) {
        self.state.lock().failures = times;
    }

    /// Appends wait until [`MemoryLogs::open`].
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
    }

    pub(crate) fn open(&self) {
        self.state.lock().closed = false;
        self.opened.notify_all();
    }

    /// The activations that were appended to a hub.
    pub(crate) fn activations(&self, event_hub: &str) -> Vec<Activation> {
        let state = self.state.lock();
        let records = state.records.get(event_hub).into_iter().flatten();
        records.map(|routed| routed.activation.clone()).collect()
    }

    /// Empties all hubs.
    pub(crate) fn clear(&self) {
        self.state.lock().records.values_mut().for_each(Vec::clear);
    }

    /// What was appended to a hub: body, reasons, cause and id of each.
    pub(crate) fn sent(&self, event_hub: &str) -> Vec<(ActivationId, String, String)> {
        let shown = self.activations(event_hub).into_iter().map(|activation| {
            let body = String::from_utf8(activation.body).unwrap();
            (activation.id, activation.cause, body)
        });
        shown.collect()
    }
}

impl ActivationLog for MemoryLogs {
    fn check(&self, definition: &Definition) -> Result<(), Vec<Violation>> {
        match definition {
            Definition::Destination(destination) if log_of(destination) == "forbidden" => {
                let message = "no such hub can be";
                Err(vec![Violation::new("/connection/event_hub", "format", message)])
            }
            _ => Ok(()),
        }
    }

    fn prepare(&self, definition: &Definition) -> Result<(), ActivationLogError> {
        if let Definition::Destination(destination) = definition {
            self.state.lock().records.entry(log_of(destination)).or_default();
        }
        Ok(())
    }

    fn append(&self, activations: &[Routed]) -> Appending {
        let mut state = self.state.lock();
        while state.closed {
            self.opened.wait(&mut state);
        }
        let fails = state.failures > 0;
        let written = if fails { activations.len() / 2 } else { activations.len() };
        for routed in &activations[..written] {
            state.records.get_mut(&routed.log).unwrap().push(routed.clone());
        }
        if !fails {
            return Appending::ended(Ok(()));
        }
        state.failures -= 1;
        Appending::ended(Err(ActivationLogError::new("the disk is full")))
    }

    fn ends(&self) -> LogEnds {
        let state = self.state.lock();
        state.records.iter().map(|(name, log)| (name.clone(), vec![log.len() as u64])).collect()
    }

    fn ids_since(&self, ends: &LogEnds) -> Result<HashSet<ActivationId>, ActivationLogError> {
        let state = self.state.lock();
        let since = state.records.iter().flat_map(|(name, log)| {
            let end = ends.get(name).map_or(0, |ends| ends[0]);
            log.iter().skip(end as usize)
        });
        Ok(since.map(|routed| routed.activation.id).collect())
    }

    fn hold_from(&self, _: &LogEnds) {}

    fn erase(&self, persons: &Persons) -> Result<Vec<LogErasures>, ActivationLogError> {
        Ok(vec![LogErasures::new(); persons.len()])
    }

    fn export_delivered(&self) -> Delivered {
        Delivered::default()
    }

    fn export_logs(&self, _: &LogEnds) -> Vec<ExportedLog> {
        Vec::new()
    }
}

/// A checkpoint store in memory. Clones are the same store.
#[derive(Clone, Default)]
pub(crate) struct MemoryStore(Arc<Mutex<BTreeMap<Vec<u8>, Vec<u8>>>>);

impl StateStore for MemoryStore {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.lock().get(key).cloned())
    }

    fn range<'a>(
        &'a self,
        from: &[u8],
    ) -> Box<dyn Iterator<Item = Result<Entry, StoreError>> + 'a> {
        let mut entries = self.0.lock().clone();
        Box::new(entries.split_off(from).into_iter().map(Ok))
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(Box::new(self.0.lock().clone().into_iter().map(Ok)))
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut entries = self.0.lock();
        for (key, value) in batch {
            entries.remove(key);
            entries.extend(value.clone().map(|value| (key.clone(), value)));
        }
        Ok(())
    }

    fn checkpoint(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn rewrite(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn close(&self) {}
}

/// A data directory, and everything around a runtime that survives its end.
pub(crate) struct World {
    directory: tempfile::TempDir,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) logs: Arc<MemoryLogs>,
}

impl World {
    pub(crate) fn new() -> World {
        let clock = Arc::new(ManualClock(AtomicI64::new(0)));
        clock.set("2026-01-01T10:00:00Z");
        World { directory: tempfile::tempdir().unwrap(), clock, logs: Arc::default() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("data").join(name)
    }

    /// Checkpoints are written at shutdown only, so that tests decide what they hold.
    pub(crate) fn options(&self) -> RuntimeOptions {
        RuntimeOptions {
            clock: self.clock.clone(),
            checkpoint_interval: Duration::from_secs(3600),
            engine_threads: 3,
            ..RuntimeOptions::new(self.path(""))
        }
    }

    pub(crate) fn open(&self) -> Runtime {
        self.open_with(self.options()).unwrap()
    }

    pub(crate) fn open_with(&self, options: RuntimeOptions) -> Result<Runtime, RuntimeError> {
        Runtime::open(options, self.logs.clone(), Arc::new(()))
    }

    /// A runtime without threads, with its checkpoint in this store.
    pub(crate) fn open_stepped(&self, store: &MemoryStore) -> (Runtime, Steps) {
        self.open_stepped_with(store, self.options())
    }

    pub(crate) fn open_stepped_with(
        &self,
        store: &MemoryStore,
        options: RuntimeOptions,
    ) -> (Runtime, Steps) {
        let (store, logs) = (Arc::new(store.clone()), self.logs.clone());
        Runtime::open_stepped(store, options, logs, Arc::new(())).unwrap()
    }

    /// A runtime with the audience `fans` (visited Sports) mapped to the hub `activations`.
    pub(crate) fn open_with_fans(&self) -> Runtime {
        let runtime = self.open();
        let changes = [audience("fans", SPORTS), destination("activations", &["fans"])];
        define(&runtime, changes).unwrap();
        runtime
    }
}

/// Visited the page Sports, ever.
pub(crate) const SPORTS: &str =
    r#"CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Sports", false))])"#;

pub(crate) fn audience(id: &str, definition: &str) -> Value {
    json!({"kind": "Audience", "id": id, "name": id, "definition": definition})
}

pub(crate) fn destination(event_hub: &str, audiences: &[&str]) -> Value {
    json!({
        "kind": "Destination", "id": format!("to-{event_hub}"), "type": "azure-event-hubs",
        "connection": {"embedded": true, "event_hub": event_hub}, "audiences": audiences,
    })
}

pub(crate) fn change_to(definition: Value, expected: Expected) -> DefinitionChange {
    DefinitionChange::Define { definition: Definition::from_value(definition).unwrap(), expected }
}

pub(crate) fn define(
    runtime: &Runtime,
    definitions: impl IntoIterator<Item = Value>,
) -> Result<Vec<Changed>, RuntimeError> {
    let changes = definitions.into_iter().map(|value| change_to(value, Expected::Any));
    runtime.change_definitions(changes.collect(), ChangeMode::Apply)
}

/// A page view of a visitor at the time that the world's clock was set to first.
pub(crate) fn view(id: &str, ecid: &str, page: &str) -> Input {
    view_at("2026-01-01T10:00:00Z", id, ecid, page)
}

pub(crate) fn view_at(time: &str, id: &str, ecid: &str, page: &str) -> Input {
    let body = json!({
        "_id": id, "timestamp": time, "identityMap": {"ECID": [{"id": ecid}]},
        "web": {"webPageDetails": {"name": page}},
    });
    Input::Event(Event::from_value(&body, at(time)).unwrap())
}

pub(crate) fn profile(runtime: &Runtime, ecid: &str) -> Option<ProfileView> {
    runtime.profile(&Identity::new("ECID", ecid)).unwrap()
}

pub(crate) fn status(runtime: &Runtime, ecid: &str, audience: &str) -> Option<Status> {
    profile(runtime, ecid)?.memberships.get(audience).map(|membership| membership.status)
}

pub(crate) fn version(runtime: &Runtime, kind: Kind, id: &str) -> Option<u64> {
    runtime.definition(kind, id).unwrap().map(|found| found.version)
}

/// Waits until `condition` holds, looking every millisecond; gives the time that it took.
#[track_caller]
pub(crate) fn eventually(what: &str, condition: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(1));
    }
    start.elapsed()
}
