//! Definitions as inputs: publishing one, removing one, and which jobs that begins.

use segue_xdm::Violation;

use super::entry::Entry;
use super::jobs::{JobKind, Work};
use super::{Engine, Outcome};
use crate::definition::{Audience, Definition, Kind};
use crate::input::Input;
use crate::program::{Consequence, DefinitionView, DestinationEdit, Program};

impl Engine {
    /// The definition with this id.
    #[must_use]
    pub fn definition(&self, kind: Kind, id: &str) -> Option<DefinitionView> {
        self.program.definition(kind, id)
    }

    /// The definitions of one kind, by id.
    #[must_use]
    pub fn definitions(&self, kind: Kind) -> Vec<DefinitionView> {
        self.program.definitions(kind).collect()
    }

    /// Whether [`apply`](Engine::apply) would refuse any of these inputs, each as if the ones
    /// before it had been applied: all changes of definitions in one request.
    ///
    /// # Errors
    /// The violations, each with the index of its input. What was refused counts as not applied.
    pub fn check_all(&self, inputs: &[Input]) -> Result<(), Vec<(usize, Violation)>> {
        let violations = match inputs {
            // One that comes alone needs no copy to be tried on.
            [input] => self.program.check(input).err().unwrap_or_default(),
            _ => return self.check_together(inputs),
        };
        let violations: Vec<_> = violations.into_iter().map(|violation| (0, violation)).collect();
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    fn check_together(&self, inputs: &[Input]) -> Result<(), Vec<(usize, Violation)>> {
        let mut program = self.program.clone();
        let together = program.together(inputs.iter().filter_map(defined_audience));
        let mut violations = Vec::new();
        for (index, input) in inputs.iter().enumerate() {
            let in_no_cycle = defined_audience(input)
                .map_or(Ok(()), |audience| program.check_cycle(audience, &together));
            let applied = in_no_cycle.and_then(|()| match input {
                Input::Define(definition) => program.define(definition.clone(), self.now).map(drop),
                Input::Remove(kind, id) => program.remove(*kind, id).map(drop),
                _ => Ok(()),
            });
            let found = applied.err().unwrap_or_default();
            violations.extend(found.into_iter().map(|violation| (index, violation)));
        }
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    pub(super) fn define(&mut self, definition: Definition, outcome: &mut Outcome) {
        let key = (definition.kind(), definition.id().to_owned());
        let consequence = match self.program.define(definition, self.now) {
            Ok(consequence) => consequence,
            Err(violations) => {
                outcome.refused = violations;
                return;
            }
        };
        self.backlog.on_program();
        self.dirty.insert(Entry::Definition(key.0, key.1.clone()));
        self.dirty.extend(self.program.take_new_names().into_iter().map(Entry::Name));
        match consequence {
            Consequence::None => {}
            Consequence::Evaluate { is_edit } => {
                self.supersede_audience(&key.1);
                let kind = if is_edit { JobKind::Edit } else { JobKind::Publish };
                self.begin_job(kind, key, Work::Evaluate);
            }
            Consequence::Merge { precedence_before } => {
                self.begin_job(JobKind::Merge, key, Work::Merge(precedence_before));
            }
            Consequence::Regroup => self.follow_namespaces(outcome),
            Consequence::Send(edit) => self.send(key, edit),
        }
    }

    pub(super) fn remove(&mut self, kind: Kind, id: &str, outcome: &mut Outcome) {
        let precedence_before = self.program.precedence().to_vec();
        let removed = match self.program.remove(kind, id) {
            Ok(removed) => removed,
            Err(violations) => {
                outcome.refused = violations;
                return;
            }
        };
        self.backlog.on_program();
        let changed = removed.changed.into_iter();
        self.dirty.extend(changed.map(|(kind, id)| Entry::Definition(kind, id)));
        let key = (kind, id.to_owned());
        match kind {
            Kind::Audience => {
                self.supersede_audience(id);
                if let Some(retired) = removed.retired {
                    self.begin_job(JobKind::Delete, key, Work::Leave(retired.into()));
                }
            }
            Kind::Destination => {
                let superseded = self.backlog.supersede_destination(id, self.now);
                self.dirty.extend(superseded.into_iter().map(Entry::Job));
            }
            Kind::MergePolicy => {
                self.begin_job(JobKind::Merge, key, Work::Merge(precedence_before));
            }
            Kind::Namespace => self.follow_namespaces(outcome),
            Kind::Function => {}
        }
    }

    fn supersede_audience(&mut self, id: &str) {
        let superseded = self.backlog.supersede_audience(id, self.now);
        self.dirty.extend(superseded.map(Entry::Job));
    }

    /// Has a destination told what it asks for since it was edited.
    fn send(&mut self, key: (Kind, String), mut edit: DestinationEdit) {
        // Of those who are members already nothing is told anyhow.
        edit.mapped_silently.retain(|audience| self.backlog.is_evaluating(audience));
        let channel = self.program.destination(&key.1).and_then(|one| one.channel.as_ref());
        let says_something = !edit.newly_mapped.is_empty()
            || !edit.mapped_silently.is_empty()
            || channel != edit.channel_before.as_ref();
        if says_something {
            self.begin_job(JobKind::Map, key, Work::Send(edit));
        }
    }
}

impl Program {
    /// Whether a change of definitions would be accepted now.
    fn check(&self, input: &Input) -> Result<(), Vec<Violation>> {
        match input {
            Input::Define(definition) => self.check_define(definition),
            Input::Remove(kind, id) => self.check_remove(*kind, id),
            _ => Ok(()),
        }
    }
}

fn defined_audience(input: &Input) -> Option<&Audience> {
    match input {
        Input::Define(Definition::Audience(audience)) => Some(audience),
        _ => None,
    }
}
