//! The event hub in this process: the destination `{embedded: true}`.
//!
//! Its partitions are the activation log itself. An activation is published once, in the partition
//! of its profile id, durably, before the runtime goes on; a function reads it from there.
//!
//! - A hub that a destination names and that does not exist is made when the destination is
//!   saved, with the default number of partitions.
//! - All activations of a profile go to one partition in the order of their causes.
//! - A message over the hub's limit of size can never be published. It goes to the hub
//!   [`DEAD_LETTERS`] instead, with the error, and the others go on.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use segue_core::connection::Connection;
use segue_core::{Activation, ActivationId, Definition, Destination};
use segue_hub::{EventHub, HUBS, Hub, MESSAGE_BYTES_MAX};
use segue_log::{LogError, Partition};
use segue_runtime::{
    ActivationLog, ActivationLogError, Appending, Delivered, ExportedLog, LogEnds, LogErasures,
    Persons, Routed,
};
use segue_xdm::Violation;

use crate::erasure;
use crate::message::{activation_id, encode, encode_dead_letter};

/// The hub that holds what no other hub takes. Made when it is needed first.
pub const DEAD_LETTERS: &str = "dead-letters";

/// Bytes of messages that are published before the disk is waited for: a quarter of what one
/// append may hold, which leaves room for what others publish meanwhile.
const ROUND_BYTES: usize = segue_log::MAX_APPEND_BYTES / 4;

/// Bytes that are read at once when looking for activations.
const SCAN_BYTES: usize = 1 << 20;

/// The activation logs of one embedded broker.
#[derive(Clone)]
pub struct EmbeddedHub {
    hub: Hub,
}

impl EmbeddedHub {
    /// Activations go to the hubs of this broker.
    #[must_use]
    pub fn new(hub: Hub) -> EmbeddedHub {
        EmbeddedHub { hub }
    }

    /// Every partition, with the name that its hub has in [`LogEnds`]: in lower case, because a
    /// hub may come back from a restart in another case.
    fn partitions(&self) -> impl Iterator<Item = (String, Partition)> {
        self.hub.event_hubs().into_iter().flat_map(|hub| {
            let name = hub.name().to_ascii_lowercase();
            let partitions = hub.log().partitions().to_vec();
            partitions.into_iter().map(move |partition| (name.clone(), partition))
        })
    }

    /// Appends activations, those of one profile in the order given; the last of them are to be
    /// waited for.
    pub(crate) fn append_all<'a>(
        &self,
        activations: impl Iterator<Item = &'a Routed>,
    ) -> Appending {
        self.try_append(activations).unwrap_or_else(|error| Appending::ended(Err(error)))
    }

    fn try_append<'a>(
        &self,
        activations: impl Iterator<Item = &'a Routed>,
    ) -> Result<Appending, ActivationLogError> {
        let mut round = Round::default();
        for routed in activations {
            let message = encode(&routed.activation);
            if message.len() > MESSAGE_BYTES_MAX {
                self.bury(routed, message.len())?;
                continue;
            }
            let hub = self.hub.ensure_event_hub(&routed.log).map_err(failed)?;
            round.add(hub, &routed.activation, message);
            if round.bytes >= ROUND_BYTES {
                std::mem::take(&mut round).publish().wait()?;
            }
        }
        Ok(round.publish())
    }

    /// Puts an activation whose message is too large where it does not hold up the others.
    fn bury(&self, routed: &Routed, bytes: usize) -> Result<(), ActivationLogError> {
        let Routed { log: event_hub, activation } = routed;
        let error = format!(
            "the message has {bytes} bytes, over the limit of {MESSAGE_BYTES_MAX}; \
             map fewer attributes to {}",
            activation.destination
        );
        tracing::error!(activation = %activation.id, %error, "to the dead letters");
        let hub = self.hub.ensure_event_hub(DEAD_LETTERS).map_err(failed)?;
        let partition = hub.partition_for_key(&activation.profile.to_string());
        let letter = encode_dead_letter(activation, event_hub, &error);
        // Not by way of the hub, which takes no message of this size.
        let partition = hub.log().partition(partition).ok_or_else(|| failed(LogError::Closed))?;
        let append = partition.append(activation.at.as_millis(), &[&letter]).map_err(failed)?;
        append.wait().map_err(failed)
    }
}

impl ActivationLog for EmbeddedHub {
    fn check(&self, definition: &Definition) -> Result<(), Vec<Violation>> {
        let Some(event_hub) = event_hub_of(definition) else {
            return Ok(());
        };
        Hub::check_name(event_hub)
            .map_err(|problem| vec![Violation::new("/connection/event_hub", "format", problem)])
    }

    fn prepare(&self, definition: &Definition) -> Result<(), ActivationLogError> {
        if let Some(event_hub) = event_hub_of(definition) {
            self.hub.ensure_event_hub(event_hub).map_err(failed)?;
        }
        Ok(())
    }

    fn append(&self, activations: &[Routed]) -> Appending {
        self.append_all(activations.iter())
    }

    fn ends(&self) -> LogEnds {
        let mut ends = LogEnds::new();
        for (name, partition) in self.partitions() {
            ends.entry(name).or_default().push(partition.end_offset());
        }
        ends
    }

    fn ids_since(&self, ends: &LogEnds) -> Result<HashSet<ActivationId>, ActivationLogError> {
        let mut ids = HashSet::new();
        for (name, partition) in self.partitions() {
            let from = end_of(ends, &name, &partition).unwrap_or_default();
            if partition.end_offset() < from {
                return Err(lost(&name, &partition, from));
            }
            collect_ids(&partition, from, &mut ids).map_err(failed)?;
        }
        match ends.keys().find(|name| self.hub.event_hub(name).is_none()) {
            Some(name) => Err(failed(format!("event hub {name} is gone; {RESTORE}"))),
            None => Ok(ids),
        }
    }

    fn hold_from(&self, ends: &LogEnds) {
        for (name, partition) in self.partitions() {
            partition.hold_from(end_of(ends, &name, &partition).unwrap_or_default());
        }
    }

    fn erase(&self, persons: &Persons) -> Result<Vec<LogErasures>, ActivationLogError> {
        let mut counts = vec![LogErasures::new(); persons.len()];
        for (name, partition) in self.partitions() {
            // What lies in a hub is delivered.
            let erased = erasure::erase(&name, &partition, u64::MAX, persons, &mut counts);
            erased.map_err(failed)?;
        }
        Ok(counts)
    }

    /// What is in a hub is delivered.
    fn export_delivered(&self) -> Delivered {
        Delivered::default()
    }

    fn export_logs(&self, ends: &LogEnds) -> Vec<ExportedLog> {
        let log = |hub: &EventHub| {
            let name = hub.name().to_ascii_lowercase();
            let ends = ends.get(&name)?;
            Some(ExportedLog::pin(format!("{HUBS}/{name}"), hub.log(), ends))
        };
        self.hub.event_hubs().iter().filter_map(log).collect()
    }

    /// Makes the hubs that are missing: those of definitions that were imported.
    fn follow(&self, destinations: &[Destination]) {
        for destination in destinations {
            if let Connection::EmbeddedHub { event_hub } = &destination.connection
                && let Err(error) = self.hub.ensure_event_hub(event_hub)
            {
                tracing::error!(event_hub, %error, "cannot make the hub of a destination");
            }
        }
    }
}

/// The embedded hub that a definition is about.
fn event_hub_of(definition: &Definition) -> Option<&str> {
    match definition {
        Definition::Destination(Destination {
            connection: Connection::EmbeddedHub { event_hub },
            ..
        }) => Some(event_hub),
        _ => None,
    }
}

/// Encoded messages for one partition of a hub.
type Batch = (EventHub, Vec<Vec<u8>>);

/// Messages that are published together.
#[derive(Default)]
struct Round {
    /// By the name of the hub and the number of the partition.
    messages: BTreeMap<(String, u16), Batch>,
    bytes: usize,
}

impl Round {
    fn add(&mut self, hub: EventHub, activation: &Activation, message: Vec<u8>) {
        self.bytes += message.len();
        let partition = hub.partition_for_key(&activation.profile.to_string());
        let key = (hub.name().to_owned(), partition);
        self.messages.entry(key).or_insert_with(|| (hub, Vec::new())).1.push(message);
    }

    /// Publishes all, the others also when one fails, so that whoever looks afterwards sees
    /// everything that will ever be there.
    fn publish(self) -> Appending {
        let mut outcome = Ok(());
        let mut appends = Vec::with_capacity(self.messages.len());
        for ((_, partition), (hub, messages)) in &self.messages {
            match hub.publish(*partition, messages) {
                Ok(append) => appends.push(append),
                Err(error) => outcome = Err(failed(error)),
            }
        }
        Appending::new(move || {
            let waited = appends.into_iter().map(|append| append.wait().map_err(failed));
            waited.fold(outcome, Result::and)
        })
    }
}

/// What to do when a hub has lost what the checkpoint knows it held.
const RESTORE: &str = "restore the hub's directory, or delete the directory `state` to send \
                       again what the input log still has";

/// What `ends` says about a partition; `None` if it did not exist then.
fn end_of(ends: &LogEnds, name: &str, partition: &Partition) -> Option<u64> {
    ends.get(name)?.get(usize::from(partition.number())).copied()
}

fn lost(name: &str, partition: &Partition, expected: u64) -> ActivationLogError {
    let (number, end) = (partition.number(), partition.end_offset());
    failed(format!(
        "event hub {name}, partition {number} ends at {end}, but held {expected} messages when \
         the checkpoint was written; {RESTORE}"
    ))
}

/// Adds the ids of all activations in a partition from `from` on.
fn collect_ids(
    partition: &Partition,
    from: u64,
    ids: &mut HashSet<ActivationId>,
) -> Result<(), LogError> {
    let mut reader = partition.reader(from.max(partition.start_offset()));
    loop {
        let records = reader.read(SCAN_BYTES)?;
        if records.is_empty() {
            return Ok(());
        }
        ids.extend(records.iter().filter_map(|record| activation_id(&record.payload)));
    }
}

fn failed(error: impl fmt::Display) -> ActivationLogError {
    ActivationLogError::new(error.to_string())
}
