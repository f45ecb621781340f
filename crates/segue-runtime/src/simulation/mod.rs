//! Identity simulation: plays events through the engine, and tells what became of the identity
//! graph after each. Nothing is stored, and nobody is asked but the engine itself.
//!
//! ```text
//! namespaces and events, in order ─▶ Engine ─▶ each step: linked, cut, excluded, evicted
//!                                         └──▶ at the end: every profile with its links
//! ```

mod report;

use segue_core::{Definition, Engine, GraphView, Input, Link, ProfileId, Settings};
use segue_xdm::{Event, Identity, Timestamp, Violation};
use serde_json::Value;

/// What a played file came to.
#[derive(Debug)]
pub struct Simulation {
    /// The events, in order.
    pub steps: Vec<Step>,
    /// The graph at the end, a profile each.
    pub graphs: Vec<GraphView>,
}

/// What one event did.
#[derive(Debug)]
pub struct Step {
    /// When it happened.
    pub timestamp: Timestamp,
    /// Whom it named.
    pub identities: Vec<Identity>,
    /// Whose it was; none when it named nobody.
    pub profile: Option<ProfileId>,
    /// Profiles that are part of another from now on.
    pub merged: Vec<ProfileId>,
    /// Identities of it that are excluded.
    pub excluded: Vec<Identity>,
    /// Links that were not there before.
    pub linked: Vec<Link>,
    /// Links that it contradicts, or that contradict it.
    pub cut: Vec<Link>,
    /// Identities that had to leave a full profile.
    pub evicted: Vec<Identity>,
}

/// A document cannot be played.
#[derive(Debug, thiserror::Error)]
#[error("document {number}: {reason}")]
pub struct SimulationError {
    number: usize,
    reason: String,
}

/// Plays documents in order: `Namespace` definitions, and events, of which only `identityMap` is
/// needed. An event without a `timestamp` happens when the one before it did.
///
/// # Errors
/// A document is neither, or is refused.
pub fn play(documents: Vec<Value>) -> Result<Simulation, SimulationError> {
    let mut engine = Engine::new(Settings::default());
    let mut steps = Vec::new();
    for (document, position) in documents.into_iter().zip(0_u64..) {
        let refuse = |violations: Vec<Violation>| {
            let reasons: Vec<String> = violations.iter().map(ToString::to_string).collect();
            SimulationError { number: position as usize + 1, reason: reasons.join("\n") }
        };
        if document.get("kind").is_some() {
            let namespace = read_namespace(document).map_err(refuse)?;
            let now = engine.now();
            let outcome = engine.apply(position, now, Input::Define(namespace));
            if !outcome.refused.is_empty() {
                return Err(refuse(outcome.refused));
            }
            continue;
        }
        let event = read_event(document, position, engine.now()).map_err(refuse)?;
        steps.push(step(&mut engine, position, event));
    }
    Ok(Simulation { steps, graphs: engine.graphs() })
}

fn read_namespace(document: Value) -> Result<Definition, Vec<Violation>> {
    match Definition::from_value(document)? {
        namespace @ Definition::Namespace(_) => Ok(namespace),
        other => {
            let message = format!(
                "found the {} `{}`; a simulation takes Namespace definitions and events",
                other.kind(),
                other.id()
            );
            Err(vec![Violation::new("/kind", "format", message)])
        }
    }
}

/// An event with what is absent filled in. Time is the events' own, so none is in the future.
fn read_event(mut body: Value, position: u64, now: Timestamp) -> Result<Event, Vec<Violation>> {
    if let Value::Object(fields) = &mut body {
        let now = now.max(Timestamp::from_millis(0));
        fields.entry("_id").or_insert_with(|| format!("simulated-{position}").into());
        fields.entry("timestamp").or_insert_with(|| now.to_string().into());
    }
    Event::from_value(&body, Timestamp::MAX)
}

fn step(engine: &mut Engine, position: u64, event: Event) -> Step {
    let (timestamp, identities) = (event.timestamp, event.identities.clone());
    let outcome = engine.apply(position, timestamp, Input::Event(event));
    Step {
        timestamp,
        identities,
        profile: outcome.profile,
        merged: outcome.merged,
        excluded: outcome.excluded,
        linked: outcome.linked,
        cut: outcome.cut,
        evicted: outcome.evicted,
    }
}
