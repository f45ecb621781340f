//! Definitions on trial: what a profile's memberships would be under definitions that are not in
//! effect. Nothing that is in effect is touched.
//!
//! Only the audiences that can be others are evaluated, by the reference interpreter over what is
//! stored: those that are new or say something else, those that are made of them, and all of them
//! under another merge policy. For the others the memberships in effect count.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use segue_pql::{EventFact, Facts, evaluate};
use segue_xdm::{Timestamp, Violation};
use serde_json::Value;

use super::Engine;
use crate::archive::Events;
use crate::definition::Definition;
use crate::ids::ProfileId;
use crate::input::Input;
use crate::profile::ProfileState;
use crate::program::{Program, publishing_order};

/// Definitions on trial.
#[derive(Debug)]
pub(super) struct Trial {
    program: Program,
    /// The audiences whose members may be others, each after those that it is made of.
    affected: Vec<String>,
    /// Whether attributes are merged otherwise.
    merges: bool,
}

/// One profile under definitions on trial.
pub(super) struct Tried<'a> {
    trial: &'a Trial,
    state: &'a ProfileState,
    kept: Events<'a>,
    now: Timestamp,
    attributes: Cow<'a, Value>,
    /// The profile's events, once an audience needs them.
    events: OnceCell<Vec<EventFact>>,
    members: BTreeMap<&'a str, bool>,
}

/// How far a look at all profiles has come. They are looked at by id, so that one which comes into
/// being meanwhile is seen or not, and none is seen twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Cursor {
    after: Option<ProfileId>,
    pub(super) looked_at: u64,
}

impl Trial {
    /// Puts definitions on trial; they may name each other in any order.
    ///
    /// # Errors
    /// All that [`Engine::check_all`] says of them.
    pub(super) fn new(
        engine: &Engine,
        definitions: Vec<Definition>,
    ) -> Result<Trial, Vec<Violation>> {
        let inputs = publishing_order(definitions).into_iter().map(Input::Define);
        let inputs: Vec<Input> = inputs.collect();
        engine.check_all(&inputs).map_err(|found| {
            let violations = found.into_iter().map(|(_, violation)| violation);
            violations.collect::<Vec<Violation>>()
        })?;
        let mut program = engine.program.clone();
        for input in inputs {
            if let Input::Define(definition) = input {
                program.define(definition, engine.now)?;
            }
        }
        let merges = program.precedence() != engine.program.precedence();
        let affected = affected(&engine.program, &program, merges);
        Ok(Trial { program, affected, merges })
    }

    /// The audiences whose members may be others, each with its name.
    pub(super) fn affected(&self) -> impl Iterator<Item = (&str, &str)> {
        let audiences = self.affected.iter().filter_map(|id| self.program.audience(id));
        audiences.map(|(audience, _)| (audience.id.as_str(), audience.name.as_str()))
    }

    /// Evaluates what may be otherwise of a profile.
    pub(super) fn of<'a>(
        &'a self,
        state: &'a ProfileState,
        kept: Events<'a>,
        now: Timestamp,
    ) -> Tried<'a> {
        let mut attributes = Cow::Borrowed(state.attributes.as_value());
        if self.merges {
            let mut merged = state.attributes.clone();
            merged.merge(self.program.precedence());
            attributes = Cow::Owned(merged.as_value().clone());
        }
        let (events, members) = (OnceCell::new(), BTreeMap::new());
        let mut tried = Tried { trial: self, state, kept, now, attributes, events, members };
        for id in &self.affected {
            if let Some((audience, _)) = self.program.audience(id) {
                let reads_events = audience.expression.reads_events();
                let evaluate = |facts: &Facts<'_>| evaluate(&audience.expression, facts).value;
                let is_member = tried.with_facts(reads_events, evaluate);
                tried.members.insert(id, is_member);
            }
        }
        tried
    }
}

impl Tried<'_> {
    /// Whether the profile would be in the audience.
    pub(super) fn is_member(&self, audience: &str) -> bool {
        let tried = self.members.get(audience).copied();
        tried.unwrap_or_else(|| self.state.memberships.is_member(audience))
    }

    /// Why it would be, or would not.
    pub(super) fn explain(&self, audience: &str) -> Option<segue_pql::Explanation> {
        let (audience, _) = self.trial.program.audience(audience)?;
        let explain = |facts: &Facts<'_>| segue_pql::explain(&audience.expression, facts);
        Some(self.with_facts(audience.expression.reads_events(), explain))
    }

    fn with_facts<T>(&self, reads_events: bool, look: impl FnOnce(&Facts<'_>) -> T) -> T {
        let stored = || self.events.get_or_init(|| self.state.history.facts(self.kept));
        let events: Vec<&EventFact> =
            if reads_events { stored().iter().collect() } else { Vec::new() };
        look(&Facts {
            attributes: &self.attributes,
            events: &events,
            is_member: &|id| self.is_member(id),
            now: self.now,
            time_zone: self.trial.program.time_zone(),
        })
    }
}

impl Cursor {
    /// Shows the next profiles, and tells whether there may be more.
    pub(super) fn advance(
        &mut self,
        engine: &Engine,
        profiles_max: usize,
        mut see: impl FnMut(ProfileId, &ProfileState),
    ) -> bool {
        let mut seen = 0;
        for profile in engine.profiles.after(self.after).take(profiles_max) {
            if let Some(state) = engine.look_at(profile) {
                see(profile, &state);
            }
            self.after = Some(profile);
            seen += 1;
        }
        self.looked_at += seen as u64;
        seen == profiles_max
    }
}

fn affected(before: &Program, after: &Program, merges: bool) -> Vec<String> {
    let mut affected: BTreeSet<&str> = BTreeSet::new();
    for (audience, _) in after.audiences() {
        let known = before.audience(&audience.id);
        let source = known.map(|(known, _)| known.expression.source());
        let references = audience.expression.audience_references();
        if merges
            || source != Some(audience.expression.source())
            || references.iter().any(|id| affected.contains(id.as_str()))
        {
            affected.insert(&audience.id);
        }
    }
    let in_order = after.audiences().map(|(audience, _)| &audience.id);
    in_order.filter(|id| affected.contains(id.as_str())).cloned().collect()
}
