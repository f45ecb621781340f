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
use std::sync::{Arc, OnceLock};

use jiff::tz::TimeZone;
use segue_xdm::{Timestamp, Violation, nearest};

use crate::definition::{Audience, Backfill, Definition, Destination, Kind, MergePolicy};
use crate::engine::Settings;
use crate::evaluation::{AudienceNumber, Compiled, EvaluationMode, Names, names_of};
use crate::membership::AudienceKey;
pub use dependencies::publishing_order;
use dependencies::{References, cycle_through, evaluation_order};
pub use published::DefinitionView;
pub(crate) use published::{Mapping, Published};

/// All definitions, fitted together.
#[derive(Clone, Debug)]
pub struct Program {
    time_zone: TimeZone,
    evaluation: EvaluationMode,
    trace_events_max: usize,
    version: u64,
    definitions: BTreeMap<(Kind, String), Published>,
    /// Audience ids, each after those that it is made of.
    order: Vec<String>,
    /// The audience that is being removed: nobody qualifies for it any more.
    retiring: Option<String>,
    names: Names,
    /// The audiences as they are, compiled when first needed.
    compiled: OnceLock<Arc<Compiled>>,
}

/// What a definition that was accepted asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// Nothing: it was there already, or nobody's state depends on it.
    None,
    /// Every profile has to be evaluated again.
    Evaluate,
    /// Every profile's attributes have to be merged again.
    Merge,
    /// Every profile's links have to be looked at again: the rules of linking are others.
    Regroup,
    /// A destination asks for its due.
    Send(DestinationEdit),
}

/// A destination that was published, and what changes about whom it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DestinationEdit {
    pub(crate) destination: Destination,
    /// The audiences whose current members it wants.
    pub(crate) newly_mapped: BTreeSet<String>,
    /// The channel that it served before.
    pub(crate) channel_before: Option<String>,
}

impl Program {
    pub(crate) fn new(settings: &Settings) -> Program {
        Program {
            time_zone: settings.time_zone.clone(),
            evaluation: settings.evaluation,
            trace_events_max: settings.trace_events_max,
            names: Names::default(),
            compiled: OnceLock::new(),
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

    /// How memberships are brought up to date.
    pub(crate) fn evaluation(&self) -> EvaluationMode {
        self.evaluation
    }

    /// The audience that nobody qualifies for any more.
    pub(crate) fn retiring(&self) -> Option<&str> {
        self.retiring.as_deref()
    }

    /// All audiences, compiled.
    pub(crate) fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            let audiences = self.audiences();
            let audiences = audiences.map(|(audience, published, _)| (audience, published.version));
            let max = self.trace_events_max;
            Arc::new(Compiled::new(audiences, &self.names, &self.time_zone, max))
        })
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

    /// The datasets whose attributes come first; see [`MergePolicy`].
    pub(crate) fn precedence(&self) -> &[String] {
        self.merge_policy().map_or(&[], MergePolicy::precedence)
    }

    fn merge_policy(&self) -> Option<&MergePolicy> {
        self.of_kind(Kind::MergePolicy).find_map(|published| match &published.definition {
            Definition::MergePolicy(policy) => Some(policy),
            _ => None,
        })
    }

    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Published> {
        let from_here = self.definitions.range((kind, String::new())..);
        from_here.take_while(move |(key, _)| key.0 == kind).map(|(_, found)| found)
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
        if let Definition::Audience(audience) = &after.definition {
            names_of(audience).iter().for_each(|name| self.names.give(name));
        }
        self.definitions.insert(key, after);
        self.version += 1;
        self.rearrange();
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
        self.rearrange();
        touched
    }

    /// Brings what follows from the audiences up to date with them.
    fn rearrange(&mut self) {
        self.order = evaluation_order(&self.references());
        self.compiled = OnceLock::new();
    }

    /// The names that got a number since the last call.
    pub(crate) fn take_new_names(&mut self) -> Vec<String> {
        self.names.take_new()
    }

    /// An audience as memberships know it.
    pub(crate) fn audience_key(&self, id: &str) -> Option<Arc<AudienceKey>> {
        self.names.audience(id).map(Arc::new)
    }

    /// All audiences that memberships may know, by number.
    pub(crate) fn audience_keys(&self) -> BTreeMap<AudienceNumber, Arc<AudienceKey>> {
        self.names.audiences().map(|key| (key.number, Arc::new(key))).collect()
    }

    /// The number of a name.
    pub(crate) fn name_number(&self, name: &str) -> Option<u32> {
        self.names.find(name)
    }

    /// What the checkpoint holds of a definition.
    pub(crate) fn stored(&self, kind: Kind, id: &str) -> Option<&Published> {
        self.definitions.get(&(kind, id.to_owned()))
    }

    /// Puts back what a checkpoint held.
    pub(crate) fn restore(&mut self, version: u64, definitions: Vec<Published>, names: Names) {
        self.version = version;
        self.names = names;
        self.definitions = definitions.into_iter().map(|one| (one.key(), one)).collect();
        self.rearrange();
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
        (_, Definition::MergePolicy(_)) => Consequence::Merge,
        (_, Definition::Destination(destination)) => {
            Consequence::Send(destination_edit(before, destination))
        }
        (_, Definition::Namespace(_)) => Consequence::Regroup,
        (_, Definition::Function(_)) => Consequence::None,
    }
}

fn destination_edit(before: Option<&Published>, destination: &Destination) -> DestinationEdit {
    let is_new = |id: &&String| before.is_none_or(|before| !before.mappings.contains_key(*id));
    let newly_mapped = match destination.backfill {
        Backfill::Current => destination.audiences.iter().filter(is_new).cloned().collect(),
        Backfill::None => BTreeSet::new(),
    };
    // A new destination was told nothing, so that no channel's opt-out can be news to it.
    let channel_before = match before.map(|before| &before.definition) {
        Some(Definition::Destination(before)) => before.channel.clone(),
        _ => destination.channel.clone(),
    };
    DestinationEdit { destination: destination.clone(), newly_mapped, channel_before }
}
