//! Why a profile is in an audience, or why it is not, over what is stored of it.

use std::fmt;

use segue_pql::{DecidingEvent, EventFact, Facts, explain, next_flip};
use segue_xdm::{Identity, Timestamp};
use serde_json::{Value, json};

use super::Engine;
use crate::ids::ProfileId;
use crate::input::Input;
use crate::membership::{Membership, Status};
use crate::profile::ProfileState;

/// Events that the paragraph names; JSON has all that the clauses list.
const EVENTS_NAMED_MAX: usize = 3;

/// Why a profile is in an audience, or why it is not.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation {
    /// Whose membership.
    pub profile: ProfileId,
    /// The audience's id.
    pub audience: String,
    /// What people call the audience.
    pub name: String,
    /// The moment that is explained.
    pub at: Timestamp,
    /// The membership; none when the profile is no member and was none in the last 30 days.
    pub membership: Option<Membership>,
    /// When the definition's value changes if nothing comes in, other audiences' memberships taken
    /// to stay as they are; `None`: never.
    pub changes_at: Option<Timestamp>,
    /// The definition, clause by clause.
    pub definition: segue_pql::Explanation,
}

impl Engine {
    /// Why the profile with this identity is in the audience, or why it is not, at `now`; a moment
    /// before that of the last input counts as that one. `None` when there is no such profile or
    /// no such audience.
    ///
    /// It costs a few evaluations over all of the profile's events.
    #[must_use]
    pub fn explain(
        &self,
        identity: &Identity,
        audience: &str,
        now: Timestamp,
    ) -> Option<Explanation> {
        self.explain_profile(self.profile_of(identity)?, audience, now)
    }

    pub(super) fn explain_profile(
        &self,
        profile: ProfileId,
        audience: &str,
        now: Timestamp,
    ) -> Option<Explanation> {
        let state = self.look_at(profile)?;
        let now = now.max(self.now);
        if state.next_wake.is_some_and(|wake| wake <= now) {
            // What is due by then changes memberships, on which others may be built.
            let mut later = self.excerpt([profile]);
            later.apply(self.next_position(), now, Input::Tick);
            return later.explain_state(profile, later.profiles.get(profile)?, audience, now);
        }
        self.explain_state(profile, &state, audience, now)
    }

    fn explain_state(
        &self,
        profile: ProfileId,
        state: &ProfileState,
        audience: &str,
        now: Timestamp,
    ) -> Option<Explanation> {
        let (audience, _) = self.program.audience(audience)?;
        let events = state.history.facts(self.events_kept());
        let events: Vec<&EventFact> = events.iter().collect();
        let facts = Facts {
            attributes: state.attributes.as_value(),
            events: &events,
            is_member: &|id| state.memberships.is_member(id),
            now,
            time_zone: self.program.time_zone(),
        };
        Some(Explanation {
            profile,
            audience: audience.id.clone(),
            name: audience.name.clone(),
            at: now,
            membership: state.memberships.get(&audience.id).cloned(),
            changes_at: next_flip(&audience.expression, &facts),
            definition: explain(&audience.expression, &facts),
        })
    }
}

impl Explanation {
    /// The same as JSON, with the paragraph.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let moment = |at: Option<Timestamp>| at.map(|at| at.to_string());
        let membership = self.membership.as_ref().map(|membership| {
            json!({
                "status": membership.status.as_str(),
                "lastQualificationTime": membership.last_qualification.to_string(),
                "exitedAt": moment(membership.exited_at),
            })
        });
        json!({
            "profileId": self.profile.to_string(),
            "audience": self.audience,
            "name": self.name,
            "at": self.at.to_string(),
            "membership": membership,
            "changesAt": moment(self.changes_at),
            "definition": self.definition.to_value(),
            "paragraph": self.to_string(),
        })
    }
}

impl fmt::Display for Explanation {
    /// One paragraph: how the profile stands, why, and until when.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: the profile ", self.name)?;
        match &self.membership {
            None => f.write_str("is no member, and was none in the last 30 days")?,
            Some(Membership { status, last_qualification, exited_at, .. }) => match status {
                Status::Realized => write!(f, "is a member since {last_qualification}")?,
                Status::Existing => {
                    write!(f, "is a member that qualified again, last at {last_qualification}")?;
                }
                Status::Exited => {
                    let left = exited_at.unwrap_or(*last_qualification);
                    write!(f, "left at {left}; it had last qualified at {last_qualification}")?;
                }
            },
        }
        write!(f, ". {}", self.definition)?;
        write_events(f, &self.definition.deciding_events())?;
        match self.changes_at {
            Some(at) => write!(f, " Without further input that changes at {at}."),
            None => f.write_str(" Without further input that stays so."),
        }
    }
}

fn write_events(f: &mut fmt::Formatter<'_>, events: &[&DecidingEvent]) -> fmt::Result {
    for (place, event) in events.iter().take(EVENTS_NAMED_MAX).enumerate() {
        f.write_str(if place == 0 { " Decided by " } else { ", " })?;
        match &event.id {
            Some(id) => write!(f, "event {id} of {}", event.timestamp)?,
            None => write!(f, "the event of {}", event.timestamp)?,
        }
    }
    match events.len() {
        0 => Ok(()),
        found if found > EVENTS_NAMED_MAX => write!(f, " and {} more.", found - EVENTS_NAMED_MAX),
        _ => f.write_str("."),
    }
}
