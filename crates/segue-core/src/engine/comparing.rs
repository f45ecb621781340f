//! What definitions would change if they were published: who would enter and leave which audience,
//! over all profiles, slice by slice.

use segue_xdm::{Identity, Timestamp, Violation};
use serde_json::{Value, json};

use super::Engine;
use super::trial::{Cursor, Trial, Tried};
use crate::definition::Definition;
use crate::ids::ProfileId;
use crate::profile::ProfileState;

/// Moves of each audience that are shown with reasons: some that enter and some that leave.
pub const MOVES_SHOWN_MAX: usize = 10;

/// What publishing definitions would change, under way.
///
/// Counted are entries and exits: of audiences that are new or say something else, of those that
/// are made of them, and of all under another merge policy. What the rules of a namespace do to
/// identities is not. Each slice sees the profiles as they are at that time.
#[derive(Debug)]
pub struct Comparison {
    trial: Trial,
    cursor: Cursor,
    audiences: Vec<AudienceMoves>,
}

/// Who would enter and leave one audience.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AudienceMoves {
    /// The audience's id.
    pub audience: String,
    /// What people call it.
    pub name: String,
    /// Profiles that would enter.
    pub entering: u64,
    /// Profiles that would leave.
    pub leaving: u64,
    /// Members that would stay.
    pub staying: u64,
    entries: Vec<Move>,
    exits: Vec<Move>,
}

/// One profile that would enter or leave an audience.
#[derive(Clone, PartialEq, Debug)]
pub struct Move {
    /// Who.
    pub profile: ProfileId,
    /// Its identities, sorted.
    pub identities: Vec<Identity>,
    /// Whether it would enter; it would leave otherwise.
    pub enters: bool,
    /// Why: the new definition, clause by clause.
    pub reason: segue_pql::Explanation,
}

impl Engine {
    /// Begins to find out what publishing these definitions together would change. They may name
    /// each other in any order. Nothing is published.
    ///
    /// # Errors
    /// They do not fit together, or do not fit the definitions in effect.
    pub fn compare(&self, definitions: Vec<Definition>) -> Result<Comparison, Vec<Violation>> {
        let trial = Trial::new(self, definitions)?;
        let audiences = trial.affected().map(|(audience, name)| AudienceMoves {
            audience: audience.to_owned(),
            name: name.to_owned(),
            ..AudienceMoves::default()
        });
        let audiences = audiences.collect();
        Ok(Comparison { trial, cursor: Cursor::default(), audiences })
    }
}

impl Comparison {
    /// Looks at so many more profiles as they are at `now`, and tells whether there may be more.
    /// What is due by `now` should have been applied: memberships count as they are.
    pub fn advance(&mut self, engine: &Engine, now: Timestamp, profiles_max: usize) -> bool {
        let Comparison { trial, cursor, audiences } = self;
        if audiences.is_empty() {
            return false;
        }
        cursor.advance(engine, profiles_max, |profile, state| {
            let tried = trial.of(state, engine.events_kept(), now);
            for moves in &mut *audiences {
                moves.count(engine, profile, state, &tried);
            }
        })
    }

    /// What was found so far, by audience in the order of evaluation.
    #[must_use]
    pub fn audiences(&self) -> &[AudienceMoves] {
        &self.audiences
    }

    /// How many profiles were looked at; none when no audience can be concerned.
    #[must_use]
    pub fn looked_at(&self) -> u64 {
        self.cursor.looked_at
    }
}

impl AudienceMoves {
    fn count(
        &mut self,
        engine: &Engine,
        profile: ProfileId,
        state: &ProfileState,
        tried: &Tried<'_>,
    ) {
        let is_member = state.memberships.is_member(&self.audience);
        let (count, shown) = match (is_member, tried.is_member(&self.audience)) {
            (false, false) => return,
            (true, true) => {
                self.staying += 1;
                return;
            }
            (false, true) => (&mut self.entering, &mut self.entries),
            (true, false) => (&mut self.leaving, &mut self.exits),
        };
        *count += 1;
        if shown.len() < MOVES_SHOWN_MAX
            && let Some(reason) = tried.explain(&self.audience)
        {
            let identities = engine.identities_of(profile);
            shown.push(Move { profile, identities, enters: !is_member, reason });
        }
    }

    /// Some of those that would enter, then some of those that would leave: half of each where
    /// there are as many, at most [`MOVES_SHOWN_MAX`].
    pub fn examples(&self) -> impl Iterator<Item = &Move> {
        let half = MOVES_SHOWN_MAX / 2;
        let exits = self.exits.len().min(half.max(MOVES_SHOWN_MAX - self.entries.len()));
        self.entries.iter().take(MOVES_SHOWN_MAX - exits).chain(self.exits.iter().take(exits))
    }

    /// The same as JSON.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let examples = self.examples().map(|one| {
            let identities: Vec<String> = one.identities.iter().map(ToString::to_string).collect();
            json!({
                "profileId": one.profile.to_string(),
                "identities": identities,
                "change": if one.enters { "enters" } else { "leaves" },
                "reason": one.reason.to_string(),
            })
        });
        json!({
            "id": self.audience,
            "name": self.name,
            "entering": self.entering,
            "leaving": self.leaving,
            "staying": self.staying,
            "examples": examples.collect::<Value>(),
        })
    }
}
