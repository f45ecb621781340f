//! Changing definitions: checked together, appended together, one change at a time.
//!
//! A change is an input like any other and takes effect at its position in the log. What makes it
//! special is that it can be wrong in ways that depend on the other definitions (an audience that
//! does not exist, a cycle). So changes queue up behind one lock: whoever holds it waits until the
//! state reflects every earlier change, checks against that, and appends before anybody else may.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use segue_core::{Definition, DefinitionView, Engine, Input, Kind, sort_for_publishing};
use segue_xdm::Violation;

use crate::error::IndexedViolation;
use crate::shared::Shared;
use crate::{RuntimeError, Submission};

/// A definition to be saved or removed.
#[derive(Clone, Debug)]
pub enum DefinitionChange {
    /// Save this definition, new or not.
    Define {
        /// What to save.
        definition: Definition,
        /// What it replaces.
        expected: Expected,
    },
    /// Remove a definition.
    Remove {
        /// Its kind.
        kind: Kind,
        /// Its id.
        id: String,
        /// What is removed.
        expected: Expected,
    },
}

/// What must be there for a change to be made: HTTP's `If-Match` and `If-None-Match`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Expected {
    /// Whatever is there.
    #[default]
    Any,
    /// This version.
    Version(u64),
    /// Nothing.
    Absent,
}

/// Whether changes are made or only checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChangeMode {
    /// Check, then make them.
    Apply,
    /// Check only.
    DryRun,
}

/// What became of one change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    /// Kind of the definition.
    pub kind: Kind,
    /// Its id.
    pub id: String,
    /// Its version now; `None` if it is gone, or would be new.
    pub version: Option<u64>,
    /// What happened, or would happen.
    pub outcome: ChangeOutcome,
    /// The job in which the profiles follow that there were; none when they need not.
    pub job: Option<u64>,
}

/// What happened to a definition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChangeOutcome {
    /// It is new.
    Created,
    /// It replaced another version.
    Changed,
    /// It was there already, word for word; nothing was written.
    Unchanged,
    /// It is gone.
    Removed,
}

/// One change, and what is to be done for it.
struct Planned {
    index: usize,
    input: Input,
    kind: Kind,
    id: String,
    outcome: ChangeOutcome,
    /// The version that is there now.
    version: Option<u64>,
}

/// Makes all changes or none. The caller holds the lock of definitions.
pub(crate) fn change(
    shared: &Shared,
    changes: Vec<DefinitionChange>,
    mode: ChangeMode,
    timeout: Duration,
) -> Result<Vec<Changed>, RuntimeError> {
    shared.progress.wait_applied(shared.progress.acknowledged(), timeout)?;
    let planned = plan(&shared.engine.read(), changes)?;
    let effective = planned.iter().filter(|one| one.outcome != ChangeOutcome::Unchanged);
    let effective = in_order_of_need(effective.collect());
    check(shared, &effective)?;
    let mut positions = BTreeMap::new();
    if mode == ChangeMode::Apply && !effective.is_empty() {
        for definition in effective.iter().filter_map(|one| one.definition()) {
            shared.activation_log.prepare(definition)?;
        }
        let inputs: Vec<Input> = effective.iter().map(|one| one.input.clone()).collect();
        let accepted = shared.append_blocking(&Submission::of(&inputs), u64::MAX)?;
        let end = accepted.first_position + inputs.len() as u64;
        shared.progress.wait_applied(end, timeout)?;
        positions.extend(effective.iter().map(|one| one.index).zip(accepted.first_position..));
    }
    let engine = shared.engine.read();
    let report = |one: Planned| {
        let job = positions.get(&one.index).and_then(|position| engine.job(*position));
        one.report(&engine, mode, job.map(|job| job.id))
    };
    Ok(planned.into_iter().map(report).collect())
}

/// Looks up what each change meets.
fn plan(engine: &Engine, changes: Vec<DefinitionChange>) -> Result<Vec<Planned>, RuntimeError> {
    let mut seen = BTreeSet::new();
    let mut planned = Vec::with_capacity(changes.len());
    for (index, change) in changes.into_iter().enumerate() {
        let (kind, id, expected) = match &change {
            DefinitionChange::Define { definition, expected } => {
                (definition.kind(), definition.id().to_owned(), *expected)
            }
            DefinitionChange::Remove { kind, id, expected } => (*kind, id.clone(), *expected),
        };
        if !seen.insert((kind, id.clone())) {
            let message = format!("{kind} `{id}` comes twice; send it once");
            let violation = Violation::new("/id", "duplicate", message);
            return Err(RuntimeError::Refused {
                violations: vec![IndexedViolation { index, violation }],
            });
        }
        let found = engine.definition(kind, &id);
        expected.check(kind, &id, found.as_ref())?;
        let (input, outcome) = match (change, &found) {
            (DefinitionChange::Define { definition, .. }, None) => {
                (Input::Define(definition), ChangeOutcome::Created)
            }
            (DefinitionChange::Define { definition, .. }, Some(found)) => {
                let same = found.definition == definition.to_value();
                let outcome = if same { ChangeOutcome::Unchanged } else { ChangeOutcome::Changed };
                (Input::Define(definition), outcome)
            }
            (DefinitionChange::Remove { .. }, Some(_)) => {
                (Input::Remove(kind, id.clone()), ChangeOutcome::Removed)
            }
            (DefinitionChange::Remove { .. }, None) => {
                return Err(RuntimeError::NotFound { kind, id });
            }
        };
        let version = found.map(|found| found.version);
        planned.push(Planned { index, input, kind, id, outcome, version });
    }
    Ok(planned)
}

/// Definitions after those that they name; then removals, in the order given.
fn in_order_of_need(changes: Vec<&Planned>) -> Vec<&Planned> {
    let mut removals = Vec::new();
    let mut definitions = Vec::with_capacity(changes.len());
    for one in changes {
        match one.definition() {
            Some(definition) => definitions.push((one, definition)),
            None => removals.push(one),
        }
    }
    sort_for_publishing(&mut definitions, |(_, definition)| definition);
    definitions.into_iter().map(|(one, _)| one).chain(removals).collect()
}

/// Every violation of every change, each checked as if the ones before it had been made.
fn check(shared: &Shared, changes: &[&Planned]) -> Result<(), RuntimeError> {
    let mut violations = Vec::new();
    let mut refuse = |one: &Planned, found: Vec<Violation>| {
        let index = one.index;
        violations.extend(found.into_iter().map(|violation| IndexedViolation { index, violation }));
    };
    for one in changes {
        if let Some(definition) = one.definition()
            && let Err(found) = shared.activation_log.check(definition)
        {
            refuse(one, found);
        }
    }
    let inputs: Vec<Input> = changes.iter().map(|one| one.input.clone()).collect();
    for (place, found) in shared.engine.read().check_all(&inputs).err().into_iter().flatten() {
        if let Some(one) = changes.get(place) {
            refuse(one, vec![found]);
        }
    }
    violations.sort_by_key(|violation| violation.index);
    if violations.is_empty() { Ok(()) } else { Err(RuntimeError::Refused { violations }) }
}

impl Planned {
    fn definition(&self) -> Option<&Definition> {
        match &self.input {
            Input::Define(definition) => Some(definition),
            _ => None,
        }
    }

    fn report(self, engine: &Engine, mode: ChangeMode, job: Option<u64>) -> Changed {
        let version = match (mode, self.outcome) {
            (ChangeMode::Apply, _) => engine.definition(self.kind, &self.id).map(|now| now.version),
            (ChangeMode::DryRun, ChangeOutcome::Removed) => None,
            (ChangeMode::DryRun, _) => self.version,
        };
        Changed { kind: self.kind, id: self.id, version, outcome: self.outcome, job }
    }
}

impl Expected {
    fn check(
        self,
        kind: Kind,
        id: &str,
        found: Option<&DefinitionView>,
    ) -> Result<(), RuntimeError> {
        let found = found.map(|found| found.version);
        let holds = match self {
            Expected::Any => true,
            Expected::Version(version) => found == Some(version),
            Expected::Absent => found.is_none(),
        };
        if holds {
            return Ok(());
        }
        Err(RuntimeError::Conflict { kind, id: id.to_owned(), expected: self, found })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Any => f.write_str("whatever it is"),
            Expected::Version(version) => write!(f, "at version {version}"),
            Expected::Absent => f.write_str("absent"),
        }
    }
}
