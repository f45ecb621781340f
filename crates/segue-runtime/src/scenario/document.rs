//! Reads scenario files, and the files of definitions that they use.

use std::path::{Path, PathBuf};

use segue_core::Definition;
use segue_xdm::Timestamp;
use serde_json::Value;

use super::ScenarioError;
use super::step::{Step, known_keys, object, one_or_more};

/// One scenario, ready to run.
#[derive(Debug)]
pub(super) struct Scenario {
    pub(super) name: String,
    pub(super) start: Timestamp,
    pub(super) definitions: Vec<Definition>,
    pub(super) steps: Vec<Step>,
}

const KEYS: [&str; 6] = ["kind", "name", "start", "use", "definitions", "steps"];

/// The scenarios of a file, in its order.
pub(super) fn read_file(path: &Path) -> Result<Vec<Scenario>, ScenarioError> {
    let mut scenarios = Vec::new();
    for (index, document) in read_yaml(path)?.iter().enumerate() {
        let error = |place: String, reason: String| ScenarioError::Document {
            path: path.to_owned(),
            place,
            reason,
        };
        let place = match document.get("name").and_then(Value::as_str) {
            Some(name) => format!("scenario `{name}`"),
            None => format!("document {}", index + 1),
        };
        let mut definitions = Vec::new();
        for used in used_files(path, document).map_err(|reason| error(place.clone(), reason))? {
            definitions.extend(read_yaml(&used)?);
        }
        let scenario = read_scenario(document, definitions)
            .map_err(|(part, reason)| error(format!("{place}{part}"), reason))?;
        scenarios.push(scenario);
    }
    Ok(scenarios)
}

/// The documents of a YAML file, without empty ones.
fn read_yaml(path: &Path) -> Result<Vec<Value>, ScenarioError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ScenarioError::Read { path: path.to_owned(), source })?;
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).map_err(|error| {
        ScenarioError::Yaml { path: path.to_owned(), reason: error.to_string() }
    })?;
    Ok(documents.into_iter().filter(|document| !document.is_null()).collect())
}

/// The files that `use` names, seen from the scenario's file.
fn used_files(path: &Path, document: &Value) -> Result<Vec<PathBuf>, String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let used = document.get("use").map(one_or_more).unwrap_or_default();
    used.into_iter()
        .map(|used| match used {
            Value::String(used) => Ok(folder.join(used)),
            other => Err(format!("use: found {other}, expected the path of a file")),
        })
        .collect()
}

/// Reads a scenario over the definitions of the files that it uses. The error names the part.
fn read_scenario(document: &Value, used: Vec<Value>) -> Result<Scenario, (String, String)> {
    let whole = |reason: String| (String::new(), reason);
    let fields = object(document, "a scenario").map_err(whole)?;
    if fields.get("kind").and_then(Value::as_str) != Some("Scenario") {
        return Err(whole("write `kind: Scenario` at its head".to_owned()));
    }
    known_keys(fields, &KEYS).map_err(whole)?;
    let name = fields.get("name").and_then(Value::as_str);
    let name = name.ok_or_else(|| whole("give it a `name`".to_owned()))?.to_owned();
    let start = fields.get("start").and_then(Value::as_str).ok_or_else(|| {
        whole("write `start` as a timestamp, such as 2026-01-01T10:00:00Z".to_owned())
    })?;
    let start = Timestamp::parse(start).map_err(|error| whole(format!("start: {error}")))?;
    let inline = fields.get("definitions").map(one_or_more).unwrap_or_default();
    let mut definitions = Vec::new();
    for (index, value) in used.iter().chain(inline).enumerate() {
        let definition = Definition::from_value(value.clone()).map_err(|violations| {
            let reasons: Vec<String> = violations.iter().map(ToString::to_string).collect();
            (format!(", definition {}", index + 1), reasons.join("\n"))
        })?;
        definitions.push(definition);
    }
    let Some(Value::Array(items)) = fields.get("steps") else {
        return Err(whole("write `steps` as a list".to_owned()));
    };
    let mut steps: Vec<Step> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let part = format!(", step {}", index + 1);
        let step = Step::read(item).map_err(|reason| (part.clone(), reason))?;
        if let Some(last) = steps.last().filter(|last| last.at_ms > step.at_ms) {
            let reason = format!("at {} comes after {}; put the steps in order", step.at, last.at);
            return Err((part, reason));
        }
        steps.push(step);
    }
    Ok(Scenario { name, start, definitions, steps })
}
