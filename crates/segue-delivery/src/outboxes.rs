//! All outboxes of a data directory: a directory each, opened at the start or made when the first
//! destination of that id is saved.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use segue_core::ActivationId;
use segue_log::{Append, LogError};
use segue_runtime::{
    ActivationLogError, Appending, ExportedLog, LogEnds, LogErasures, OUTBOX, Persons, Routed,
};

use crate::error::DeliveryError;
use crate::message::encode;
use crate::outbox::{Outbox, directory_name, id_of_directory};

/// Bytes of messages that are appended before the disk is waited for: a quarter of what may wait
/// for it in one partition.
const ROUND_BYTES: usize = segue_log::MAX_QUEUED_BYTES / 4;

pub(crate) struct Outboxes {
    directory: PathBuf,
    /// By the destination's id.
    open: RwLock<BTreeMap<String, Arc<Outbox>>>,
}

impl Outboxes {
    /// Opens those that are there.
    pub(crate) fn open(directory: &Path) -> Result<Outboxes, DeliveryError> {
        let unusable = |source| DeliveryError::Directory { path: directory.to_owned(), source };
        std::fs::create_dir_all(directory).map_err(unusable)?;
        let mut open = BTreeMap::new();
        for entry in std::fs::read_dir(directory).map_err(unusable)? {
            let entry = entry.map_err(unusable)?;
            let Some(id) = entry.file_name().to_str().and_then(id_of_directory) else { continue };
            open.insert(id.clone(), Arc::new(Outbox::open(&entry.path(), &id)?));
        }
        Ok(Outboxes { directory: directory.to_owned(), open: RwLock::new(open) })
    }

    /// The outbox of a destination, made if it is not there yet.
    pub(crate) fn ensure(&self, id: &str) -> Result<Arc<Outbox>, DeliveryError> {
        if let Some(outbox) = self.get(id) {
            return Ok(outbox);
        }
        let mut open = self.open.write();
        if let Some(outbox) = open.get(id) {
            return Ok(Arc::clone(outbox));
        }
        // A destination whose id names no directory was refused.
        let name = directory_name(id).map_err(|problem| DeliveryError::Directory {
            path: self.directory.clone(),
            source: std::io::Error::other(format!("{id}: {problem}")),
        })?;
        let outbox = Arc::new(Outbox::open(&self.directory.join(name), id)?);
        open.insert(id.to_owned(), Arc::clone(&outbox));
        Ok(outbox)
    }

    /// The outbox of a destination.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Outbox>> {
        self.open.read().get(id).cloned()
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Arc<Outbox>> {
        self.open.read().values().cloned().collect()
    }

    /// Appends activations to the outboxes that their logs name; others are passed over. The last
    /// of them are to be waited for.
    pub(crate) fn append<'a>(&self, activations: impl Iterator<Item = &'a Routed>) -> Appending {
        let appended = self.try_append(activations);
        appended.unwrap_or_else(|error| Appending::ended(Err(failed(error))))
    }

    fn try_append<'a>(
        &self,
        activations: impl Iterator<Item = &'a Routed>,
    ) -> Result<Appending, DeliveryError> {
        let mut round = Round::default();
        for Routed { log, activation } in activations {
            let Some(id) = log.strip_prefix(OUTBOX) else { continue };
            let message = encode(activation);
            round.bytes += message.len();
            let at = activation.at.as_millis();
            let outbox = self.ensure(id)?;
            round.note(outbox.append(activation.profile, at, &message));
            if round.bytes >= ROUND_BYTES {
                std::mem::take(&mut round).wait()?;
            }
        }
        Ok(Appending::new(move || round.wait().map_err(failed)))
    }

    /// Where every outbox ends, by the name of its log.
    pub(crate) fn ends(&self) -> LogEnds {
        let ends = |outbox: &Arc<Outbox>| (format!("{OUTBOX}{}", outbox.id()), outbox.ends());
        self.open.read().values().map(ends).collect()
    }

    /// Adds the ids of all activations at or after `ends`.
    pub(crate) fn collect_ids(
        &self,
        ends: &LogEnds,
        ids: &mut HashSet<ActivationId>,
    ) -> Result<(), DeliveryError> {
        for outbox in self.all() {
            outbox.collect_ids(ends_of(ends, outbox.id()), ids)?;
        }
        let named = ends.iter().filter_map(|(name, ends)| Some((name.strip_prefix(OUTBOX)?, ends)));
        for (id, ends) in named {
            // One that held nothing is made again when it is needed.
            if let Some(from) = ends.iter().copied().max().filter(|from| *from > 0)
                && self.get(id).is_none()
            {
                return Err(DeliveryError::LostOutbox { id: id.to_owned(), from, end: 0 });
            }
        }
        Ok(())
    }

    /// Erases what is about persons and delivered; the rest is counted as waiting.
    pub(crate) fn erase(
        &self,
        persons: &Persons,
        counts: &mut [LogErasures],
    ) -> Result<(), DeliveryError> {
        for outbox in self.all() {
            outbox.erase(&format!("{OUTBOX}{}", outbox.id()), persons, counts)?;
        }
        Ok(())
    }

    /// The outboxes up to `ends`, for an export; those that it does not name began later.
    pub(crate) fn export_logs(&self, ends: &LogEnds) -> Vec<ExportedLog> {
        let log = |outbox: &Arc<Outbox>| {
            let ends = ends.get(&format!("{OUTBOX}{}", outbox.id()))?;
            Some(outbox.export_log(ends))
        };
        self.all().iter().filter_map(log).collect()
    }

    /// Recovery needs everything at or after `ends`.
    pub(crate) fn hold_from(&self, ends: &LogEnds) {
        for outbox in self.all() {
            outbox.hold_from(ends_of(ends, outbox.id()));
        }
    }
}

fn ends_of<'a>(ends: &'a LogEnds, id: &str) -> &'a [u64] {
    ends.get(&format!("{OUTBOX}{id}")).map(Vec::as_slice).unwrap_or_default()
}

/// Appends whose durability is waited for together.
#[derive(Default)]
struct Round {
    appends: Vec<Append>,
    bytes: usize,
    failure: Option<LogError>,
}

impl Round {
    fn note(&mut self, append: Result<Append, LogError>) {
        match append {
            Ok(append) => self.appends.push(append),
            Err(error) => self.failure = Some(error),
        }
    }

    /// Waits for all, also for the others when one failed, so that whoever looks afterwards sees
    /// everything that will ever be there.
    fn wait(self) -> Result<(), DeliveryError> {
        let mut outcome = self.failure.map_or(Ok(()), Err);
        for append in self.appends {
            outcome = outcome.and(append.wait());
        }
        Ok(outcome?)
    }
}

fn failed(error: DeliveryError) -> ActivationLogError {
    ActivationLogError::new(error.to_string())
}
