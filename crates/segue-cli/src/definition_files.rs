//! Definitions as files: YAML documents, one or more a file, folders walked in name order.
//!
//! `${NAME}` takes an environment variable, and is the only way in for a secret. Where a secret of
//! a destination stands it stays as it is, for the server to look up: definitions are kept.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use segue_core::variables::{self, Lookup, SECRET_KEYS};
use serde_json::Value;
use serde_saphyr::UserMessageFormatter;

/// The file endings that a folder is searched for.
const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// A document, and where it stands.
pub(crate) struct Document {
    file: PathBuf,
    /// Its place in the file, from 1.
    number: usize,
    /// What it says.
    pub(crate) value: Value,
}

impl fmt::Display for Document {
    /// The place in words: `shop.yaml, document 2 (Audience sports-fan)`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}, document {}", self.file.display(), self.number)?;
        let text = |key: &str| self.value.get(key).and_then(Value::as_str);
        match (text("kind"), text("id")) {
            (Some(kind), Some(id)) => write!(out, " ({kind} {id})"),
            _ => Ok(()),
        }
    }
}

/// Reads every definition in the files and folders given, in that order.
pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Document>> {
    let mut documents = Vec::new();
    for path in paths {
        for file in files(path)? {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let values = parse(&text).with_context(|| format!("in {}", file.display()))?;
            let numbered = (1..).zip(values);
            documents.extend(numbered.map(|(number, value)| Document {
                file: file.clone(),
                number,
                value,
            }));
        }
    }
    if documents.is_empty() {
        bail!("no definitions found: name a YAML file, or a folder that holds some");
    }
    Ok(documents)
}

fn files(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in entries(path)? {
        if entry.is_dir() || has_ending(&entry, &ENDINGS) {
            found.append(&mut files(&entry)?);
        }
    }
    Ok(found)
}

/// What lies in a folder, in name order.
pub(crate) fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let list = || std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    let found: std::io::Result<Vec<PathBuf>> = list();
    let mut found = found.with_context(|| format!("cannot list {}", folder.display()))?;
    found.sort();
    Ok(found)
}

/// Whether a file's name ends so.
pub(crate) fn has_ending(file: &Path, endings: &[&str]) -> bool {
    file.extension().and_then(|ending| ending.to_str()).is_some_and(|own| endings.contains(&own))
}

/// The documents of one text, with their `${NAME}`s filled in. As in YAML 1.2, `no` and `y` are
/// texts.
pub(crate) fn parse(text: &str) -> anyhow::Result<Vec<Value>> {
    let options = serde_saphyr::options! { strict_booleans: true };
    let mut documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| anyhow!(error.render_with_formatter(&UserMessageFormatter)))?;
    for document in &mut documents {
        fill_in(document, &|name| std::env::var(name).ok(), &[])?;
    }
    Ok(documents)
}

/// The documents of a text: one JSON value a line, or YAML.
pub(crate) fn lines_or_yaml(text: &str) -> anyhow::Result<Vec<Value>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    match lines.map(serde_json::from_str).collect::<Result<Vec<Value>, _>>() {
        Ok(documents) => Ok(documents),
        Err(_) => parse(text),
    }
}

/// Replaces `${NAME}` in every string of a document, but for the secrets of a destination. `place`
/// are the keys that led to it.
fn fill_in(value: &mut Value, lookup: Lookup<'_>, place: &[&str]) -> anyhow::Result<()> {
    let is_secret = |key: &&str| SECRET_KEYS.contains(key);
    if place.first() == Some(&"connection") && place.iter().any(is_secret) {
        return Ok(());
    }
    match value {
        Value::String(text) => *text = variables::fill_in(text, lookup)?,
        Value::Array(items) => {
            items.iter_mut().try_for_each(|item| fill_in(item, lookup, place))?;
        }
        Value::Object(fields) => {
            fields.iter_mut().try_for_each(|(key, field)| {
                fill_in(field, lookup, &[place, &[key.as_str()]].concat())
            })?;
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn variables_are_filled_in_everywhere() {
        let mut document = json!({"a": ["x ${KEY} y ${KEY}"], "b": {"c": "${KEY}"}});
        let lookup = |name: &str| (name == "KEY").then(|| "secret".to_owned());
        fill_in(&mut document, &lookup, &[]).unwrap();
        let expected = json!({"a": ["x secret y secret"], "b": {"c": "secret"}});
        assert_eq!(document, expected);
    }

    #[test]
    fn the_secrets_of_a_connection_stay_variables() {
        let connection = |url: &str| {
            json!({"connection": {
                "url": url, "headers": {"x-api-key": "${KEY}"},
                "auth": {"bearer": "${KEY}", "oauth2": {"client_secret": "${KEY}"}},
            }})
        };
        let mut document = connection("https://${HOST}/x");
        fill_in(&mut document, &|name| (name == "HOST").then(|| "h".to_owned()), &[]).unwrap();
        assert_eq!(document, connection("https://h/x"));
        let mut elsewhere = json!({"password": "${KEY}"});
        assert!(fill_in(&mut elsewhere, &|_| None, &[]).is_err());
    }

    #[test]
    fn only_true_and_false_are_booleans() {
        let documents = parse("[n, no, off, yes, true, False]").unwrap();
        let expected = json!([["n", "no", "off", "yes", true, false]]);
        assert_eq!(Value::Array(documents), expected);
    }

    #[test]
    fn a_document_too_deep_is_refused() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(parse(&deep).is_err());
        assert!(parse(&format!("a: {}1{}", "{a: ".repeat(10_000), "}".repeat(10_000))).is_err());
        assert!(parse(&"- ".repeat(10_000)).is_err());
    }

    #[test]
    fn a_file_may_hold_several_documents() {
        let documents = parse("kind: Audience\nid: a\n---\nkind: Audience\nid: b\n").unwrap();
        assert_eq!(documents.len(), 2);
    }
}
