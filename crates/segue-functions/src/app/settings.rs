//! Settings of an app: `local.settings.json`, under the environment, under the host's overrides.
//!
//! Names compare as in .NET configuration: case does not matter, and `__` is the same as `:`.
//! The environment wins over the file, as with Azure's own tools, so that a setting can be changed
//! for one run without editing the file.

use std::collections::BTreeMap;
use std::path::Path;

use segue_amqp::client::Namespace;
use serde_json::Value;

use super::{identity, relaxed_json};
use crate::error::StartError;

const FILE_NAME: &str = "local.settings.json";

/// What the names of settings mean for one app.
pub(crate) struct Settings {
    /// By normalised name; the environment and the overrides are in already.
    values: BTreeMap<String, String>,
    /// What the worker's environment needs beyond the host's own, by exact name.
    worker_environment: BTreeMap<String, String>,
}

/// A setting that an app asks for and that is missing or unusable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct SettingError(pub(crate) String);

impl Settings {
    /// Reads `local.settings.json` of the app, when there is one.
    pub(crate) fn load(
        app_dir: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &BTreeMap<String, String>,
    ) -> Result<Settings, StartError> {
        let file = LocalSettings::load(app_dir)?;
        let mut values = BTreeMap::new();
        for (name, value) in &file.connection_strings {
            values.insert(normalise(&format!("ConnectionStrings:{name}")), value.clone());
        }
        let mut worker_environment = file.values;
        for (name, value) in &worker_environment {
            values.insert(normalise(name), value.clone());
        }
        for (name, value) in environment {
            worker_environment.remove(&name);
            values.insert(normalise(&name), value);
        }
        for (name, value) in overrides {
            worker_environment.insert(name.clone(), value.clone());
            values.insert(normalise(name), value.clone());
        }
        Ok(Settings { values, worker_environment })
    }

    /// The value of a setting; an empty one counts as missing.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(&normalise(name)).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Variables to add to the worker's environment before user code is loaded.
    pub(crate) fn worker_environment(&self) -> &BTreeMap<String, String> {
        &self.worker_environment
    }

    /// Replaces each `%NAME%` in `text` by the setting of that name.
    pub(crate) fn resolve(&self, text: &str) -> Result<String, SettingError> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            let Some((name, behind)) = after.split_once('%') else {
                break;
            };
            let value = self.get(name).ok_or_else(|| {
                SettingError(format!(
                    "\"{text}\" refers to the setting {name}, which is not set: \
                     add it to \"Values\" in {FILE_NAME} or to the environment"
                ))
            })?;
            out.push_str(before);
            out.push_str(value);
            rest = behind;
        }
        Ok(out + rest)
    }

    /// What a binding's `connection` names: `AzureWebJobsNAME`, then `NAME`, each first among the
    /// connection strings.
    pub(crate) fn connection(&self, name: &str) -> Result<HubConnection<'_>, SettingError> {
        if name.contains("Endpoint=") {
            return Err(SettingError(
                "\"connection\" holds a connection string: it must be the name of the setting \
                 that holds it"
                    .to_owned(),
            ));
        }
        let prefixed = format!("AzureWebJobs{name}");
        for candidate in [prefixed.as_str(), name] {
            let among_connections = self.get(&format!("ConnectionStrings:{candidate}"));
            if let Some(value) = among_connections.or_else(|| self.get(candidate)) {
                return Ok(HubConnection::Text(value));
            }
            if let Some(namespace) = identity::namespace(self, candidate) {
                return Ok(HubConnection::Identity(namespace?));
            }
        }
        Err(SettingError(format!(
            "the connection {name} is not set: add it to \"Values\" in {FILE_NAME} or to the \
             environment, with an Event Hubs connection string as its value"
        )))
    }
}

/// How a connection is set.
#[derive(Debug)]
pub(crate) enum HubConnection<'a> {
    /// As a connection string.
    Text(&'a str),
    /// As a namespace and an identity that may use it.
    Identity(Namespace),
}

fn normalise(name: &str) -> String {
    name.replace("__", ":").to_lowercase()
}

/// The parts of `local.settings.json` that a host reads.
#[derive(Default)]
struct LocalSettings {
    values: BTreeMap<String, String>,
    connection_strings: BTreeMap<String, String>,
}

impl LocalSettings {
    fn load(app_dir: &Path) -> Result<LocalSettings, StartError> {
        let path = app_dir.join(FILE_NAME);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(LocalSettings::default());
            }
            Err(source) => return Err(StartError::Unreadable { path, source }),
        };
        let invalid = |message: String| StartError::InvalidFile { path: path.clone(), message };
        let content = relaxed_json::parse(&text).map_err(|error| invalid(error.to_string()))?;
        // Azure's tools take a file without the key as encrypted, for Windows only.
        if content.get("IsEncrypted").and_then(Value::as_bool) != Some(false) {
            return Err(invalid(
                "its values are marked as encrypted (\"IsEncrypted\" is true or missing), which \
                 only Azure's tools on Windows can read: put the plain values there and set \
                 \"IsEncrypted\": false"
                    .to_owned(),
            ));
        }
        let section = |name: &str| texts(&content, name).map_err(&invalid);
        Ok(LocalSettings {
            values: section("Values")?,
            connection_strings: section("ConnectionStrings")?,
        })
    }
}

fn texts(content: &Value, section: &str) -> Result<BTreeMap<String, String>, String> {
    let entries = match content.get(section) {
        None | Some(Value::Null) => return Ok(BTreeMap::new()),
        Some(Value::Object(entries)) => entries,
        Some(_) => return Err(format!("\"{section}\" must be an object")),
    };
    let text = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.clone(), text.clone())),
        // Older connection strings are objects with a provider.
        Value::Object(parts) if section == "ConnectionStrings" => {
            let text = parts.get("ConnectionString").and_then(Value::as_str).unwrap_or_default();
            Ok((name.clone(), text.to_owned()))
        }
        other => Err(format!("{section}.{name} must be a string, found {other}: quote it")),
    };
    entries.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::{HubConnection, Settings};
    use std::collections::BTreeMap;

    fn load(file: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(super::FILE_NAME), file).unwrap();
        let environment = environment.iter().map(|(k, v)| (k.to_string(), v.to_string()));
        let overrides = BTreeMap::from([("OVER".to_owned(), "override".to_owned())]);
        Settings::load(dir.path(), environment, &overrides).map_err(|error| error.to_string())
    }

    const FILE: &str = r#"{"IsEncrypted": false,
        "Values": {"A": "file", "B": "file", "OVER": "file", "Empty": "",
                   "AzureWebJobsHub": "prefixed", "Hub": "plain",
                   "App__fullyQualifiedNamespace": "app.example", "App__clientId": "client",
                   "App__clientSecret": "secret", "App__tenantId": "tenant",
                   "Vm__fullyQualifiedNamespace": "vm.example", "Vm__credential": "managedidentity",
                   "Half__fullyQualifiedNamespace": "x", "Half__clientSecret": "secret",
                   "Odd__fullyQualifiedNamespace": "x", "Odd__credential": "magic"},
        "ConnectionStrings": {"Sql": "from the section"}}"#;

    #[test]
    fn overrides_beat_the_environment_beats_the_file() {
        let settings = load(FILE, &[("B", "environment"), ("OVER", "environment")]).unwrap();
        assert_eq!(settings.get("a"), Some("file"));
        assert_eq!(settings.get("B"), Some("environment"));
        assert_eq!(settings.get("OVER"), Some("override"));
        assert_eq!(settings.get("Empty"), None);
        let worker = settings.worker_environment();
        assert_eq!(worker.get("A").map(String::as_str), Some("file"));
        assert_eq!(worker.get("B"), None, "the worker inherits it");
        assert_eq!(worker.get("OVER").map(String::as_str), Some("override"));
    }

    #[test]
    fn percent_names_are_resolved_and_missing_ones_named() {
        let settings = load(FILE, &[]).unwrap();
        assert_eq!(settings.resolve("x-%A%-%hub%").unwrap(), "x-file-plain");
        assert_eq!(settings.resolve("100%").unwrap(), "100%");
        let error = settings.resolve("%NOPE%").unwrap_err().to_string();
        assert!(error.contains("setting NOPE, which is not set"), "{error}");
    }

    #[test]
    fn a_connection_is_looked_up_in_the_order_of_azure() {
        let settings = load(FILE, &[]).unwrap();
        let text = |name| match settings.connection(name).unwrap() {
            HubConnection::Text(text) => text,
            HubConnection::Identity(namespace) => panic!("{namespace:?}"),
        };
        assert_eq!(text("Hub"), "prefixed");
        assert_eq!(text("Sql"), "from the section");
        let message = |name| settings.connection(name).unwrap_err().to_string();
        assert!(message("Nope").contains("the connection Nope is not set"));
        assert!(message("Endpoint=sb://x;SharedAccessKey=secret").contains("must be the name"));
        assert!(!message("Endpoint=sb://x;SharedAccessKey=secret").contains("secret"));
    }

    #[test]
    fn a_connection_may_be_an_identity() {
        let settings = load(FILE, &[]).unwrap();
        let shown = |name| match settings.connection(name).unwrap() {
            HubConnection::Identity(namespace) => {
                format!("{} as {}", namespace.host(), namespace.credential())
            }
            HubConnection::Text(text) => panic!("{text}"),
        };
        assert_eq!(shown("App"), "app.example as the Entra ID application client");
        assert_eq!(shown("Vm"), "vm.example as the Entra ID managed identity");
        let message = |name| settings.connection(name).unwrap_err().to_string();
        assert!(message("Half").contains("Half__tenantId"));
        assert!(message("Odd").contains("\"magic\""));
    }

    #[test]
    fn what_the_file_gets_wrong_is_said() {
        let message = |file| load(file, &[]).err().unwrap();
        assert!(message(r#"{"Values": {}}"#).contains("IsEncrypted"));
        assert!(message(r#"{"IsEncrypted": true, "Values": {}}"#).contains("IsEncrypted"));
        assert!(message(r#"{"IsEncrypted": false, "Values": {"A": 1}}"#).contains("Values.A must"));
        assert!(message("{").contains("local.settings.json"));
    }
}
