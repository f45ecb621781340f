//! Definitions as inputs: publishing one, removing one, and what either does to profiles.

use std::collections::BTreeSet;

use segue_xdm::Violation;

use super::entry::Entry;
use super::linking::Joined;
use super::{Engine, Outcome};
use crate::consent::is_opted_out;
use crate::definition::{Audience, Definition, Kind};
use crate::ids::ProfileId;
use crate::input::Input;
use crate::process::What;
use crate::profile::ProfileState;
use crate::program::{Consequence, DefinitionView, DestinationEdit};

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
        let mut program = self.program.clone();
        let mut violations = Vec::new();
        let audiences = || inputs.iter().filter_map(defined_audience);
        for (index, input) in inputs.iter().enumerate() {
            let in_no_cycle = defined_audience(input)
                .map_or(Ok(()), |audience| program.check_cycle(audience, audiences()));
            let applied = match input {
                Input::Define(definition) => in_no_cycle
                    .and_then(|()| program.define(definition.clone(), self.now).map(drop)),
                Input::Remove(kind, id) => {
                    let checked = program.check_remove(*kind, id);
                    checked.map(|()| drop(program.remove(*kind, id)))
                }
                _ => Ok(()),
            };
            let found = applied.err().unwrap_or_default();
            violations.extend(found.into_iter().map(|violation| (index, violation)));
        }
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    pub(super) fn define(&mut self, definition: Definition, outcome: &mut Outcome) {
        let entry = Entry::Definition(definition.kind(), definition.id().to_owned());
        match self.program.define(definition, self.now) {
            Err(violations) => {
                outcome.refused = violations;
                return;
            }
            Ok(Consequence::None) => {}
            Ok(Consequence::Evaluate) => {
                self.advance_all(What::Published, outcome, |_| true);
            }
            Ok(Consequence::Merge) => self.merge_all(outcome),
            Ok(Consequence::Regroup) => self.follow_namespaces(outcome),
            Ok(Consequence::Send(edit)) => {
                let is_concerned = |state: &ProfileState| concerns(&edit, state);
                self.advance_all(What::Destination(&edit), outcome, is_concerned);
            }
        }
        self.dirty.insert(entry);
        self.dirty.extend(self.program.take_new_names().into_iter().map(Entry::Name));
    }

    pub(super) fn remove(&mut self, kind: Kind, id: &str, outcome: &mut Outcome) {
        if let Err(violations) = self.program.retire(kind, id) {
            outcome.refused = violations;
            return;
        }
        let audiences = BTreeSet::from([id.to_owned()]);
        if kind == Kind::Audience {
            let is_member = |state: &ProfileState| is_member_of_any(state, &audiences);
            self.advance_all(What::Removed, outcome, is_member);
        }
        for entry in self.program.remove(kind, id) {
            self.dirty.insert(Entry::Definition(entry.0, entry.1));
        }
        match kind {
            Kind::MergePolicy => self.merge_all(outcome),
            Kind::Namespace => self.follow_namespaces(outcome),
            Kind::Audience | Kind::Destination | Kind::Function => {}
        }
    }

    /// Merges every profile's attributes by the policy that is in effect now.
    fn merge_all(&mut self, outcome: &mut Outcome) {
        let precedence = self.program.precedence().to_vec();
        let would_change = |state: &ProfileState| state.attributes.would_change(&precedence);
        self.advance_all(What::MergePolicy, outcome, would_change);
    }

    /// Looks at every profile that is `concerned` again, by id.
    fn advance_all(
        &mut self,
        what: What<'_>,
        outcome: &mut Outcome,
        concerned: impl Fn(&ProfileState) -> bool,
    ) {
        let profiles = self.profiles.iter().filter(|(_, state)| concerned(state));
        let ids: Vec<ProfileId> = profiles.map(|(id, _)| *id).collect();
        for id in ids {
            self.advance(id, Joined::default(), what, outcome);
        }
    }
}

fn defined_audience(input: &Input) -> Option<&Audience> {
    match input {
        Input::Define(Definition::Audience(audience)) => Some(audience),
        _ => None,
    }
}

/// Whether a profile has something to tell a destination that was edited: a membership that is
/// mapped now, or one that another channel's consent hides or shows.
fn concerns(edit: &DestinationEdit, state: &ProfileState) -> bool {
    let attributes = state.attributes.as_value();
    let DestinationEdit { destination, newly_mapped, channel_before } = edit;
    let was_opted_out = is_opted_out(attributes, channel_before.as_deref());
    let consent_changes = was_opted_out != is_opted_out(attributes, destination.channel.as_deref());
    is_member_of_any(state, newly_mapped)
        || (consent_changes && is_member_of_any(state, &destination.audiences))
}

fn is_member_of_any(state: &ProfileState, audiences: &BTreeSet<String>) -> bool {
    audiences.iter().any(|audience| state.memberships.is_member(audience))
}
