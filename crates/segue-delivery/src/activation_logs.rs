//! The activation logs of all destinations, as the runtime sees them: the embedded hubs, and the
//! outboxes of destinations outside.

use std::collections::HashSet;
use std::fmt;

use segue_core::connection::Connection;
use segue_core::{ActivationId, Definition, Destination};
use segue_log::Partition;
use segue_runtime::{
    ActivationLog, ActivationLogError, Appending, Delivered, ExportedLog, LogEnds, LogErasures,
    OUTBOX, Persons, Routed,
};
use segue_xdm::Violation;

use crate::delivery::Delivery;
use crate::embedded_hub::EmbeddedHub;
use crate::outbox::directory_name;
use crate::senders;

/// Both kinds of activation logs.
#[derive(Clone)]
pub struct ActivationLogs {
    embedded: EmbeddedHub,
    delivery: Delivery,
}

impl ActivationLogs {
    /// Activations go to these hubs, and to the outboxes that `delivery` empties.
    #[must_use]
    pub fn new(embedded: EmbeddedHub, delivery: Delivery) -> ActivationLogs {
        ActivationLogs { embedded, delivery }
    }
}

impl ActivationLog for ActivationLogs {
    fn check(&self, definition: &Definition) -> Result<(), Vec<Violation>> {
        let Some(destination) = outside(definition) else {
            return self.embedded.check(definition);
        };
        let mut violations = senders::check(destination);
        if let Err(problem) = directory_name(&destination.id) {
            violations.push(Violation::new("/id", "limit", problem));
        }
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }

    fn prepare(&self, definition: &Definition) -> Result<(), ActivationLogError> {
        match outside(definition) {
            Some(destination) => {
                self.delivery.outboxes().ensure(&destination.id).map(drop).map_err(failed)
            }
            None => self.embedded.prepare(definition),
        }
    }

    fn append(&self, activations: &[Routed]) -> Appending {
        let embedded = activations.iter().filter(|routed| !routed.log.starts_with(OUTBOX));
        let embedded = self.embedded.append_all(embedded);
        embedded.and(self.delivery.outboxes().append(activations.iter()))
    }

    fn ends(&self) -> LogEnds {
        let mut ends = self.embedded.ends();
        ends.extend(self.delivery.outboxes().ends());
        ends
    }

    fn ids_since(&self, ends: &LogEnds) -> Result<HashSet<ActivationId>, ActivationLogError> {
        let of_hubs = ends.iter().filter(|(name, _)| !name.starts_with(OUTBOX));
        let of_hubs = of_hubs.map(|(name, ends)| (name.clone(), ends.clone())).collect();
        let mut ids = self.embedded.ids_since(&of_hubs)?;
        self.delivery.outboxes().collect_ids(ends, &mut ids).map_err(failed)?;
        Ok(ids)
    }

    fn hold_from(&self, ends: &LogEnds) {
        self.embedded.hold_from(ends);
        self.delivery.outboxes().hold_from(ends);
    }

    fn erase(&self, persons: &Persons) -> Result<Vec<LogErasures>, ActivationLogError> {
        let mut counts = self.embedded.erase(persons)?;
        self.delivery.outboxes().erase(persons, &mut counts).map_err(failed)?;
        // Behind the outboxes, as messages come from there.
        self.delivery.dead_letters().erase(persons, &mut counts).map_err(failed)?;
        Ok(counts)
    }

    fn export_delivered(&self) -> Delivered {
        let outboxes = self.delivery.outboxes().all();
        let partitions = outboxes.iter().flat_map(|outbox| outbox.partitions());
        // In this order: what cursors name stays there, what they passed is not missing in letters.
        Delivered {
            pins: partitions.map(Partition::pin).collect(),
            cursors: outboxes.iter().map(|outbox| outbox.export_cursor()).collect(),
            logs: vec![self.delivery.dead_letters().export_log()],
        }
    }

    fn export_logs(&self, ends: &LogEnds) -> Vec<ExportedLog> {
        let mut logs = self.embedded.export_logs(ends);
        logs.extend(self.delivery.outboxes().export_logs(ends));
        logs
    }

    fn follow(&self, destinations: &[Destination]) {
        self.embedded.follow(destinations);
        self.delivery.follow(destinations);
    }
}

/// The destination outside that a definition is about.
fn outside(definition: &Definition) -> Option<&Destination> {
    match definition {
        Definition::Destination(destination) => Some(destination),
        _ => None,
    }
    .filter(|destination| !matches!(destination.connection, Connection::EmbeddedHub { .. }))
}

fn failed(error: impl fmt::Display) -> ActivationLogError {
    ActivationLogError::new(error.to_string())
}
