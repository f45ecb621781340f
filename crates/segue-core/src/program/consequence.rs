//! What a change of the definitions asks of the profiles that there are.
//!
//! ```text
//! a change            asks for              one profile follows it by
//! ─────────────────────────────────────────────────────────────────────────────────────
//! audience, published Evaluate              evaluating it                 ┐
//! audience, edited    Evaluate              evaluating it                 │ at once, as what
//! merge policy        Merge                 merging its attributes again  │ is Due
//! destination         Send                  telling it what it asks for   ┘
//! audience, removed   (Retired)             leaving it
//! namespace           Regroup               nothing: the graph follows at once, as a whole
//! ```

use std::collections::{BTreeMap, BTreeSet};

use super::published::{Mapping, Published};
use crate::definition::{Audience, Backfill, Definition, Destination};
use crate::evaluation::Renewal;

/// What a definition that was accepted asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// Nothing: it was there already, or nobody's state depends on it.
    None,
    /// Every profile has to be evaluated again.
    Evaluate {
        /// Whether there was such an audience before.
        is_edit: bool,
    },
    /// Every profile's attributes have to be merged again.
    Merge {
        /// The datasets that came first until now.
        precedence_before: Vec<String>,
    },
    /// Every profile's links have to be looked at again: the rules of linking are others.
    Regroup,
    /// A destination asks for its due.
    Send(DestinationEdit),
}

/// What changes about whom a destination is told, when it is published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DestinationEdit {
    /// The audiences whose current members it wants.
    pub(crate) newly_mapped: BTreeSet<String>,
    /// The audiences that it maps from now on, and whose current members it does not want.
    pub(crate) mapped_silently: BTreeSet<String>,
    /// The channel that it served before.
    pub(crate) channel_before: Option<String>,
}

/// Everything that one profile has to follow, apart from audiences that it has to leave.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// The audiences that were published or edited.
    pub(crate) audiences: BTreeSet<String>,
    /// Whether another merge policy is in effect.
    pub(crate) merge: bool,
    /// By id, the destinations that were published or edited.
    pub(crate) edits: BTreeMap<String, DestinationEdit>,
    /// What it takes to follow the audiences.
    pub(crate) renewal: Renewal,
}

/// An audience that was removed, as far as its members still need it to leave it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Retired {
    pub(crate) published: Published,
    /// By id, the destinations that it was mapped to.
    pub(crate) mappings: BTreeMap<String, Mapping>,
}

impl Due {
    /// An audience is to be evaluated by a later definition than those so far: what comes of it
    /// is news to every destination that maps it.
    pub(crate) fn evaluate(&mut self, audience: &str) {
        self.audiences.insert(audience.to_owned());
        for edit in self.edits.values_mut() {
            edit.mapped_silently.remove(audience);
        }
    }

    /// A destination was edited, later than what there is so far.
    pub(crate) fn edit(&mut self, destination: &Destination, edit: &DestinationEdit) {
        let is_mapped = |id: &&String| destination.audiences.contains(*id);
        let newly_mapped = edit.newly_mapped.iter().filter(is_mapped).cloned();
        let first = || DestinationEdit {
            channel_before: edit.channel_before.clone(),
            ..DestinationEdit::default()
        };
        let known = self.edits.entry(destination.id.clone()).or_insert_with(first);
        known.newly_mapped.extend(newly_mapped);
        known.mapped_silently.extend(edit.mapped_silently.iter().cloned());
    }
}

impl DestinationEdit {
    /// What publishing a destination over what was there `before` changes.
    pub(super) fn between(before: Option<&Published>, after: &Destination) -> DestinationEdit {
        let is_new = |id: &&String| before.is_none_or(|before| !before.mappings.contains_key(*id));
        let new = after.audiences.iter().filter(is_new).cloned().collect();
        let (newly_mapped, mapped_silently) = match after.backfill {
            Backfill::Current => (new, BTreeSet::new()),
            Backfill::None => (BTreeSet::new(), new),
        };
        // A new destination was told nothing, so that no channel's opt-out can be news to it.
        let channel_before = match before.map(|before| &before.definition) {
            Some(Definition::Destination(before)) => before.channel.clone(),
            _ => after.channel.clone(),
        };
        DestinationEdit { newly_mapped, mapped_silently, channel_before }
    }
}

impl Retired {
    /// The id of the audience.
    pub(crate) fn id(&self) -> &str {
        self.published.definition.id()
    }

    pub(crate) fn audience(&self) -> Option<&Audience> {
        match &self.published.definition {
            Definition::Audience(audience) => Some(audience),
            _ => None,
        }
    }
}
