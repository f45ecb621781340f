//! What the broker is told: hubs, keys and limits, as the `hub:` part of `segue.yaml` says it.
//!
//! Checked once, by [`HubConfig::check`], before anything is opened: every later part of the
//! broker may rely on names that are valid and unique and on counts within their limits.
//! The official emulator's `Config.json` is another spelling of the same settings
//! ([`HubConfig::from_emulator_json`]).

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use segue_log::Retention;
use serde::Deserialize;

use crate::error::HubError;
use crate::names::{DEFAULT_CONSUMER_GROUP, check_consumer_group, check_event_hub};

/// The rule that the official emulator publishes, and its connection string carries.
pub const EMULATOR_RULE_NAME: &str = "RootManageSharedAccessKey";
/// The emulator's public key: it identifies nobody, so it never counts as authentication.
pub const EMULATOR_RULE_KEY: &str = "SAS_KEY_VALUE";

/// Partitions of one hub: what a Dedicated cluster allows.
pub const PARTITIONS_MAX: u16 = 1024;
/// Hubs of one namespace, automatically created ones included: what a Dedicated cluster allows.
pub(crate) const EVENT_HUBS_MAX: usize = 1000;
/// Consumer groups of one hub beside `$Default`: what a Dedicated cluster allows.
pub(crate) const CONSUMER_GROUPS_MAX: usize = 1000;

const DEFAULT_PARTITIONS: u16 = 4;
const DEFAULT_RETENTION_HOURS: u64 = 7 * 24;
const MILLIS_PER_HOUR: u64 = 3_600_000;

/// Settings of the broker.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HubConfig {
    /// Where the hubs live, each in `hubs/<name>` below it. Not part of `hub:`: the whole
    /// system has one data directory.
    #[serde(skip)]
    pub data_dir: PathBuf,
    /// The hubs of the namespace.
    pub event_hubs: Vec<EventHubConfig>,
    /// The keys that clients may use, for the whole namespace.
    pub authorization_rules: Vec<AuthorizationRule>,
    /// Creates hubs at first use, for test suites that invent names.
    pub auto_create: Option<AutoCreate>,
}

/// One hub.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventHubConfig {
    /// Its name; case does not matter to clients.
    pub name: String,
    /// How many partitions it has, 1 to [`PARTITIONS_MAX`]. It may grow later, never shrink;
    /// growing moves partition keys to other partitions.
    #[serde(default = "default_partitions")]
    pub partitions: u16,
    /// Consumer groups beside `$Default`, which every hub has.
    #[serde(default)]
    pub consumer_groups: Vec<String>,
    /// How long and how much it keeps.
    #[serde(default)]
    pub retention: RetentionConfig,
}

/// How long and how much a hub keeps; whichever limit is met first.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionConfig {
    /// Hours after which an event may go; `null` keeps events for ever. Seven days by default.
    pub hours: Option<u64>,
    /// Bytes per partition above which the oldest events may go; no limit by default.
    pub max_bytes: Option<u64>,
}

/// A shared access policy: a named key and what it allows.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationRule {
    /// The policy's name: `SharedAccessKeyName` in a connection string.
    pub name: String,
    /// The key, used as the text that it is: `SharedAccessKey` in a connection string.
    pub key: String,
    /// What its holder may do.
    pub rights: Vec<Right>,
}

/// What a key allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Publish events.
    Send,
    /// Read events.
    Listen,
    /// Everything, [`Right::Send`] and [`Right::Listen`] included.
    Manage,
}

/// Creates hubs at first use by an authorized client.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoCreate {
    /// Only names that begin with this are created; case does not matter.
    pub prefix: String,
    /// Partitions of each.
    #[serde(default = "default_partitions")]
    pub partitions: u16,
}

fn default_partitions() -> u16 {
    DEFAULT_PARTITIONS
}

impl Default for HubConfig {
    /// The demo's hub `activations`, open to the emulator's connection string.
    fn default() -> Self {
        HubConfig {
            data_dir: PathBuf::from("data"),
            event_hubs: vec![EventHubConfig::new("activations")],
            authorization_rules: vec![AuthorizationRule::emulator()],
            auto_create: None,
        }
    }
}

impl HubConfig {
    /// Whether a client must know a secret: no rule is the emulator's, whose key is public.
    pub fn requires_secret(&self) -> bool {
        !self.authorization_rules.iter().any(|rule| rule.key == EMULATOR_RULE_KEY)
    }

    /// # Errors
    /// [`HubError::Config`] naming the first setting that cannot be used, and why.
    pub(crate) fn check(&self) -> Result<(), HubError> {
        if self.event_hubs.len() > EVENT_HUBS_MAX {
            return Err(refuse("event_hubs", format!("more than {EVENT_HUBS_MAX} hubs")));
        }
        let mut names = HashSet::new();
        for hub in &self.event_hubs {
            hub.check()?;
            if !names.insert(hub.name.to_ascii_lowercase()) {
                return Err(refuse(
                    "event_hubs",
                    format!("two hubs are called {:?}; case does not tell names apart", hub.name),
                ));
            }
        }
        self.check_rules()?;
        match &self.auto_create {
            Some(auto) => check_partitions("auto_create.partitions", auto.partitions),
            None => Ok(()),
        }
    }

    fn check_rules(&self) -> Result<(), HubError> {
        let mut names = HashSet::new();
        for (index, rule) in self.authorization_rules.iter().enumerate() {
            let setting = format!("authorization_rules[{index}]");
            if rule.name.is_empty() || rule.key.is_empty() {
                return Err(refuse(&setting, "a rule needs a name and a key".into()));
            }
            if rule.rights.is_empty() {
                let problem = "a rule needs rights: any of send, listen, manage";
                return Err(refuse(&setting, problem.into()));
            }
            if !names.insert(rule.name.as_str()) {
                return Err(refuse(&setting, format!("two rules are called {:?}", rule.name)));
            }
        }
        Ok(())
    }
}

impl EventHubConfig {
    /// A hub with the default number of partitions and the default retention.
    pub fn new(name: impl Into<String>) -> Self {
        EventHubConfig {
            name: name.into(),
            partitions: DEFAULT_PARTITIONS,
            consumer_groups: Vec::new(),
            retention: RetentionConfig::default(),
        }
    }

    fn check(&self) -> Result<(), HubError> {
        let setting = |field: &str| format!("event_hubs[{}].{field}", self.name);
        check_event_hub(&self.name).map_err(|problem| refuse(&setting("name"), problem))?;
        check_partitions(&setting("partitions"), self.partitions)?;
        if self.consumer_groups.len() > CONSUMER_GROUPS_MAX {
            let problem = format!("more than {CONSUMER_GROUPS_MAX} consumer groups");
            return Err(refuse(&setting("consumer_groups"), problem));
        }
        let mut groups = HashSet::new();
        for group in &self.consumer_groups {
            if !group.eq_ignore_ascii_case(DEFAULT_CONSUMER_GROUP) {
                check_consumer_group(group)
                    .map_err(|problem| refuse(&setting("consumer_groups"), problem))?;
            }
            if !groups.insert(group.to_ascii_lowercase()) {
                let problem = format!("consumer group {group:?} is listed twice");
                return Err(refuse(&setting("consumer_groups"), problem));
            }
        }
        Ok(())
    }
}

impl Default for RetentionConfig {
    fn default() -> Self {
        RetentionConfig { hours: Some(DEFAULT_RETENTION_HOURS), max_bytes: None }
    }
}

impl From<RetentionConfig> for Retention {
    fn from(config: RetentionConfig) -> Self {
        Retention {
            max_age_ms: config.hours.map(|hours| hours.saturating_mul(MILLIS_PER_HOUR)),
            max_bytes: config.max_bytes,
        }
    }
}

impl AuthorizationRule {
    /// The rule of the official emulator, whose key everybody knows.
    pub fn emulator() -> Self {
        AuthorizationRule {
            name: EMULATOR_RULE_NAME.into(),
            key: EMULATOR_RULE_KEY.into(),
            rights: vec![Right::Manage],
        }
    }
}

/// Never shows the key.
impl fmt::Debug for AuthorizationRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationRule")
            .field("name", &self.name)
            .field("rights", &self.rights)
            .finish_non_exhaustive()
    }
}

fn check_partitions(setting: &str, partitions: u16) -> Result<(), HubError> {
    if (1..=PARTITIONS_MAX).contains(&partitions) {
        return Ok(());
    }
    Err(refuse(setting, format!("{partitions} is not a number from 1 to {PARTITIONS_MAX}")))
}

fn refuse(setting: &str, problem: String) -> HubError {
    HubError::Config { setting: format!("hub.{setting}"), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut HubConfig)) -> Result<(), String> {
        let mut config = HubConfig::default();
        change(&mut config);
        config.check().map_err(|error| error.to_string())
    }

    #[test]
    fn the_default_is_valid_and_open_to_everybody() {
        assert_eq!(check(|_| ()), Ok(()));
        assert!(!HubConfig::default().requires_secret());
    }

    #[test]
    fn a_setting_that_cannot_be_used_is_named() {
        let twice = check(|c| c.event_hubs.push(EventHubConfig::new("ACTIVATIONS")));
        assert!(twice.unwrap_err().contains("case does not tell names apart"));
        let none = check(|c| c.event_hubs[0].partitions = 0);
        assert!(none.unwrap_err().contains("hub.event_hubs[activations].partitions"));
        let name = check(|c| c.event_hubs[0].name = "../up".into());
        assert!(name.unwrap_err().contains("../up"));
        let rights = check(|c| c.authorization_rules[0].rights.clear());
        assert!(rights.unwrap_err().contains("send, listen, manage"));
    }

    #[test]
    fn unknown_settings_are_refused() {
        let error = serde_json::from_str::<HubConfig>(r#"{"event_hub": []}"#).unwrap_err();
        assert!(error.to_string().contains("event_hub"), "{error}");
        let config: HubConfig = serde_json::from_str(
            r#"{"event_hubs": [{"name": "a", "partitions": 2, "retention": {"hours": 1}}],
                "authorization_rules": [{"name": "r", "key": "k", "rights": ["send"]}]}"#,
        )
        .unwrap();
        assert_eq!(Retention::from(config.event_hubs[0].retention).max_age_ms, Some(3_600_000));
        assert!(config.requires_secret());
    }

    #[test]
    fn keys_are_not_shown() {
        let shown = format!("{:?}", HubConfig::default());
        assert!(shown.contains(EMULATOR_RULE_NAME) && !shown.contains(EMULATOR_RULE_KEY));
    }
}
