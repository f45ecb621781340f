//! The steps of a scenario: what is done, and what must be so.

use std::collections::BTreeMap;

use segue_core::{Kind, Status};
use segue_xdm::{Identity, nearest};
use serde_json::{Map, Value};

use super::duration::parse_millis;

/// One step.
#[derive(Debug)]
pub(super) struct Step {
    /// As it was written, such as `3h1s`.
    pub(super) at: String,
    /// Milliseconds after the scenario's start.
    pub(super) at_ms: i64,
    pub(super) action: Action,
    /// The field that the refusal of this step's input must name.
    pub(super) refused: Option<String>,
}

/// What a step does.
#[derive(Debug)]
pub(super) enum Action {
    Event(Value),
    Record(Value),
    Define(Vec<Value>),
    Remove(Vec<(Kind, String)>),
    Forget(Identity),
    /// Nothing: it looks at what is so.
    Expect(Expectation),
}

/// What must be so; profiles by the identity that names them, exports by destination id.
#[derive(Debug)]
pub(super) enum Expectation {
    Statuses(BTreeMap<String, (Identity, Statuses)>),
    Profiles(BTreeMap<String, (Identity, ProfileExpectation)>),
    Exported(BTreeMap<String, Vec<ExportExpectation>>),
}

/// By audience id: a status, or `None` for no membership.
pub(super) type Statuses = BTreeMap<String, Option<Status>>;

/// What must be so of a profile.
#[derive(Debug)]
pub(super) enum ProfileExpectation {
    /// There is no such profile.
    Absent,
    /// There is, and all that is given here holds.
    Present {
        /// By namespace code in lower case, all ids of it, sorted.
        identities: BTreeMap<String, Vec<String>>,
        same_as: Option<Identity>,
        attributes: Option<Value>,
    },
}

/// What must be so of one activation. What is absent is not looked at.
#[derive(Debug, Default)]
pub(super) struct ExportExpectation {
    pub(super) profile: Option<Identity>,
    pub(super) statuses: Statuses,
    /// Sorted.
    pub(super) reason: Option<Vec<String>>,
    pub(super) identity_map: Option<Value>,
    pub(super) body: Option<Value>,
}

const KEYS: [&str; 10] = [
    "at", "event", "record", "define", "remove", "forget", "expect", "profile", "exported",
    "refused",
];
const PROFILE_KEYS: [&str; 3] = ["identities", "same_as", "attributes"];
const EXPORT_KEYS: [&str; 5] = ["profile", "statuses", "reason", "identityMap", "body"];

impl Step {
    /// Reads a step; the error says what is wrong and what to write.
    pub(super) fn read(value: &Value) -> Result<Step, String> {
        let fields = object(value, "a step")?;
        known_keys(fields, &KEYS)?;
        let at = match fields.get("at") {
            Some(Value::String(at)) => at.clone(),
            _ => return Err("write `at` as time since the start, such as at: 2h30m".to_owned()),
        };
        let at_ms = parse_millis(&at).ok_or_else(|| {
            format!("at: `{at}` is no span of time; write one such as 2h30m or 0s")
        })?;
        let mut actions = fields.iter().filter(|(key, _)| *key != "at" && *key != "refused");
        let (Some((key, value)), None) = (actions.next(), actions.next()) else {
            return Err("a step holds one of event, record, define, remove, forget, expect, \
                        profile, exported; split or complete it"
                .to_owned());
        };
        let action = Action::read(key, value).map_err(|reason| format!("{key}: {reason}"))?;
        let refused = fields.get("refused").map(text).transpose()?;
        if refused.is_some() && matches!(action, Action::Forget(_) | Action::Expect(_)) {
            return Err("refused: stands beside an event, record, define or remove".to_owned());
        }
        Ok(Step { at, at_ms, action, refused })
    }
}

impl Action {
    fn read(key: &str, value: &Value) -> Result<Action, String> {
        match key {
            "event" => Ok(Action::Event(value.clone())),
            "record" => Ok(Action::Record(value.clone())),
            "define" => Ok(Action::Define(one_or_more(value).into_iter().cloned().collect())),
            "remove" => {
                let removals = one_or_more(value).into_iter().map(removal);
                removals.collect::<Result<_, _>>().map(Action::Remove)
            }
            "forget" => identity(value).map(Action::Forget),
            "expect" => by_profile(value, statuses).map(Expectation::Statuses).map(Action::Expect),
            "profile" => {
                let profiles = by_profile(value, profile_expectation)?;
                Ok(Action::Expect(Expectation::Profiles(profiles)))
            }
            _ => exported(value).map(Expectation::Exported).map(Action::Expect),
        }
    }
}

fn exported(value: &Value) -> Result<BTreeMap<String, Vec<ExportExpectation>>, String> {
    let destinations = object(value, "the expectation")?.iter();
    destinations
        .map(|(destination, activations)| {
            let Value::Array(items) = activations else {
                return Err(format!("`{destination}` takes a list of activations"));
            };
            let items = items.iter().map(export_expectation).collect::<Result<_, _>>()?;
            Ok((destination.clone(), items))
        })
        .collect()
}

fn removal(value: &Value) -> Result<(Kind, String), String> {
    let fields = object(value, "a removal")?;
    known_keys(fields, &["kind", "id"])?;
    let missing = || "write it as {kind: Audience, id: …}".to_owned();
    let kind = text(fields.get("kind").ok_or_else(missing)?)?;
    let kind = kind.parse::<Kind>().map_err(|error| error.to_string())?;
    Ok((kind, text(fields.get("id").ok_or_else(missing)?)?))
}

fn by_profile<T>(
    value: &Value,
    read: impl Fn(&Value) -> Result<T, String>,
) -> Result<BTreeMap<String, (Identity, T)>, String> {
    let profiles = object(value, "the expectation")?.iter();
    profiles
        .map(|(name, expected)| {
            let identity = name.parse::<Identity>().map_err(|error| error.to_string())?;
            let expected = read(expected).map_err(|reason| format!("{name}: {reason}"))?;
            Ok((name.clone(), (identity, expected)))
        })
        .collect()
}

fn statuses(value: &Value) -> Result<Statuses, String> {
    let audiences = object(value, "the statuses")?.iter();
    audiences
        .map(|(audience, word)| {
            let status = match text(word)?.as_str() {
                "absent" => None,
                word => {
                    Some(word.parse::<Status>().map_err(|error| format!("{error}, or absent"))?)
                }
            };
            Ok((audience.clone(), status))
        })
        .collect()
}

fn profile_expectation(value: &Value) -> Result<ProfileExpectation, String> {
    if value == "absent" {
        return Ok(ProfileExpectation::Absent);
    }
    let fields = object(value, "a profile")?;
    known_keys(fields, &PROFILE_KEYS)?;
    let mut identities = BTreeMap::new();
    if let Some(namespaces) = fields.get("identities") {
        for (code, ids) in object(namespaces, "identities")? {
            let mut ids = one_or_more(ids).into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
            ids.sort();
            identities.insert(code.to_lowercase(), ids);
        }
    }
    Ok(ProfileExpectation::Present {
        identities,
        same_as: fields.get("same_as").map(identity).transpose()?,
        attributes: fields.get("attributes").cloned(),
    })
}

fn export_expectation(value: &Value) -> Result<ExportExpectation, String> {
    let fields = object(value, "an activation")?;
    known_keys(fields, &EXPORT_KEYS)?;
    let reason = fields.get("reason").map(|reasons| {
        let mut words =
            one_or_more(reasons).into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
        words.sort();
        Ok::<_, String>(words)
    });
    Ok(ExportExpectation {
        profile: fields.get("profile").map(identity).transpose()?,
        statuses: fields.get("statuses").map(statuses).transpose()?.unwrap_or_default(),
        reason: reason.transpose()?,
        identity_map: fields.get("identityMap").map(super::compare::normal_identity_map),
        body: fields.get("body").cloned(),
    })
}

fn identity(value: &Value) -> Result<Identity, String> {
    text(value)?.parse::<Identity>().map_err(|error| error.to_string())
}

/// A text; a number or a flag that YAML made of an unquoted one is taken as it is written.
fn text(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => Err(format!("found {other}, expected a text")),
    }
}

pub(super) fn one_or_more(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

pub(super) fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{what} must be an object, found {value}"))
}

pub(super) fn known_keys(fields: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match fields.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(match nearest(key, known.iter().copied()) {
            Some(meant) => format!("unknown key `{key}`; did you mean `{meant}`?"),
            None => format!("unknown key `{key}`; known here: {}", known.join(", ")),
        }),
    }
}
