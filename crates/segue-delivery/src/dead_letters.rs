//! Messages that a destination refused for good, kept until somebody replays or drops them.
//!
//! One log for all destinations, `<data>/delivery/dead-letters`. A record is a letter, or says
//! that an earlier one is gone:
//!
//! ```json
//! {"letter": {"destination": "crm", "activation": "…", "error": "…", "message": "<base64>"}}
//! {"gone": {"id": 17, "why": "replayed"}}
//! ```
//! The id of a letter is its offset. Which ones are there is known from one pass at the start; the
//! log is kept from the oldest of them on.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use parking_lot::Mutex;
use segue_amqp::message::{Body, Message};
use segue_core::ProfileId;
use segue_log::{Log, LogOptions, LogRecord, Partition, Retention};
use segue_runtime::{ExportedLog, LogErasures, Persons};
use segue_xdm::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::erasure;
use crate::error::DeliveryError;
use crate::message::{activation_id, profile_id};

/// Where they are, below the data directory.
pub(crate) const LETTERS_DIRECTORY: &str = "delivery/dead-letters";

/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 20;

/// Name of this log in receipts of erasures.
const LETTERS: &str = "log:dead-letters";

/// How long the log remembers letters that are gone.
const GONE_KEPT_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// A message that its destination refused for good.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// Its number.
    pub id: u64,
    /// The destination.
    pub destination: String,
    /// Id of the activation.
    pub activation: String,
    /// What the destination said, or why the message could not be sent at all.
    pub error: String,
    /// When it became one.
    pub at: Timestamp,
    /// What stands beside the body, by name.
    pub properties: Map<String, Value>,
    /// The body of the activation.
    pub body: Value,
    /// The activation as it lay in the outbox.
    pub(crate) stored: Bytes,
}

impl DeadLetter {
    /// The profile that it is about.
    pub(crate) fn profile(&self) -> Option<ProfileId> {
        profile_id(&self.stored)
    }
}

/// Why a letter is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fate {
    /// It went back to the end of its outbox.
    Replayed,
    /// Nobody wants it.
    Dropped,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Record {
    Letter(Letter),
    Gone { id: u64, why: Fate },
}

#[derive(Serialize, Deserialize)]
struct Letter {
    destination: String,
    activation: String,
    error: String,
    message: String,
}

/// The dead letters of all destinations.
pub struct DeadLetters {
    log: Log,
    index: Mutex<Index>,
}

/// Destination and activation of a letter.
type Named = Arc<(String, String)>;

/// Which letters are there.
#[derive(Default)]
struct Index {
    letters: BTreeMap<u64, Named>,
    /// The letter that keeps an activation from becoming another one.
    named: HashMap<Named, u64>,
    /// How many each destination has.
    counts: HashMap<String, u64>,
}

impl DeadLetters {
    /// Opens the log and learns which letters are there.
    pub(crate) fn open(directory: &Path) -> Result<DeadLetters, DeliveryError> {
        let retention = Retention { max_age_ms: Some(GONE_KEPT_MS), max_bytes: None };
        let log = Log::open(directory, LogOptions { retention, ..LogOptions::default() })?;
        let mut index = Index::default();
        if let Some(partition) = log.partition(0) {
            let mut reader = partition.reader(partition.start_offset());
            loop {
                let records = reader.read(READ_BYTES)?;
                if records.is_empty() {
                    break;
                }
                for record in records.iter().filter(|record| !record.is_erased) {
                    match decode(record)? {
                        Record::Letter(letter) => {
                            index.add(record.offset, letter.destination, letter.activation);
                        }
                        Record::Gone { id, .. } => drop(index.remove(id)),
                    }
                }
            }
        }
        let letters = DeadLetters { log, index: Mutex::new(index) };
        letters.hold();
        Ok(letters)
    }

    /// Keeps a message; durable when it returns. One that is there already, because a crash came
    /// between this and the cursor, is not kept twice.
    pub(crate) async fn bury(
        &self,
        destination: &str,
        stored: &Bytes,
        error: &str,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let activation = activation_id(stored).map(|id| id.to_string()).unwrap_or_default();
        if self.index.lock().has(destination, &activation) {
            return Ok(());
        }
        let letter = Letter {
            destination: destination.to_owned(),
            activation: activation.clone(),
            error: error.to_owned(),
            message: STANDARD.encode(stored),
        };
        let id = self.append(&Record::Letter(letter), now).await?;
        self.index.lock().add(id, destination.to_owned(), activation);
        self.hold();
        Ok(())
    }

    /// A letter is about to be replayed: if its message is refused again, that makes another one.
    pub(crate) fn release(&self, id: u64) {
        let mut index = self.index.lock();
        if let Some(named) = index.letters.get(&id).cloned() {
            index.release(id, &named);
        }
    }

    /// A letter is gone; durable when it returns.
    pub(crate) async fn remove(
        &self,
        id: u64,
        why: Fate,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        self.append(&Record::Gone { id, why }, now).await?;
        let removed = self.index.lock().remove(id);
        self.hold();
        removed.map(drop).ok_or(DeliveryError::NoDeadLetter { id })
    }

    /// At most `max` letters from id `from` on, the oldest first; of one destination or of all.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn list(
        &self,
        destination: Option<&str>,
        from: u64,
        max: usize,
    ) -> Result<Vec<DeadLetter>, DeliveryError> {
        let wanted = |named: &str| destination.is_none_or(|destination| destination == named);
        let ids: Vec<u64> = {
            let index = self.index.lock();
            let there = index.letters.range(from..).filter(|(_, named)| wanted(&named.0));
            there.map(|(id, _)| *id).take(max).collect()
        };
        ids.into_iter().map(|id| self.read(id)).collect()
    }

    /// One letter.
    ///
    /// # Errors
    /// When there is none with this id, or the log cannot be read.
    pub fn read(&self, id: u64) -> Result<DeadLetter, DeliveryError> {
        if !self.index.lock().letters.contains_key(&id) {
            return Err(DeliveryError::NoDeadLetter { id });
        }
        let mut records = self.partition()?.reader(id).read(1)?.into_iter();
        let record = records.next().ok_or(DeliveryError::NoDeadLetter { id })?;
        let at = Timestamp::from_millis(record.time_ms);
        match decode(&record)? {
            Record::Letter(letter) => letter.into_dead_letter(id, at),
            Record::Gone { .. } => Err(DeliveryError::NoDeadLetter { id }),
        }
    }

    /// Erases the letters about persons, those that are gone, too.
    pub(crate) fn erase(
        &self,
        persons: &Persons,
        counts: &mut [LogErasures],
    ) -> Result<(), DeliveryError> {
        let partition = self.partition()?;
        let mut letters = Vec::new();
        partition.visit(partition.start_offset()..partition.end_offset(), |record| {
            let Ok(Record::Letter(letter)) = decode(record) else { return Ok(()) };
            let Ok(stored) = STANDARD.decode(letter.message) else { return Ok(()) };
            let (profile, names) = erasure::whom(&stored);
            let about: Vec<usize> = persons.in_letter(record.time_ms, profile, &names).collect();
            for person in &about {
                if let Some(count) = counts.get_mut(*person) {
                    count.entry(LETTERS.to_owned()).or_default().erased += 1;
                }
            }
            letters.extend((!about.is_empty()).then_some(record.offset));
            Ok::<(), DeliveryError>(())
        })?;
        let mut index = self.index.lock();
        letters.iter().for_each(|id| drop(index.remove(*id)));
        drop(index);
        partition.erase(&letters)?;
        self.hold();
        Ok(())
    }

    /// All letters that there are now, for an export.
    pub(crate) fn export_log(&self) -> ExportedLog {
        let ends: Vec<u64> = self.log.partitions().iter().map(Partition::end_offset).collect();
        ExportedLog::pin(LETTERS_DIRECTORY.to_owned(), &self.log, &ends)
    }

    /// How many letters a destination has.
    #[must_use]
    pub fn count(&self, destination: &str) -> u64 {
        self.index.lock().counts.get(destination).copied().unwrap_or_default()
    }

    async fn append(&self, record: &Record, now: Timestamp) -> Result<u64, DeliveryError> {
        // A record of plain strings and numbers always serializes.
        let bytes = serde_json::to_vec(record).unwrap_or_default();
        let append = self.partition()?.append(now.as_millis(), &[&bytes])?;
        let id = append.first_offset;
        append.await?;
        Ok(id)
    }

    fn hold(&self) {
        let index = self.index.lock();
        if let Ok(partition) = self.partition() {
            let oldest = index.letters.keys().next().copied();
            partition.hold_from(oldest.unwrap_or_else(|| partition.end_offset()));
        }
    }

    fn partition(&self) -> Result<&Partition, DeliveryError> {
        Ok(self.log.partition(0).ok_or(segue_log::LogError::Closed)?)
    }
}

impl Index {
    fn add(&mut self, id: u64, destination: String, activation: String) {
        *self.counts.entry(destination.clone()).or_default() += 1;
        let named = Arc::new((destination, activation));
        self.named.insert(Arc::clone(&named), id);
        self.letters.insert(id, named);
    }

    fn remove(&mut self, id: u64) -> Option<Named> {
        let removed = self.letters.remove(&id)?;
        self.release(id, &removed);
        if let Some(count) = self.counts.get_mut(&removed.0) {
            *count = count.saturating_sub(1);
        }
        Some(removed)
    }

    fn has(&self, destination: &str, activation: &str) -> bool {
        self.named.contains_key(&(destination.to_owned(), activation.to_owned()))
    }

    fn release(&mut self, id: u64, named: &Named) {
        if self.named.get(named) == Some(&id) {
            self.named.remove(named);
        }
    }
}

impl Letter {
    fn into_dead_letter(self, id: u64, at: Timestamp) -> Result<DeadLetter, DeliveryError> {
        let unreadable = |problem: String| DeliveryError::Unreadable { id, problem };
        let stored = STANDARD.decode(self.message).map_err(|e| unreadable(e.to_string()))?;
        let stored = Bytes::from(stored);
        let message = Message::decode(&stored).map_err(|error| unreadable(error.to_string()))?;
        let body = match &message.body {
            Body::Data(body) => serde_json::from_slice(body).unwrap_or_default(),
            _ => Value::Null,
        };
        let properties = message
            .application_properties
            .iter()
            .filter_map(|(name, value)| Some((name.as_str()?.to_owned(), value.as_str()?.into())));
        Ok(DeadLetter {
            id,
            destination: self.destination,
            activation: self.activation,
            error: self.error,
            at,
            properties: properties.collect(),
            body,
            stored,
        })
    }
}

fn decode(record: &LogRecord) -> Result<Record, DeliveryError> {
    serde_json::from_slice(&record.payload).map_err(|error| DeliveryError::Unreadable {
        id: record.offset,
        problem: error.to_string(),
    })
}
