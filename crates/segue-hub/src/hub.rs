//! The namespace: its hubs by name, on disk and open.
//!
//! ```text
//! <data_dir>/hubs/<lower-cased name>/      one segue_log::Log each
//! ```
//! What lies there is served, whether the configuration lists it or not: hubs are also made for
//! destinations ([`Hub::ensure_event_hub`]) and at first use ([`AutoCreate`]), and must be there
//! again after a restart. To delete a hub, delete its directory.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use segue_log::{LogError, Storage};

use crate::config::{AutoCreate, EVENT_HUBS_MAX, EventHubConfig, HubConfig};
use crate::error::HubError;
use crate::event_hub::EventHub;
use crate::machine::Machine;
use crate::names;

/// Where the hubs are below the data directory, each in a directory named as it is, in lower case.
pub const HUBS: &str = "hubs";

/// The broker: all hubs of one data directory. Clones are the same broker.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    config: HubConfig,
    machine: Machine,
    /// By lower-cased name.
    event_hubs: RwLock<BTreeMap<String, EventHub>>,
}

impl Hub {
    /// Checks the configuration, then opens every hub that it lists or that the data directory
    /// holds.
    ///
    /// # Errors
    /// [`HubError::Config`], [`HubError::DataDir`] and, with the hub's name, [`HubError::Log`].
    pub fn open(config: HubConfig) -> Result<Hub, HubError> {
        Hub::open_on(Machine::default(), config)
    }

    /// Opens the hubs of another machine than the real one.
    ///
    /// # Errors
    /// As [`Hub::open`].
    pub fn open_on(machine: Machine, config: HubConfig) -> Result<Hub, HubError> {
        config.check()?;
        let mut event_hubs = BTreeMap::new();
        let directory = hubs_directory(&config.data_dir);
        for hub in &config.event_hubs {
            let key = hub.name.to_ascii_lowercase();
            event_hubs.insert(key.clone(), EventHub::open(&machine, &directory.join(key), hub)?);
        }
        for name in names_on_disk(&*machine.host.storage, &directory)? {
            if let Entry::Vacant(place) = event_hubs.entry(name) {
                let name = place.key();
                let hub = open_as_it_is(&machine, &directory.join(name), name)?;
                place.insert(hub);
            }
        }
        Ok(Hub(Arc::new(Inner { config, machine, event_hubs: RwLock::new(event_hubs) })))
    }

    /// Says what is wrong with a name for a hub.
    ///
    /// # Errors
    /// The rule, for people.
    pub fn check_name(name: &str) -> Result<(), String> {
        names::check_event_hub(name)
    }

    /// The hub of this name, in any case.
    pub fn event_hub(&self, name: &str) -> Option<EventHub> {
        self.0.event_hubs.read().get(&name.to_ascii_lowercase()).cloned()
    }

    /// All hubs, by name.
    pub fn event_hubs(&self) -> Vec<EventHub> {
        self.0.event_hubs.read().values().cloned().collect()
    }

    /// The hub of this name, made with the default number of partitions if there is none. It
    /// stays, also across restarts.
    ///
    /// # Errors
    /// [`HubError::Config`] for a name that no hub can have, [`HubError::Log`] when it cannot be
    /// made.
    pub fn ensure_event_hub(&self, name: &str) -> Result<EventHub, HubError> {
        match self.event_hub(name) {
            Some(hub) => Ok(hub),
            None => self.create(&EventHubConfig::new(name)),
        }
    }

    /// The hub that an authorized client names, made now if the configuration says so.
    pub(crate) fn find(&self, name: &str) -> Option<EventHub> {
        self.event_hub(name).or_else(|| {
            let auto = self.0.config.auto_create.as_ref().filter(|auto| auto.covers(name))?;
            let config =
                EventHubConfig { partitions: auto.partitions, ..EventHubConfig::new(name) };
            let created = self.create(&config);
            created.inspect_err(|error| tracing::warn!(%error, "cannot create a hub")).ok()
        })
    }

    fn create(&self, config: &EventHubConfig) -> Result<EventHub, HubError> {
        let refuse = |problem| HubError::Config { setting: "event hub name".into(), problem };
        names::check_event_hub(&config.name).map_err(refuse)?;
        let key = config.name.to_ascii_lowercase();
        let mut event_hubs = self.0.event_hubs.write();
        if let Some(hub) = event_hubs.get(&key) {
            return Ok(hub.clone());
        }
        if event_hubs.len() >= EVENT_HUBS_MAX {
            return Err(refuse(format!("{:?} would be one over {EVENT_HUBS_MAX}", config.name)));
        }
        let directory = hubs_directory(&self.0.config.data_dir).join(&key);
        let hub = EventHub::open(&self.0.machine, &directory, config)?;
        event_hubs.insert(key, hub.clone());
        Ok(hub)
    }

    /// Removes what retention no longer keeps, also from partitions that have fallen silent.
    pub(crate) fn retain(&self) {
        for hub in self.event_hubs() {
            for partition in hub.log().partitions() {
                if let Err(error) = partition.retain(self.0.machine.now_ms()) {
                    tracing::error!(hub = hub.name(), %error, "retention failed");
                }
            }
        }
    }

    /// Makes everything durable and frees the directories. Clients that are still connected are
    /// told that publishing failed; shut the server down first.
    pub fn close(&self) {
        for hub in self.event_hubs() {
            hub.log().close();
        }
    }

    pub(crate) fn config(&self) -> &HubConfig {
        &self.0.config
    }
}

impl AutoCreate {
    fn covers(&self, name: &str) -> bool {
        name.get(..self.prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(&self.prefix))
    }
}

fn hubs_directory(data_dir: &Path) -> PathBuf {
    data_dir.join(HUBS)
}

/// The hubs that exist; makes the directory if it is missing.
fn names_on_disk(storage: &dyn Storage, directory: &Path) -> Result<Vec<String>, HubError> {
    let list = || -> io::Result<Vec<String>> {
        storage.create_dir(directory)?;
        let mut names = storage.list(directory)?;
        // What cannot be listed is no directory.
        names.retain(|name| {
            names::check_event_hub(name).is_ok() && storage.list(&directory.join(name)).is_ok()
        });
        Ok(names)
    };
    list().map_err(|source| HubError::DataDir { path: directory.to_owned(), source })
}

/// Opens a hub that no configuration describes, with as many partitions as it has.
fn open_as_it_is(machine: &Machine, directory: &Path, name: &str) -> Result<EventHub, HubError> {
    let mut config = EventHubConfig { partitions: 1, ..EventHubConfig::new(name) };
    match EventHub::open(machine, directory, &config) {
        Err(HubError::Log { source: LogError::TooFewPartitions { found, .. }, .. }) => {
            config.partitions = found.try_into().unwrap_or(u16::MAX);
            EventHub::open(machine, directory, &config)
        }
        opened => opened,
    }
}
