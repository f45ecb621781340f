//! `host.json`: what applies to every function of an app.
//!
//! Only what matters to an event hub trigger is read. The rest, the extension bundle first of
//! all, is left alone: nothing is ever downloaded.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::settings::Settings;
use super::{relaxed_json, time_span};
use crate::error::StartError;
use crate::retry_policy::RetryPolicy;

const FILE_NAME: &str = "host.json";

/// Outside of the Consumption plan, Azure's default.
const DEFAULT_FUNCTION_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// A batch is one message to the worker, held in memory several times over.
const MAX_EVENT_BATCH_SIZE: u64 = 10_000;

#[derive(Debug)]
pub(crate) struct HostJson {
    /// `None`: no limit (`"-1"` or `"-00:00:01"` in the file).
    pub(crate) function_timeout: Option<Duration>,
    /// For functions that have none of their own.
    pub(crate) retry: Option<RetryPolicy>,
    /// When set, only these functions run.
    pub(crate) allowed_functions: Option<Vec<String>>,
    pub(crate) event_hubs: EventHubsOptions,
}

/// The section `extensions.eventHubs`; names and defaults are those of version 6 of the extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventHubsOptions {
    pub(crate) max_event_batch_size: usize,
    pub(crate) min_event_batch_size: usize,
    /// How long a batch below the minimum waits for more.
    pub(crate) max_wait_time: Duration,
    /// A checkpoint is written after this many batches.
    pub(crate) batch_checkpoint_frequency: u64,
    pub(crate) initial_offset: InitialOffset,
}

/// Where a partition without a checkpoint starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitialOffset {
    Start,
    End,
    /// Events enqueued at or after this moment, in milliseconds since the Unix epoch.
    EnqueuedTime(i64),
}

impl HostJson {
    pub(crate) fn load(app_dir: &Path, settings: &Settings) -> Result<HostJson, StartError> {
        let path = app_dir.join(FILE_NAME);
        let text = std::fs::read_to_string(&path).map_err(|source| match source.kind() {
            std::io::ErrorKind::NotFound => StartError::NoApp { dir: app_dir.to_owned() },
            _ => StartError::Unreadable { path: path.clone(), source },
        })?;
        let invalid = |message: String| StartError::InvalidFile { path: path.clone(), message };
        let content = relaxed_json::parse(&text).map_err(|error| invalid(error.to_string()))?;
        HostJson::read(&content, settings).map_err(invalid)
    }

    fn read(content: &Value, settings: &Settings) -> Result<HostJson, String> {
        if content.get("version").and_then(Value::as_str) != Some("2.0") {
            return Err("\"version\" must be \"2.0\"".to_owned());
        }
        let allowed_functions = content
            .get("functions")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        Ok(HostJson {
            function_timeout: function_timeout(content.get("functionTimeout"))?,
            retry: content.get("retry").map(RetryPolicy::parse).transpose()?,
            allowed_functions,
            event_hubs: EventHubsOptions::read(&EventHubsSection { content, settings })?,
        })
    }
}

fn function_timeout(value: Option<&Value>) -> Result<Option<Duration>, String> {
    match value {
        None => Ok(Some(DEFAULT_FUNCTION_TIMEOUT)),
        Some(Value::String(text)) if text.trim_start().starts_with('-') => Ok(None),
        Some(value) => match time_span::parse(value) {
            Some(limit) if !limit.is_zero() => Ok(Some(limit)),
            _ => Err(format!(
                "\"functionTimeout\" must be a time span, as in \"00:05:00\", found {value}"
            )),
        },
    }
}

/// Finds keys in `extensions.eventHubs`; the setting
/// `AzureFunctionsJobHost__extensions__eventHubs__KEY` beats the file, as in Azure.
struct EventHubsSection<'a> {
    content: &'a Value,
    settings: &'a Settings,
}

impl EventHubsSection<'_> {
    fn find(&self, key: &str) -> Option<Value> {
        let setting =
            format!("AzureFunctionsJobHost:extensions:eventHubs:{}", key.replace('/', ":"));
        if let Some(text) = self.settings.get(&setting) {
            return Some(text.parse::<u64>().map_or_else(|_| text.into(), Value::from));
        }
        self.content.pointer(&format!("/extensions/eventHubs/{key}")).cloned()
    }

    fn number(&self, keys: &[&str], default: u64, most: u64) -> Result<u64, String> {
        let Some((key, value)) = keys.iter().find_map(|key| Some((key, self.find(key)?))) else {
            return Ok(default);
        };
        match value.as_u64() {
            Some(number) if (1..=most).contains(&number) => Ok(number),
            _ => Err(format!(
                "extensions/eventHubs/{key} must be a number from 1 to {most}, found {value}"
            )),
        }
    }
}

impl EventHubsOptions {
    fn read(section: &EventHubsSection<'_>) -> Result<EventHubsOptions, String> {
        let max_keys = ["maxEventBatchSize", "eventProcessorOptions/maxBatchSize"];
        let max = section.number(&max_keys, 100, MAX_EVENT_BATCH_SIZE)?;
        let min = section.number(&["minEventBatchSize"], 1, MAX_EVENT_BATCH_SIZE)?;
        if min > max {
            return Err(format!(
                "extensions/eventHubs/minEventBatchSize ({min}) must not be above \
                 maxEventBatchSize ({max})"
            ));
        }
        let wait = section.find("maxWaitTime");
        let max_wait_time = match wait.as_ref().map(|value| (time_span::parse(value), value)) {
            None => Duration::from_secs(60),
            Some((Some(wait), _)) if wait <= Duration::from_secs(600) => wait,
            Some((_, value)) => {
                return Err(format!(
                    "extensions/eventHubs/maxWaitTime must be a time span of at most 10 \
                     minutes, found {value}"
                ));
            }
        };
        Ok(EventHubsOptions {
            max_event_batch_size: usize::try_from(max).unwrap_or(usize::MAX),
            min_event_batch_size: usize::try_from(min).unwrap_or(usize::MAX),
            max_wait_time,
            batch_checkpoint_frequency: section.number(
                &["batchCheckpointFrequency"],
                1,
                u64::from(u32::MAX),
            )?,
            initial_offset: InitialOffset::read(section)?,
        })
    }
}

impl InitialOffset {
    fn read(section: &EventHubsSection<'_>) -> Result<InitialOffset, String> {
        let text = |key: &str| section.find(key)?.as_str().map(str::to_owned);
        let kind = text("initialOffsetOptions/type").unwrap_or_else(|| "fromStart".to_owned());
        match kind.to_lowercase().as_str() {
            "fromstart" => Ok(InitialOffset::Start),
            "fromend" => Ok(InitialOffset::End),
            "fromenqueuedtime" => {
                let time = text("initialOffsetOptions/enqueuedTimeUtc");
                let moment = time.as_deref().and_then(|time| time.parse::<jiff::Timestamp>().ok());
                let moment = moment.ok_or(
                    "extensions/eventHubs/initialOffsetOptions/enqueuedTimeUtc must be a time, \
                     as in \"2026-01-31T09:30:00Z\"",
                )?;
                Ok(InitialOffset::EnqueuedTime(moment.as_millisecond()))
            }
            _ => Err(format!(
                "extensions/eventHubs/initialOffsetOptions/type must be fromStart, fromEnd or \
                 fromEnqueuedTime, found \"{kind}\""
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn read(content: Value, settings: &[(&str, &str)]) -> Result<HostJson, String> {
        let environment = settings.iter().map(|(k, v)| (k.to_string(), v.to_string()));
        let settings =
            Settings::load(Path::new("/nowhere"), environment, &BTreeMap::new()).unwrap();
        HostJson::read(&content, &settings)
    }

    #[test]
    fn defaults_are_those_of_azure() {
        let host = read(json!({"version": "2.0"}), &[]).unwrap();
        assert_eq!(host.function_timeout, Some(Duration::from_secs(1800)));
        assert_eq!(
            host.event_hubs,
            EventHubsOptions {
                max_event_batch_size: 100,
                min_event_batch_size: 1,
                max_wait_time: Duration::from_secs(60),
                batch_checkpoint_frequency: 1,
                initial_offset: InitialOffset::Start,
            }
        );
    }

    #[test]
    fn the_file_and_above_it_the_settings_decide() {
        let file = json!({
            "version": "2.0", "functionTimeout": "-1", "functions": ["one"],
            "retry": {"strategy": "fixedDelay", "maxRetryCount": 1, "delayInterval": "00:00:01"},
            "extensions": {"eventHubs": {
                "maxEventBatchSize": 50, "minEventBatchSize": 5, "maxWaitTime": "00:00:02",
                "initialOffsetOptions": {
                    "type": "fromEnqueuedTime", "enqueuedTimeUtc": "1970-01-01T00:00:01Z"}}}
        });
        let name = "AzureFunctionsJobHost__extensions__eventHubs__maxEventBatchSize";
        let host = read(file, &[(name, "7")]).unwrap();
        assert_eq!(host.function_timeout, None);
        assert_eq!(host.allowed_functions, Some(vec!["one".to_owned()]));
        assert!(host.retry.is_some());
        assert_eq!(host.event_hubs.max_event_batch_size, 7);
        assert_eq!(host.event_hubs.initial_offset, InitialOffset::EnqueuedTime(1000));
    }

    #[test]
    fn the_names_of_older_extensions_still_work() {
        let old = json!({"version": "2.0",
            "extensions": {"eventHubs": {"eventProcessorOptions": {"maxBatchSize": 9}}}});
        assert_eq!(read(old, &[]).unwrap().event_hubs.max_event_batch_size, 9);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let section = |section: Value| {
            let file = json!({"version": "2.0", "extensions": {"eventHubs": section}});
            read(file, &[]).unwrap_err()
        };
        assert!(read(json!({}), &[]).unwrap_err().contains("\"version\""));
        assert!(section(json!({"maxEventBatchSize": 0})).contains("maxEventBatchSize"));
        assert!(section(json!({"minEventBatchSize": 101})).contains("must not be above"));
        assert!(section(json!({"maxWaitTime": "00:11:00"})).contains("at most 10"));
        assert!(section(json!({"initialOffsetOptions": {"type": "x"}})).contains("fromEnd"));
        assert!(
            section(json!({"initialOffsetOptions": {"type": "fromEnqueuedTime"}}))
                .contains("enqueuedTimeUtc must be")
        );
    }
}
