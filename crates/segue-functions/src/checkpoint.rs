//! How far each function has come in each partition, durably.
//!
//! One JSON file per function below `checkpoints/`, replaced atomically (write a temporary file,
//! fsync, rename, fsync the directory), so that after a crash it holds the old or the new state:
//!
//! ```json
//! {"version": 1, "function": "log-activations", "sources": {
//!   "localhost/activations/$Default": {
//!     "0": {"position": {"sequenceNumber": 41, "offset": "41"},
//!           "redrive": {"through": 44, "pending": [43], "failures": 1, "crashes": 0,
//!                       "invocationIds": ["…"]}}}}}
//! ```
//!
//! Everything up to `position` is done with. `redrive` is there while a batch behind it is being
//! tried again: of the events up to `through`, those in `pending` are still to do, the others have
//! succeeded. A restart goes on from there, with the attempts that were made.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use segue_log::replace_file;
use serde::{Deserialize, Serialize};

use crate::error::StartError;
use crate::hub::{HubEvent, Position};

const VERSION: u32 = 1;

/// The newest invocation ids that a redrive remembers; retries may go on forever.
const KEPT_INVOCATION_IDS: usize = 20;

/// What is known about one partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    pub(crate) position: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) redrive: Option<Redrive>,
}

/// A batch that has failed, at least in part, and is being tried again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Redrive {
    /// Sequence number of the batch's last event.
    pub(crate) through: i64,
    /// Sequence numbers of the events that have not succeeded.
    pub(crate) pending: Vec<i64>,
    #[serde(flatten)]
    pub(crate) attempts: Attempts,
}

/// What has been tried for a batch so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempts {
    /// Attempts that the function failed.
    pub(crate) failures: u32,
    /// Attempts that ended with the worker.
    pub(crate) crashes: u32,
    pub(crate) invocation_ids: Vec<String>,
}

impl Attempts {
    /// The number of the attempt that comes, from 1 on.
    pub(crate) fn next(&self) -> u32 {
        self.failures.saturating_add(self.crashes).saturating_add(1)
    }

    pub(crate) fn remember(&mut self, invocation_id: &str) {
        if self.invocation_ids.len() >= KEPT_INVOCATION_IDS {
            self.invocation_ids.remove(0);
        }
        self.invocation_ids.push(invocation_id.to_owned());
    }
}

/// Events as they come from the hub, sorted by what is to be done with them.
#[derive(Debug, Default)]
pub(crate) struct Split {
    /// What an unfinished batch still has to do.
    pub(crate) redriven: Vec<HubEvent>,
    /// How far these events reach within the unfinished batch.
    pub(crate) redriven_end: Option<Position>,
    pub(crate) new: Vec<HubEvent>,
}

impl Progress {
    /// Sorts `events`; those that are done with already are left out.
    pub(crate) fn split(&self, events: Vec<HubEvent>) -> Split {
        let done = self.position.as_ref().map(|position| position.sequence_number);
        let mut split = Split::default();
        for event in events {
            let number = event.position.sequence_number;
            if done.is_some_and(|done| number <= done) {
                continue;
            }
            match &self.redrive {
                Some(redrive) if number <= redrive.through => {
                    split.redriven_end = Some(event.position.clone());
                    if redrive.pending.contains(&number) {
                        split.redriven.push(event);
                    }
                }
                _ => split.new.push(event),
            }
        }
        split
    }

    /// Everything up to `position` is done with.
    pub(crate) fn advance(&mut self, position: Position) {
        self.redrive.take_if(|redrive| redrive.through <= position.sequence_number);
        self.position = Some(position);
    }
}

/// The checkpoints of one function.
pub(crate) struct Checkpoints {
    path: PathBuf,
    content: Mutex<Content>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Content {
    version: u32,
    function: String,
    /// By `namespace/hub/group`, then by partition.
    sources: BTreeMap<String, BTreeMap<String, Progress>>,
}

impl Checkpoints {
    /// Reads the function's file, when there is one.
    pub(crate) fn open(data_dir: &Path, function: &str) -> Result<Checkpoints, StartError> {
        let dir = data_dir.join("checkpoints");
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            |source| StartError::Unreadable { path, source }
        };
        fs::create_dir_all(&dir).map_err(unreadable(&dir))?;
        let path = dir.join(file_name(function));
        let content = match fs::read(&path) {
            Ok(bytes) => {
                let invalid = |message| StartError::InvalidFile { path: path.clone(), message };
                let content: Content = serde_json::from_slice(&bytes).map_err(|error| {
                    invalid(format!("{error}; remove it to start over from the oldest event"))
                })?;
                if content.version != VERSION {
                    let found = content.version;
                    let message = format!("has version {found}, this program reads {VERSION}");
                    return Err(invalid(message));
                }
                content
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let sources = BTreeMap::new();
                Content { version: VERSION, function: function.to_owned(), sources }
            }
            Err(error) => return Err(unreadable(&path)(error)),
        };
        Ok(Checkpoints { path, content: Mutex::new(content) })
    }

    /// What is known about a partition of `source` (`namespace/hub/group`).
    pub(crate) fn get(&self, source: &str, partition: &str) -> Progress {
        let content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let progress = content.sources.get(source).and_then(|source| source.get(partition));
        progress.cloned().unwrap_or_default()
    }

    /// Durable when it returns. Blocks on the disk.
    pub(crate) fn save(&self, source: &str, partition: &str, progress: Progress) -> io::Result<()> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let partitions = content.sources.entry(source.to_owned()).or_default();
        partitions.insert(partition.to_owned(), progress);
        replace_file(&self.path, &serde_json::to_vec(&*content)?)
    }
}

/// Letters, digits, `-` and `_` stay; any other byte becomes `%XX`.
fn file_name(function: &str) -> String {
    let mut name = String::new();
    for byte in function.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            // Writing into a string cannot fail.
            _ => write!(name, "%{byte:02X}").unwrap_or_default(),
        }
    }
    name + ".json"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_events::event;

    fn numbers(events: &[HubEvent]) -> Vec<i64> {
        events.iter().map(|event| event.position.sequence_number).collect()
    }

    fn position(sequence_number: i64) -> Position {
        event(sequence_number, b"").position
    }

    #[test]
    fn what_was_saved_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let redrive = Redrive {
            through: 9,
            pending: vec![7],
            attempts: Attempts { failures: 2, crashes: 1, invocation_ids: vec!["i".to_owned()] },
        };
        let progress = Progress { position: Some(position(5)), redrive: Some(redrive) };
        let checkpoints = Checkpoints::open(dir.path(), "a/b").unwrap();
        checkpoints.save("ns/hub/$Default", "0", progress.clone()).unwrap();

        let reopened = Checkpoints::open(dir.path(), "a/b").unwrap();
        assert_eq!(reopened.get("ns/hub/$Default", "0"), progress);
        assert_eq!(reopened.get("ns/hub/other", "0"), Progress::default());
        assert!(dir.path().join("checkpoints/a%2Fb.json").exists());
    }

    #[test]
    fn a_damaged_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        Checkpoints::open(dir.path(), "f").unwrap();
        std::fs::write(dir.path().join("checkpoints/f.json"), "{").unwrap();
        let error = Checkpoints::open(dir.path(), "f").err().unwrap().to_string();
        assert!(error.contains("f.json") && error.contains("remove it"), "{error}");
    }

    #[test]
    fn a_restart_takes_from_an_unfinished_batch_what_is_pending() {
        let redrive = Redrive { through: 7, pending: vec![5, 7], ..Redrive::default() };
        let mut progress = Progress { position: Some(position(3)), redrive: Some(redrive) };
        let split = progress.split((2..=9).map(|number| event(number, b"")).collect());
        assert_eq!(numbers(&split.redriven), [5, 7]);
        assert_eq!(split.redriven_end, Some(position(7)));
        assert_eq!(numbers(&split.new), [8, 9]);

        progress.advance(position(6));
        assert!(progress.redrive.is_some());
        progress.advance(position(7));
        assert_eq!(progress.redrive, None);
    }

    #[test]
    fn invocation_ids_are_kept_up_to_a_limit() {
        let mut attempts = Attempts::default();
        (0..25).for_each(|number| attempts.remember(&number.to_string()));
        assert_eq!(attempts.invocation_ids.len(), KEPT_INVOCATION_IDS);
        assert_eq!(attempts.invocation_ids.last().map(String::as_str), Some("24"));
    }
}
