//! Short ways to drive an engine.

use std::sync::Arc;

use segue_core::{Activation, Definition, Engine, Input, MemoryArchive, Outcome, Settings};
use segue_xdm::{Event, Identity, Record, Timestamp};
use serde_json::{Value, json};

/// An engine with the position of its next input.
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) archive: Arc<MemoryArchive>,
    pub(crate) position: u64,
}

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(crate) fn definition(value: Value) -> Definition {
    Definition::from_value(value).unwrap()
}

pub(crate) fn audience(id: &str, pql: &str) -> Definition {
    definition(json!({"kind": "Audience", "id": id, "definition": pql}))
}

pub(crate) fn destination(id: &str, audiences: &[&str], with: Value) -> Definition {
    let mut value = json!({
        "kind": "Destination", "id": id, "type": "azure-event-hubs", "audiences": audiences,
        "connection": {"embedded": true, "event_hub": "activations"},
    });
    for (key, with) in with.as_object().unwrap() {
        value[key] = with.clone();
    }
    definition(value)
}

/// A policy under which these datasets come first.
pub(crate) fn merge_policy(id: &str, datasets: Value) -> Definition {
    definition(json!({
        "kind": "MergePolicy", "id": id, "attribute_merge": "dataset_precedence",
        "datasets": datasets,
    }))
}

pub(crate) fn identity(text: &str) -> Identity {
    text.parse().unwrap()
}

/// `["ecid:1", "email:a"]` as an identity map.
pub(crate) fn identity_map(identities: &[&str]) -> Value {
    let mut map = json!({});
    for text in identities {
        let identity = identity(text);
        let namespace = &mut map[identity.namespace()];
        if namespace.is_null() {
            *namespace = json!([]);
        }
        namespace.as_array_mut().unwrap().push(json!({"id": identity.id()}));
    }
    map
}

/// An engine, and the archive that it reads from.
pub(crate) fn archived(settings: Settings) -> (Engine, Arc<MemoryArchive>) {
    let archive = Arc::new(MemoryArchive::default());
    (Engine::with_archive(settings, archive.clone()), archive)
}

/// A restart in place: what was stored is all that goes on.
pub(crate) fn restarted(
    mut engine: Engine,
    settings: Settings,
    archive: &Arc<MemoryArchive>,
) -> Engine {
    archive.write(engine.take_dirty());
    Engine::restore(settings, archive.clone()).unwrap()
}

impl World {
    pub(crate) fn new() -> World {
        let (engine, archive) = archived(Settings::default());
        World { engine, archive, position: 0 }
    }

    /// Applies an input, and has all profiles follow what it defines; all of it as one outcome.
    pub(crate) fn apply(&mut self, now: Timestamp, input: Input) -> Outcome {
        let outcome = self.apply_alone(now, input);
        self.finish_jobs(now, outcome)
    }

    /// Applies an input and nothing else.
    pub(crate) fn apply_alone(&mut self, now: Timestamp, input: Input) -> Outcome {
        let outcome = self.engine.apply(self.position, now, input);
        self.position += 1;
        outcome
    }

    /// Takes all jobs to their end; adds what that brings to an outcome.
    pub(crate) fn finish_jobs(&mut self, now: Timestamp, mut outcome: Outcome) -> Outcome {
        while let Some(slice) = self.engine.next_slice(2) {
            let Outcome { changes, activations, .. } = self.apply_alone(now, slice);
            outcome.changes.extend(changes);
            outcome.activations.extend(activations);
        }
        outcome
    }

    pub(crate) fn define(&mut self, now: Timestamp, definition: Definition) -> Outcome {
        let outcome = self.apply(now, Input::Define(definition));
        assert_eq!(outcome.refused, []);
        outcome
    }

    /// An event that happens now, with fields beside the required ones.
    pub(crate) fn event(&mut self, now: Timestamp, ids: &[&str], fields: Value) -> Outcome {
        let event = self.next_event(now, ids, fields);
        self.apply(now, event)
    }

    /// What [`World::event`] applies.
    pub(crate) fn next_event(&self, now: Timestamp, ids: &[&str], fields: Value) -> Input {
        let mut body = json!({
            "_id": format!("event-{}", self.position),
            "timestamp": now.to_string(),
            "identityMap": identity_map(ids),
        });
        for (key, field) in fields.as_object().unwrap() {
            body[key] = field.clone();
        }
        Input::Event(Event::from_value(&body, now).unwrap())
    }

    pub(crate) fn record(&mut self, now: Timestamp, ids: &[&str], mut body: Value) -> Outcome {
        body["identityMap"] = identity_map(ids);
        self.apply(now, Input::Record(Record::from_value(&body, now).unwrap()))
    }

    /// The status of a membership, or `absent`.
    pub(crate) fn status(&self, id: &str, audience: &str) -> &'static str {
        let profile = self.engine.profile(&identity(id));
        let membership = profile.as_ref().and_then(|profile| profile.memberships.get(audience));
        membership.map_or("absent", |membership| membership.status.as_str())
    }
}

pub(crate) fn body(activation: &Activation) -> Value {
    serde_json::from_slice(&activation.body).unwrap()
}
