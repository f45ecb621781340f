//! Events that a function failed for good, kept with all that is needed to understand them and to
//! try them again: one JSON record per event in a log of its own below the data directory.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use segue_log::{Log, LogError, LogOptions, Retention};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::{now_ms, utc};
use crate::hub::{HubAddress, HubEvent, Position};

/// One record must stay below the log's limit; Azure's events are at most 1 MB, their logs are
/// cut to this length.
const KEPT_LOG_BYTES: usize = 64 << 10;

/// How much of the log is read at a time when listing.
const READ_BYTES: usize = 4 << 20;

/// Why an event became a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DeadLetterReason {
    /// The function threw, or reported the event as failed.
    Failed,
    /// The function took longer than `functionTimeout`.
    TimedOut,
    /// The worker ended while the function ran, several times.
    WorkerLost,
}

/// An event that a function failed for good.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The function.
    pub function: String,
    /// Host of the event hub's namespace.
    pub namespace: String,
    /// The event hub.
    pub event_hub: String,
    /// The consumer group that the function reads as.
    pub consumer_group: String,
    /// The partition.
    pub partition: String,
    /// Where in the partition it is.
    #[serde(flatten)]
    pub position: Position,
    /// When the hub took it, RFC 3339.
    pub enqueued_time_utc: String,
    /// What it was partitioned by.
    pub partition_key: Option<String>,
    /// What its sender says the body is.
    pub content_type: Option<String>,
    /// Its sender's properties.
    pub properties: Map<String, Value>,
    /// Everything else that came with it.
    pub system_properties: Map<String, Value>,
    /// The event itself.
    #[serde(flatten)]
    pub body: Body,
    /// How often it was tried.
    pub attempts: u32,
    /// Why it is here.
    pub reason: DeadLetterReason,
    /// Message and stack of the last attempt's error.
    pub error: String,
    /// The attempts, oldest first; only the newest are kept.
    pub invocation_ids: Vec<String>,
    /// What the last attempt logged.
    pub logs: Vec<String>,
    /// When it became one, RFC 3339.
    pub dead_lettered_at: String,
}

/// The bytes of an event: as text when they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// UTF-8 text.
    #[serde(rename = "body")]
    Text(String),
    /// Base64 of anything else.
    #[serde(rename = "bodyBase64")]
    Base64(String),
}

impl Body {
    fn new(bytes: &[u8]) -> Body {
        match std::str::from_utf8(bytes) {
            Ok(text) => Body::Text(text.to_owned()),
            Err(_) => Body::Base64(STANDARD.encode(bytes)),
        }
    }

    /// The event's bytes; `None` when the record does not hold base64.
    pub fn bytes(&self) -> Option<Bytes> {
        match self {
            Body::Text(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
            Body::Base64(text) => STANDARD.decode(text).ok().map(Bytes::from),
        }
    }
}

/// What all dead letters of one batch have in common.
pub(crate) struct Circumstances<'a> {
    pub(crate) function: &'a str,
    pub(crate) hub: &'a HubAddress,
    pub(crate) consumer_group: &'a str,
    pub(crate) partition: &'a str,
    pub(crate) attempts: u32,
    pub(crate) reason: DeadLetterReason,
    pub(crate) error: String,
    pub(crate) invocation_ids: &'a [String],
    pub(crate) logs: &'a [String],
}

impl Circumstances<'_> {
    pub(crate) fn letter(&self, event: &HubEvent) -> DeadLetter {
        DeadLetter {
            function: self.function.to_owned(),
            namespace: self.hub.namespace().to_owned(),
            event_hub: self.hub.event_hub.clone(),
            consumer_group: self.consumer_group.to_owned(),
            partition: self.partition.to_owned(),
            position: event.position.clone(),
            enqueued_time_utc: utc(event.enqueued_time_ms),
            partition_key: event.partition_key.clone(),
            content_type: event.content_type.clone(),
            properties: event.properties.clone(),
            system_properties: event.system_properties.clone(),
            body: Body::new(&event.body),
            attempts: self.attempts,
            reason: self.reason,
            error: self.error.clone(),
            invocation_ids: self.invocation_ids.to_vec(),
            logs: last_lines(self.logs),
            dead_lettered_at: utc(now_ms()),
        }
    }
}

fn last_lines(logs: &[String]) -> Vec<String> {
    let mut bytes = 0;
    let fits = |line: &&String| {
        bytes += line.len();
        bytes <= KEPT_LOG_BYTES
    };
    let mut kept: Vec<_> = logs.iter().rev().take_while(fits).cloned().collect();
    kept.reverse();
    kept
}

/// The dead letters of all functions of one data directory. Clones share them.
#[derive(Clone)]
pub struct DeadLetters {
    log: Log,
    dir: PathBuf,
}

impl DeadLetters {
    /// Opens the log of dead letters below `data_dir`; only one process at a time can.
    ///
    /// # Errors
    /// When the directory is not writable, is open elsewhere, or its files are damaged.
    pub fn open(data_dir: &Path) -> Result<DeadLetters, LogError> {
        let dir = data_dir.join("dead-letters");
        let retention = Retention { max_age_ms: None, max_bytes: None };
        let options = LogOptions { partitions: 1, retention, ..LogOptions::default() };
        Ok(DeadLetters { log: Log::open(&dir, options)?, dir })
    }

    /// Durable when it returns.
    pub(crate) async fn append(&self, letters: &[DeadLetter]) -> Result<(), LogError> {
        let Some(partition) = self.log.partition(0) else {
            return Ok(());
        };
        let mut appends = Vec::with_capacity(letters.len());
        for letter in letters {
            // A record of plain strings and numbers always serializes.
            let record = serde_json::to_vec(letter).unwrap_or_default();
            appends.push(partition.append(now_ms(), &[&record])?);
        }
        for append in appends {
            append.await?;
        }
        Ok(())
    }

    /// At most `max` dead letters with their ids, from id `from` on, oldest first.
    ///
    /// # Errors
    /// When the log cannot be read or holds something else.
    pub fn list(&self, from: u64, max: usize) -> Result<Vec<(u64, DeadLetter)>, DeadLetterError> {
        let mut letters = Vec::new();
        let Some(partition) = self.log.partition(0) else {
            return Ok(letters);
        };
        let mut reader = partition.reader(from);
        loop {
            let records = reader.read(READ_BYTES)?;
            if records.is_empty() {
                return Ok(letters);
            }
            for record in records {
                if letters.len() >= max {
                    return Ok(letters);
                }
                let letter = serde_json::from_slice(&record.payload).map_err(|source| {
                    DeadLetterError::Unreadable { dir: self.dir.clone(), id: record.offset, source }
                })?;
                letters.push((record.offset, letter));
            }
        }
    }
}

/// Why dead letters cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A record is not a dead letter of this version.
    #[error("dead letter {id} in {} cannot be read: {source}", dir.display())]
    Unreadable {
        /// The log's directory.
        dir: PathBuf,
        /// Which one.
        id: u64,
        /// What is wrong.
        source: serde_json::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_events::{event, hub};

    #[tokio::test]
    async fn what_went_in_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let hub = hub();
        let circumstances = Circumstances {
            function: "f",
            hub: &hub,
            consumer_group: "$Default",
            partition: "0",
            attempts: 3,
            reason: DeadLetterReason::Failed,
            error: "Error: no".to_owned(),
            invocation_ids: &["a".to_owned()],
            logs: &["x".repeat(KEPT_LOG_BYTES), "information: hello".to_owned()],
        };
        let letters =
            [b"text".as_slice(), b"\xff"].map(|body| circumstances.letter(&event(7, body)));
        let dead_letters = DeadLetters::open(dir.path()).unwrap();
        dead_letters.append(&letters).await.unwrap();
        drop(dead_letters);

        let found = DeadLetters::open(dir.path()).unwrap().list(0, 9).unwrap();
        assert_eq!(found, [(0, letters[0].clone()), (1, letters[1].clone())]);
        assert_eq!(found[0].1.body, Body::Text("text".to_owned()));
        assert_eq!(found[1].1.body.bytes().unwrap().as_ref(), b"\xff");
        assert_eq!(found[0].1.logs.len(), 1, "a line that is too long is left out");
        assert!(!serde_json::to_string(&found).unwrap().contains("SAS_KEY_VALUE"));
    }
}
