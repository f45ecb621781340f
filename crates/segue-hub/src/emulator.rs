//! Reads the official Event Hubs emulator's `Config.json`, unchanged.
//!
//! ```json
//! {"UserConfig": {
//!    "NamespaceConfig": [{"Type": "EventHub", "Name": "emulatorNs1", "Entities": [
//!       {"Name": "eh1", "PartitionCount": "2", "ConsumerGroups": [{"Name": "cg1"}]}]}],
//!    "LoggingConfig": {"Type": "File"}}}
//! ```
//! Source: `Config-schema.json` and the samples of Azure/azure-event-hubs-emulator-installer.
//! The schema wants the partition count as a string, half of the samples have a number: both
//! are read. Where Segue logs is set elsewhere, so `LoggingConfig` has no effect.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::config::{AuthorizationRule, EventHubConfig, HubConfig};
use crate::error::HubError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct File {
    user_config: UserConfig,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct UserConfig {
    namespace_config: Vec<NamespaceConfig>,
    #[serde(default, rename = "LoggingConfig")]
    _logging_config: IgnoredAny,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct NamespaceConfig {
    #[serde(default, rename = "Type")]
    _type: IgnoredAny,
    #[serde(default, rename = "Name")]
    _name: IgnoredAny,
    entities: Vec<Entity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Entity {
    name: String,
    partition_count: PartitionCount,
    #[serde(default)]
    consumer_groups: Vec<ConsumerGroup>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum PartitionCount {
    Number(u16),
    Text(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ConsumerGroup {
    name: String,
}

impl HubConfig {
    /// The emulator's settings as ours, with the emulator's key. `data_dir` is the default.
    ///
    /// # Errors
    /// [`HubError::Config`] when the text is not such a file, with the place in it.
    pub fn from_emulator_json(text: &str) -> Result<HubConfig, HubError> {
        let text = text.trim_start_matches('\u{feff}');
        let file: File = serde_json::from_str(text).map_err(|error| HubError::Config {
            setting: "Config.json".into(),
            problem: error.to_string(),
        })?;
        let entities = file.user_config.namespace_config.into_iter().flat_map(|ns| ns.entities);
        let config = HubConfig {
            event_hubs: entities.map(Entity::into_event_hub).collect::<Result<_, _>>()?,
            authorization_rules: vec![AuthorizationRule::emulator()],
            ..HubConfig::default()
        };
        config.check()?;
        Ok(config)
    }
}

impl Entity {
    fn into_event_hub(self) -> Result<EventHubConfig, HubError> {
        let partitions = match &self.partition_count {
            PartitionCount::Number(count) => *count,
            PartitionCount::Text(text) => text.trim().parse().map_err(|_| HubError::Config {
                setting: format!("Config.json, entity {}, PartitionCount", self.name),
                problem: format!("{text:?} is not a number of partitions"),
            })?,
        };
        Ok(EventHubConfig {
            partitions,
            consumer_groups: self.consumer_groups.into_iter().map(|group| group.name).collect(),
            ..EventHubConfig::new(self.name)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(entities: &str) -> String {
        format!(
            r#"{{"UserConfig": {{"NamespaceConfig": [{{"Type": "EventHub", "Name": "emulatorNs1",
            "Entities": [{entities}]}}], "LoggingConfig": {{"Type": "File"}}}}}}"#
        )
    }

    #[test]
    fn the_emulators_own_file_is_read() {
        let json = file(
            r#"{"Name": "eh1", "PartitionCount": "2", "ConsumerGroups": [{"Name": "cg1"}]},
               {"Name": "inbound_eh", "PartitionCount": 32}"#,
        );
        let config = HubConfig::from_emulator_json(&format!("\u{feff}{json}")).unwrap();
        let [first, second] = config.event_hubs.as_slice() else { panic!("{config:?}") };
        assert_eq!((first.name.as_str(), first.partitions), ("eh1", 2));
        assert_eq!(first.consumer_groups, ["cg1"]);
        assert_eq!((second.name.as_str(), second.partitions), ("inbound_eh", 32));
        assert!(second.consumer_groups.is_empty());
        assert!(!config.requires_secret());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (entity, expected) in [
            (r#"{"Name": "eh1", "PartitionCount": "two"}"#, "not a number of partitions"),
            (r#"{"Name": "eh1", "PartitionCount": "0"}"#, "from 1 to"),
            (r#"{"Name": "eh1"}"#, "PartitionCount"),
            (r#"{"Name": "eh1", "PartitionCount": 1, "Retention": 1}"#, "Retention"),
        ] {
            let error = HubConfig::from_emulator_json(&file(entity)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
