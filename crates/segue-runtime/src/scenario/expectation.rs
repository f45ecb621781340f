//! Checks what a step expects against the engine and what it sent.

use segue_core::{Activation, ProfileView, Status};
use segue_xdm::{Identity, Violation};
use serde_json::{Value, json};

use super::compare::difference;
use super::run::{Mismatch, World, joined};
use super::step::{Expectation, ExportExpectation, ProfileExpectation, Statuses};

impl World {
    /// What does not hold of an expectation.
    pub(super) fn check(&self, expectation: &Expectation) -> Vec<Mismatch> {
        match expectation {
            Expectation::Statuses(profiles) => profiles
                .iter()
                .flat_map(|(name, (identity, expected))| {
                    self.check_statuses(name, identity, expected)
                })
                .collect(),
            Expectation::Profiles(profiles) => profiles
                .iter()
                .flat_map(|(name, (identity, expected))| {
                    self.check_profile(name, identity, expected)
                })
                .collect(),
            Expectation::Exported(destinations) => destinations
                .iter()
                .filter_map(|(destination, expected)| self.check_exported(destination, expected))
                .collect(),
        }
    }

    fn check_statuses(&self, name: &str, identity: &Identity, wanted: &Statuses) -> Vec<Mismatch> {
        let profile = self.engine.profile(identity);
        let held = |audience: &str| {
            let memberships = profile.as_ref().map(|profile| &profile.memberships);
            memberships?.get(audience).map(|membership| membership.status)
        };
        wanted
            .iter()
            .filter(|(audience, status)| held(audience) != **status)
            .map(|(audience, status)| Mismatch {
                expected: format!("{name}: {audience} {}", word(*status)),
                found: format!("{name}: {audience} {}", word(held(audience))),
                why: self.tell_of(identity),
            })
            .collect()
    }

    fn check_profile(
        &self,
        name: &str,
        identity: &Identity,
        wanted: &ProfileExpectation,
    ) -> Vec<Mismatch> {
        let profile = self.engine.profile(identity);
        let differences = match (wanted, &profile) {
            (ProfileExpectation::Absent, None) => return Vec::new(),
            (ProfileExpectation::Absent, Some(profile)) => {
                vec![("no profile".to_owned(), format!("profile {}", profile.id))]
            }
            (ProfileExpectation::Present { .. }, None) => {
                vec![("a profile".to_owned(), "none has this identity".to_owned())]
            }
            (ProfileExpectation::Present { identities, same_as, attributes }, Some(profile)) => {
                let other = same_as.as_ref().map(|other| (other, self.engine.profile(other)));
                let ids = identities.iter().filter_map(|(code, ids)| {
                    let found = ids_of(profile, code);
                    (found != *ids)
                        .then(|| (format!("{code} {ids:?}"), format!("{code} {found:?}")))
                });
                let same = other
                    .filter(|(_, other)| other.as_ref().map(|other| other.id) != Some(profile.id));
                let same = same.map(|(other, found)| {
                    let found = found.map_or("nobody's".to_owned(), |found| found.id.to_string());
                    (
                        format!("the profile of {other}"),
                        format!("{}, {other} is {found}", profile.id),
                    )
                });
                let attributes = attributes.as_ref().and_then(|wanted| {
                    let found = difference(wanted, &profile.attributes)?;
                    Some((format!("attributes {wanted}"), found))
                });
                ids.chain(same).chain(attributes).collect()
            }
        };
        differences
            .into_iter()
            .map(|(expected, found)| Mismatch {
                expected: format!("{name}: {expected}"),
                found: format!("{name}: {found}"),
                why: self.tell_of(identity),
            })
            .collect()
    }

    fn check_exported(&self, destination: &str, wanted: &[ExportExpectation]) -> Option<Mismatch> {
        let sent = self.exported.get(destination).map_or(&[][..], Vec::as_slice);
        let (expected, found) = if wanted.len() == sent.len() {
            let mut pairs = wanted.iter().zip(sent).enumerate();
            pairs.find_map(|(index, (wanted, sent))| {
                let (expected, found) = self.export_difference(wanted, sent)?;
                let number = index + 1;
                let place = format!("{destination}, activation {number}: ");
                Some((format!("{place}{expected}"), format!("{place}{found}")))
            })?
        } else {
            let count = |count: usize| match count {
                1 => format!("{destination}: 1 activation"),
                count => format!("{destination}: {count} activations"),
            };
            (count(wanted.len()), count(sent.len()))
        };
        Some(Mismatch { expected, found, why: tell_of_activations(destination, sent) })
    }

    /// The first part of an activation that is not as wanted: what was expected, what was found.
    fn export_difference(
        &self,
        wanted: &ExportExpectation,
        sent: &Activation,
    ) -> Option<(String, String)> {
        let body = body_of(sent);
        if let Some(identity) = &wanted.profile
            && !self.is_about(sent, &body, identity)
        {
            return Some((format!("profile {identity}"), identity_map_of(&body).to_string()));
        }
        for (audience, status) in &wanted.statuses {
            let found = status_in(&body, audience);
            if found != status.map(Status::as_str) {
                let expected = format!("{audience} {}", word(*status));
                return Some((expected, format!("{audience} {}", found.unwrap_or("absent"))));
            }
        }
        if let Some(reasons) = &wanted.reason
            && sent.reasons_text() != reasons.join(",")
        {
            return Some((format!("reason {}", reasons.join(",")), sent.reasons_text()));
        }
        let parts = [
            ("identityMap", &wanted.identity_map, identity_map_of(&body)),
            ("body", &wanted.body, body.clone()),
        ];
        parts.into_iter().find_map(|(part, wanted, found)| {
            let wanted = wanted.as_ref()?;
            let found = difference(wanted, &found)?;
            Some((format!("{part} {wanted}"), found))
        })
    }

    /// Whether an activation is about the profile with this identity, now or when it was sent.
    fn is_about(&self, sent: &Activation, body: &Value, identity: &Identity) -> bool {
        let ids = identity_map_of(body);
        let ids = ids.get(identity.namespace()).and_then(Value::as_array);
        let in_body = ids.is_some_and(|ids| ids.contains(&json!({"id": identity.id()})));
        let id_of = |profile: Option<ProfileView>| profile.map(|profile| profile.id);
        let holder = id_of(self.engine.profile(identity));
        in_body || (holder.is_some() && holder == id_of(self.engine.profile_by_id(sent.profile)))
    }
}

/// Checks that a step's input was refused for the field that it names, or not at all.
pub(super) fn check_refusal(field: Option<&str>, violations: &[Violation]) -> Option<Mismatch> {
    let mismatch = |expected: String, found: String, why: &str| {
        Some(Mismatch { expected, found, why: why.to_owned() })
    };
    match (field, violations) {
        (None, []) => None,
        (None, violations) => mismatch(
            "the input is accepted".to_owned(),
            joined(violations),
            "if it should be refused, write `refused` and the field beside it",
        ),
        (Some(field), []) => mismatch(
            format!("the input is refused, naming `{field}`"),
            "it was accepted".to_owned(),
            "it keeps every rule for its fields",
        ),
        (Some(field), violations) if violations.iter().any(|one| names(one, field)) => None,
        (Some(field), violations) => mismatch(
            format!("the input is refused, naming `{field}`"),
            joined(violations),
            "it was refused, and for other fields",
        ),
    }
}

/// Whether a violation is about a field: its pointer leads to it, or into it. The field is
/// written as a pointer or with dots.
fn names(violation: &Violation, field: &str) -> bool {
    let field = format!("/{}", field.trim_start_matches('/').replace('.', "/"));
    let rest = violation.pointer.strip_prefix(&field);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn ids_of(profile: &ProfileView, code: &str) -> Vec<String> {
    let identities = profile.identities.iter().filter(|identity| identity.namespace() == code);
    identities.map(|identity| identity.id().to_owned()).collect()
}

fn word(status: Option<Status>) -> &'static str {
    status.map_or("absent", Status::as_str)
}

pub(super) fn body_of(sent: &Activation) -> Value {
    serde_json::from_slice(&sent.body).unwrap_or_default()
}

fn identity_map_of(body: &Value) -> Value {
    body.get("identityMap").cloned().unwrap_or_default()
}

fn status_in<'a>(body: &'a Value, audience: &str) -> Option<&'a str> {
    body.get("segmentMembership")?.get("ups")?.get(audience)?.get("status")?.as_str()
}

/// What was sent to a destination, one line each.
fn tell_of_activations(destination: &str, sent: &[Activation]) -> String {
    if sent.is_empty() {
        return format!("nothing was sent to {destination}");
    }
    let lines = sent.iter().enumerate().map(|(index, sent)| {
        let body = body_of(sent);
        let statuses = body.pointer("/segmentMembership/ups").and_then(Value::as_object);
        let statuses: Vec<String> = statuses
            .into_iter()
            .flatten()
            .map(|(audience, item)| {
                let status = item.get("status").and_then(Value::as_str).unwrap_or("?");
                format!("{audience} {status}")
            })
            .collect();
        format!(
            "{}. at {} by {} ({}): {}; {}",
            index + 1,
            sent.at,
            sent.cause,
            sent.reasons_text(),
            statuses.join(", "),
            identity_map_of(&body),
        )
    });
    let lines: Vec<String> = lines.collect();
    format!("sent to {destination} so far:\n{}", lines.join("\n"))
}
