//! The ledger: every erasure that was asked for, one file each, on the disk that the input log is
//! on.
//!
//! ```text
//!   data_dir/erasures/00000000000000004711.json
//!     {"version": 1, "receipt": {…}, "person": {"named", "identities", "profiles", "inputs",
//!                                               "ends"}}
//! ```
//! `person` is there as long as there is something to do. A file is replaced whole, so that after
//! a crash it is the old one or the new one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use segue_core::{Erased, ProfileId};
use segue_log::{Storage, StorageFile};
use segue_xdm::{Identity, Timestamp};
use serde_json::{Value, json};

use super::persons::Person;
use super::receipt::{Receipt, Subject};
use crate::RuntimeError;
use crate::activation_log::LogEnds;

const VERSION: u64 = 1;

/// What a file's name ends with until it is whole.
const UNFINISHED: &str = ".new";

/// All erasures of a data directory.
pub(crate) struct Ledger {
    storage: Arc<dyn Storage>,
    dir: PathBuf,
    entries: Mutex<BTreeMap<u64, Entry>>,
}

#[derive(Clone, Debug)]
enum Entry {
    Running(Box<Person>),
    Complete(Receipt),
}

impl Ledger {
    /// Reads what is there.
    pub(crate) fn open(storage: Arc<dyn Storage>, dir: PathBuf) -> Result<Ledger, RuntimeError> {
        let unusable = |source| RuntimeError::DataDir { path: dir.clone(), source };
        storage.create_dir(&dir).map_err(unusable)?;
        let mut entries = BTreeMap::new();
        for name in storage.list(&dir).map_err(unusable)? {
            let path = dir.join(&name);
            let unusable = |source| RuntimeError::DataDir { path: path.clone(), source };
            if name.ends_with(UNFINISHED) {
                storage.remove(&path).map_err(unusable)?;
                continue;
            }
            let bytes = read(&*storage, &path).map_err(unusable)?;
            let entry = serde_json::from_slice(&bytes).ok().as_ref().and_then(Entry::from_value);
            let entry = entry.ok_or_else(|| {
                unusable(std::io::Error::other(
                    "it is no erasure of this version; move it away, and ask for it again",
                ))
            })?;
            entries.insert(entry.receipt().id, entry);
        }
        Ok(Ledger { storage, dir, entries: Mutex::new(entries) })
    }

    /// Notes durably who was erased from the state by the input at this position. One that is
    /// there already is begun again: the state that it was erased from was lost.
    pub(crate) fn begin(&self, id: u64, at: Timestamp, erased: &Erased) -> std::io::Result<()> {
        let known = self.receipt(id).filter(|known| known.asked_at == at);
        let subject = known.map_or_else(|| Subject::new(&erased.named), |known| known.subject);
        self.save(Entry::Running(Box::new(Person {
            receipt: Receipt {
                id,
                subject,
                found: !erased.profiles.is_empty(),
                asked_at: at,
                completed_at: None,
                is_store_rewritten: false,
                logs: BTreeMap::new(),
            },
            erased: erased.clone(),
            ends: None,
        })))
    }

    /// Notes where the activation logs end, for those of whom that is not known yet.
    pub(crate) fn bound(&self, ends: impl FnOnce() -> LogEnds) {
        let mut entries = self.entries.lock();
        let running = entries.values_mut().filter_map(|entry| match entry {
            Entry::Running(person) => Some(person),
            Entry::Complete(_) => None,
        });
        let mut unbound = running.filter(|person| person.ends.is_none()).peekable();
        if unbound.peek().is_some() {
            let ends = ends();
            unbound.for_each(|person| person.ends = Some(ends.clone()));
        }
    }

    /// Those who are being erased.
    pub(crate) fn running(&self) -> Vec<Person> {
        let entries = self.entries.lock();
        let running = entries.values().filter_map(|entry| match entry {
            Entry::Running(person) => Some((**person).clone()),
            Entry::Complete(_) => None,
        });
        running.collect()
    }

    /// How many are being erased.
    pub(crate) fn running_count(&self) -> usize {
        let entries = self.entries.lock();
        entries.values().filter(|entry| matches!(entry, Entry::Running(_))).count()
    }

    /// Notes durably what has been done. Who is complete is forgotten, but for the receipt.
    pub(crate) fn update(&self, person: Person) -> std::io::Result<()> {
        let entry = match person.receipt.is_complete() {
            true => Entry::Complete(person.receipt),
            false => Entry::Running(Box::new(person)),
        };
        self.save(entry)
    }

    /// The receipt of an erasure.
    pub(crate) fn receipt(&self, id: u64) -> Option<Receipt> {
        self.entries.lock().get(&id).map(|entry| entry.receipt().clone())
    }

    /// At most `max` receipts, the newest first, those before `before` only.
    pub(crate) fn receipts(&self, before: Option<u64>, max: usize) -> Vec<Receipt> {
        let entries = self.entries.lock();
        let earlier = entries.range(..before.unwrap_or(u64::MAX)).rev();
        earlier.take(max).map(|(_, entry)| entry.receipt().clone()).collect()
    }

    /// The files of those that were asked for before a position, by name, each as it is when its
    /// turn comes.
    pub(crate) fn files(&self, before: u64) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
        let mut from = 0;
        std::iter::from_fn(move || {
            let entries = self.entries.lock();
            let (id, entry) = entries.range(from..before).next()?;
            from = id + 1;
            Some((file_name(*id), entry.to_value().to_string().into_bytes()))
        })
    }

    fn save(&self, entry: Entry) -> std::io::Result<()> {
        let id = entry.receipt().id;
        let path = self.dir.join(file_name(id));
        let mut unfinished = path.clone().into_os_string();
        unfinished.push(UNFINISHED);
        let unfinished = PathBuf::from(unfinished);
        let file = self.storage.create(&unfinished)?;
        file.write_at(entry.to_value().to_string().as_bytes(), 0)?;
        file.sync()?;
        self.storage.rename(&unfinished, &path)?;
        self.storage.sync_dir(&self.dir)?;
        self.entries.lock().insert(id, entry);
        Ok(())
    }
}

impl Entry {
    fn receipt(&self) -> &Receipt {
        match self {
            Entry::Running(person) => &person.receipt,
            Entry::Complete(receipt) => receipt,
        }
    }

    fn to_value(&self) -> Value {
        let receipt = self.receipt().to_value();
        match self {
            Entry::Complete(_) => json!({"version": VERSION, "receipt": receipt}),
            Entry::Running(person) => {
                let Person { erased, ends, .. } = &**person;
                let texts = |texts: &mut dyn Iterator<Item = String>| texts.collect::<Vec<_>>();
                let person = json!({
                    "named": erased.named.to_string(),
                    "identities": texts(&mut erased.identities.iter().map(ToString::to_string)),
                    "profiles": texts(&mut erased.profiles.iter().map(ToString::to_string)),
                    "inputs": erased.inputs,
                    "ends": ends,
                });
                json!({"version": VERSION, "receipt": receipt, "person": person})
            }
        }
    }

    fn from_value(value: &Value) -> Option<Entry> {
        if value.get("version")?.as_u64()? != VERSION {
            return None;
        }
        let receipt = Receipt::from_value(value.get("receipt")?)?;
        let Some(person) = value.get("person") else {
            return Some(Entry::Complete(receipt));
        };
        let texts = |key: &str| person.get(key)?.as_array();
        let identity = |text: &Value| text.as_str()?.parse::<Identity>().ok();
        let profile = |text: &Value| text.as_str()?.parse::<ProfileId>().ok();
        let erased = Erased {
            named: identity(person.get("named")?)?,
            identities: texts("identities")?
                .iter()
                .map(identity)
                .collect::<Option<BTreeSet<_>>>()?,
            profiles: texts("profiles")?.iter().map(profile).collect::<Option<_>>()?,
            inputs: texts("inputs")?.iter().map(Value::as_u64).collect::<Option<_>>()?,
        };
        let ends = serde_json::from_value(person.get("ends")?.clone()).ok()?;
        Some(Entry::Running(Box::new(Person { receipt, erased, ends })))
    }
}

fn file_name(id: u64) -> String {
    format!("{id:020}.json")
}

fn read(storage: &dyn Storage, path: &Path) -> std::io::Result<Vec<u8>> {
    let file = storage.open(path)?;
    let mut bytes = vec![0; usize::try_from(file.length()?).unwrap_or(usize::MAX)];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match StorageFile::read_at(&*file, rest, filled as u64)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => filled += read,
        }
    }
    Ok(bytes)
}
