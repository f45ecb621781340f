//! One round of erasing: everything that can be done now, for all who are to be erased.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::inputs::{self, INPUT};
use super::persons::{Person, Persons};
use super::receipt::LogErasure;
use crate::RuntimeError;
use crate::options::WRITE_RETRY;
use crate::shared::Shared;
use crate::status::Part;

/// Time between two looks whether there is something to erase.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// Longest time between two looks whether what waited for its delivery was delivered. A look reads
/// what is not erased yet of those logs.
const WAITING_INTERVAL_MAX: Duration = Duration::from_secs(60);

/// What a round came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Round {
    /// Nobody is to be erased, or nobody whom the checkpoint has forgotten.
    Idle,
    /// Something was erased, and all that could be.
    Done,
    /// Messages wait to be delivered.
    Waiting,
}

/// The thread that erases, until the runtime stops.
pub(crate) fn run(shared: &Arc<Shared>) {
    let mut pause = LOOK_INTERVAL;
    let mut last = Instant::now();
    let mut known = 0;
    while !shared.progress.wait_stopped(LOOK_INTERVAL) {
        let running = shared.erasures.running_count();
        // Whoever is new need not wait as long as those whose messages wait.
        if running == 0 || running <= known && last.elapsed() < pause {
            continue;
        }
        pause = match step(shared) {
            Ok(Round::Waiting) => (pause * 2).min(WAITING_INTERVAL_MAX),
            Ok(Round::Idle | Round::Done) => LOOK_INTERVAL,
            Err(_) => WRITE_RETRY,
        };
        (known, last) = (shared.erasures.running_count(), Instant::now());
    }
}

/// Does what can be done now.
pub(crate) fn step(shared: &Shared) -> Result<Round, RuntimeError> {
    let round = erase(shared);
    match &round {
        Ok(_) => shared.health.clear(Part::Erasure),
        Err(RuntimeError::Stopped { .. }) => {}
        Err(error) => shared.health.report(Part::Erasure, error),
    }
    round
}

fn erase(shared: &Shared) -> Result<Round, RuntimeError> {
    let mut due = shared.erasures.running();
    due.retain(|person| person.receipt.is_store_rewritten && person.ends.is_some());
    if due.is_empty() {
        return Ok(Round::Idle);
    }
    let is_new = |person: &Person| !person.receipt.logs.contains_key(INPUT);
    let (new, old): (Vec<Person>, Vec<Person>) = due.into_iter().partition(is_new);
    let mut persons = old;
    if !new.is_empty() {
        persons.extend(erase_inputs(shared, Persons::new(new))?);
    }
    let persons = Persons::new(persons);
    let counts = shared.activation_log.erase(&persons)?;
    let mut is_waiting = false;
    for (number, mut person) in persons.into_persons().into_iter().enumerate() {
        for (log, count) in counts.get(number).into_iter().flatten() {
            let known = person.receipt.logs.entry(log.clone()).or_default();
            let LogErasure { erased, waiting, .. } = count;
            (known.erased, known.waiting) = (known.erased + erased, *waiting);
        }
        let is_complete = person.receipt.logs.values().all(|log| log.waiting == 0);
        is_waiting |= !is_complete;
        person.receipt.completed_at = is_complete.then(|| shared.input.now());
        save(shared, person)?;
    }
    Ok(if is_waiting { Round::Waiting } else { Round::Done })
}

fn erase_inputs(shared: &Shared, persons: Persons) -> Result<Vec<Person>, RuntimeError> {
    let counts = inputs::erase(shared, &persons)?;
    let mut persons = persons.into_persons();
    for (person, count) in persons.iter_mut().zip(counts) {
        inputs::note(&mut person.receipt.logs, count);
        // Not needed any more, and there can be many.
        person.erased.inputs.clear();
        save(shared, person.clone())?;
    }
    Ok(persons)
}

fn save(shared: &Shared, person: Person) -> Result<(), RuntimeError> {
    let id = person.receipt.id;
    shared.erasures.update(person).map_err(|source| RuntimeError::Erasure { id, source })
}
