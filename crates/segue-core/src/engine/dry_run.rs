//! A dry run: what inputs would do, without doing it.
//!
//! ```text
//! engine, a million profiles          excerpt                      thrown away
//! ┌───────────────────────┐   copy    ┌──────────────────┐  apply
//! │ A  B  C  D  …         │ ────────▶ │ A  C, definitions│ ───────▶ outcomes, explanations
//! └───────────────────────┘           └──────────────────┘
//! ```
//!
//! An excerpt holds the profiles that the inputs name, and those to whom inputs of theirs may move
//! when their links are cut. Compiled audiences are shared, not copied. So a dry run costs as much
//! as these profiles are large, and as there are definitions, however many profiles there are.
//!
//! What it does not see: other profiles, whose windows may close at the same moment, and what is
//! applied while it runs. Ids that are made of the log position (those of new profiles, and of
//! their activations) are those of an input that would be the very next one.

use std::collections::BTreeSet;
use std::sync::Arc;

use segue_xdm::{Identity, Timestamp};

use super::batch::Batch;
use super::dirty::Dirty;
use super::profiles::Profiles;
use super::seen::{Seen, SeenId};
use super::tallies::Tallies;
use super::timers::Timers;
use super::{Engine, Explanation, Outcome};
use crate::archive::Overlay;
use crate::ids::{ProfileId, event_id_hash};
use crate::input::Input;

/// What inputs would do.
#[derive(Debug)]
pub struct DryRun {
    /// The excerpt, after the inputs.
    after: Engine,
    outcomes: Vec<Outcome>,
}

impl Engine {
    /// What these inputs would do, one after the other, if they came at `now`. Nothing happens.
    ///
    /// Meant for events, records and erasures. A definition among them takes effect on the
    /// profiles that the others name, and on nobody else: see [`Engine::compare`] for all.
    #[must_use]
    pub fn dry_run(&self, inputs: Vec<Input>, now: Timestamp) -> DryRun {
        let named = inputs.iter().flat_map(Input::identities);
        let mut after = self.excerpt(named.filter_map(|one| self.profile_of(one)));
        for input in &inputs {
            if let Input::Event(event) = input {
                let hash = event_id_hash(&event.id);
                if let Some(until) = self.seen.held(hash) {
                    after.seen.insert(SeenId { hash, position: self.next_position(), until });
                }
            }
        }
        let positions = self.next_position()..;
        let outcomes = positions.zip(inputs).map(|(at, input)| {
            // What is erased is not told: the excerpt does not know all of it.
            Outcome { erased: None, ..after.apply(at, now, input) }
        });
        let outcomes = outcomes.collect();
        DryRun { after, outcomes }
    }

    /// A small engine in the same state, of these profiles and their surroundings alone.
    pub(super) fn excerpt(&self, profiles: impl IntoIterator<Item = ProfileId>) -> Engine {
        let mut copied: BTreeSet<ProfileId> = profiles.into_iter().collect();
        let states = copied.iter().filter_map(|profile| self.look_at(*profile));
        let named: BTreeSet<Identity> =
            states.flat_map(|state| state.history.named().cloned().collect::<Vec<_>>()).collect();
        copied.extend(named.iter().filter_map(|identity| self.profile_of(identity)));
        let mut excerpt = Engine {
            settings: self.settings.clone(),
            archive: Arc::new(Overlay::new(Arc::clone(&self.archive))),
            program: self.program.clone(),
            backlog: self.backlog.clone(),
            graph: self.graph.emptied(),
            profiles: Profiles::default(),
            timers: Timers::default(),
            tallies: Tallies::default(),
            seen: Seen::default(),
            horizon: self.horizon.clone(),
            now: self.now,
            applied: self.applied,
            batch: Batch::default(),
            dirty: Dirty::default(),
            underway: None,
            damage: None,
        };
        for profile in copied {
            if let Some(state) = self.look_at(profile) {
                excerpt.timers.set(profile, state.next_wake, self.now);
                excerpt.graph.set_group(profile, self.look_at_group(profile));
                excerpt.profiles.insert(profile, state.into_owned());
            }
        }
        excerpt
    }

    /// The log position of the next input, as far as can be known.
    pub(super) fn next_position(&self) -> u64 {
        self.applied.map_or(0, |applied| applied + 1)
    }
}

impl DryRun {
    /// What each input would do. The first one comes with the windows of these profiles that close
    /// before it.
    #[must_use]
    pub fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }

    /// Why each membership that changes would be as it is then, in the order of the changes, each
    /// once.
    #[must_use]
    pub fn explanations(&self) -> Vec<Explanation> {
        let mut told = BTreeSet::new();
        let changes = self.outcomes.iter().flat_map(|outcome| &outcome.changes);
        let explained = changes.filter_map(|change| {
            let profile = self.after.graph.resolve(change.profile, self.after.now);
            let is_news = told.insert((profile, change.audience.as_str()));
            is_news
                .then(|| self.after.explain_profile(profile, &change.audience, self.after.now))?
        });
        explained.collect()
    }

    /// Why the profile with this identity would be in the audience, or would not. `None` when the
    /// inputs do not touch it, or there is no such audience.
    #[must_use]
    pub fn explain(&self, identity: &Identity, audience: &str) -> Option<Explanation> {
        self.after.explain(identity, audience, self.after.now)
    }
}
