//! Erasing persons from the input log: one pass over it for all of them.
//!
//! | An input up to the erasure that | is |
//! |---|---|
//! | belonged to her profile | erased |
//! | names her, and belongs to somebody else's profile | kept, and counted as shared |
//! | names her otherwise: a duplicate, an erasure, one that had no effect | erased |

use std::collections::{BTreeMap, HashMap};

use segue_core::Input;
use segue_log::LogRecord;
use segue_xdm::Identity;

use super::persons::Persons;
use super::receipt::LogErasure;
use crate::RuntimeError;
use crate::input_log::decode;
use crate::shared::Shared;

/// Name of the input log in receipts. No event hub or outbox is called so.
pub(super) const INPUT: &str = "log:input";

/// Erases their inputs; tells what came of it, by their numbers.
pub(super) fn erase(shared: &Shared, persons: &Persons) -> Result<Vec<LogErasure>, RuntimeError> {
    let mut counts = vec![LogErasure::default(); persons.len()];
    let mut offsets = Vec::new();
    let hers = inputs_of(persons);
    let end = persons.iter().map(|person| person.receipt.id + 1).max().unwrap_or_default();
    let input = shared.input.partition();
    input.visit(input.start_offset()..end, |record| {
        shared.progress.check_running()?;
        if look_at(shared, persons, &hers, record, &mut counts)? {
            offsets.push(record.offset);
        }
        Ok::<(), RuntimeError>(())
    })?;
    shared.input.erase(&offsets)?;
    Ok(counts)
}

/// The inputs that belonged to profiles, and to whose.
fn inputs_of(persons: &Persons) -> HashMap<u64, usize> {
    let numbered = persons.iter().enumerate();
    numbered
        .flat_map(|(number, one)| one.erased.inputs.iter().map(move |at| (*at, number)))
        .collect()
}

/// Whether a record is to be erased; counts it.
fn look_at(
    shared: &Shared,
    persons: &Persons,
    hers: &HashMap<u64, usize>,
    record: &LogRecord,
    counts: &mut [LogErasure],
) -> Result<bool, RuntimeError> {
    let position = record.offset;
    let belonged_to = hers.get(&position).copied();
    let names = names(&decode(record)?);
    let is_before_erasure =
        |number: &usize| persons.get(*number).is_some_and(|one| position <= one.receipt.id);
    let mut named = persons.naming(&names).filter(is_before_erasure);
    let Some(number) = belonged_to.or_else(|| named.next()) else {
        return Ok(false);
    };
    let is_shared = belonged_to.is_none() && shared.engine.read().is_known_by(&names, position);
    if let Some(count) = counts.get_mut(number) {
        match is_shared {
            true => count.shared += 1,
            false => count.erased += 1,
        }
    }
    Ok(!is_shared)
}

/// Whom an input names.
fn names(input: &Input) -> Vec<Identity> {
    match input {
        Input::Event(event) => event.identities.clone(),
        Input::Record(record) => record.identities.clone(),
        Input::Forget(identity) | Input::Exit(identity) => vec![identity.clone()],
        Input::Tick | Input::Define(_) | Input::Remove(..) | Input::Advance(_) => Vec::new(),
    }
}

/// Notes what was erased from the input log.
pub(super) fn note(logs: &mut BTreeMap<String, LogErasure>, count: LogErasure) {
    let log = logs.entry(INPUT.to_owned()).or_default();
    log.erased += count.erased;
    log.shared = count.shared;
}
