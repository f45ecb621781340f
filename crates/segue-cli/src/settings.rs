//! `segue.yaml`: the settings of a server. Flags win over the file, the file over the defaults.
//!
//! ```yaml
//! data_dir: segue-data
//! listen: {http: 127.0.0.1:8080, amqp: 127.0.0.1:5672, amqps: 0.0.0.0:5671}
//! tls: {certificate: hub.crt, key: hub.key}
//! hub:
//!   event_hubs: [{name: activations, partitions: 4, consumer_groups: [audit]}]
//!   authorization_rules: [{name: app, key: "${HUB_KEY}", rights: [send, listen]}]
//! telemetry: {otlp_endpoint: http://localhost:4318, trace_ratio: 0.01}
//! ```

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use segue_core::HistoryLimits;
use segue_hub::HubConfig;
use segue_runtime::{ID_MEMORY_BYTES, PROFILE_MEMORY_BYTES};
use segue_server::{AlarmThresholds, TelemetryOptions};
use serde::Deserialize;
use serde_json::Value;

use crate::{definition_files, terminal};

/// The file that is read when none is named.
const DEFAULT_FILE: &str = "segue.yaml";

/// One request in a hundred: enough to see where time goes, and nothing to the rest.
const TRACE_RATIO: f64 = 0.01;

/// What a server needs to know to start.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where everything durable lives.
    pub(crate) data_dir: PathBuf,
    /// The addresses of the listeners.
    pub(crate) listen: Listen,
    /// What `listen.amqps` proves itself with.
    pub(crate) tls: Option<Tls>,
    /// Event hubs, partitions, retention, consumer groups, authorization rules.
    pub(crate) hub: HubConfig,
    /// Traces, metrics and alarms.
    pub(crate) telemetry: Telemetry,
    /// How much memory, how much disk and how many CPUs are used.
    pub(crate) limits: Limits,
}

/// How much memory, how much disk and how many CPUs are used.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// About how many bytes of memory profiles take; the others are on disk.
    pub(crate) profile_memory_bytes: usize,
    /// How many bytes of memory the filters of `_id`s take; the others are on disk.
    pub(crate) id_memory_bytes: usize,
    /// How many threads apply inputs to profiles; half as many as there are CPUs, when nothing is
    /// set.
    pub(crate) engine_threads: Option<NonZero<usize>>,
    /// How far back events are kept, for audiences to come and for explanations.
    pub(crate) history: History,
}

/// How far back events are kept; whichever comes first.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct History {
    pub(crate) hours: Option<u32>,
    pub(crate) max_bytes: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            profile_memory_bytes: PROFILE_MEMORY_BYTES,
            id_memory_bytes: ID_MEMORY_BYTES,
            engine_threads: None,
            history: History::default(),
        }
    }
}

impl From<&History> for HistoryLimits {
    fn from(history: &History) -> HistoryLimits {
        let hour_ms = 60 * 60 * 1000;
        HistoryLimits {
            max_age_ms: history.hours.map(|hours| i64::from(hours) * hour_ms),
            max_bytes: history.max_bytes,
        }
    }
}

/// The addresses of the listeners.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Listen {
    /// Ingest, API and pages.
    pub(crate) http: SocketAddr,
    /// The event hubs.
    pub(crate) amqp: SocketAddr,
    /// The same over TLS; only with `tls`.
    pub(crate) amqps: Option<SocketAddr>,
}

/// What the server says about itself.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Telemetry {
    /// The collector that spans are sent to by OTLP over HTTP; none, unless the environment names
    /// one.
    pub(crate) otlp_endpoint: Option<String>,
    /// Of the requests that bring no trace of their own, the part that is traced.
    pub(crate) trace_ratio: f64,
    /// Audiences that have metrics of their own.
    pub(crate) audiences_max: usize,
    /// When alarms are raised.
    pub(crate) alarms: AlarmThresholds,
}

/// A certificate and its private key, in PEM files.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Tls {
    /// The certificate, then those that vouch for it.
    pub(crate) certificate: PathBuf,
    /// Its private key.
    pub(crate) key: PathBuf,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("segue-data"),
            listen: Listen::default(),
            tls: None,
            hub: HubConfig::default(),
            telemetry: Telemetry::default(),
            limits: Limits::default(),
        }
    }
}

impl Default for Telemetry {
    fn default() -> Self {
        let TelemetryOptions { alarms, audiences_max, .. } = TelemetryOptions::default();
        Self { otlp_endpoint: None, trace_ratio: TRACE_RATIO, audiences_max, alarms }
    }
}

impl Default for Listen {
    fn default() -> Self {
        let local = |port| ([127, 0, 0, 1], port).into();
        Self { http: local(8080), amqp: local(5672), amqps: None }
    }
}

impl Settings {
    /// The settings of the hub, with the one data directory that everything shares.
    pub(crate) fn hub_config(&self) -> HubConfig {
        HubConfig { data_dir: self.data_dir.clone(), ..self.hub.clone() }
    }
}

/// The flags that every server command has.
#[derive(Args, Debug)]
pub(crate) struct SettingsFlags {
    /// Settings file; ./segue.yaml when there is one
    #[arg(short, long)]
    config: Option<PathBuf>,
    /// Directory for everything durable
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address of the event hubs, instead of listen.amqp
    #[arg(long, value_name = "ADDRESS")]
    amqp: Option<SocketAddr>,
}

impl SettingsFlags {
    /// Reads the settings file, if there is one, and lays the flags over it. `parse` turns the
    /// file's document into settings.
    pub(crate) fn load(
        &self,
        parse: impl FnOnce(&str, Value) -> anyhow::Result<Settings>,
    ) -> anyhow::Result<Settings> {
        let default = Path::new(DEFAULT_FILE);
        let file = self.config.as_deref().or_else(|| default.exists().then_some(default));
        let mut settings = match file {
            Some(file) => {
                read(file, parse).with_context(|| format!("in settings file {}", file.display()))?
            }
            None => {
                terminal::note("no segue.yaml here: using the defaults");
                Settings::default()
            }
        };
        if let Some(data) = &self.data {
            settings.data_dir.clone_from(data);
        }
        if let Some(amqp) = self.amqp {
            settings.listen.amqp = amqp;
        }
        Ok(settings)
    }
}

fn read(
    file: &Path,
    parse: impl FnOnce(&str, Value) -> anyhow::Result<Settings>,
) -> anyhow::Result<Settings> {
    let text = std::fs::read_to_string(file).context("cannot read it")?;
    let mut documents = definition_files::parse(&text)?;
    match (documents.pop(), documents.is_empty()) {
        (None, _) => Ok(Settings::default()),
        (Some(document), true) => parse(&text, document),
        (Some(_), false) => bail!("it must hold one YAML document"),
    }
}

/// A `segue.yaml`.
pub(crate) fn segue_yaml(_text: &str, document: Value) -> anyhow::Result<Settings> {
    Ok(serde_json::from_value(document)?)
}

/// A `segue.yaml`, or the official emulator's `Config.json`, told apart by `UserConfig`.
pub(crate) fn segue_yaml_or_emulator(text: &str, document: Value) -> anyhow::Result<Settings> {
    if document.get("UserConfig").is_some() {
        let hub = HubConfig::from_emulator_json(text)?;
        return Ok(Settings { hub, ..Settings::default() });
    }
    segue_yaml(text, document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_setting_is_refused_with_the_known_ones() {
        let document = serde_json::json!({"listen": {"htpp": "127.0.0.1:1"}});
        let error = segue_yaml("", document).unwrap_err().to_string();
        assert!(error.contains("htpp") && error.contains("http"), "{error}");
    }

    #[test]
    fn the_defaults_of_telemetry_are_those_of_its_page() {
        let page = include_str!("../../../docs/telemetry.md");
        let (_, behind) = page.split_once("```yaml\n").unwrap();
        let (yaml, _) = behind.split_once("```").unwrap();
        let document = definition_files::parse(yaml).unwrap().remove(0);
        assert_eq!(segue_yaml(yaml, document).unwrap().telemetry, Telemetry::default());
    }

    #[test]
    fn the_emulators_file_is_read_as_it_is() {
        let text = r#"{"UserConfig": {"NamespaceConfig": [{"Type": "EventHub", "Name": "ns",
            "Entities": [{"Name": "eh1", "PartitionCount": 2, "ConsumerGroups": []}]}]}}"#;
        let document = serde_json::from_str(text).unwrap();
        let settings = segue_yaml_or_emulator(text, document).unwrap();
        assert_eq!(settings.hub.event_hubs.first().unwrap().name, "eh1");
    }
}
