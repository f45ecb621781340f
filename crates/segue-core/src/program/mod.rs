//! The program: all definitions, fitted together.
//!
//! Invariants:
//! - every audience that an audience or a destination names exists, and no audience is, over any
//!   number of steps, made of itself;
//! - `version` counts the definitions that took effect, so that it names one program exactly.

mod checks;
mod consequence;
mod dependencies;
mod namespaces;
mod published;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::tz::TimeZone;
use segue_xdm::{Timestamp, Violation};

use crate::definition::{Audience, Definition, Destination, Kind, MergePolicy};
use crate::engine::Settings;
use crate::evaluation::{AudienceNumber, Compiled, EvaluationMode, Names, names_of};
use crate::membership::AudienceKey;
pub(crate) use consequence::{Consequence, DestinationEdit, Due, Retired};
use dependencies::References;
pub use dependencies::{publishing_order, sort_for_publishing};
pub use published::DefinitionView;
pub(crate) use published::{Mapping, Published};

/// All definitions, fitted together.
#[derive(Clone, Debug)]
pub struct Program {
    time_zone: TimeZone,
    evaluation: EvaluationMode,
    trace_events_max: usize,
    version: u64,
    /// Shared, so that changes can be tried on a copy of the program.
    definitions: BTreeMap<(Kind, String), Arc<Published>>,
    references: References,
    names: Names,
    /// Audience ids, each after those that it is made of; made when first needed, so that many
    /// definitions in a row cost one order and one compilation.
    order: OnceLock<Arc<Vec<String>>>,
    /// The audiences as they are, compiled when first needed.
    compiled: OnceLock<Arc<Compiled>>,
}

/// What removing a definition changed.
pub(crate) struct Removed {
    /// What is another definition now, or none.
    pub(crate) changed: Vec<(Kind, String)>,
    /// The audience that was removed.
    pub(crate) retired: Option<Retired>,
}

impl Program {
    pub(crate) fn new(settings: &Settings) -> Program {
        Program {
            time_zone: settings.time_zone.clone(),
            evaluation: settings.evaluation,
            trace_events_max: settings.trace_events_max,
            version: 0,
            definitions: BTreeMap::new(),
            references: References::default(),
            names: Names::default(),
            order: OnceLock::new(),
            compiled: OnceLock::new(),
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

    /// All audiences, compiled.
    pub(crate) fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            let audiences = self.audiences();
            let audiences = audiences.map(|(audience, published)| (audience, published.version));
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
        self.definitions.get(&key).map(|published| published.view())
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

    /// The audiences in the order in which they are evaluated.
    pub(crate) fn audiences(&self) -> impl Iterator<Item = (&Audience, &Published)> {
        let order = self.order.get_or_init(|| Arc::new(self.references.evaluation_order()));
        order.iter().filter_map(|id| self.audience(id))
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
        let from = self.definitions.range((kind, String::new())..);
        from.take_while(move |(key, _)| key.0 == kind).map(|(_, found)| found.as_ref())
    }

    /// The destination with this id.
    pub(crate) fn destination(&self, id: &str) -> Option<&Destination> {
        match &self.definitions.get(&(Kind::Destination, id.to_owned()))?.definition {
            Definition::Destination(destination) => Some(destination),
            _ => None,
        }
    }

    /// Takes a definition in, and says what it asks for.
    pub(crate) fn define(
        &mut self,
        definition: Definition,
        now: Timestamp,
    ) -> Result<Consequence, Vec<Violation>> {
        self.check_define(&definition)?;
        let key = (definition.kind(), definition.id().to_owned());
        let before = self.definitions.get(&key).map(AsRef::as_ref);
        if before.is_some_and(|before| before.definition == definition) {
            return Ok(Consequence::None);
        }
        let after = Published::after(before, definition, now);
        let consequence = self.consequence(before, &after.definition);
        if let Definition::Audience(audience) = &after.definition {
            names_of(audience).iter().for_each(|name| self.names.give(name));
            self.references.set(&audience.id, audience.expression.audience_references());
            self.rearrange();
        }
        self.definitions.insert(key, Arc::new(after));
        self.version += 1;
        Ok(consequence)
    }

    /// Takes a definition out, and with an audience its mappings.
    ///
    /// # Errors
    /// It does not exist, or audiences are made of it.
    pub(crate) fn remove(&mut self, kind: Kind, id: &str) -> Result<Removed, Vec<Violation>> {
        self.check_remove(kind, id)?;
        let key = (kind, stored_id(kind, id));
        let published = self.definitions.remove(&key).map(Arc::unwrap_or_clone);
        self.version += 1;
        let mut removed = Removed { changed: vec![key.clone()], retired: None };
        if let Some(published) = published.filter(|_| kind == Kind::Audience) {
            let mappings = self.unmap(&key.1);
            let destinations = mappings.keys().map(|id| (Kind::Destination, id.clone()));
            removed.changed.extend(destinations);
            removed.retired = Some(Retired { published, mappings });
            self.references.remove(&key.1);
            self.rearrange();
        }
        Ok(removed)
    }

    /// Takes an audience out of all destinations; gives what it was mapped as, by destination.
    fn unmap(&mut self, audience: &str) -> BTreeMap<String, Mapping> {
        let mut mappings = BTreeMap::new();
        let from = (Kind::Destination, String::new());
        let destinations =
            self.definitions.range_mut(from..).take_while(|(key, _)| key.0 == Kind::Destination);
        for ((_, id), published) in destinations {
            if let Some(mapping) = published.mappings.get(audience).copied() {
                Arc::make_mut(published).unmap(audience);
                mappings.insert(id.clone(), mapping);
            }
        }
        mappings
    }

    /// What publishing a definition over what was there `before` asks for.
    fn consequence(&self, before: Option<&Published>, after: &Definition) -> Consequence {
        match (before.map(|before| &before.definition), after) {
            (Some(Definition::Audience(before)), Definition::Audience(after))
                if before.expression.source() == after.expression.source() =>
            {
                Consequence::None
            }
            (before, Definition::Audience(_)) => {
                Consequence::Evaluate { is_edit: before.is_some() }
            }
            (_, Definition::MergePolicy(_)) => {
                Consequence::Merge { precedence_before: self.precedence().to_vec() }
            }
            (_, Definition::Destination(destination)) => {
                Consequence::Send(DestinationEdit::between(before, destination))
            }
            (_, Definition::Namespace(_)) => Consequence::Regroup,
            (_, Definition::Function(_)) => Consequence::None,
        }
    }

    /// What follows from the audiences is made again when it is needed next.
    fn rearrange(&mut self) {
        self.order = OnceLock::new();
        self.compiled = OnceLock::new();
    }

    /// The names that got a number since the last call.
    pub(crate) fn take_new_names(&mut self) -> Vec<String> {
        self.names.take_new()
    }

    /// An audience as memberships know it.
    pub(crate) fn audience_key(&self, id: &str) -> Option<Arc<AudienceKey>> {
        self.names.audience(id).cloned()
    }

    /// The same by its number, also of one that is gone.
    pub(crate) fn audience_key_of(&self, number: AudienceNumber) -> Option<&Arc<AudienceKey>> {
        self.names.audience_of(number)
    }

    /// The number of a name.
    pub(crate) fn name_number(&self, name: &str) -> Option<u32> {
        self.names.find(name)
    }

    /// What the checkpoint holds of a definition.
    pub(crate) fn stored(&self, kind: Kind, id: &str) -> Option<&Published> {
        self.definitions.get(&(kind, id.to_owned())).map(AsRef::as_ref)
    }

    /// Puts back what a checkpoint held.
    pub(crate) fn restore(&mut self, version: u64, definitions: Vec<Published>, names: Names) {
        self.version = version;
        self.names = names;
        for published in definitions {
            if let Definition::Audience(audience) = &published.definition {
                self.references.set(&audience.id, audience.expression.audience_references());
            }
            self.definitions.insert(published.key(), Arc::new(published));
        }
        self.rearrange();
    }
}

/// A namespace is stored under its code in lower case.
fn stored_id(kind: Kind, id: &str) -> String {
    if kind == Kind::Namespace { id.to_lowercase() } else { id.to_owned() }
}
