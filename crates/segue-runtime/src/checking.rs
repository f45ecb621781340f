//! Checking definitions without a server: what is wrong with them, and how audiences would be
//! evaluated.
//!
//! Each definition is checked by itself, and audiences against each other. What they name may also
//! be on a server, so a name that is not among them is noted, and no error.

use segue_core::{Audience, Definition, Engine, Input, Kind, Settings, publishing_order};
use segue_pql::Outline;
use segue_xdm::Violation;
use serde_json::{Value, json};

/// The rule that a name without a definition breaks.
const UNKNOWN: &str = "unknown-audience";

/// A definition that was checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked {
    /// What is wrong with it, all at once.
    pub violations: Vec<Violation>,
    /// What it takes for granted.
    pub notes: Vec<String>,
    /// Its kind, id and name, as far as they can be read.
    head: Value,
    /// Of an audience: how it is evaluated, and its definition.
    plan: Option<(Outline, String)>,
}

/// Checks definitions that may name each other in any order.
#[must_use]
pub fn check(values: &[Value]) -> Vec<Checked> {
    let mut sound = Vec::new();
    let mut checked: Vec<Checked> = Vec::with_capacity(values.len());
    for value in values {
        let mut found = Checked::unread(value);
        match Definition::from_value(value.clone()) {
            Ok(definition) => {
                found.head = head(definition.kind().as_str(), definition.id(), name(&definition));
                if let Definition::Audience(Audience { expression, .. }) = &definition {
                    found.plan = Some((expression.outline(), expression.source().to_owned()));
                }
                sound.push(definition);
            }
            Err(violations) => found.violations = violations,
        }
        checked.push(found);
    }
    for ((kind, id), violation) in between(sound) {
        let is_meant = |one: &&mut Checked| one.head == head(kind.as_str(), &id, one.name());
        let Some(one) = checked.iter_mut().find(is_meant) else { continue };
        if violation.rule == UNKNOWN {
            one.notes.push(format!("{}, unless the server has it", violation.message));
        } else {
            one.violations.push(violation);
        }
    }
    checked
}

/// What is wrong between definitions, with the one that it belongs to.
fn between(definitions: Vec<Definition>) -> Vec<((Kind, String), Violation)> {
    let definitions = publishing_order(definitions);
    let keys: Vec<(Kind, String)> =
        definitions.iter().map(|one| (one.kind(), one.id().to_owned())).collect();
    let inputs: Vec<Input> = definitions.into_iter().map(Input::Define).collect();
    let found = Engine::new(Settings::default()).check_all(&inputs).err().unwrap_or_default();
    let of = |(index, violation)| Some((keys.get::<usize>(index)?.clone(), violation));
    found.into_iter().filter_map(of).collect()
}

fn name(definition: &Definition) -> Option<&str> {
    match definition {
        Definition::Audience(audience) => Some(&audience.name),
        _ => None,
    }
}

fn head(kind: &str, id: &str, name: Option<&str>) -> Value {
    json!({"kind": kind, "id": id, "name": name})
}

impl Checked {
    fn unread(value: &Value) -> Checked {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        let id = text("id").or_else(|| text("code")).unwrap_or("without an id");
        let head = head(text("kind").unwrap_or("Definition"), id, text("name"));
        Checked { violations: Vec::new(), notes: Vec::new(), head, plan: None }
    }

    fn name(&self) -> Option<&str> {
        self.head.get("name").and_then(Value::as_str)
    }

    /// The same as JSON; parts of an audience that are interpreted have their place in words.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut value = self.head.clone();
        let errors = self.violations.iter().map(|violation| {
            json!({"pointer": violation.pointer, "rule": violation.rule,
                   "message": violation.message})
        });
        let mut put = |key: &str, member: Value| {
            if let Some(members) = value.as_object_mut() {
                members.insert(key.to_owned(), member);
            }
        };
        put("errors", errors.collect());
        put("notes", json!(self.notes));
        if let Some((outline, source)) = &self.plan {
            let origin = self.head.get("id").and_then(Value::as_str).unwrap_or("definition");
            let places = outline.parts.iter().filter_map(|part| part.render(source, origin));
            put("places", places.map(Value::String).collect());
            put("plan", outline.to_value());
        }
        value
    }
}
