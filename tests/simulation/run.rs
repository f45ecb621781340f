//! One run: several lives of Segue on one machine, all from one seed, and the judgement at the end.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use segue_core::{DEDUPLICATION_WINDOW_MS, DryRun, Engine, Input};
use segue_log::{Log, LogRecord};
use segue_runtime::{Applying, Clock, Receipt, Status};

use crate::erasing::Records;
use crate::ledger::{Ledger, Totals};
use crate::machine::Machine;
use crate::process::Process;
use crate::random::Random;
use crate::reference::{Reference, all_records};
use crate::workload::{self, DEFINITIONS};

const LIVES_MAX: u64 = 6;
const ERASING_LIVES_MAX: u64 = 4;
const STEPS_MAX: u64 = 250;
const SECOND_MS: u64 = 1000;
const HOUR_MS: u64 = 3600 * SECOND_MS;

/// What a run has come to.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Outcome {
    pub(crate) inputs: Totals,
    pub(crate) power_losses: u64,
    pub(crate) kills: u64,
    pub(crate) faults: u64,
    pub(crate) activations: u64,
    pub(crate) exits_by_timer: u64,
    /// Of everything that happened: the same seed gives the same.
    pub(crate) digest: u64,
}

/// A run under way.
struct Run {
    random: Random,
    machine: Machine,
    ledger: Ledger,
    outcome: Outcome,
    digest: DefaultHasher,
    is_told: bool,
    /// Inputs made so far.
    inputs: u64,
    /// Versions of definitions made so far.
    versions: u64,
}

/// Runs a seed; tells every step on request. Panics when something does not hold.
pub(crate) fn run(seed: u64, is_told: bool) -> Outcome {
    let mut random = Random::new(seed);
    let machine = Machine::new(&mut random);
    let mut run = Run {
        random,
        machine,
        ledger: Ledger::default(),
        outcome: Outcome::default(),
        digest: DefaultHasher::new(),
        is_told,
        inputs: 0,
        versions: 0,
    };
    run.begin();
    for _ in 0..1 + run.random.below(LIVES_MAX) {
        run.live();
    }
    run.judge();
    Outcome { inputs: run.ledger.totals, digest: run.digest.finish(), ..run.outcome }
}

impl Run {
    /// A first life in peace, with all definitions.
    fn begin(&mut self) {
        let mut process = self.start();
        for number in 0..DEFINITIONS {
            process.define(workload::definition(number, 0), &mut self.ledger);
        }
        process.drain(&self.machine, &mut self.ledger);
        self.crash(process);
    }

    /// A life with whatever may happen in it, up to its end.
    fn live(&mut self) {
        if self.random.below(3) == 0 {
            self.let_power_go(40);
        }
        let mut process = match Process::start(&self.machine) {
            Ok(process) => process,
            Err(problem) => {
                assert!(!self.machine.disk.has_power(), "it does not start: {problem}");
                self.tell(|| format!("DIED WHILE IT STARTED: {problem}"));
                self.restart();
                self.start()
            }
        };
        for _ in 0..self.random.below(STEPS_MAX) {
            if !self.machine.disk.has_power() {
                break;
            }
            self.step(&mut process);
        }
        self.crash(process);
    }

    /// Starts on a machine on which nothing fails.
    fn start(&self) -> Process {
        Process::start(&self.machine).unwrap_or_else(|error| panic!("it does not start: {error}"))
    }

    fn step(&mut self, process: &mut Process) {
        let done: &str = match self.random.below(100) {
            0..25 => self.send(process),
            25..40 => {
                process.steps.commit();
                "commit"
            }
            40..58 => match process.steps.apply() {
                Ok(Applying::Done) => "apply",
                Ok(Applying::Idle) => "nothing to apply",
                Ok(Applying::Blocked) => "apply: blocked",
                Err(error) => panic!("{error}"),
            },
            58..68 => process.steps.tick().map_or("tick: refused", |()| "tick"),
            68..75 => {
                let followed = process.steps.follow(1 + self.random.below(6));
                followed.map_or("follow: refused", |()| "follow")
            }
            75..80 => match process.steps.begin_checkpoint() {
                Ok(true) => "begin checkpoint",
                Ok(false) => "no checkpoint yet",
                Err(error) => panic!("{error}"),
            },
            80..82 => match process.steps.encode_checkpoint(1 + self.random.below(4) as usize) {
                true => "all encoded",
                false => "encode",
            },
            82..85 => match process.steps.write_checkpoint() {
                true => "write checkpoint",
                false => "none written",
            },
            85..91 => self.move_clock(),
            91..93 => self.define(process),
            93..97 => self.break_something(),
            97 => process.steps.tidy_ids().map_or("merge ids: failed", |_| "merge ids"),
            98 => {
                self.machine.heal();
                process.drain(&self.machine, &mut self.ledger);
                "healed, drained"
            }
            _ => self.let_power_go(60),
        };
        process.hear(&mut self.ledger);
        let (now, status) = (self.machine.clock.now(), process.runtime.status());
        self.tell(|| {
            let Status { applied, head, backlog, checkpointed, jobs, .. } = status;
            let problem = status.problem.unwrap_or_default();
            format!(
                "{now}  {done:<18} log {head}, applied {applied}, waiting {backlog}, \
                 checkpoint {checkpointed}, jobs {jobs}  {problem}"
            )
        });
    }

    fn send(&mut self, process: &mut Process) -> &'static str {
        let now = process.runtime.now();
        let count = 1 + self.random.below(4);
        let inputs = (self.inputs..self.inputs + count)
            .map(|number| workload::input(number, now, &mut self.random))
            .collect();
        self.inputs += count;
        process.send(inputs, &mut self.ledger);
        "send"
    }

    fn define(&mut self, process: &mut Process) -> &'static str {
        self.versions += 1;
        let definition = workload::definition(self.random.below(DEFINITIONS), self.versions);
        process.define(definition, &mut self.ledger);
        "define"
    }

    fn move_clock(&mut self) -> &'static str {
        let millis = match self.random.below(20) {
            0 => self.random.below(5 * 24 * HOUR_MS) as i64,
            1 => -(self.random.below(48 * HOUR_MS) as i64),
            2..5 => self.random.below(HOUR_MS) as i64,
            _ => self.random.below(3 * SECOND_MS) as i64,
        };
        self.machine.clock.move_by(millis);
        if millis < 0 { "clock set back" } else { "time passes" }
    }

    fn break_something(&mut self) -> &'static str {
        let Machine { disk, store, .. } = &self.machine;
        let count = 1 + self.random.below(4);
        self.outcome.faults += 1;
        match self.random.below(7) {
            0 | 1 => {
                disk.set_free_bytes(Some(self.random.below(3000) as usize));
                "FULL DISK"
            }
            2 | 3 => {
                disk.fail_syncs(self.random.below(4) as usize, count as usize);
                disk.fail_truncates(self.random.below(3) as usize);
                "FAILING SYNCS"
            }
            4 => {
                disk.fail_dir_syncs(1);
                "FAILING DIR SYNC"
            }
            5 => {
                disk.fail_reads(count as usize);
                store.fail_reads(count);
                "FAILING READS"
            }
            _ => {
                store.fail(count);
                "FAILING STORE"
            }
        }
    }

    /// The power goes after fewer changes of the disk than this.
    fn let_power_go(&mut self, changes: u64) -> &'static str {
        self.machine.disk.lose_power_after(self.random.below(changes) as usize);
        "POWER WILL GO"
    }

    fn crash(&mut self, process: Process) {
        process.die(&self.machine, &mut self.ledger);
        self.restart();
    }

    fn restart(&mut self) {
        if self.random.below(3) == 0 {
            self.outcome.kills += 1;
            self.machine.kill(&mut self.random);
            self.tell(|| "KILLED".to_owned());
        } else {
            self.outcome.power_losses += 1;
            self.machine.lose_power(&mut self.random);
            self.tell(|| "POWER LOST".to_owned());
        }
    }

    /// A last life in peace, and what it must have led to.
    fn judge(&mut self) {
        let mut process = self.start();
        process.drain(&self.machine, &mut self.ledger);
        let records = inputs(&process);
        self.ledger.check(&records);
        let mut reference = Reference::of(&records, &process.hub);
        reference.check(&process.hub);
        check_applied_once(&reference);
        let state = state_of(&mut reference.engine);
        check_state(&self.machine, &state);
        check_repetitions(&process, &reference, &records);
        let head = process.runtime.status().head;
        let before = Records::of(&process);
        process.die(&self.machine, &mut self.ledger);

        self.machine.lose_power(&mut self.random);
        self.erase();
        let process = self.start();
        Records::of(&process).check_erased(&before);
        check_state(&self.machine, &state);
        let status = process.runtime.status();
        assert_eq!((status.applied, status.head), (head, head), "after the last checkpoint");
        self.outcome.activations = reference.messages.values().map(|all| all.len() as u64).sum();
        self.outcome.exits_by_timer = reference.exits_by_timer;
        let messages: Vec<&Vec<u8>> = reference.messages.values().flatten().collect();
        messages.into_iter().for_each(|message| self.digest.write(message));
    }

    /// Erases whoever was forgotten, in lives that end in the middle of it, and then in peace.
    fn erase(&mut self) {
        for _ in 0..self.random.below(ERASING_LIVES_MAX) {
            self.let_power_go(60);
            if let Ok(mut process) = Process::start(&self.machine) {
                while self.machine.disk.has_power() && process.steps.erase().unwrap_or(true) {}
                process.die(&self.machine, &mut self.ledger);
            }
            self.restart();
        }
        let mut process = self.start();
        while process.steps.erase().unwrap_or_else(|error| panic!("{error}")) {}
        let receipts = process.runtime.erasures(None, usize::MAX).unwrap_or_default();
        assert!(receipts.iter().all(Receipt::is_complete), "{receipts:?}");
        self.tell(|| format!("ERASED {}", receipts.len()));
        process.die(&self.machine, &mut self.ledger);
        self.restart();
    }

    /// Adds to the digest, and prints if asked to.
    fn tell(&mut self, what: impl FnOnce() -> String) {
        let what = what();
        self.digest.write(what.as_bytes());
        if self.is_told {
            println!("{what}");
        }
    }
}

fn inputs(process: &Process) -> Vec<LogRecord> {
    let log: &Log = process.steps.input();
    all_records(log, 0)
}

/// An event is applied again only when its id is no longer remembered.
fn check_applied_once(reference: &Reference) {
    for (id, sightings) in &reference.events {
        for pair in sightings.applied.windows(2) {
            let between = pair[1].as_millis() - pair[0].as_millis();
            assert!(between >= DEDUPLICATION_WINDOW_MS, "{id} was applied twice: {pair:?}");
        }
    }
}

/// Whoever sends an event again is told the same as by the reference run.
fn check_repetitions(process: &Process, reference: &Reference, records: &[LogRecord]) {
    let now = process.runtime.now();
    for record in records {
        let input = Input::decode(&record.payload).unwrap();
        if matches!(input, Input::Event(_)) {
            let expected = reference.engine.dry_run(vec![input.clone()], now);
            let found = process.runtime.dry_run(vec![input]).unwrap();
            let is_repetition = |run: &DryRun| run.outcomes()[0].duplicate;
            assert_eq!(is_repetition(&found), is_repetition(&expected), "input {}", record.offset);
        }
    }
}

/// What a checkpoint of this engine holds. When a profile is looked at next may be earlier there,
/// after a restart, and is left out; so are `_id`s, as checkpoints decide where they lie.
fn state_of(engine: &mut Engine) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let writes = engine.take_dirty().writes.into_iter();
    compared(writes.filter_map(|(key, value)| Some((key, value?))))
}

fn compared(entries: impl Iterator<Item = (Vec<u8>, Vec<u8>)>) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let blank = |(key, value): (Vec<u8>, Vec<u8>)| match key.first() {
        Some(b's') => None,
        Some(b't') => Some((key, Vec::new())),
        _ => Some((key, value)),
    };
    entries.filter_map(blank).collect()
}

/// The checkpoint holds the state of the reference run, entry by entry.
fn check_state(machine: &Machine, expected: &BTreeMap<Vec<u8>, Vec<u8>>) {
    let stored = machine.store.entries().into_iter();
    let stored = stored.filter_map(|(key, value)| Some((key.strip_prefix(b"s")?.to_vec(), value)));
    let stored = compared(stored);
    for (key, value) in expected {
        let name = String::from_utf8_lossy(key);
        assert_eq!(stored.get(key), Some(value), "the checkpoint's entry {name:?}");
    }
    assert_eq!(stored.len(), expected.len(), "entries of the checkpoint");
}
