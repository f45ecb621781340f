//! The state behind a failed expectation, in one paragraph.

use std::fmt::Write;

use segue_core::{Kind, ProfileView};
use segue_xdm::Identity;

use super::run::World;

/// Events that a paragraph tells of: the newest ones.
const EVENTS_TOLD_MAX: usize = 10;

impl World {
    /// What is known of the profile with this identity.
    pub(super) fn tell_of(&self, identity: &Identity) -> String {
        let now = self.engine.now();
        let Some(profile) = self.engine.profile(identity) else {
            return format!("at {now} no profile has the identity {identity}");
        };
        let mut story = format!("at {now} profile {} has", profile.id);
        for identity in &profile.identities {
            write!(story, " {identity}").expect("a string takes all text");
        }
        story += &self.tell_of_audiences(&profile);
        story += &self.tell_of_events(identity, &profile);
        if let Some(wake) = profile.next_wake {
            story += &format!("\nwithout further input it changes at {wake} at the earliest");
        }
        story
    }

    fn tell_of_audiences(&self, profile: &ProfileView) -> String {
        let told = self.engine.definitions(Kind::Audience).into_iter().map(|audience| {
            let id = &audience.id;
            let definition = audience.definition.get("definition").and_then(|it| it.as_str());
            let definition = definition.unwrap_or_default().trim();
            match profile.memberships.get(id) {
                None => format!("\n{id}: no membership: {definition}"),
                Some(membership) => {
                    let exited = membership.exited_at;
                    let exited = exited.map_or(String::new(), |at| format!(", left {at}"));
                    format!(
                        "\n{id}: {}, last qualified {}{exited}: {definition}",
                        membership.status, membership.last_qualification,
                    )
                }
            }
        });
        told.collect()
    }

    fn tell_of_events(&self, identity: &Identity, profile: &ProfileView) -> String {
        let count = profile.event_count;
        let all = self.engine.events(identity);
        let mut told = format!("\nevents known: {count}");
        for event in all.iter().rev().take(EVENTS_TOLD_MAX).rev() {
            let mut body = event.body.clone();
            if let Some(fields) = body.as_object_mut() {
                fields.remove("timestamp");
                fields.remove("identityMap");
            }
            told += &format!("\n  {}: {body}", event.timestamp);
        }
        if all.len() > EVENTS_TOLD_MAX {
            told += &format!("\n  (the {EVENTS_TOLD_MAX} newest)");
        }
        told
    }
}
