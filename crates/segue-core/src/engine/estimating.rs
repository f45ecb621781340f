//! How many profiles an audience would have: exactly, over what is stored of them, slice by slice.

use segue_xdm::{Identity, Timestamp, Violation};
use serde_json::{Value, json};

use super::Engine;
use super::trial::{Cursor, Trial};
use crate::definition::{Audience, Definition};
use crate::ids::ProfileId;

/// Profiles in the sample of an estimate.
pub const ESTIMATE_SAMPLE_MAX: usize = 10;

/// How many profiles are in an audience.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Estimate {
    /// The profiles that are in it.
    pub members: u64,
    /// The profiles that were looked at: all of them, once the estimate is complete.
    pub of: u64,
    /// Some of the members, at most [`ESTIMATE_SAMPLE_MAX`].
    pub sample: Vec<Sampled>,
}

/// A member that is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sampled {
    /// Its id.
    pub profile: ProfileId,
    /// Its identities, sorted.
    pub identities: Vec<Identity>,
}

/// An estimate under way.
///
/// Each slice sees the profiles as they are at that time; each profile is seen once.
///
/// ```
/// # use segue_core::{Audience, Engine};
/// # use segue_xdm::Timestamp;
/// fn members(engine: &Engine, audience: &Audience, now: Timestamp) -> Option<u64> {
///     let mut estimation = engine.estimate(audience).ok()?;
///     while estimation.advance(engine, now, 1000) {}
///     Some(estimation.estimate().members)
/// }
/// ```
#[derive(Debug)]
pub struct Estimation {
    trial: Trial,
    audience: String,
    cursor: Cursor,
    found: Estimate,
}

impl Engine {
    /// Begins to count who would be in an audience, whether it is published, would replace one, or
    /// is new. The definitions in effect now are those that it is counted by.
    ///
    /// # Errors
    /// It names an audience that does not exist, or would be made of itself.
    pub fn estimate(&self, audience: &Audience) -> Result<Estimation, Vec<Violation>> {
        let trial = Trial::new(self, vec![Definition::Audience(audience.clone())])?;
        let (cursor, found) = (Cursor::default(), Estimate::default());
        Ok(Estimation { trial, audience: audience.id.clone(), cursor, found })
    }
}

impl Estimation {
    /// Looks at so many more profiles as they are at `now`, and tells whether there may be more.
    /// What is due by `now` should have been applied: memberships count as they are.
    pub fn advance(&mut self, engine: &Engine, now: Timestamp, profiles_max: usize) -> bool {
        let Estimation { trial, audience, cursor, found } = self;
        let is_more = cursor.advance(engine, profiles_max, |profile, state| {
            if !trial.of(state, engine.events_kept(), now).is_member(audience) {
                return;
            }
            found.members += 1;
            if found.sample.len() < ESTIMATE_SAMPLE_MAX {
                let identities = engine.identities_of(profile);
                found.sample.push(Sampled { profile, identities });
            }
        });
        found.of = cursor.looked_at;
        is_more
    }

    /// What was found so far.
    #[must_use]
    pub fn estimate(&self) -> &Estimate {
        &self.found
    }
}

impl Estimate {
    /// The same as JSON, with the audience's id and name.
    #[must_use]
    pub fn to_value(&self, audience: &Audience) -> Value {
        let sample = self.sample.iter().map(|Sampled { profile, identities }| {
            let identities: Vec<String> = identities.iter().map(ToString::to_string).collect();
            json!({"profileId": profile.to_string(), "identities": identities})
        });
        json!({
            "audience": audience.id,
            "name": audience.name,
            "members": self.members,
            "of": self.of,
            "sample": sample.collect::<Value>(),
        })
    }
}
