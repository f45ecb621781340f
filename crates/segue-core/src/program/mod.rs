//! The program: all definitions, fitted together.
//!
//! Invariants:
//! - every audience that an audience or a destination names exists, and no audience is, over any
//!   number of steps, made of itself;
//! - `version` counts the definitions that took effect, so that it names one program exactly.

mod dependencies;
mod namespaces;
mod published;

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use segue_xdm::{Timestamp, Violation, nearest};

use crate::definition::{Audience, Backfill, Definition, Destination, Kind};
pub use dependencies::publishing_order;
use dependencies::{References, cycle_through, evaluation_order};
pub use published::DefinitionView;
pub(crate) use published::{Mapping, Published};

/// All definitions, fitted together.
#[derive(Clone, Debug)]
pub struct Program {
    time_zone: TimeZone,
    version: u64,
    definitions: BTreeMap<(Kind, String), Published>,
    /// Audience ids, each after those that it is made of.
    order: Vec<String>,
    /// The audience that is being removed: nobody qualifies for it any more.
    retiring: Option<String>,
}

/// What a definition that was accepted asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// Nothing: it was there already, or nobody's state depends on it.
    None,
    /// Every profile has to be evaluated again.
    Evaluate,
    /// Every profile's links have to be looked at again: the rules of linking are others.
    Regroup,
    /// The current members of these audiences have to be sent to this destination.
    Send { destination: String, audiences: BTreeSet<String> },
}

impl Program {
    pub(crate) fn new(time_zone: TimeZone) -> Program {
        Program {
            time_zone,
            version: 0,
            definitions: BTreeMap::new(),
            order: Vec::new(),
            retiring: None,
        }
    }

    /// How many definitions have taken effect so far.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    /// The definition with this id.
    pub(crate) fn definition(&self, kind: Kind, id: &str) -> Option<DefinitionView> {
        let key = (kind, stored_id(kind, id));
        self.definitions.get(&key).map(Published::view)
    }

    /// The definitions of one kind, by id.
    pub(crate) fn definitions(&self, kind: Kind) -> impl Iterator<Item = DefinitionView> {
        self.of_kind(kind).map(Published::view)
    }

    /// The destinations, by id.
    pub fn destinations(&self) -> impl Iterator<Item = &Destination> {
        self.published_destinations().map(|(destination, _)| destination)
    }

    pub(crate) fn published_destinations(
        &self,
    ) -> impl Iterator<Item = (&Destination, &BTreeMap<String, Mapping>)> {
        self.of_kind(Kind::Destination).filter_map(|published| match &published.definition {
            Definition::Destination(destination) => Some((destination, &published.mappings)),
            _ => None,
        })
    }

    /// The audiences in the order in which they are evaluated, and which of them still count.
    pub(crate) fn audiences(&self) -> impl Iterator<Item = (&Audience, &Published, bool)> {
        self.order.iter().filter_map(|id| {
            let (audience, published) = self.audience(id)?;
            Some((audience, published, self.retiring.as_ref() != Some(id)))
        })
    }

    pub(crate) fn audience(&self, id: &str) -> Option<(&Audience, &Published)> {
        let published = self.definitions.get(&(Kind::Audience, id.to_owned()))?;
        match &published.definition {
            Definition::Audience(audience) => Some((audience, published)),
            _ => None,
        }
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Published> {
        let of_kind = move |key: &&(Kind, String)| key.0 == kind;
        self.definitions.iter().filter(move |(key, _)| of_kind(key)).map(|(_, found)| found)
    }

    /// Whether a definition would be accepted now.
    ///
    /// # Errors
    /// An audience that does not exist is named, a cycle would arise, or a device would come before
    /// a person.
    pub(crate) fn check_define(&self, definition: &Definition) -> Result<(), Vec<Violation>> {
        let violations = match definition {
            Definition::Audience(audience) => {
                self.check_references(audience, &self.references_with([audience]))
            }
            Definition::Destination(destination) => destination
                .audiences
                .iter()
                .filter_map(|id| self.check_exists(id, "/audiences"))
                .collect(),
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
        let references = self.references();
        let users = references.iter().filter(|(_, named)| named.contains(&id));
        let users: Vec<&str> = users.map(|(user, _)| user.as_str()).collect();
        if users.is_empty() {
            return Ok(());
        }
        let users = users.join("`, `");
        let message = format!(
            "the audience `{id}` is part of `{users}`; remove or change what is made of it first"
        );
        Err(vec![Violation::new("/id", "in-use", message)])
    }

    /// Whether audiences that come together with this one would make it part of itself. None of
    /// them can be the first, so that one by one they would only be found to be missing.
    ///
    /// # Errors
    /// The cycle, and what else is wrong with the references.
    pub(crate) fn check_cycle<'a>(
        &self,
        audience: &Audience,
        together: impl IntoIterator<Item = &'a Audience>,
    ) -> Result<(), Vec<Violation>> {
        let references = self.references_with(together);
        match cycle_through(&audience.id, &references) {
            Some(_) => Err(self.check_references(audience, &references)),
            None => Ok(()),
        }
    }

    /// What is wrong with an audience's references, where `references` has every audience that
    /// there will be.
    fn check_references(&self, audience: &Audience, references: &References) -> Vec<Violation> {
        let named = audience.expression.audience_references();
        let missing = named.iter().filter(|id| !references.contains_key(*id));
        let mut violations: Vec<Violation> =
            missing.filter_map(|id| self.check_exists(id, "/definition")).collect();
        if let Some(cycle) = cycle_through(&audience.id, references) {
            let message = format!(
                "the audience would be made of itself: {}; take one of these steps out",
                cycle.join(" → ")
            );
            violations.push(Violation::new("/definition", "cycle", message));
        }
        violations
    }

    fn check_exists(&self, id: &str, pointer: &str) -> Option<Violation> {
        if self.audience(id).is_some() {
            return None;
        }
        let meant = nearest(id, self.order.iter().map(String::as_str));
        let meant = meant.map_or(String::new(), |id| format!("did you mean `{id}`? "));
        let message = format!("there is no audience `{id}`; {meant}define it first");
        Some(Violation::new(pointer, "unknown-audience", message))
    }

    fn references(&self) -> References {
        let audiences = self.of_kind(Kind::Audience).filter_map(|published| {
            let Definition::Audience(audience) = &published.definition else {
                return None;
            };
            Some((audience.id.clone(), audience.expression.audience_references()))
        });
        audiences.collect()
    }

    /// The references there will be with these audiences too.
    fn references_with<'a>(&self, more: impl IntoIterator<Item = &'a Audience>) -> References {
        let mut references = self.references();
        for audience in more {
            references.insert(audience.id.clone(), audience.expression.audience_references());
        }
        references
    }

    /// Takes a definition in, and says what it asks for.
    pub(crate) fn define(
        &mut self,
        definition: Definition,
        now: Timestamp,
    ) -> Result<Consequence, Vec<Violation>> {
        self.check_define(&definition)?;
        let key = (definition.kind(), definition.id().to_owned());
        let before = self.definitions.get(&key);
        if before.is_some_and(|before| before.definition == definition) {
            return Ok(Consequence::None);
        }
        let after = Published::after(before, definition, now);
        let consequence = consequence(before, &after.definition);
        self.definitions.insert(key, after);
        self.version += 1;
        self.order = evaluation_order(&self.references());
        Ok(consequence)
    }

    /// First half of a removal: from here on nobody qualifies for the audience, while everything
    /// that names it still does, so that its members can be seen to leave.
    pub(crate) fn retire(&mut self, kind: Kind, id: &str) -> Result<(), Vec<Violation>> {
        self.check_remove(kind, id)?;
        self.version += 1;
        self.retiring = (kind == Kind::Audience).then(|| id.to_owned());
        Ok(())
    }

    /// Second half of a removal: the definition goes, and with an audience its mappings. Gives
    /// what is another definition now, or none.
    pub(crate) fn remove(&mut self, kind: Kind, id: &str) -> Vec<(Kind, String)> {
        self.retiring = None;
        let removed = (kind, stored_id(kind, id));
        self.definitions.remove(&removed);
        let mut touched = Vec::new();
        for (key, published) in &mut self.definitions {
            if kind == Kind::Audience && published.mappings.contains_key(&removed.1) {
                published.unmap(&removed.1);
                touched.push(key.clone());
            }
        }
        touched.push(removed);
        self.order = evaluation_order(&self.references());
        touched
    }

    /// What the checkpoint holds of a definition.
    pub(crate) fn stored(&self, kind: Kind, id: &str) -> Option<&Published> {
        self.definitions.get(&(kind, id.to_owned()))
    }

    /// Puts back what a checkpoint held.
    pub(crate) fn restore(&mut self, version: u64, definitions: Vec<Published>) {
        self.version = version;
        self.definitions = definitions.into_iter().map(|one| (one.key(), one)).collect();
        self.order = evaluation_order(&self.references());
    }
}

/// A namespace is stored under its code in lower case.
fn stored_id(kind: Kind, id: &str) -> String {
    if kind == Kind::Namespace { id.to_lowercase() } else { id.to_owned() }
}

/// What publishing a definition over what was there `before` asks for.
fn consequence(before: Option<&Published>, after: &Definition) -> Consequence {
    let definition_before = before.map(|before| &before.definition);
    match (definition_before, after) {
        (Some(Definition::Audience(before)), Definition::Audience(after))
            if before.expression.source() == after.expression.source() =>
        {
            Consequence::None
        }
        (_, Definition::Audience(_)) => Consequence::Evaluate,
        (_, Definition::Destination(destination)) => newly_mapped(before, destination),
        (_, Definition::Namespace(_)) => Consequence::Regroup,
        (_, Definition::Function(_)) => Consequence::None,
    }
}

fn newly_mapped(before: Option<&Published>, destination: &Destination) -> Consequence {
    let is_new = |id: &&String| before.is_none_or(|before| !before.mappings.contains_key(*id));
    let audiences: BTreeSet<String> =
        destination.audiences.iter().filter(is_new).cloned().collect();
    if audiences.is_empty() || destination.backfill == Backfill::None {
        return Consequence::None;
    }
    Consequence::Send { destination: destination.id.clone(), audiences }
}
