//! What is checked before a definition is accepted, or one is removed.

use std::collections::BTreeSet;

use segue_xdm::{Violation, nearest};

use super::dependencies::References;
use super::{Program, stored_id};
use crate::definition::{Audience, Definition, Kind, MergePolicy};

/// Audiences that come together with others, and what all of them name.
pub(crate) struct Together {
    references: References,
    /// Those that may be made of themselves.
    suspects: BTreeSet<String>,
}

impl Program {
    /// Whether a definition would be accepted now.
    ///
    /// # Errors
    /// An audience that does not exist is named, a cycle would arise, or a device would come before
    /// a person.
    pub(crate) fn check_define(&self, definition: &Definition) -> Result<(), Vec<Violation>> {
        let violations = match definition {
            Definition::Audience(audience) => self.check_references(audience, &self.references),
            Definition::Destination(destination) => destination
                .audiences
                .iter()
                .filter_map(|id| self.check_exists(id, "/audiences"))
                .collect(),
            Definition::MergePolicy(policy) => self.check_only(policy).into_iter().collect(),
            Definition::Namespace(namespace) => self.check_priority(namespace),
            Definition::Function(_) => Vec::new(),
        };
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    /// Whether a definition may be removed now.
    ///
    /// # Errors
    /// It does not exist, or audiences are made of it.
    pub(crate) fn check_remove(&self, kind: Kind, id: &str) -> Result<(), Vec<Violation>> {
        let id = stored_id(kind, id);
        if !self.definitions.contains_key(&(kind, id.clone())) {
            let message = format!("there is no {kind} `{id}`; nothing was removed");
            return Err(vec![Violation::new("/id", "unknown", message)]);
        }
        if kind != Kind::Audience {
            return Ok(());
        }
        let users: Vec<&str> = self.references.users(&id).collect();
        if users.is_empty() {
            return Ok(());
        }
        let users = users.join("`, `");
        let message = format!(
            "the audience `{id}` is part of `{users}`; remove or change what is made of it first"
        );
        Err(vec![Violation::new("/id", "in-use", message)])
    }

    /// The references that there will be with these audiences too.
    pub(crate) fn together<'a>(
        &self,
        audiences: impl IntoIterator<Item = &'a Audience>,
    ) -> Together {
        let mut references = self.references.clone();
        for audience in audiences {
            references.set(&audience.id, audience.expression.audience_references());
        }
        let mut suspects: BTreeSet<String> = references.ids().map(str::to_owned).collect();
        for id in references.evaluation_order() {
            suspects.remove(&id);
        }
        Together { references, suspects }
    }

    /// Whether audiences that come together with this one would make it part of itself. None of
    /// them can be the first, so that one by one they would only be found to be missing.
    ///
    /// # Errors
    /// The cycle, and what else is wrong with the references.
    pub(crate) fn check_cycle(
        &self,
        audience: &Audience,
        together: &Together,
    ) -> Result<(), Vec<Violation>> {
        let Together { references, suspects } = together;
        let named = audience.expression.audience_references();
        let is_suspect = suspects.contains(&audience.id);
        match references.cycle_through(&audience.id, &named).filter(|_| is_suspect) {
            Some(_) => Err(self.check_references(audience, references)),
            None => Ok(()),
        }
    }

    /// What is wrong with an audience's references, among the audiences that there will be.
    fn check_references(&self, audience: &Audience, references: &References) -> Vec<Violation> {
        let named = audience.expression.audience_references();
        let missing = named.iter().filter(|id| **id != audience.id && !references.contains(id));
        let mut violations: Vec<Violation> =
            missing.filter_map(|id| self.check_exists(id, "/definition")).collect();
        if let Some(cycle) = references.cycle_through(&audience.id, &named) {
            let message = format!(
                "the audience would be made of itself: {}; take one of these steps out",
                cycle.join(" → ")
            );
            violations.push(Violation::new("/definition", "cycle", message));
        }
        violations
    }

    fn check_exists(&self, id: &str, pointer: &str) -> Option<Violation> {
        if self.references.contains(id) {
            return None;
        }
        let meant = nearest(id, self.references.ids());
        let meant = meant.map_or(String::new(), |id| format!("did you mean `{id}`? "));
        let message = format!("there is no audience `{id}`; {meant}define it first");
        Some(Violation::new(pointer, "unknown-audience", message))
    }

    /// One merge policy is in effect: another one must take its place, not stand beside it.
    fn check_only(&self, policy: &MergePolicy) -> Option<Violation> {
        let other = self.merge_policy().filter(|other| other.id != policy.id)?;
        let message = format!(
            "the merge policy `{}` is in effect, and there is one at a time; \
             change that one, or remove it first",
            other.id
        );
        Some(Violation::new("/id", "unique", message))
    }
}
